/// <reference lib="esnext.disposable" preserve="true" />
/** ZsPool: the allocator (zsmalloc), usable by itself. */
import { POOL, CLASS } from './core/layout.js';
import {
  checkBytes,
  checkInteger,
  checkOptions,
  outFor,
  PAGE_SIZE,
  readOptions,
  unreadable,
} from './base/arguments.js';
import { lengthOf, setBytes } from './base/bytes.js';
import { endAll } from './base/end-all.js';
import { ZramError } from './base/errors.js';
import { notOurs } from './base/foreign.js';
import { kernelOf, type KernelProfile, type KernelVersion } from './base/kernel.js';
import { describe } from './base/messages.js';
import { checkCore, type Core } from './core/core.js';
import { Host } from './core/host.js';
import { ENGINE_OPTIONS, type EngineOptions } from './core/options.js';
import { Ksmd, readKsmdOptions, type KsmdOptions } from './ksmd.js';
import { PoolHandles } from './pool/handles.js';
import {
  compactPool,
  endPool,
  makePool,
  mergePool,
  type CompactReport,
  type MergeOptions,
  type MergeReport,
} from './pool/operations.js';
import { checkPoolOptions, POOL_OPTIONS, type PoolOptions } from './pool/options.js';

declare const handleBrand: unique symbol;
/**
 * Names an object of a pool: a safe integer, returned by `malloc` or `store`. It stays valid while compaction and
 * merging move the object. A freed handle is `EINVAL` for ever, as is one of another pool: within 2^53 handles, a pool
 * never returns the same number twice.
 */
export type Handle = number & {
  /** Distinguishes the type from other numbers; the property does not exist at run time. */
  readonly [handleBrand]: true;
};

/** The counters of a pool. */
export interface PoolStats {
  /** 4 KiB frames in zspages (zs_get_total_pages). */
  readonly pagesAllocated: number;
  /** 4 KiB frames that compaction has freed since the pool was made. */
  readonly pagesCompacted: number;
  /** Handles that share the object of another and own none. */
  readonly pagesMerged: number;
  /** Number of objects. */
  readonly objects: number;
  /** Number of valid handles. */
  readonly handles: number;
  /** Sum of the objects' payload lengths. */
  readonly bytes: number;
  /** Objects that several handles share, or have shared. */
  readonly sharedObjects: number;
  /** Handles of those objects. */
  readonly sharers: number;
  /** Additional payload bytes that the sharers would take if each had an object of its own. */
  readonly bytesSaved: number;
  /** Bytes of the deduplication index: 11 to 21 for each object stored with `dedup`; 0 without an index. */
  readonly dedupIndexBytes: number;
  /** Bytes of the copies of pages that devices with `dedup` compare with, see `dedupCache`, and of their records. */
  readonly dedupCacheBytes: number;
}

/** A row of the kernel's `zsmalloc/<pool>/classes` table. */
export interface SizeClassStats {
  /** Largest of the 255 size indexes that map to this class. */
  readonly index: number;
  /** Bytes of an object, including its 8-byte header. */
  readonly size: number;
  /** Zspages in each of the twelve fullness groups: empty, up to 10 %, … 90 %, 99 %, full. */
  readonly zspages: readonly number[];
  /** Objects that fit the zspages. */
  readonly objectsAllocated: number;
  /** Objects in the zspages. */
  readonly objectsUsed: number;
  /** 4 KiB frames in zspages of this class. */
  readonly pagesUsed: number;
  /** 4 KiB frames of each zspage of this class. */
  readonly pagesPerZspage: number;
  /** Frames that compaction could free. */
  readonly freeable: number;
  /** Handles of this class that share the object of another and own none. */
  readonly merged: number;
}

const READ_OPTIONS = ['out', 'offset', 'length'] as const;
type ReadOptions = { out?: Uint8Array | undefined; offset?: number | undefined; length?: number | undefined };
const WHOLE: ReadOptions = {};

/**
 * A pool of objects of 1 to 4096 bytes, packed by size class as in Linux's zsmalloc.
 *
 * Every call throws `EINVAL` after `destroy()`.
 */
