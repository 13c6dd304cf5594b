/** The writes of one writeback that are in flight: as many as the device allows, in whole batches where the backing takes them. */
import { AsyncCall } from '../../base/async-call.js';
import { ZramError } from '../../base/errors.js';
import { sentenceOf } from '../../base/messages.js';
import { WAIT, type Job, type Writeback } from './writeback-run.js';

export class Flight {
  readonly #writes = new Map<Job, Promise<void>>();
  readonly #failures: FailuresInRow;
  /** Called when a write is over. */
  #wake: (() => void) | undefined;
  readonly #most: number;
  readonly #batch: number;

  /**
   * @param most writes in flight
   * @param maxFailures failures in a row after which no more is written
   */
  constructor(
    readonly run: Writeback,
    readonly call: AsyncCall,
    most: number,
    maxFailures: number,
  ) {
    this.#failures = new FailuresInRow(maxFailures);
    // A synchronous backing has written when its call returns.
    this.#most = run.backing.transport.asynchronous ? most : 1;
    this.#batch = Math.min(this.#most, run.backing.transport.writeBatch);
  }

  /** Writes pages back until there are no more. */
  async fly(wanted: Iterable<number>): Promise<void> {
    const { run, call } = this;
    try {
      call.check();
      for (const step of run.steps(wanted)) {
        if (step === WAIT) await this.#landing();
        else if (step) this.#start(step);
        if (this.#writes.size >= this.#most) await this.#room();
        this.#failures.check();
        call.check();
        if (call.due) await call.rest(run.pages);
      }
      await this.#empty();
      this.#failures.check();
    } catch (error) {
      await this.#emptyOrGiveUp();
      call.check();
      throw error;
    }
  }

  #start(job: Job): void {
    const write = this.run.backing.writeAsync(job.slot, job);
    const turn = this.#failures.next();
    this.#writes.set(job, write);
    const over = (answer: () => void, error?: unknown): void => {
      if (!this.#writes.delete(job)) return; // given up
      answer();
      this.#failures.over(turn, error);
      this.#wake?.();
    };
    write.then(
      () => over(() => this.run.written(job)),
      (error: unknown) => over(() => this.run.failed(job, error), error),
    );
  }

  /** Until the next write is over. The end of the device does not end this: the backing is in use until then. */
  async #landing(): Promise<void> {
    if (this.#writes.size === 0) return;
    this.run.backing.transport.sendWrites();
    await this.call.until(new Promise<void>((resolve) => (this.#wake = resolve)));
  }

  /** Until a batch more fits. */
  async #room(): Promise<void> {
    while (this.#writes.size > this.#most - this.#batch) await this.#landing();
  }

  async #empty(): Promise<void> {
    while (this.#writes.size > 0) await this.#landing();
  }

  /** Waits for what is in flight, or gives it up when the call is aborted. */
  async #emptyOrGiveUp(): Promise<void> {
    try {
      await this.#empty();
    } catch {
      // aborted
    }
    const writes = [...this.#writes];
    this.#writes.clear();
    for (const [job, write] of writes) this.run.giveUp(job, write);
  }
}

/** Failures in a row: in the order in which the writes began, not in that in which they ended. */
class FailuresInRow {
  #begun = 0;
  #judged = 0;
  #inRow = 0;
  /** By turn, what came of writes that are over before an earlier one; undefined: it succeeded. */
  readonly #early = new Map<number, unknown>();
  #last: unknown;

  /** @param most after so many no more is written */
  constructor(readonly most: number) {}

  next(): number {
    return this.#begun++;
  }

  over(turn: number, error: unknown): void {
    this.#early.set(turn, error);
    while (this.#inRow < this.most && this.#early.has(this.#judged)) {
      this.#last = this.#early.get(this.#judged);
      this.#early.delete(this.#judged++);
      this.#inRow = this.#last === undefined ? 0 : this.#inRow + 1;
    }
  }

  /** @throws the last of the failures, when there were too many */
  check(): void {
    if (this.#inRow < this.most) return;
    throw givenUp(this.#last as Error, this.#inRow);
  }
}

function givenUp(error: Error, failures: number): Error {
  if (!(error instanceof ZramError)) return error;
  const times = `after ${failures} failures in a row the other pages were not tried.`;
  return new ZramError(error.code, `${sentenceOf(error).replace(/\.$/, '')}; ${times}`);
}
