/**
 * How long a call waits for servers: one time for all of it, however many pages and tries. What passes by itself is tried again
 * within that time. A server that owes an answer for longer is sent nothing more until it answers or its connection breaks,
 * since clients keep what they sent; and a client that was not ready once is not waited for again until it is.
 */
import { ZramError } from '../../../bindings/base/errors.js';
import { isPassing, Refusal } from './errors.js';
import { everyIndex, toError, type Group, type Link } from './link.js';

const READY_POLL_MILLISECONDS = 10;
const PAUSE_MILLISECONDS = 20;
const PAUSE_MILLISECONDS_MAX = 500;

/** The end of a call: its time, or its caller's signal. */
export class Deadline {
  /** Fulfilled at the end. */
  readonly over: Promise<void>;
  passed = false;
  readonly #signal: AbortSignal | undefined;
  readonly #timer: ReturnType<typeof setTimeout>;
  readonly #end: () => void;

  constructor(milliseconds: number, signal: AbortSignal | undefined) {
    let resolve!: () => void;
    this.over = new Promise((fulfil) => (resolve = fulfil));
    this.#end = () => {
      this.passed = true;
      resolve();
    };
    this.#signal = signal;
    this.#timer = setTimeout(this.#end, milliseconds);
    signal?.addEventListener('abort', this.#end, { once: true });
    this.check();
  }

  get aborted(): boolean {
    return this.#signal?.aborted === true;
  }

  /** @throws ZramError ECANCELED: the caller's signal was aborted */
  check(): void {
    if (!this.aborted) return;
    this.close();
    throw new ZramError('ECANCELED', 'the call was aborted.', undefined, { cause: this.#signal?.reason });
  }

  /** Resolves earlier at the end. */
  async pause(milliseconds: number): Promise<void> {
    let timer: ReturnType<typeof setTimeout> | undefined;
    await Promise.race([new Promise((resolve) => (timer = setTimeout(resolve, milliseconds))), this.over]);
    clearTimeout(timer);
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#signal?.removeEventListener('abort', this.#end);
  }
}

export class Patience {
  readonly #link: Link;
  readonly #milliseconds: number;
  /** Groups whose time was over before they were answered, by server. */
  readonly #overdue = new Map<string, number>();
  #down = false;

  constructor(link: Link, milliseconds: number) {
    this.#link = link;
    this.#milliseconds = milliseconds;
  }

  /** Runs a call of the tier. */
  async call<T>(signal: AbortSignal | undefined, work: (deadline: Deadline) => Promise<T>): Promise<T> {
    const deadline = new Deadline(this.#milliseconds, signal);
    try {
      const result = await work(deadline);
      deadline.check();
      return result;
    } finally {
      deadline.close();
    }
  }

  /** @param groupsOf what to send for these elements; `retry` for those that failed. @returns a result for each element */
  async run<T>(
    count: number,
    groupsOf: (at: readonly number[], retry: boolean) => Group<T>[],
    deadline: Deadline,
  ): Promise<(T | Error)[]> {
    const results = new Array<T | Error>(count);
    let left = everyIndex(count);
    for (
      let pause = PAUSE_MILLISECONDS, retry = false;
      ;
      retry = true, pause = Math.min(pause * 2, PAUSE_MILLISECONDS_MAX)
    ) {
      // Without waiting where it need not: what is sent now is answered while the caller goes on.
      const unready = this.#isReady() ? undefined : await this.#readiness(deadline);
      if (unready !== undefined) return fill(results, left, unready);
      await Promise.all(groupsOf(left, retry).map((group) => this.#settle(group, results, deadline)));
      left = left.filter((i) => results[i] instanceof Error && isPassing(results[i]));
      if (left.length === 0 || deadline.passed) return results;
      await deadline.pause(pause);
      if (deadline.passed) return results;
    }
  }

  /** As `run`, of one command. @throws its error */
  async one(send: () => Promise<unknown>, deadline: Deadline): Promise<unknown> {
    const group = { at: [0], route: '', send: async () => [await send()] };
    const [result] = await this.run(1, () => [group], deadline);
    if (result instanceof Error) throw result;
    return result;
  }

  /** Waits for what calls share, as long as this one may. @throws its error; Refusal; ZramError ECANCELED */
  async shared(work: Promise<void>, deadline: Deadline): Promise<void> {
    const isDone = await Promise.race([work.then(() => true), deadline.over]);
    if (isDone === true) return;
    deadline.check();
    throw this.#unanswered();
  }

  #unanswered(): Refusal {
    return new Refusal(`it has not answered within ${this.#milliseconds} ms.`);
  }

  async #settle<T>(group: Group<T>, results: (T | Error)[], deadline: Deadline): Promise<void> {
    const { at, route } = group;
    if (this.#overdue.has(route)) {
      fill(results, at, new Refusal('it has not answered an earlier batch yet.'));
      return;
    }
    const answer = group.send().catch(toError);
    const replies = await Promise.race([answer, deadline.over]);
    if (replies === undefined) {
      this.#await(route, answer);
      fill(results, at, this.#unanswered());
    } else if (replies instanceof Error) fill(results, at, replies);
    else
      at.forEach((index, i) => (results[index] = i < replies.length ? replies[i] : new Error('A reply is missing.')));
  }

  #await(route: string, answer: Promise<unknown>): void {
    this.#overdue.set(route, (this.#overdue.get(route) ?? 0) + 1);
    void answer.then(() => {
      const left = (this.#overdue.get(route) ?? 1) - 1;
      if (left > 0) this.#overdue.set(route, left);
      else this.#overdue.delete(route);
    });
  }

  /** @returns why nothing can be sent, or undefined */
  async #readiness(deadline: Deadline): Promise<Refusal | undefined> {
    while (!this.#isReady()) {
      if (this.#link.state() === 'closed') return new Refusal('the client is not connected, or was closed.');
      if (this.#down || deadline.passed) {
        this.#down ||= !deadline.aborted;
        return new Refusal('there is no connection.');
      }
      await deadline.pause(READY_POLL_MILLISECONDS);
    }
    return undefined;
  }

  #isReady(): boolean {
    const isReady = this.#link.state() === 'ready';
    if (isReady) this.#down = false;
    return isReady;
  }
}

function fill<T>(results: T[], at: readonly number[], value: T): T[] {
  for (const index of at) results[index] = value;
  return results;
}
