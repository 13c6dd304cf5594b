import type { AsyncBacking } from '../../bindings/index.js';
import { Random } from './random.js';

/** What waits for an answer has run. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));

/** A backing that answers when it is told to, in any order, and never of itself. */
export class HeldBacking implements AsyncBacking {
  readonly asynchronous = true;
  readonly pages = new Map<number, Uint8Array>();
  /** Calls that wait for an answer. */
  readonly calls: { readonly what: 'read' | 'write'; readonly slot: number; answer(error?: Error): void }[] = [];
  /** Calls are answered at once. */
  open = true;
  readonly #random = new Random(12, 'answers');

  constructor(readonly slots = 64) {}

  read(slot: number, page: Uint8Array): Promise<void> {
    return this.#call('read', slot, () => page.set(this.pages.get(slot)!));
  }

  write(slot: number, page: Uint8Array): Promise<void> {
    return this.#call('write', slot, () => this.pages.set(slot, Uint8Array.from(page)));
  }

  #call(what: 'read' | 'write', slot: number, work: () => unknown): Promise<void> {
    if (this.open) return Promise.resolve(work()).then(() => undefined);
    return new Promise((resolve, reject) =>
      this.calls.push({
        what,
        slot,
        answer(error) {
          if (error) reject(error);
          else resolve(void work());
        },
      }),
    );
  }

  /** Answers the n-th of the calls that wait, and lets what waits for it run. */
  async answer(n = 0, error?: Error): Promise<void> {
    this.calls.splice(n, 1)[0].answer(error);
    await settled();
  }

  /** Answers all that wait, the last first. */
  async answerAll(): Promise<void> {
    while (this.calls.length > 0) await this.answer(this.calls.length - 1);
  }

  /** Answers in any order until this is settled, and whatever waits then. */
  async serve<T>(result: Promise<T>): Promise<T> {
    let over = false;
    const end = (): void => void (over = true);
    result.then(end, end);
    while (!over || this.calls.length > 0) {
      if (this.calls.length > 0) await this.answer(this.#random.below(this.calls.length));
      else await settled();
    }
    return result;
  }
}
