/** What a state of a history would take if it were alone: whether dropping the others can help. */
import { PAGE_SIZE } from '../base/arguments.js';
import { setBytes, viewOf } from '../base/bytes.js';
import { CLASS, POOL, CODEC_RAW, sizeOfState, STATE_STORED } from '../core/layout.js';
import type { Disk } from '../device/disk.js';
import { piecesOf, type Segmented } from './segments.js';

const SLOTS_PER_FRAME = 512;
/** Two chunks of slots that the state fills in part, and the tree above them. */
const TABLE_FRAMES = 6;
/** A page takes up to two cells: its handle and one that its sharers have in common, or the two halves of a fill value. */
export const CELLS_OF_PAGE_BYTES = 16;

/** Most bytes of tables for so many pages. */
export function tableBytes(pages: number): number {
  return (Math.floor(pages / SLOTS_PER_FRAME) + TABLE_FRAMES) * PAGE_SIZE;
}

/** Most bytes of tables and cells for so many pages. */
export function metadataBytes(pages: number): number {
  return pages * CELLS_OF_PAGE_BYTES + tableBytes(pages);
}

interface SizeClass {
  /** Objects of a zspage. */
  readonly objects: number;
  /** Pages of a zspage. */
  readonly pages: number;
}

/**
 * Most bytes of zspages for so many pages, whatever they hold: full ones take a page or less for each object, and of each class
 * one is not full.
 * @param chain most frames that a zspage chains
 */
export function zspageBytesMax({ core, pool }: Disk, pages: number, chain: number): number {
  core.raw.poolStats(pool.address);
  return (pages + Math.min(pages, core.number(POOL.classes)) * (chain - 1)) * PAGE_SIZE;
}

/** Bytes of the zspages that pages of a device take when all others are gone and the pool is compacted: exact. */
export function zspageBytes(stored: Disk, index: number, count: number): number {
  const { raw } = stored.core;
  const needed = new Zspages(stored);
  const words = stored.states(index, count, new Uint32Array(2 * count));
  const known = new Set<number>();
  for (let n = 0; n < count; n++) {
    const [state, object] = [words[2 * n], words[2 * n + 1]];
    if (!(state & STATE_STORED) || known.has(object)) continue;
    known.add(object);
    needed.add(raw.poolClassIndex(stored.pool.address, sizeOfState(state)));
  }
  return needed.bytes;
}

/**
 * What a state that is not stored takes, from its page `from` on, if it is alone: bytes of objects, and of the zspages that they fill.
 * Each page is compressed, which takes as long as a push.
 * @param level of LZ4
 */
export function bytesOf(
  stored: Disk,
  bytes: Uint8Array,
  shape: Segmented,
  from: number,
  level: number,
): { payload: number; zspages: number } {
  const { core, pool } = stored;
  const { raw } = core;
  const needed = new Zspages(stored);
  const { hugeClassSize } = pool;
  const known = new Set<number>();
  let payload = 0;
  for (const { at, length, page, pages } of piecesOf(shape)) {
    for (let n = Math.max(from - page, 0); n < pages; n++) {
      const start = at + n * PAGE_SIZE;
      const part = viewOf(bytes, start, Math.min(start + PAGE_SIZE, at + length));
      setBytes(core.page(), part);
      core.page().fill(0, part.length);
      if (raw.pageSameFilled(raw.stagingAddress())) continue;
      const hash = raw.contentHash(raw.stagingAddress(), PAGE_SIZE, CODEC_RAW);
      if (known.has(hash)) continue;
      known.add(hash);
      const compressed = raw.lz4Compress(level);
      const size = compressed < hugeClassSize ? compressed : PAGE_SIZE;
      payload += size;
      needed.add(raw.poolClassIndex(pool.address, size));
    }
  }
  return { payload, zspages: needed.bytes };
}

/** Counts objects by size class, and the zspages that they fill. */
class Zspages {
  readonly #classes: Map<number, SizeClass>;
  readonly #objects = new Map<SizeClass, number>();

  constructor(stored: Disk) {
    this.#classes = classesOf(stored);
  }

  /** @param index the size index of an object's class */
  add(index: number): void {
    const sizeClass = this.#classes.get(index) as SizeClass;
    this.#objects.set(sizeClass, (this.#objects.get(sizeClass) ?? 0) + 1);
  }

  get bytes(): number {
    let pages = 0;
    for (const [sizeClass, used] of this.#objects) pages += Math.ceil(used / sizeClass.objects) * sizeClass.pages;
    return pages * PAGE_SIZE;
  }
}

/** The pool's size classes by their size index. */
function classesOf({ core, pool }: Disk): Map<number, SizeClass> {
  core.raw.poolStats(pool.address);
  const count = core.number(POOL.classes);
  const classes = new Map<number, SizeClass>();
  for (let n = 0; n < count; n++) {
    core.raw.poolClass(pool.address, n);
    const [size, pages] = [core.number(CLASS.size), core.number(CLASS.pagesPerZspage)];
    classes.set(core.number(CLASS.index), { objects: Math.floor((pages * PAGE_SIZE) / size), pages });
  }
  return classes;
}
