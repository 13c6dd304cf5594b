/**
 * Many states of some programs' memories. Each program has a device on one pool; a state is a snapshot of each. A page that
 * is written again as it was shares its object with the snapshots before, so a state costs what has changed.
 */
import { Engine, type Zram, type ZramSnapshot, type ZsPool } from 'zram-wasm/external';
import { PageTable } from '../engine/page-table.js';
import { CHANGED, type PageStates } from '../engine/protocol.js';
import type { Finding } from './protocol.js';

const PAGE_BYTES = 4096;
/** Sparse: the most that a WebAssembly program can have. */
const DISKSIZE = '4G';

/** The memory of one program in one state. */
interface Part {
  readonly snapshot: ZramSnapshot;
  readonly pages: number;
}

export class History {
  readonly #engine: Engine;
  readonly #pool: ZsPool;
  readonly #finding: Finding;
  readonly #devices: readonly Zram[];
  /** Of the empty devices: what the first state is compared with. */
  readonly #nothing: readonly ZramSnapshot[];
  readonly #usedAtFirst: number;
  readonly #states: (readonly Part[])[] = [];
  #rawBytes = 0;

  private constructor(engine: Engine, programs: number, finding: Finding) {
    this.#engine = engine;
    this.#finding = finding;
    this.#usedAtFirst = engine.memory.used;
    const pool = engine.createPool();
    this.#pool = pool;
    this.#devices = Array.from({ length: programs }, () =>
      engine.createZram({ disksize: DISKSIZE, dedup: finding === 'dedup', trackEntryActime: false, pool }),
    );
    this.#nothing = this.#devices.map((device) => device.snapshot());
  }

  static async make(programs: number, finding: Finding): Promise<History> {
    return new History(await Engine.create(), programs, finding);
  }

  /** Bytes of the memories of all states. */
  get rawBytes(): number {
    return this.#rawBytes;
  }

  /** What is held for them: pages, tables and indexes. */
  get heldBytes(): number {
    return this.#engine.memory.used - this.#usedAtFirst;
  }

  /** Keeps a state. @throws ZramError ENOMEM: no room; the states before it stay */
  push(memories: readonly Uint8Array[]): number {
    const parts: Part[] = [];
    try {
      for (const [n, memory] of memories.entries()) {
        this.#devices[n]!.write(0, memory);
        parts.push({ snapshot: this.#devices[n]!.snapshot(), pages: Math.ceil(memory.length / PAGE_BYTES) });
      }
    } catch (error) {
      for (const { snapshot } of parts) snapshot.destroy();
      throw error;
    }
    if (this.#finding === 'merge') this.#pool.merge();
    for (const { length } of memories) this.#rawBytes += length;
    return this.#states.push(parts) - 1;
  }

  /** The memories of a state. */
  get(id: number): Uint8Array<ArrayBuffer>[] {
    return this.#state(id).map(({ snapshot, pages }) => {
      const memory = new Uint8Array(pages * PAGE_BYTES);
      snapshot.readPages(0, pages, memory);
      return memory;
    });
  }

  /** The pages of a state, `CHANGED` where the state before had something else. */
  pages(id: number): PageStates {
    const table = new PageTable();
    let at = 0;
    for (const [n, { snapshot, pages }] of this.#state(id).entries()) {
      table.refreshSnapshot(snapshot, pages, at);
      for (const { index, count } of this.#changes(id, n)) {
        for (let page = at + index; page < at + index + count; page++) table.states[page]! |= CHANGED;
      }
      at += pages;
    }
    return table.copy(0, at, at);
  }

  changedPages(id: number): number {
    const ranges = this.#state(id).flatMap((_, n) => this.#changes(id, n));
    return ranges.reduce((sum, { count }) => sum + count, 0);
  }

  #changes(id: number, program: number): ReturnType<ZramSnapshot['diff']> {
    const before = this.#states[id - 1]?.[program]?.snapshot ?? this.#nothing[program]!;
    return this.#state(id)[program]!.snapshot.diff(before);
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
