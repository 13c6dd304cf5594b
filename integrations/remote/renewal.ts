/** A task that is done again and again in the background, does not keep the process running, and is not done twice at once. */
import { tell } from './callbacks.js';

/** After a failure it is tried again after this part of the time. */
const RETRY_SHARE = 1 / 8;

export class Renewal {
  readonly #task: () => Promise<readonly number[]>;
  readonly #every: number;
  readonly #onFailure: (error: unknown) => void;
  #running: Promise<readonly number[]> | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  /** @param every milliseconds; 0: only `now` */
  constructor(task: () => Promise<readonly number[]>, every: number, onFailure: (error: unknown) => void) {
    this.#task = task;
    this.#every = every;
    this.#onFailure = onFailure;
    this.#schedule(every);
  }

  now(): Promise<readonly number[]> {
    this.#running ??= this.#task().finally(() => (this.#running = undefined));
    return this.#running;
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  #schedule(milliseconds: number): void {
    if (this.#every === 0 || this.#closed) return;
    this.#timer = setTimeout(() => {
      this.now().then(
        () => this.#schedule(this.#every),
        (error: unknown) => {
          this.#schedule(this.#every * RETRY_SHARE);
          tell(this.#onFailure, error);
        },
      );
    }, milliseconds);
    // Node's timers; those of browsers are numbers.
    (this.#timer as { unref?: () => void }).unref?.();
  }
}
