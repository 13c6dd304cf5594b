/**
 * Writes to a database that happen together or not at all, so that SQLite needs no journal for them. The first pages keep
 * their old content here; from then on, a snapshot of all files does.
 */
import type { PageFs } from '../fs.js';
import { openFile, PlainFile, type StoredFile } from './stored-file.js';

const PAGE = 4096;
/** Pages whose old content is kept here: up to so many, copies cost less than a snapshot of a large file system. */
const COPIES_MAX = 64;

export class Batch {
  readonly #size: number;
  readonly #copies = new Map<number, Uint8Array>();
  /** Pages that were written later. */
  readonly #later = new Set<number>();
  #before: PageFs | undefined;
  /** All of it is written. It may still be taken back: it has to reach the disk, where there is one. */
  isWritten = false;

  constructor(
    private readonly fs: PageFs,
    private readonly path: string,
    private readonly file: StoredFile,
  ) {
    this.#size = file.size();
  }

  /** To be called before each write. @throws FsError ENOSPC */
  writing(at: number, length: number): void {
    const end = Math.min(at + length, this.#size);
    for (let page = Math.floor(at / PAGE); page * PAGE < end; page++) {
      if (this.#copies.has(page)) continue;
      if (this.#copies.size < COPIES_MAX) {
        const copy = new Uint8Array(PAGE);
        this.file.read(copy, page * PAGE);
        this.#copies.set(page, copy);
      } else {
        this.#before ??= this.fs.snapshot();
        this.#later.add(page);
      }
    }
  }

  commit(): void {
    this.#before?.destroy();
    this.#before = undefined;
  }

  /** Writes back what was there. @throws FsError ENOSPC; SQLite then has its own journal */
  rollback(): void {
    const { file } = this;
    try {
      file.truncate(this.#size);
      if (this.#before) this.#restoreLater(this.#before);
      for (const [page, copy] of this.#copies) file.write(this.#inFile(page, copy), page * PAGE);
    } finally {
      this.commit();
    }
  }

  #restoreLater(before: PageFs): void {
    const old = new PlainFile(before, openFile(before, this.path));
    const page = new Uint8Array(PAGE);
    for (const number of this.#later) {
      old.read(page, number * PAGE);
      this.file.write(this.#inFile(number, page), number * PAGE);
    }
  }

  #inFile(page: number, bytes: Uint8Array): Uint8Array {
    return bytes.subarray(0, Math.min(PAGE, this.#size - page * PAGE));
  }
}
