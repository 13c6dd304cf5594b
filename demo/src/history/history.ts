/**
 * Many states of some programs' memories on one device, on one pool. Each state has pages of its own; equal pages of
 * different states share an object, so a state costs what has changed since the one before.
 */
import { Engine, type Zram } from 'zram-wasm/external';
import { firstDifference } from '../engine/compare.js';
import { PageTable } from '../engine/page-table.js';
import { CHANGED, type PageStates } from '../engine/protocol.js';
import type { Finding } from './protocol.js';

const PAGE_BYTES = 4096;
/** Sparse, as a disk of zram is: room for hours of states. */
const DISKSIZE = '1T';

/** Where the memory of one program is on the device. */
interface Part {
  readonly firstPage: number;
  readonly pages: number;
}

export class History {
  readonly #engine: Engine;
  readonly #zram: Zram;
  readonly #finding: Finding;
  readonly #usedAtFirst: number;
  readonly #states: (readonly Part[])[] = [];
  readonly #pageA = new Uint8Array(PAGE_BYTES);
  readonly #pageB = new Uint8Array(PAGE_BYTES);
  #endPage = 0;

  private constructor(engine: Engine, finding: Finding) {
    this.#engine = engine;
    this.#finding = finding;
    this.#zram = engine.createZram({ disksize: DISKSIZE, dedup: finding === 'dedup' });
    this.#usedAtFirst = engine.memory.used;
  }

  static async make(finding: Finding): Promise<History> {
    return new History(await Engine.create(), finding);
  }

  get length(): number {
    return this.#states.length;
  }

  get rawBytes(): number {
    return this.#endPage * PAGE_BYTES;
  }

  get heldBytes(): number {
    return this.#engine.memory.used - this.#usedAtFirst;
  }

  /** Keeps a state. @throws ZramError ENOMEM: no room; the states before it stay */
  push(memories: readonly Uint8Array[]): number {
    const parts: Part[] = [];
    let at = this.#endPage;
    try {
      for (const memory of memories) {
        const pages = Math.ceil(memory.length / PAGE_BYTES);
        parts.push({ firstPage: at, pages });
        this.#zram.write(at * PAGE_BYTES, memory);
        at += pages;
      }
    } catch (error) {
      this.#zram.discard(this.#endPage * PAGE_BYTES, (at + (parts.at(-1)?.pages ?? 0) - this.#endPage) * PAGE_BYTES);
      throw error;
    }
    this.#endPage = at;
    if (this.#finding === 'merge') this.#zram.merge();
    return this.#states.push(parts) - 1;
  }

  /** The memories of a state. */
  get(id: number): Uint8Array<ArrayBuffer>[] {
    return this.#state(id).map(({ firstPage, pages }) => {
      const out = new Uint8Array(pages * PAGE_BYTES);
      this.#zram.readPages(firstPage, pages, out);
      return out;
    });
  }

  /** The states of the pages of a state, `CHANGED` where the state before had something else. */
  pages(id: number): PageStates {
    const parts = this.#state(id);
    const before = this.#states[id - 1];
    const table = new PageTable();
    let at = 0;
    for (const [n, { firstPage, pages }] of parts.entries()) {
      table.refresh(this.#zram, firstPage, pages, at);
      const old = before?.[n];
      for (let page = 0; page < pages; page++) {
        if (this.#isEqual(table.objects[at + page]!, firstPage + page, old, page)) continue;
        table.states[at + page]! |= CHANGED;
      }
      at += pages;
    }
    return table.copy(0, at, at);
  }

  /** Equal to the page of the state before? Those that share an object are; others are read. No page was before: zeros. */
  #isEqual(object: number, index: number, old: Part | undefined, page: number): boolean {
    const wasThere = old !== undefined && page < old.pages;
    if (wasThere && object !== 0 && object === this.#zram.objectOf(old.firstPage + page)) return true;
    this.#zram.readPage(index, this.#pageA);
    if (wasThere) this.#zram.readPage(old.firstPage + page, this.#pageB);
    else this.#pageB.fill(0);
    return firstDifference(this.#pageA, this.#pageB, PAGE_BYTES) < 0;
  }

  #state(id: number): readonly Part[] {
    const state = this.#states[id];
    if (state === undefined) throw new RangeError(`There is no state ${id}.`);
    return state;
  }

  destroy(): void {
    this.#engine.destroy();
  }
}
