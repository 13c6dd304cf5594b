/** The writes of one writeback that are in flight: as many as the device allows, in whole batches where the backing takes them. */
import { AsyncCall } from '../../base/async-call.js';
import { ZramError } from '../../base/errors.js';
import { sentenceOf } from '../../base/messages.js';
import { WAIT, type Job, type Writeback } from './writeback-run.js';

/** Writes that were begun together, and end together. */
interface Batch {
  readonly jobs: Job[];
  /** The turn of the first write; the others follow it. */
  readonly turn: number;
}

/** For each write of a batch undefined or its error. */
type Errors = readonly (ZramError | undefined)[];

export class Flight {
  /** Batches whose writes are not over, and what is known when they are. Never rejected. */
  readonly #batches = new Map<Batch, Promise<Errors>>();
  /** Their writes, and those of the batch that is not sent. */
  #writes = 0;
  /** The one that is not full, and not sent yet. */
  #filling: Batch | undefined;
  readonly #failures: FailuresInRow;
  /** Called when writes are over. */
  #wake: (() => void) | undefined;
  readonly #most: number;
  readonly #size: number;

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
    this.#size = Math.min(this.#most, run.backing.transport.writeBatch);
  }

  /** Writes pages back until there are no more. */
  async fly(wanted: Iterable<number>): Promise<void> {
    const { run, call } = this;
    try {
      call.check();
      for (const step of run.steps(wanted)) {
        if (step === WAIT) await this.#landing();
        const sent = typeof step === 'object' && this.#add(step);
        if (this.#writes >= this.#most) await this.#room();
        this.#failures.check();
        call.check();
        // What was sent to a socket leaves it, and the other side begins with it, only when the event loop turns.
        if (sent || call.due) await call.rest(run.pages);
      }
      await this.#empty();
      this.#failures.check();
    } catch (error) {
      await this.#emptyOrGiveUp();
      call.check();
      throw error;
    }
  }

  /** Whether its batch is full, and was sent. */
  #add(job: Job): boolean {
    const turn = this.#failures.next();
    this.#filling ??= { jobs: [], turn };
    this.#filling.jobs.push(job);
    this.#writes++;
    if (this.#filling.jobs.length < this.#size) return false;
    this.#send();
    return this.#size > 1;
  }

  #send(): void {
    const batch = this.#filling;
    if (!batch) return;
    this.#filling = undefined;
    const errors = this.run.backing.writeMany(batch.jobs);
    this.#batches.set(batch, errors);
    void errors.then((all) => this.#over(batch, all));
  }

  #over(batch: Batch, errors: Errors): void {
    if (!this.#batches.delete(batch)) return; // given up
    this.#writes -= batch.jobs.length;
    for (const [n, job] of batch.jobs.entries()) {
      const error = errors[n];
      if (error) this.run.failed(job, error);
      else this.run.written(job);
      this.#failures.over(batch.turn + n, error);
    }
    this.#wake?.();
  }

  /** Until the next writes are over. The end of the device does not end this: the backing is in use until then. */
  async #landing(): Promise<void> {
    if (this.#writes === 0) return;
    this.#send();
    await this.call.until(new Promise<void>((resolve) => (this.#wake = resolve)));
  }

  /** Until a batch more fits. */
  async #room(): Promise<void> {
    while (this.#writes > this.#most - this.#size) await this.#landing();
  }

  async #empty(): Promise<void> {
    while (this.#writes > 0) await this.#landing();
  }

  /** Waits for what is in flight, or gives it up when the call is aborted. */
  async #emptyOrGiveUp(): Promise<void> {
    try {
      await this.#empty();
    } catch {
      // aborted
    }
    const batches = [...this.#batches];
    this.#batches.clear();
    this.#writes = 0;
    for (const [{ jobs }, errors] of batches) this.run.giveUp(jobs, errors);
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
