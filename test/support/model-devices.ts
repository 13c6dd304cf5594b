/**
 * Devices with compressors, a backing, snapshots and clones beside an obviously right model of them: an array of bytes each.
 * After every operation every page of every device and snapshot is read; what a device says of itself has to fit.
 */
import {
  ZramError,
  type Engine,
  type Handle,
  type WritebackReport,
  type Zram,
  type ZramSnapshot,
  type ZsPool,
} from '../../bindings/index.js';
import type { FlakyAsyncBacking, FlakyBacking } from './flaky-backing.js';
import { CONTENTS, type DeviceOperation, type NestedOperation } from './model-devices-operations.js';
import { extentsOfModel, pagesOfRange, type PageOfRange, type RangeCall } from './model-ranges.js';
import { FILLS } from './model-zram-operations.js';
import { sameBytes } from './pages.js';
import { checkPools } from './raw-core.js';
import type { ToyCompressor } from './toy-compressor.js';
import { equal, fail, objectsOf, sumOf } from './model-checks.js';

const PAGE_SIZE = 4096;
export const DEVICE_PAGES = 16;
const DISK_BYTES = DEVICE_PAGES * PAGE_SIZE;
const DISKS_MAX = 4;
const SNAPSHOTS_MAX = 4;

interface Disk {
  zram: Zram;
  bytes: Uint8Array;
  /** Pages that hold something. */
  stored: boolean[];
}

interface Snapshot {
  readonly snapshot: ZramSnapshot;
  readonly bytes: Uint8Array;
}

export interface DevicesSetting {
  readonly engine: Engine;
  /** shared by all; undefined: the first disk has a pool of its own, on which its clones and snapshots live */
  readonly pool: ZsPool | undefined;
  readonly toy: ToyCompressor;
  readonly makeBacking: () => FlakyBacking | FlakyAsyncBacking;
  readonly compAlgorithm: string;
  readonly recompAlgorithms: readonly string[];
  readonly dedup: boolean;
  readonly compressedWriteback: boolean;
  readonly tight: boolean;
}

export class ModelDevices {
  readonly #setting: DevicesSetting;
  readonly #disks: Disk[] = [];
  readonly #snapshots: Snapshot[] = [];
  readonly #backings: (FlakyBacking | FlakyAsyncBacking)[] = [];
  readonly #handles: { handle: Handle; bytes: Uint8Array }[] = [];
  readonly #usedAtStart: number;
  #failPercent = 0;
  /** Operations inside others so far: whatever was to be compared with before may be gone. */
  #nested = 0;
  /** What happened at all, for the test to see that it did. */
  readonly seen = new Map<string, number>();

  constructor(setting: DevicesSetting) {
    this.#setting = setting;
    this.#usedAtStart = setting.engine.memory.used;
    this.#add();
  }