export class ZsPool {
  /** @internal Fixed, since a bundler may rename the class. */
  static readonly name = 'ZsPool';
  readonly #core: Core;
  readonly #onEnd: () => void;
  readonly #handles = new PoolHandles();
  readonly #kernel: KernelProfile;
  #address: number;
  /** Devices and scanners on this pool, which end before it does. */
  readonly #users = new Set<{ destroy(): void }>();

  /** @internal Made by `Engine.createPool` and `ZsPool.create`. */
  constructor(core: Core, options: PoolOptions | undefined, onEnd: () => void) {
    checkCore(core, 'await ZsPool.create() or engine.createPool()');
    const settings = readOptions(options, POOL_OPTIONS, 'createPool');
    this.#core = core;
    this.#onEnd = onEnd;
    this.#kernel = kernelOf(settings.kernel);
    this.#address = makePool(core, settings);
  }

  /**
   * Makes an engine with one pool; destroying the pool destroys the engine.
   * @throws ZramError EINVAL: a wrong option; ENOMEM: `maxMemory` is too small for a pool
   */
  static async create(options?: PoolOptions & EngineOptions): Promise<ZsPool> {
    const known = [...POOL_OPTIONS, ...ENGINE_OPTIONS];
    const { module, maxMemory, compressors, ...rest } = readOptions(options, known, 'ZsPool.create');
    checkPoolOptions(rest);
    const ofEngine = { module, maxMemory, compressors };
    return Host.createFor(ofEngine, 'ZsPool.create', ({ core }, onEnd) => new ZsPool(core, rest, onEnd));
  }

  /**
   * @internal Registers a user of the pool, and returns its address.
   * @throws ZramError EINVAL: not a pool of this engine
   */
  static attach(pool: unknown, core: Core, user: { destroy(): void }): number {
    const ours = ZsPool.#check(pool, core);
    const address = ours.#live();
    ours.#users.add(user);
    return address;
  }

  /** @internal Whose rules the devices on a pool have. */
  static kernelOf(pool: unknown, core: Core): KernelProfile {
    return ZsPool.#check(pool, core).#kernel;
  }

