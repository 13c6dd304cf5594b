/**
 * The state of a device: its settings and, while it has a disksize, its pages. Shared by Zram, its attributes and
 * post-processing.
 */
import { checkBacking, isAsynchronous, type AsyncBacking, type Backing } from '../backing/backing.js';
import { BackingDevice } from '../backing/backing-device.js';
import { FileBacking } from '../backing/file.js';
import { Transport } from '../backing/transport.js';
import {
  checkBoolean,
  checkBytes,
  checkInteger,
  PAGE_SIZE,
  parseDiskPages,
  readList,
  readOptions,
  UINT32_MAX,
} from '../base/arguments.js';
import { copyOf } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { defaultCompressorOf, kernelOf, type KernelProfile } from '../base/kernel.js';
import { parseSize, type Size } from '../base/size.js';
import { lz4Level, type Encoder, type EncoderHold } from '../compressors/codecs.js';
import { FAVOR_DEC_SPEED_MAX, PRIORITIES, type CompressorParams } from '../compressors/compressor.js';
import type { Core } from '../core/core.js';
import { checkPoolOptions, type PoolOptions } from '../pool/options.js';
import { ZsPool } from '../zs-pool.js';
import { noMemoryForDevice, Disk } from './disk.js';
import { RECOMP_ALGORITHM_OPTIONS, type RecompAlgorithm, type ZramOptions } from './options.js';
import { PoolLease } from './pool-lease.js';

export const WINBITS_MIN = 9;
export const WINBITS_MAX = 15;

/** A compressor of a device: the primary one, or one that recompresses. */
export interface Algorithm {
  readonly name: string;
  readonly params: CompressorParams;
}

export class Device {
  readonly core: Core;
  /** The kernel whose rules it follows. */
  kernel: KernelProfile;
  /** The primary compressor after `reset`. */
  algorithmDefault: string;
  /** Options of the pool that `init` makes. */
  poolOptions: PoolOptions;
  /** The pool that the caller passed, if any. */
  sharedPool: ZsPool | undefined;
  tracksTime: boolean;
  verifyCompressors: boolean;
  /** By priority; the first is the primary compressor. */
  readonly algorithms: (Algorithm | undefined)[] = [];
  /** The same, as encoders of the engine, while there is a disk. */
  encoders: (Encoder | undefined)[] = [];
  dedup = false;
  limitPages = 0;
  backing: Backing | AsyncBacking | undefined;
  writebackLimit = 0;
  writebackLimitEnable = false;
  /** Blocks hold objects as they are stored. Like the next, it outlives a reset, as in the kernel. */
  compressedWriteback = false;
  /** Most writes of a writeback in flight; undefined: as many as suit the backing. */
  writebackBatchSize: number | undefined;
  disk: Disk | undefined;
  destroyed = false;
  #encoderHold: EncoderHold | undefined;
  /** The backing that `backing_dev` opened, until a disk takes it over. */
  #ownedBacking: FileBacking | undefined;

  constructor(core: Core, options: ZramOptions) {
    const { kernel, chainSize, dedupCache, shrinker, pool } = options;
    const { trackEntryActime = true, verifyCompressors = false, dedup = false } = options;
    this.core = core;
    this.kernel = pool === undefined ? kernelOf(kernel) : ZsPool.kernelOf(pool, core);
    this.algorithmDefault = defaultCompressorOf(kernel);
    this.poolOptions = { kernel: this.kernel.version, chainSize, dedupCache, shrinker };
    this.sharedPool = pool;
    checkBoolean(trackEntryActime, 'trackEntryActime');
    checkBoolean(verifyCompressors, 'verifyCompressors');
    checkBoolean(dedup, 'dedup');
    this.tracksTime = trackEntryActime;
    this.verifyCompressors = verifyCompressors;
    this.setDefaults();
    this.dedup = dedup;
    if (pool !== undefined && [chainSize, dedupCache, shrinker].some((option) => option !== undefined)) {
      throw new ZramError(
        'EINVAL',
        'chainSize, dedupCache and shrinker are options of the pool: pass them to createPool.',
      );
    }
    if (kernelOf(kernel ?? this.kernel.version) !== this.kernel) {
      const { version } = this.kernel;
      throw new ZramError(
        'EINVAL',
        `kernel must be ${version}, that of the pool, not ${kernel}: pass it to createPool.`,
      );
    }
    checkPoolOptions(this.poolOptions);
    const { compAlgorithm, level, dictionary, recompAlgorithms, memLimit, backing } = options;
    const { compressedWriteback = false, writebackBatchSize } = options;
    checkBoolean(compressedWriteback, 'compressedWriteback');
    this.compressedWriteback = compressedWriteback;
    if (writebackBatchSize !== undefined) this.setWritebackBatchSize(writebackBatchSize);
    if (compAlgorithm !== undefined) this.setAlgorithm(0, compAlgorithm, 'compAlgorithm');
    if (level !== undefined || dictionary !== undefined) this.setParams(0, { level, dictionary });
    this.#setSecondaries(recompAlgorithms);
    if (memLimit !== undefined) this.setLimit(parseSize(memLimit, 'memLimit'));
    if (backing !== undefined) this.setBacking(backing);
  }

