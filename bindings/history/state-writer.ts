/**
 * Storing a state: pages that are as in the state before, at the same place of the same piece, get the same handles; the
 * others are written. Which these are says the caller, or a compare with the newest state's copy, or else one with what
 * is stored.
 */
import { PAGE_SIZE } from '../base/arguments.js';
import { viewOf } from '../base/bytes.js';
import type { Disk } from '../device/disk.js';
import type { NewestCopy, Written } from './newest.js';
import type { DirtyRanges, PageRun } from './ranges.js';
import { piecesOf, type Piece } from './segments.js';
import type { State } from './state-order.js';

/** What a push is given. */
export interface Pushed {
  /** A view of the caller's bytes. */
  readonly bytes: Uint8Array;
  /** What may differ from the state before; undefined: everything. */
  readonly dirty: DirtyRanges | undefined;
  /** Called where memory is exhausted, with the number of pages that are stored; false: there is no more. */
  readonly makeRoom: (pagesDone: number) => boolean;
}

/** A piece to be stored. */
interface Task {
  readonly piece: Piece;
  readonly bytes: Uint8Array;
  /** The first page of the piece's like in the state before. */
  readonly like: number;
}

export class StateWriter {
  readonly #disk: Disk;
  readonly #newest: NewestCopy;
  readonly #state: State;
  readonly #pushed: Pushed;
  /** The state before. It may be evicted meanwhile. */
  readonly #like: State | undefined;
  /** Whether pages are compared with the newest state's copy. */
  readonly #compares: boolean;
  /** What the copy does not have. */
  readonly #written: Written[] = [];

  /** @param state empty, and the newest */
  constructor(disk: Disk, newest: NewestCopy, state: State, pushed: Pushed) {
    this.#disk = disk;
    this.#newest = newest;
    this.#state = state;
    this.#pushed = pushed;
    this.#like = state.older;
    this.#compares = newest.serves(this.#like, state);
  }

  /** Whether all pages are known that the copy does not have: not if it has none, and some were not looked at. */
  get knowsAll(): boolean {
    return this.#compares || !this.#like || !this.#pushed.dirty;
  }

  /** When the state is stored: the newest state's copy is to hold it. Only if it `knowsAll`. */
  settle(): void {
    this.#newest.hold(this.#state, this.#written);
  }

  /**
   * Stores all pages.
   * @returns whether there was room for all
   */
  write(): boolean {
    const others = this.#like ? [...piecesOf(this.#like)] : [];
    let n = 0;
    for (const piece of piecesOf(this.#state)) if (!this.#writePiece(piece, others[n++])) return false;
    return true;
  }

  #writePiece(piece: Piece, other: Piece | undefined): boolean {
    const bytes = viewOf(this.#pushed.bytes, piece.at, piece.at + piece.length);
    const task: Task = { piece, bytes, like: (this.#like?.base ?? 0) + (other?.page ?? 0) };
    const common = other ? Math.min(piece.pages, other.pages) : 0;
    const dirty: readonly PageRun[] = (other && this.#pushed.dirty?.pagesOf(piece, other, common)) ?? [[0, common]];
    let done = 0;
    for (const run of dirty) {
      if (!this.#copy(task, [done, run[0]]) || !this.#compare(task, run)) return false;
      [, done] = run;
    }
    return this.#copy(task, [done, common]) && this.#store(task, [common, piece.pages]);
  }

  get #hasLike(): boolean {
    return this.#like !== undefined && this.#state.older === this.#like;
  }

  /** Stores pages that may differ from those of the state before. */
  #compare(task: Task, run: PageRun): boolean {
    if (!this.#compares) return this.#store(task, run, true);
    for (const { from, pages, alike } of this.#newest.runs(task.piece, task.bytes, run)) {
      if (!(alike ? this.#copy(task, [from, from + pages]) : this.#store(task, [from, from + pages]))) return false;
    }
    return true;
  }

  /** Lets pages be what the state before has. */
  #copy(task: Task, [from, end]: PageRun): boolean {
    const { core, address } = this.#disk;
    const index = this.#state.base + task.piece.page;
    for (let done = from; done < end;) {
      if (!this.#hasLike) return this.#store(task, [done, end]);
      done += core.raw.zramCopyRange(address, index + done, end - done, task.like + done) >>> 0;
      // Without memory, or with as many references as fit, it is stored as any other.
      if (done < end && !this.#store(task, [done, ++done])) return false;
    }
    return true;
  }

  /** @param comparing with what the state before has there, compressed */
  #store({ piece, bytes, like }: Task, [from, end]: PageRun, comparing = false): boolean {
    const { core, address } = this.#disk;
    const index = this.#state.base + piece.page;
    if (from < end) this.#written.push({ piece, bytes, run: [from, end] });
    for (let done = from; done < end;) {
      const count = Math.min(end - done, core.stagingPages);
      this.#stage(viewOf(bytes, done * PAGE_SIZE, (done + count) * PAGE_SIZE), count);
      const written =
        comparing && this.#hasLike
          ? core.raw.zramWriteLike(address, index + done, count, like + done)
          : core.raw.zramWritePages(address, index + done, count, 0, 0);
      done += written;
      if (written < count && !this.#pushed.makeRoom(piece.page + done)) return false;
    }
    return true;
  }

  #stage(part: Uint8Array, count: number): void {
    const staging = this.#disk.core.staging();
    staging.set(part);
    if (part.length < count * PAGE_SIZE) staging.fill(0, part.length, count * PAGE_SIZE);
  }
}