  static #check(pool: unknown, core: Core): ZsPool {
    if (!(typeof pool === 'object' && pool !== null && #core in pool)) {
      throw notOurs(pool, 'pool must be a ZsPool', ['ZsPool']);
    }
    if (pool.#core !== core) throw new ZramError('EINVAL', 'pool must belong to the same engine, not to another.');
    return pool;
  }

  /** @internal The address of an attached pool. */
  static addressOf(pool: ZsPool, core: Core): number {
    if (pool.#core !== core) throw new ZramError('EINVAL', 'pool must belong to the same engine, not to another.');
    return pool.#live();
  }

  /** @internal */
  static detach(pool: ZsPool, user: { destroy(): void }): void {
    pool.#users.delete(user);
  }

  /**
   * Allocates an object of `size` bytes, 1 to 4096, that reads as zeros.
   * @throws ZramError ENOSPC: more than a page; ENOMEM: `limit` or the engine's `maxMemory` is reached, or there are
   * 2^28 handles
   */
  malloc(size: number): Handle {
    const pool = this.#live();
    if (typeof size === 'number' && size > PAGE_SIZE) throw tooLarge(size);
    checkInteger(size, 'size', 1, PAGE_SIZE);
    this.#handles.reserve();
    return this.#handle(this.#core.raw.poolMalloc(pool, size), size);
  }

  /** Allocates an object with these bytes, 1 to 4096. @throws ZramError as `malloc` */
  store(bytes: Uint8Array): Handle {
    const pool = this.#live();
    checkBytes(bytes, 'bytes');
    const size = lengthOf(bytes);
    if (size === 0) throw new ZramError('EINVAL', 'an object must have at least 1 byte, not 0.');
    if (size > PAGE_SIZE) throw tooLarge(size);
    this.#handles.reserve();
    setBytes(this.#core.page(), bytes);
    return this.#handle(this.#core.raw.poolStore(pool, size), size);
  }

  #handle(result: number, size: number): Handle {
    if (result < 0) {
      throw new ZramError(
        'ENOMEM',
        `cannot allocate an object of ${size} bytes: the pool's limit or the engine's maxMemory is reached.`,
      );
    }
    return this.#handles.add(result) as Handle;
  }

  /**
   * Frees a handle, and its object unless other handles share it. The number is not used again.
   * @throws ZramError EINVAL: not a handle of this pool, or a freed one
   */
  free(handle: Handle): void {
    const pool = this.#live();
    if (this.#core.raw.poolFree(pool, this.#cell(handle)) === 0) this.#handles.remove(handle);
  }

  /**
   * Adds a reference: the handle then takes one more `free` (zs_get).
   * @throws ZramError EINVAL: as `free`; or the count is at its limit: 2^29 references, 2^19 for an object of 16 bytes
   * or more that repeats 8 bytes
   */
  retain(handle: Handle): void {
    const pool = this.#live();
    if (this.#core.raw.poolRetain(pool, this.#cell(handle)) < 0) {
      throw new ZramError('EINVAL', `cannot retain handle ${handle}: its reference count is at its limit.`);
    }
  }

  /** The size of an object in bytes, as requested from `malloc`. */
  sizeOf(handle: Handle): number {
    const pool = this.#live();
    return this.#core.raw.poolSize(pool, this.#cell(handle));
  }

  /**
   * Writes bytes into the object. A shared object is copied first, so that its other sharers see no change.
   * @param offset first byte of the object to write; the range must lie inside the object
   * @throws ZramError ENOMEM: no memory for the copy; nothing has changed
   */
  write(handle: Handle, bytes: Uint8Array, offset = 0): void {
    const pool = this.#live();
    const cell = this.#cell(handle);
    checkBytes(bytes, 'bytes');
    const { raw } = this.#core;
    const length = lengthOf(bytes);
    const size = raw.poolSize(pool, cell);
    checkInteger(offset, 'offset', 0, size);
    if (offset + length > size) {
      throw new ZramError(
        'EINVAL',
        `the range ${offset} to ${offset + length} must end within the object's ${size} bytes.`,
      );
    }
    if (length === 0) return;
    setBytes(this.#core.page(), bytes);
    if (raw.poolWrite(pool, cell, offset, length) < 0) {
      throw new ZramError(
        'ENOMEM',
        'cannot allocate a copy of the shared object: a limit of the pool or the engine is reached.',
      );
    }
  }

  /**
   * Reads the object, or a part of it.
   * @param options.out array to fill from its beginning; it may be longer, and is returned
   * @param options.offset first byte to read; default 0
   * @param options.length bytes to read; default: up to the object's end
   */
  read(handle: Handle, options?: { out?: Uint8Array; offset?: number; length?: number }): Uint8Array {
    const { out, offset = 0, length: wanted } = options === undefined ? WHOLE : readRange(options);
    const pool = this.#live();
    const size = this.#core.raw.poolRead(pool, this.#cell(handle));
    checkInteger(offset, 'offset', 0, size);
    const length = wanted === undefined ? size - offset : wanted;
    checkInteger(length, 'length', 0, size - offset);
    const to = outFor(out, length);
    setBytes(to, this.#core.page().subarray(offset, offset + length));
    return to;
  }

  /**
   * zs_compact: moves objects together and frees the zspages that become empty. Handles stay valid. Synchronous: 0.1 to
   * 0.3 s for a million moved objects.
   */
  compact(): CompactReport {
    return compactPool(this.#core, this.#live());
  }

  /**
   * zs_merge: stores identical objects once. Every pair is compared byte by byte first. Handles stay valid. Without a
   * budget it blocks the event loop for 0.3 to 1 s for a million objects.
   */
  merge(options?: MergeOptions): MergeReport {
    return mergePool(this.#core, () => this.#live(), options);
  }

  /** Makes a scanner that merges this pool in the background. */
  createKsmd(options?: KsmdOptions): Ksmd {
    const settings = readKsmdOptions(options);
    this.#live();
    const address = (): number => this.#address;
    const ksmd: Ksmd = new Ksmd(this.#core, address, settings, () => this.#users.delete(ksmd));
    this.#users.add(ksmd);
    return ksmd;
  }

  /** The version of Linux whose size classes it has, as the option `kernel`. */
  get kernel(): KernelVersion {
    this.#live();
    return this.#kernel.version;
  }

  /** 4 KiB frames in zspages (zs_get_total_pages). */
  get totalPages(): number {
    return this.#core.raw.poolTotalPages(this.#live()) >>> 0;
  }

  /** Payloads of this many bytes or more take a whole frame (zs_huge_class_size). */
  get hugeClassSize(): number {
    this.#core.raw.poolStats(this.#live());
    return this.#core.number(POOL.hugeClassSize);
  }

  /** The counters, as a frozen copy. */
  stats(): PoolStats {
    const core = this.#core;
    core.raw.poolStats(this.#live());
    return Object.freeze({
      pagesAllocated: core.number(POOL.pagesAllocated),
      pagesCompacted: core.number(POOL.pagesCompacted),
      pagesMerged: core.number(POOL.pagesMerged),
      objects: core.number(POOL.objects),
      handles: core.number(POOL.handles),
      bytes: core.number(POOL.bytes),
      sharedObjects: core.number(POOL.sharedObjects),
      sharers: core.number(POOL.sharers),
      bytesSaved: core.number(POOL.bytesSaved),
      dedupIndexBytes: core.number(POOL.dedupIndexBytes),
      dedupCacheBytes: core.number(POOL.dedupCacheBytes),
    });
  }

  /** The size classes, smallest first, including empty ones. Visits all handles: 10 to 30 ms for a million. */
  classes(): SizeClassStats[] {
    const core = this.#core;
    const pool = this.#live();
    core.raw.poolStats(pool);
    const count = core.number(POOL.classes);
    core.raw.poolMerged(pool);
    const merged = Array.from({ length: count }, (_, n) => core.number(n));
    return merged.map((mergedHere, n) => {
      core.raw.poolClass(pool, n);
      return Object.freeze({
        index: core.number(CLASS.index),
        size: core.number(CLASS.size),
        zspages: Object.freeze(Array.from({ length: 12 }, (_, group) => core.number(CLASS.zspages + group))),
        objectsAllocated: core.number(CLASS.objectsAllocated),
        objectsUsed: core.number(CLASS.objectsUsed),
        pagesUsed: core.number(CLASS.pagesUsed),
        pagesPerZspage: core.number(CLASS.pagesPerZspage),
        freeable: core.number(CLASS.freeable),
        merged: mergedHere,
      });
    });
  }

  /**
   * Frees everything in the pool, and destroys the devices on it: 10 ms for a million objects, plus the time of the
   * devices. Calling it again does nothing.
   */
  destroy(): void {
    if (this.#address === 0) return;
    const users = [...this.#users].map((user) => () => user.destroy());
    endAll(
      ...users,
      () => endPool(this.#core, this.#address),
      () => (this.#address = 0),
      () => this.#onEnd(),
    );
  }

  /** The same as `destroy()`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  #live(): number {
    if (this.#address === 0) throw new ZramError('EINVAL', 'this ZsPool was destroyed.');
    return this.#address;
  }

  /** The number of a handle's cell in the core. @throws ZramError EINVAL */
  #cell(handle: unknown): number {
    const cell = this.#handles.cell(handle);
    if (cell === 0)
      throw new ZramError(
        'EINVAL',
        `handle must be a valid handle of this pool, not ${describe(handle)}: it may have been freed.`,
      );
    return cell;
  }
}

/** As `readOptions`, in half the time. */
function readRange(options: ReadOptions): ReadOptions {
  try {
    checkOptions(options, READ_OPTIONS, 'read');
    const { out, offset, length } = options;
    return { out, offset, length };
  } catch (error) {
    throw unreadable('the options of read', error);
  }
}

function tooLarge(size: number): ZramError {
  return new ZramError('ENOSPC', `an object must have at most ${PAGE_SIZE} bytes, not ${size}.`);
}
