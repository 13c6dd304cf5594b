/**
 * A pool beside an obviously right model of it: a map from handle to bytes. Every operation is done on both, and what
 * they answer has to agree.
 */
import { ZramError, type Engine, type Handle, type MergeReport, type ZsPool } from '../../bindings/index.js';
import type { PoolOperation } from './model-pool-operations.js';
import { sameBytes } from './pages.js';
import { checkPools } from './raw-core.js';
import { equal, fail } from './model-checks.js';
import { imul } from './random.js';

const PAGE_SIZE = 4096;
/** Pages that the largest zspage takes (chain size 8). */
const ZSPAGE_PAGES_MAX = 8;
/** A chunk of cells: 511 of 8 bytes, and 8 bytes of its own. malloc leaves 32 of them to merging. */
const CHUNK_CELLS = 511 - 32;
/** What one allocation can take beside its zspage: a chunk of cells, a slab of descriptors, a region's metadata. */
const METADATA_PAGES = 3;

interface Item {
  bytes: Uint8Array;
  /** frees that are due */
  refs: number;
  /** same-filled content that was stored: there is no object until it is written to */
  same: boolean;
}

export interface PoolSetting {
  readonly engine: Engine;
  readonly pool: ZsPool;
  /** bytes of the pool's limit; undefined = none */
  readonly limit?: number;
  /** the engine's memory is small: merging may lack cells */
  readonly tight?: boolean;
  /** the pool has `shrinker`: it merges and compacts before an allocation fails, and all the same when it then fails */
  readonly shrinker?: boolean;
}

/** Bytes of a content: few variants, so that equal ones are frequent, and different ones differ in one byte only. */
export function contentOf(variant: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  if (variant === 1) bytes.fill(0x5a);
  if (variant >= 2) for (let i = 0; i < length; i++) bytes[i] = imul(i + 1, 0x9e3779b1) >>> 23;
  if (variant === 3) bytes[length - 1] ^= 1;
  if (variant === 4) bytes[0] ^= 0x80;
  if (variant === 5) bytes[length >> 1] ^= 4;
  if (variant === 6) for (let i = 0; i < length; i++) bytes[i] = i & 7;
  return bytes;
}

/** Content that `store` keeps as a value: two 64-bit words or more, all equal. */
function isSameFilled(bytes: Uint8Array): boolean {
  return bytes.length >= 16 && bytes.length % 8 === 0 && bytes.every((byte, i) => byte === bytes[i & 7]);
}

export function codeOf(action: () => unknown): string {
  try {
    action();
  } catch (error) {
    if (error instanceof ZramError) return error.code;
    throw error;
  }
  return 'done';
}

/** Whatever is done with it: EINVAL. */
export function isNoHandle(pool: ZsPool, handle: Handle): void {
  const uses = [
    () => pool.free(handle),
    () => pool.retain(handle),
    () => pool.sizeOf(handle),
    () => pool.read(handle),
    () => pool.write(handle, Uint8Array.of(1)),
  ];
  for (const use of uses) equal(codeOf(use), 'EINVAL', 'a freed handle');
}

export class ModelPool {
  readonly items = new Map<Handle, Item>();
  readonly #engine: Engine;
  readonly #pool: ZsPool;
  readonly #limit: number | undefined;
  readonly #tight: boolean;
  readonly #shrinker: boolean;
  readonly #usedAtStart: number;
  /** every handle that was freed: none may ever mean anything again */
  readonly #freed = new Set<Handle>();
  #handlesMax = 0;
  #passOpen = false;
  #failures = 0;

  constructor({ engine, pool, limit, tight = false, shrinker = false }: PoolSetting) {
    this.#engine = engine;
    this.#pool = pool;
    this.#limit = limit;
    this.#tight = tight;
    this.#shrinker = shrinker;
    this.#usedAtStart = engine.memory.used;
  }

  /** How often memory was exhausted. */
  get failures(): number {
    return this.#failures;
  }

  run(operation: PoolOperation): void {
    const { op } = operation;
    const target = this.#pick(operation.op === 'store' || operation.op === 'malloc' ? 0 : (operation.which ?? 0));
    if (op === 'store') for (let n = 0; n < operation.count; n++) this.#store(operation.size, operation.variant);
    else if (op === 'malloc') this.#malloc(operation.size);
    else if (op === 'compact') this.#compact();
    else if (op === 'merge') this.#merge(operation.budget);
    else if (op === 'dryRun') this.#dryRun(operation.budget);
    else if (op === 'dryThenMerge') this.#dryThenMerge();
    else if (op === 'settle') this.settle();
    else if (op === 'freed') this.#useFreed(operation.which);
    else if (target !== undefined) {
      if (op === 'write') this.#write(target, operation.from, operation.part, operation.variant);
      else if (op === 'read') this.#read(target, operation.from, operation.part, operation.spare);
      else if (op === 'retain') this.#retain(target);
      else this.#free(target);
    }
    this.#check();
  }