  #setSecondaries(secondaries: unknown): void {
    if (secondaries === undefined) return;
    const list = readList(secondaries, 'recompAlgorithms');
    if (!list || list.length >= PRIORITIES) {
      throw new ZramError('EINVAL', `recompAlgorithms must be a list of up to ${PRIORITIES - 1} compressors.`);
    }
    const read = list.map((one) =>
      typeof one === 'object' && one !== null
        ? readOptions(one as RecompAlgorithm, RECOMP_ALGORITHM_OPTIONS, 'recompAlgorithms')
        : { algo: one },
    );
    for (const [n, { algo, ...params }] of read.entries()) {
      this.setAlgorithm(n + 1, algo, 'recompAlgorithms');
      this.setParams(n + 1, params);
    }
  }

  /** As after `reset`. */
  setDefaults(): void {
    this.algorithms.length = 0;
    this.algorithms.push({ name: this.algorithmDefault, params: {} });
    this.limitPages = 0;
    this.dedup = false;
    this.writebackLimit = 0;
    this.writebackLimitEnable = false;
    this.closeBacking(); // last: closing a file may fail
  }

  // ── settings ───────────────────────────────────────────────────────────────────────────────────────────────────

  setAlgorithm(priority: number, name: unknown, what: string): void {
    const checked = this.core.codecs.check(name, what);
    // Parameters belong to a compressor: another one starts without any.
    if (this.algorithms[priority]?.name !== checked) this.algorithms[priority] = { name: checked, params: {} };
  }

  setParams(priority: number, params: CompressorParams): void {
    const algorithm = this.algorithms[priority];
    if (!algorithm)
      throw new ZramError(
        'EINVAL',
        `the device has no compressor of priority ${priority}: set one with recomp_algorithm.`,
      );
    const { level, dictionary, winbits, favorDecSpeed } = params;
    if (level !== undefined) checkInteger(level, 'level', -(2 ** 31), 2 ** 31 - 1);
    if (dictionary !== undefined) checkBytes(dictionary, 'dictionary');
    if (winbits !== undefined) checkInteger(Math.abs(winbits), 'winbits', WINBITS_MIN, WINBITS_MAX);
    if (favorDecSpeed !== undefined) checkInteger(favorDecSpeed, 'favorDecSpeed', 0, FAVOR_DEC_SPEED_MAX);
    const { core, disk } = this;
    core.codecs.checkParams(algorithm.name, params);
    const kept = { level, dictionary: dictionary && copyOf(dictionary), winbits, favorDecSpeed };
    // Before disksize no codec is taken: it would be wasted on settings that never compress a page.
    if (disk) {
      core.codecs.checkLevel(algorithm.name, kept);
      const hold = this.#encoderHold as EncoderHold;
      this.encoders[priority] = hold.encoder(algorithm.name, kept);
      hold.keep(this.encoders);
    }
    this.algorithms[priority] = { name: algorithm.name, params: kept };
    if (disk && priority === 0) core.raw.zramSetLevel(disk.address, this.lz4Level);
  }

  get algorithm(): string {
    return (this.algorithms[0] as Algorithm).name;
  }

  get lz4Level(): number {
    return lz4Level((this.algorithms[0] as Algorithm).params);
  }

  setLimit(bytes: number): void {
    this.limitPages = Math.min(Math.ceil(bytes / PAGE_SIZE), UINT32_MAX);
    if (this.disk) this.core.raw.zramSetLimit(this.disk.address, this.limitPages);
  }

  /** @param owned the backing was opened for this device and is closed with it */
  setBacking(backing: unknown, owned = false): void {
    if (this.disk) throw new ZramError('EBUSY', 'cannot set a backing after disksize: reset() the device first.');
    checkBacking(backing);
    if (backing.slots === 0) throw new ZramError('EINVAL', 'the backing must have at least one slot, not 0.');
    this.closeBacking();
    this.backing = backing;
    this.#ownedBacking = owned ? (backing as FileBacking) : undefined;
  }

  /** The attribute `backing_dev`. As in the kernel, naming the current file again is not an error. */
  setBackingFile(path: string): void {
    if (this.#ownedBacking && FileBacking.isAt(this.#ownedBacking, path)) return;
    const backing = FileBacking.open(path);
    try {
      this.setBacking(backing, true);
    } catch (error) {
      backing.destroy();
      throw error;
    }
  }

  /** Drops the backing; one that `backing_dev` opened and no disk uses yet is closed. */
  closeBacking(): void {
    const owned = this.#ownedBacking;
    this.#ownedBacking = undefined;
    this.backing = undefined;
    owned?.destroy();
  }

  setWritebackBatchSize(pages: number): void {
    checkInteger(pages, 'writebackBatchSize', 1, UINT32_MAX);
    this.writebackBatchSize = pages;
  }

  /** Most writes of a writeback in flight. */
  get writesInFlight(): number {
    return this.writebackBatchSize ?? Transport.writesInFlight(this.backing);
  }

  // ── life ───────────────────────────────────────────────────────────────────────────────────────────────────────

  /** @param lent a pool shared with others, for this `init` only: the next one makes its own again */
  init(disksize: Size, lent?: PoolLease): void {
    // The kernel's order of checks: 0 is EINVAL in any state; EBUSY comes before a size that is too large.
    if (this.disk && parseSize(disksize, 'disksize') > 0) {
      throw new ZramError('EBUSY', 'the device has a disksize already: reset() it first.');
    }
    const pages = parseDiskPages(disksize);
    const { core } = this;
    const hold = core.codecs.hold();
    let backing: BackingDevice | undefined;
    let pool: PoolLease | undefined;
    try {
      const encoders = this.#takeEncoders(hold);
      backing = this.backing && new BackingDevice(this.backing, this.#ownedBacking);
      pool = lent?.retain() ?? this.#leasePool();
      this.disk = this.#makePages(pool, pages, backing);
      this.encoders = encoders;
      this.#encoderHold = hold;
      this.#ownedBacking = undefined;
    } catch (error) {
      hold.end();
      pool?.release();
      backing?.release(false);
      throw error;
    }
  }

  #takeEncoders(hold: EncoderHold): (Encoder | undefined)[] {
    return this.algorithms.map((one) => one && hold.encoder(one.name, one.params));
  }

  #leasePool(): PoolLease {
    const { core, sharedPool } = this;
    if (!sharedPool) return PoolLease.own(core, this.poolOptions);
    return PoolLease.of(core, sharedPool, ZsPool.addressOf(sharedPool, core));
  }

  #makePages(pool: PoolLease, pages: number, backing: BackingDevice | undefined): Disk {
    const { raw } = this.core;
    if (this.dedup) this.core.makeHashKey();
    const device = raw.zramMake(pool.address, pages, this.lz4Level, Number(this.dedup), Number(this.tracksTime));
    if (device === 0) throw noMemoryForDevice();
    if (backing && raw.zramSetBacking(device, backing.transport.backing.slots) < 0) {
      raw.zramEnd(device);
      throw noMemoryForDevice();
    }
    raw.zramSetLimit(device, this.limitPages);
    return new Disk(this.core, device, pages, pool, backing, this.dedup, this.tracksTime);
  }

  /**
   * The settings of another device, for a clone with these pages.
   * @throws ZramError ENOSPC: as `EncoderHold.encoder`
   */
  copy(from: Device, pages: Disk): void {
    const hold = this.core.codecs.hold();
    try {
      this.algorithms.splice(0, Infinity, ...from.algorithms);
      this.encoders = this.#takeEncoders(hold);
    } catch (error) {
      hold.end();
      throw error;
    }
    this.#encoderHold = hold;
    this.kernel = from.kernel;
    this.algorithmDefault = from.algorithmDefault;
    this.poolOptions = from.poolOptions;
    this.sharedPool = from.sharedPool;
    this.tracksTime = pages.tracksTime;
    this.verifyCompressors = from.verifyCompressors;
    this.dedup = pages.dedup;
    this.backing = pages.backing?.transport.backing;
    this.writebackLimit = from.writebackLimit;
    this.writebackLimitEnable = from.writebackLimitEnable;
    this.compressedWriteback = from.compressedWriteback;
    this.writebackBatchSize = from.writebackBatchSize;
    this.disk = pages;
    this.core.raw.zramSetLevel(pages.address, this.lz4Level);
    this.setLimit(from.limitPages * PAGE_SIZE);
  }

  /** Makes the device uninitialised; its settings stay. */
  end(): void {
    try {
      this.disk?.end();
    } finally {
      this.disk = undefined;
      this.encoders = [];
      this.#encoderHold?.end();
      this.#encoderHold = undefined;
    }
  }

  /** As in the kernel, where levels are first used at the disksize. Of a device that is loaded any level is taken. */
  checkLevels(): void {
    for (const one of this.algorithms) if (one) this.core.codecs.checkLevel(one.name, one.params);
  }

  // ── checks of state ─────────────────────────────────────────────────────────────────────────────────────────────

  checkAlive(): void {
    if (this.destroyed) throw new ZramError('EINVAL', 'this Zram was destroyed.');
  }

  /** @throws ZramError EINVAL: destroyed, or without a disksize */
  readyDisk(): Disk {
    if (this.disk) return this.disk;
    this.checkAlive();
    throw new ZramError('EINVAL', 'the device is not initialised: set a disksize first.');
  }

  /** Codecs of the secondary compressors. */
  secondaryCodecs(): number[] {
    const [primary, ...secondaries] = this.encoders.map((encoder) => encoder?.codec);
    return secondaries.filter((codec) => codec !== undefined && codec !== primary) as number[];
  }

  hasAsyncBacking(): boolean {
    return this.backing !== undefined && isAsynchronous(this.backing);
  }
}
