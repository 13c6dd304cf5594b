/** The memory that a state would take alone: whether evicting the others can make room for it. */
import { PAGE_SIZE } from '../base/arguments.js';
import { setBytes, viewOf } from '../base/bytes.js';
import { CLASS, POOL, CODEC_RAW, sizeOfState, STATE_STORED } from '../core/layout.js';
import type { Disk } from '../device/disk.js';
import { piecesOf, type Segmented } from './segments.js';

const SLOTS_PER_FRAME = 512;
/** Two partly filled chunks of slots, and the tree above them. */
const TABLE_FRAMES = 6;
/** A page takes up to two cells: its handle and the cell of its sharers, or the two halves of a fill value. */
export const CELLS_OF_PAGE_BYTES = 16;

/** Upper bound of bytes of tables for this many pages. */
export function tableBytes(pages: number): number {
  return (Math.floor(pages / SLOTS_PER_FRAME) + TABLE_FRAMES) * PAGE_SIZE;
}

/** Upper bound of bytes of tables and cells for this many pages. */
export function metadataBytes(pages: number): number {
  return pages * CELLS_OF_PAGE_BYTES + tableBytes(pages);
}

interface SizeClass {
  /** Objects that fit a zspage. */
  readonly objects: number;
  /** Frames of a zspage. */
  readonly pages: number;
}

/**
 * Upper bound of bytes of zspages for this many pages, whatever their content: full zspages take a frame or less for
 * each object, and each class has at most one that is not full.
 * @param chain most frames that a zspage chains
 */
export function zspageBytesMax({ core, pool }: Disk, pages: number, chain: number): number {
  core.raw.poolStats(pool.address);
  return (pages + Math.min(pages, core.number(POOL.classes)) * (chain - 1)) * PAGE_SIZE;
}

/** Exact bytes of zspages for pages of a device when all other pages are freed and the pool is compacted. */
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
 * The memory that a state that is not stored would take alone, from its page `from` on: bytes of objects, and of the
 * zspages that they fill. Compresses each page, which takes as long as a push.
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