  #count(what: string, by = 1): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + by);
  }

  #options() {
    const { compAlgorithm, recompAlgorithms, dedup } = this.#setting;
    const backing = this.#setting.makeBacking();
    backing.failPercent = this.#failPercent;
    this.#backings.push(backing);
    const { compressedWriteback } = this.#setting;
    return { disksize: DISK_BYTES, compAlgorithm, recompAlgorithms, dedup, backing, compressedWriteback };
  }

  #add(): void {
    const { engine, pool } = this.#setting;
    const zram = engine.createZram({ ...this.#options(), pool });
    this.#disks.push({
      zram,
      bytes: new Uint8Array(DISK_BYTES),
      stored: new Array<boolean>(DEVICE_PAGES).fill(false),
    });
  }

  async run(operation: DeviceOperation): Promise<void> {
    const disk = this.#disks[operation.disk % this.#disks.length];
    if (operation.op === 'writeback') await this.#writeback(disk, operation.options);
    else if (operation.op === 'prefetch') await this.#prefetch(disk, operation.range);
    else if (operation.op === 'read') await this.#read(disk, operation.offset, operation.length);
    else if (operation.op === 'writeAsync') await this.#writeAsync(disk, operation);
    else if (operation.op === 'nest') {
      const { nested } = operation;
      const hook = (): void => {
        this.#nested++;
        this.#count('nested');
        this.#now(this.#disks[nested.disk % this.#disks.length], nested);
      };
      if (operation.at === 'compressor') this.#setting.toy.hook = hook;
      else for (const backing of this.#backings.slice(-2)) backing.hook = hook;
    } else this.#now(disk, operation);
    await this.#check();
  }

  #now(disk: Disk, operation: NestedOperation): void {
    switch (operation.op) {
      case 'writePages':
        this.#writePages(disk, operation.index, operation.pages);
        break;
      case 'write':
        this.#write(disk, operation.call, operation.offset, operation.length, FILLS[operation.fill]);
        break;
      case 'discard':
        this.#discard(disk, operation.offset, operation.length);
        break;
      case 'merge':
        disk.zram.merge(operation.budget === 0 ? {} : { maxObjects: operation.budget });
        break;
      case 'compact':
        disk.zram.compact({ inPageOrder: operation.inPageOrder });
        break;
      case 'recompress':
        this.#recompress(disk, operation.options);
        break;
      case 'idle':
        this.#idle(disk, operation.age);
        break;
      case 'writebackLimit':
        disk.zram.sysfs.write('writeback_limit_enable', operation.pages < 0 ? '0' : '1');
        disk.zram.sysfs.write('writeback_limit', String(Math.max(operation.pages, 0)));
        break;
      case 'limit':
        disk.zram.sysfs.write('mem_limit', String(operation.pages * PAGE_SIZE));
        break;
      case 'failures':
        this.#failPercent = operation.backing;
        for (const backing of this.#backings) backing.failPercent = operation.backing;
        this.#setting.toy.fails = operation.compressor;
        break;
      case 'snapshot':
        this.#snapshot(disk);
        break;
      case 'clone':
        this.#clone(disk.zram, disk);
        break;
      case 'cloneOf': {
        const from = this.#snapshots[operation.snapshot % this.#snapshots.length];
        if (this.#snapshots.length > 0) this.#clone(from.snapshot, { bytes: from.bytes, stored: undefined });
        break;
      }
      case 'restore':
        this.#restore(disk, operation.snapshot);
        break;
      case 'dropSnapshot':
        this.#snapshots.splice(operation.snapshot, 1)[0]?.snapshot.destroy();
        break;
      case 'diff':
        this.#diff(disk, operation.snapshot);
        break;
      case 'store':
        this.#store(CONTENTS[operation.page]);
        break;
      case 'unstore': {
        const stored = this.#handles.pop();
        if (stored) this.#setting.pool?.free(stored.handle);
        break;
      }
      case 'reset':
        this.#reset(disk);
        break;
      case 'destroy':
        this.#destroy(disk);
        break;
    }
  }

  // ── writing ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Runs what may fail; returns the pages done, or undefined when the disk was emptied or ended inside. */
  #writing(disk: Disk, all: number, action: () => void): number | undefined {
    const { zram, bytes } = disk;
    const gone = (): boolean => disk.zram !== zram || disk.bytes !== bytes || !this.#disks.includes(disk);
    try {
      action();
      return gone() ? undefined : all;
    } catch (error) {
      const code = this.#expectError(error, ['ENOMEM', 'EIO', 'EAGAIN', ...(gone() ? ['EINVAL'] : [])]);
      this.#count(`write ${code}`);
      if (gone()) return undefined;
      return (error as ZramError).pagesDone ?? 0;
    }
  }

  #expectError(error: unknown, codes: readonly string[]): string {
    if (error instanceof ZramError && codes.includes(error.code)) return error.code;
    throw error;
  }

  #put(disk: Disk, first: number, count: number, bytes: Uint8Array): void {
    disk.bytes.set(bytes.subarray(0, count * PAGE_SIZE), first * PAGE_SIZE);
    disk.stored.fill(true, first, first + count);
  }

  #writePages(disk: Disk, index: number, numbers: readonly number[]): void {
    const { toy } = this.#setting;
    // What a compressor does inside a write of many pages would have to be put between them.
    if (numbers.length > 1) toy.hook = undefined;
    const pages = numbers.map((number) => CONTENTS[number]);
    const first = Math.min(index, DEVICE_PAGES - pages.length);
    // A Buffer now and then: its methods differ from those of its base class.
    const bytes = index % 2 === 0 ? Buffer.concat(pages) : new Uint8Array(Buffer.concat(pages));
    const done = this.#writing(disk, pages.length, () => {
      if (pages.length === 1) disk.zram.writePage(first, bytes);
      else disk.zram.writePages(first, bytes);
    });
    if (done !== undefined) this.#put(disk, first, done, bytes);
  }

  #write(disk: Disk, call: RangeCall, from: number, bytes: number, fill: Uint8Array): void {
    const { offset, data, pages, stored } = this.#range(disk, call, from, bytes, fill);
    const { zram } = disk;
    const done = this.#writing(disk, pages.length, () => {
      if (call === 'write') zram.write(offset, data);
      else if (call === 'writeZeroes') zram.writeZeroes(offset, data.length);
      else equal(zram.writeChanged(offset, data), stored, 'pages that differed');
    });
    if (done !== undefined) this.#putRange(disk, pages.slice(0, done));
  }

  async #writeAsync(disk: Disk, operation: DeviceOperation & { op: 'writeAsync' }): Promise<void> {
    const { call, offset: from, length, fill } = operation;
    const { offset, data, pages, stored } = this.#range(disk, call, from, length, FILLS[fill]);
    const { zram } = disk;
    let done = pages.length;
    try {
      if (call === 'write') await zram.writeAsync(offset, data);
      else if (call === 'writeZeroes') await zram.writeZeroesAsync(offset, data.length);
      else equal(await zram.writeChangedAsync(offset, data), stored, 'pages that differed');
    } catch (error) {
      this.#count(`writeAsync ${this.#expectError(error, ['ENOMEM', 'EIO'])}`);
      done = (error as ZramError).pagesDone ?? 0;
    }
    this.#putRange(disk, pages.slice(0, done));
  }

  #range(disk: Disk, call: RangeCall, from: number, bytes: number, fill: Uint8Array) {
    this.#setting.toy.hook = undefined;
    const offset = Math.min(from, DISK_BYTES - 1);
    const length = Math.min(bytes, DISK_BYTES - offset);
    const data = call === 'writeZeroes' ? new Uint8Array(length) : fill.subarray(0, length);
    const pages = pagesOfRange(call, disk.bytes, offset, data);
    const stored = pages.filter(({ fate }) => fate === 'stored').length;
    return { offset, data, pages, stored };
  }

  #putRange(disk: Disk, pages: readonly PageOfRange[]): void {
    for (const { index, fate, after } of pages) {
      disk.bytes.set(after, index * PAGE_SIZE);
      if (fate !== 'left') disk.stored[index] = fate === 'stored';
    }
  }

  #discard(disk: Disk, from: number, bytes: number): void {
    const length = Math.min(bytes, DISK_BYTES - from);
    try {
      disk.zram.discard(from, length);
    } catch (error) {
      this.#expectError(error, ['ENOMEM']);
      this.#count('discard ENOMEM');
      return;
    }
    for (let index = 0; index < DEVICE_PAGES; index++) {
      if (index * PAGE_SIZE < from || (index + 1) * PAGE_SIZE > from + length) continue;
      disk.stored[index] = false;
      disk.bytes.fill(0, index * PAGE_SIZE, (index + 1) * PAGE_SIZE);
    }
  }

  async #read(disk: Disk, from: number, bytes: number): Promise<void> {
    this.#setting.toy.hook = undefined;
    const length = Math.min(bytes, DISK_BYTES - from);
    const read = await disk.zram.readAsync(from, length).catch((error: unknown) => {
      this.#count(`read ${this.#expectError(error, ['EIO'])}`);
    });
    if (read && !sameBytes(read, disk.bytes.subarray(from, from + length))) fail('a range reads wrong');
  }

  #store(page: Uint8Array): void {
    const { pool } = this.#setting;
    if (!pool) return;
    try {
      this.#handles.push({ handle: pool.store(page), bytes: page });
    } catch (error) {
      this.#expectError(error, ['ENOMEM']);
    }
  }

  // ── post-processing ────────────────────────────────────────────────────────────────────────────────────────────

  #recompress(disk: Disk, options: object): void {
    const nested = this.#nested;
    const before = disk.zram.mmStat;
    try {
      const { objectsRecompressed, bytesSaved } = disk.zram.recompress(options);
      this.#count('recompressed', objectsRecompressed);
      if (nested !== this.#nested) return;
      equal(before.comprDataSize - disk.zram.mmStat.comprDataSize, bytesSaved, 'bytesSaved');
      if (disk.zram.mmStat.memUsedMax !== before.memUsedMax) fail('recompression moved mem_used_max');
    } catch (error) {
      this.#count(`recompress ${this.#expectError(error, ['EIO', 'EINVAL', 'EAGAIN', 'ENOMEM'])}`);
    }
  }

  #idle(disk: Disk, age: number): void {
    try {
      disk.zram.idle(age === 0 ? 'all' : age);
    } catch (error) {
      this.#expectError(error, ['ENOMEM']);
      return;
    }
    if (age === 0) this.#areIdle(disk);
  }

  #areIdle({ zram }: Disk): void {
    for (let index = 0; index < DEVICE_PAGES; index++) {
      const state = zram.blockState(index);
      if (state && !state.same && !state.writtenBack && !state.idle) fail(`page ${index} is not idle`);
    }
  }

  async #writeback(disk: Disk, options: object): Promise<void> {
    const nested = this.#nested;
    const writtenBefore = this.#writtenBack(disk);
    const { zram } = disk;
    let report: WritebackReport | undefined;
    let pagesDone: number | undefined;
    try {
      report = await zram.writebackAsync(options);
    } catch (error) {
      const codes = ['EIO', 'ENOSPC', 'EAGAIN', 'ENODEV', 'ENOMEM', ...(nested === this.#nested ? [] : ['EINVAL'])];
      this.#count(`writeback ${this.#expectError(error, codes)}`);
      pagesDone = (error as ZramError).pagesDone;
    }
    if (nested !== this.#nested) return;
    const written = this.#writtenBack(disk) - writtenBefore;
    this.#count('written back', written);
    equal(written, report?.pagesWritten ?? pagesDone ?? 0, 'pagesWritten');
  }

  async #prefetch(disk: Disk, range: readonly [number, number]): Promise<void> {
    const nested = this.#nested;
    const before = this.#writtenBack(disk);
    let pagesRead: number | undefined;
    try {
      ({ pagesRead } = await disk.zram.prefetch([range]));
    } catch (error) {
      const codes = ['EIO', 'ENOMEM', ...(nested === this.#nested ? [] : ['EINVAL'])];
      this.#count(`prefetch ${this.#expectError(error, codes)}`);
      pagesRead = (error as ZramError).pagesDone;
    }
    if (nested !== this.#nested) return;
    const read = before - this.#writtenBack(disk);
    this.#count('prefetched', read);
    equal(read, pagesRead ?? 0, 'pagesRead');
  }

  #writtenBack({ zram }: Disk): number {
    let count = 0;
    for (let index = 0; index < DEVICE_PAGES; index++) if (zram.blockState(index)?.writtenBack) count++;
    return count;
  }

  // ── snapshots ──────────────────────────────────────────────────────────────────────────────────────────────────

  #snapshot({ zram, bytes }: Disk): void {
    if (this.#snapshots.length === SNAPSHOTS_MAX) this.#snapshots.shift()?.snapshot.destroy();
    try {
      this.#snapshots.push({ snapshot: zram.snapshot(), bytes: bytes.slice() });
    } catch (error) {
      this.#expectError(error, ['ENOMEM']);
    }
  }

  #clone(of: Zram | ZramSnapshot, { bytes, stored }: { bytes: Uint8Array; stored: boolean[] | undefined }): void {
    if (this.#disks.length === DISKS_MAX) return;
    try {
      const zram = of.clone();
      const kept =
        stored?.slice() ?? Array.from({ length: DEVICE_PAGES }, (_, index) => zram.blockState(index) !== undefined);
      this.#disks.push({ zram, bytes: bytes.slice(), stored: kept });
    } catch (error) {
      this.#expectError(error, ['ENOMEM']);
    }
  }

  /** Also of snapshots of other disks, which may be another family's. */
  #restore(disk: Disk, number: number): void {
    if (this.#snapshots.length === 0) return;
    const from = this.#snapshots[number % this.#snapshots.length];
    try {
      disk.zram.restore(from.snapshot);
    } catch (error) {
      this.#count(`restore ${this.#expectError(error, ['ENOMEM', 'EINVAL'])}`);
      return;
    }
    this.#count('restored');
    disk.bytes.set(from.bytes);
    disk.stored = Array.from({ length: DEVICE_PAGES }, (_, index) => from.snapshot.blockState(index) !== undefined);
  }

  /** Of two disks, and of a disk and a snapshot: exactly the pages that differ. */
  #diff(disk: Disk, number: number): void {
    const others = [this.#snapshots[number], this.#disks[number % this.#disks.length]];
    for (const other of others) {
      if (!other) continue;
      const expected = Array.from({ length: DEVICE_PAGES }, (_, index) => index).filter((index) => {
        const [from, to] = [index * PAGE_SIZE, (index + 1) * PAGE_SIZE];
        return !sameBytes(disk.bytes.subarray(from, to), other.bytes.subarray(from, to));
      });
      try {
        const ranges = disk.zram.diff('zram' in other ? other.zram : other.snapshot);
        const pages = ranges.flatMap(({ index, count }) => Array.from({ length: count }, (_, n) => index + n));
        equal(pages, expected, 'diff');
        this.#count('diffs');
      } catch (error) {
        this.#expectError(error, ['EIO', 'EAGAIN']);
      }
    }
  }

  // ── life ───────────────────────────────────────────────────────────────────────────────────────────────────────

  #reset(disk: Disk): void {
    const { zram } = disk;
    zram.reset();
    const { compAlgorithm, recompAlgorithms, backing, dedup } = this.#options();
    zram.setBacking(backing);
    zram.sysfs.write('comp_algorithm', compAlgorithm);
    recompAlgorithms.forEach((algo, n) => zram.sysfs.write('recomp_algorithm', `algo=${algo} priority=${n + 1}`));
    zram.sysfs.write('use_dedup', dedup ? '1' : '0');
    disk.bytes = new Uint8Array(DISK_BYTES);
    disk.stored = disk.stored.map(() => false);
    try {
      zram.init(DISK_BYTES);
    } catch (error) {
      this.#expectError(error, ['ENOMEM']);
      this.#destroy(disk);
    }
  }

  /** Also of a device whose snapshots and clones live on. */
  #destroy(disk: Disk): void {
    disk.zram.destroy();
    this.#disks.splice(this.#disks.indexOf(disk), 1);
    if (this.#disks.length > 0) return;
    if (this.#setting.tight) for (const { snapshot } of this.#snapshots.splice(0)) snapshot.destroy();
    this.#add();
  }

  // ── checks ─────────────────────────────────────────────────────────────────────────────────────────────────────

  async #check(): Promise<void> {
    checkPools(this.#setting.engine);
    const { toy } = this.#setting;
    this.#checkUse();
    const { fails, hook } = toy;
    toy.fails = false;
    toy.hook = undefined;
    for (const backing of this.#backings) backing.failPercent = 0;
    for (const disk of this.#disks) await this.#checkDisk(disk);
    for (const { snapshot, bytes } of this.#snapshots) await this.#checkPages(snapshot, bytes);
    for (const { handle, bytes } of this.#handles) {
      if (!sameBytes(this.#setting.pool!.read(handle), bytes)) fail('a handle reads wrong');
    }
    toy.fails = fails;
    toy.hook = hook;
    for (const backing of this.#backings) backing.failPercent = this.#failPercent;
  }

  /** What each says that it takes alone, and with others, beside what all pages say. */
  #checkUse(): void {
    const all = [...this.#disks.map(({ zram }) => zram), ...this.#snapshots.map(({ snapshot }) => snapshot)];
    const used = all.map((one) => objectsOf(one, DEVICE_PAGES));
    for (const [n, one] of all.entries()) {
      const { private: own, shared } = one.memoryUse();
      equal(own + shared, sumOf(used[n].values()), 'bytes that are used');
      if (this.#handles.length > 0) continue; // these may have any object
      const others = used.filter((_, other) => other !== n);
      const alone = [...used[n]].filter(([object]) => !others.some((other) => other.has(object)));
      equal(own, sumOf(alone.map(([, size]) => size)), 'bytes that only one uses');
    }
  }

  async #checkDisk({ zram, bytes, stored }: Disk): Promise<void> {
    const states = stored.map((_, index) => zram.blockState(index));
    equal(
      states.map((state) => state !== undefined),
      stored,
      'which pages are stored',
    );
    const { origDataSize, samePages, hugePages } = zram.mmStat;
    const count = (flag: 'same' | 'huge') => states.filter((state) => state?.[flag] && !state.writtenBack).length;
    const sameFilled = stored.filter(
      (is, index) =>
        is && bytes.subarray(index * PAGE_SIZE, (index + 1) * PAGE_SIZE).every((b, i, p) => b === p[i & 7]),
    ).length;
    equal(
      [origDataSize, samePages, hugePages],
      [stored.filter(Boolean).length * PAGE_SIZE, sameFilled, count('huge')],
      'mmStat',
    );
    equal(count('same'), sameFilled, 'same-filled pages');
    const extents = extentsOfModel(bytes, (page) => stored[page], 7, DISK_BYTES - 7);
    equal(zram.extents(7, DISK_BYTES - 7), extents, 'extents');
    for (const state of states) {
      if (state && !state.writtenBack) equal(state.huge, state.comprSize === PAGE_SIZE, 'whether a page is huge');
    }
    // Through a snapshot: reading the device would take the idle marks away.
    let snapshot: ZramSnapshot;
    try {
      snapshot = zram.snapshot();
    } catch (error) {
      this.#expectError(error, ['ENOMEM']);
      await this.#checkPages(zram, bytes);
      return;
    }
    await this.#checkPages(snapshot, bytes);
    snapshot.destroy();
  }

  async #checkPages(from: Zram | ZramSnapshot, bytes: Uint8Array): Promise<void> {
    if (!sameBytes(await from.readPagesAsync(0, DEVICE_PAGES), bytes)) fail('a page reads wrong');
  }

  /** Ends all in some order: those that are left stay whole, and at last all memory is free. */
  async end(order: number): Promise<void> {
    this.#setting.toy.hook = undefined;
    for (const backing of this.#backings) backing.hook = undefined;
    for (let n = order; this.#disks.length + this.#snapshots.length > 0; n = Math.floor(n / 3) + 1) {
      const at = n % (this.#disks.length + this.#snapshots.length);
      if (at < this.#disks.length) this.#disks.splice(at, 1)[0].zram.destroy();
      else this.#snapshots.splice(at - this.#disks.length, 1)[0].snapshot.destroy();
      await this.#check();
    }
    const { engine, pool } = this.#setting;
    for (const { handle } of this.#handles.splice(0)) pool?.free(handle);
    if (pool) equal([pool.totalPages, pool.stats().handles], [0, 0], 'the emptied pool');
    pool?.merge();
    const kept = engine.memory.used - this.#usedAtStart;
    if (kept < 0 || kept > 8) fail(`${kept} bytes stay in use`);
  }
}