  #pick(which: number): Handle | undefined {
    const handles = [...this.items.keys()];
    return handles[which % Math.max(handles.length, 1)];
  }

  // ── operations ─────────────────────────────────────────────────────────────────────────────────────────────────

  #store(size: number, variant: number): void {
    const bytes = contentOf(variant, size);
    const handle = this.#allocating(() => this.#pool.store(bytes));
    const same = isSameFilled(bytes);
    if (handle !== undefined) this.#add(handle, bytes, same);
  }

  #malloc(size: number): void {
    const handle = this.#allocating(() => this.#pool.malloc(size));
    if (handle !== undefined) this.#add(handle, new Uint8Array(size), false);
  }

  #add(handle: Handle, bytes: Uint8Array, same: boolean): void {
    if (this.items.has(handle)) fail(`handle ${handle} was given out twice`);
    if (this.#freed.has(handle)) fail(`handle ${handle} was freed, and is given out again`);
    this.items.set(handle, { bytes, refs: 1, same });
    this.#handlesMax = Math.max(this.#handlesMax, this.items.size);
    equal(this.#pool.sizeOf(handle), bytes.length, 'sizeOf');
  }

  /** Runs what may end in ENOMEM, which has to be due, and then must have changed nothing. */
  #allocating<T>(action: () => T): T | undefined {
    const before = this.#pool.stats();
    try {
      return action();
    } catch (error) {
      if (!(error instanceof ZramError) || error.code !== 'ENOMEM') throw error;
    }
    this.#failures++;
    const after = this.#pool.stats();
    if (!this.#shrinker) equal(after, before, 'stats after ENOMEM');
    equal(after.handles, before.handles, 'handles after ENOMEM');
    equal(after.bytes + after.bytesSaved, before.bytes + before.bytesSaved, 'bytes after ENOMEM');
    const { limit, used } = this.#engine.memory;
    const passesLimit =
      this.#limit !== undefined && (before.pagesAllocated + ZSPAGE_PAGES_MAX) * PAGE_SIZE > this.#limit;
    const passesMemory = used + (ZSPAGE_PAGES_MAX + METADATA_PAGES) * PAGE_SIZE > limit;
    if (!passesLimit && !passesMemory) fail(`ENOMEM with ${used} of ${limit} bytes used`);
    this.readAll();
    return undefined;
  }

  #write(handle: Handle, from: number, part: number, variant: number): void {
    const item = this.#item(handle);
    const { bytes } = item;
    const offset = Math.floor(from * bytes.length);
    const length = Math.ceil(part * (bytes.length - offset));
    const patch = contentOf(variant, bytes.length).subarray(offset, offset + length);
    const written = this.#allocating(() => {
      this.#pool.write(handle, patch, offset);
      return true;
    });
    if (!written) return;
    bytes.set(patch, offset);
    if (length > 0) item.same = false;
  }

  #read(handle: Handle, from: number, part: number, spare: number): void {
    const { bytes } = this.#item(handle);
    const offset = Math.floor(from * bytes.length);
    const length = Math.floor(part * (bytes.length - offset));
    const out = new Uint8Array(length + spare).fill(0xee);
    if (this.#pool.read(handle, { out, offset, length }) !== out) fail('read did not return out');
    if (!sameBytes(out.subarray(0, length), bytes.subarray(offset, offset + length))) fail(`${handle} reads wrong`);
    if (out.subarray(length).some((byte) => byte !== 0xee)) fail('read wrote past the length');
    if (spare > 0 && length > 0) {
      const short = out.subarray(0, length - 1);
      equal(
        codeOf(() => this.#pool.read(handle, { out: short, offset, length })),
        'EINVAL',
        'a short out',
      );
    }
  }

  #retain(handle: Handle): void {
    this.#pool.retain(handle);
    this.#item(handle).refs++;
  }

  #free(handle: Handle): void {
    const item = this.#item(handle);
    this.#pool.free(handle);
    if (--item.refs > 0) return;
    this.items.delete(handle);
    this.#freed.add(handle);
  }

  #useFreed(which: number): void {
    const handle = [...this.#freed][which % Math.max(this.#freed.size, 1)];
    if (handle !== undefined) isNoHandle(this.#pool, handle);
  }

  #compact(): void {
    const before = this.#pool.stats();
    const freeable = this.#pool.classes().reduce((sum, { freeable }) => sum + freeable, 0);
    const { pagesFreed } = this.#pool.compact();
    equal(pagesFreed, freeable, 'pages freed by compaction');
    const { pagesAllocated, pagesCompacted } = before;
    equal(
      this.#pool.stats(),
      { ...before, pagesAllocated: pagesAllocated - pagesFreed, pagesCompacted: pagesCompacted + pagesFreed },
      'stats after compaction',
    );
    this.readAll();
  }

  #merge(budget: number): MergeReport {
    const before = this.#pool.stats();
    const report = this.#pool.merge(budget === 0 ? {} : { maxObjects: budget });
    const after = this.#pool.stats();
    equal(before.objects - after.objects, report.objectsMerged, 'objectsMerged');
    equal(before.bytes - after.bytes, report.bytesMerged, 'bytesMerged');
    equal(before.pagesAllocated - after.pagesAllocated, report.pagesFreed, 'pagesFreed');
    if (budget === 0 && !report.complete) fail('a merge without a budget is not complete');
    if (budget > 0 && report.objectsScanned > budget) fail(`${report.objectsScanned} objects on a budget of ${budget}`);
    this.#passOpen = !report.complete;
    this.readAll();
    return report;
  }

  #dryRun(budget: number): MergeReport {
    const look = () => ({ stats: this.#pool.stats(), classes: this.#pool.classes(), memory: this.#engine.memory.used });
    const before = look();
    const report = this.#pool.merge(budget === 0 ? { dryRun: true } : { dryRun: true, maxObjects: budget });
    equal(look(), before, 'what a dry run leaves');
    return report;
  }

  #dryThenMerge(): void {
    if (this.#passOpen) this.#merge(0);
    const dry = this.#dryRun(0);
    const real = this.#merge(0);
    if (this.#tight) return;
    const figures = ({ objectsScanned, objectsMerged, bytesMerged, pagesFreed, complete }: MergeReport) => ({
      objectsScanned,
      objectsMerged,
      bytesMerged,
      pagesFreed,
      complete,
    });
    equal(figures(real), figures(dry), 'the merge that a dry run announced');
    equal(real.objectsHashed, 0, 'objects hashed again after a dry run');
    this.#isMerged();
  }

  /** Merges until there is nothing left to look at. */
  settle(): void {
    for (let round = 0; round < 4; round++) {
      const { objectsScanned, objectsMerged } = this.#merge(0);
      if (objectsScanned === 0) {
        equal(objectsMerged, 0, 'merged without a look');
        break;
      }
      if (round === 3 && !this.#tight) fail('merging an unchanged pool looks at objects again and again');
    }
    this.#isMerged();
  }

  #isMerged(): void {
    const stored = [...this.items.values()].filter(({ same }) => !same);
    const distinct = new Map(stored.map(({ bytes }) => [Buffer.from(bytes).toString('latin1'), bytes]));
    const bytes = [...distinct.values()].reduce((sum, content) => sum + content.length, 0);
    const stats = this.#pool.stats();
    if (this.#tight && stats.objects > distinct.size) return; // no cell for a group: left out, and never half done
    equal([stats.objects, stats.bytes], [distinct.size, bytes], 'objects and bytes after a full merge');
  }

  // ── checks ─────────────────────────────────────────────────────────────────────────────────────────────────────

  #item(handle: Handle): Item {
    return this.items.get(handle) ?? fail('no such handle');
  }

  #check(): void {
    checkPools(this.#engine);
    const { handles, objects, pagesMerged, pagesAllocated, bytes, bytesSaved } = this.#pool.stats();
    const stored = [...this.items.values()].filter(({ same }) => !same);
    equal(handles, this.items.size, 'handles');
    equal(pagesMerged, stored.length - objects, 'pagesMerged');
    equal(
      bytes + bytesSaved,
      stored.reduce((sum, item) => sum + item.bytes.length, 0),
      'bytes stored and saved',
    );
    equal(this.#pool.totalPages, pagesAllocated, 'totalPages');
    if (this.#limit !== undefined && pagesAllocated * PAGE_SIZE > this.#limit) fail('the limit is passed');
    if (this.#engine.memory.reserved > this.#engine.memory.limit) fail('maxMemory is passed');
  }

  readAll(): void {
    for (const [handle, { bytes }] of this.items) {
      if (!sameBytes(this.#pool.read(handle), bytes)) fail(`handle ${handle} reads wrong`);
    }
  }

  /** Frees everything: the pool must then be as it was made. */
  end(): void {
    this.readAll();
    for (const [handle, { refs }] of [...this.items]) for (let n = 0; n < refs; n++) this.#free(handle);
    this.#check();
    for (const handle of this.#freed) isNoHandle(this.#pool, handle);
    this.#merge(0); // ends an open pass, which holds its index
    const { pagesAllocated, pagesMerged, objects, handles, bytes } = this.#pool.stats();
    equal([pagesAllocated, pagesMerged, objects, handles, bytes], [0, 0, 0, 0, 0], 'stats of the emptied pool');
    equal(this.#pool.totalPages, 0, 'totalPages of the emptied pool');
    // Cells are not given back, and each chunk of them has 8 bytes that serve none. A handle takes up to three cells.
    const chunkBytes = 8 * Math.floor((3 * this.#handlesMax) / CHUNK_CELLS);
    const kept = this.#engine.memory.used - this.#usedAtStart;
    if (kept < 0 || kept > chunkBytes) fail(`${kept} bytes stay in use, and not up to ${chunkBytes}`);
  }
}
