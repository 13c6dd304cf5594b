/** An open directory, as Node's `fs.Dir`. */
import { withCode } from './errors.js';
import type { Dirent } from './stats.js';

/** The names of a directory, one after the other, as they were when it was opened: as Node's `fs.Dir`. */
export class Dir {
  /** The path with which it was opened. */
  readonly path: string;
  readonly #entries: readonly Dirent[];
  #next = 0;
  #closed = false;

  /** @internal */
  constructor(path: string, entries: readonly Dirent[]) {
    this.path = path;
    this.#entries = entries;
  }

  /** The next name, or null at the end. */
  readSync(): Dirent | null {
    if (this.#closed) throw closedError();
    return this.#entries[this.#next++] ?? null;
  }

  /** The next name, or null at the end. */
  async read(): Promise<Dirent | null> {
    return this.readSync();
  }

  /** Ends it. Closing it again is an error. */
  closeSync(): void {
    if (this.#closed) throw closedError();
    this.#closed = true;
  }

  /** Ends it. Closing it again is an error. */
  async close(): Promise<void> {
    this.closeSync();
  }

  /** The names that are left; it is closed at the end. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Dirent, void> {
    try {
      for (let entry = this.readSync(); entry; entry = this.readSync()) yield entry;
    } finally {
      if (!this.#closed) this.closeSync();
    }
  }

  /** The same as `close()`, for `await using`. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#closed) this.closeSync();
  }

  /** The same as `closeSync()`, for `using`. */
  [Symbol.dispose](): void {
    if (!this.#closed) this.closeSync();
  }
}

function closedError(): Error {
  return withCode(new Error('Directory handle was closed'), 'ERR_DIR_CLOSED');
}
