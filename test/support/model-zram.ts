/**
 * Devices on one pool beside an obviously right model of them: an array of bytes each, and for every page what is
 * stored there. What LZ4 makes of a page comes from the core, all other figures are computed here.
 */
import { ZramError, type Engine, type MmStat, type Zram, type ZsPool } from '../../bindings/index.js';
import { checkPools, memoryOf, type RawExports } from './raw-core.js';
import { extentsOfModel, pagesOfRange, type RangeCall } from './model-ranges.js';
import { sameBytes } from './pages.js';
import { FILLS, PAGES, type ZramOperation } from './model-zram-operations.js';
import { equal, fail } from './model-checks.js';

const PAGE_SIZE = 4096;
export const DISK_PAGES = 40;
const DISK_BYTES = DISK_PAGES * PAGE_SIZE;
const HUGE_CLASS_SIZE = 3625;
/** A zspage, a chunk of cells, a slab, and up to three frames of a table: what one write can take. */
const WRITE_PAGES_MAX = 8 + 1 + 1 + 3;

/** What a page of a disk is stored as. */
interface Slot {
  readonly kind: 'same' | 'object';
  /** the object's bytes, for telling distinct ones apart */
  readonly payload: string;
  readonly length: number;
  readonly huge: boolean;
}

interface Disk {
  zram: Zram;
  level: number;
  bytes: Uint8Array;
  slots: (Slot | undefined)[];
  limit: number;
  failedWrites: number;
  notifyFree: number;
  hugeSince: number;
}

export interface ZramSetting {
  readonly engine: Engine;
  /** shared by all disks; undefined: one disk with a pool of its own */
  readonly pool: ZsPool | undefined;
  /** LZ4 acceleration, one disk each */
  readonly levels: readonly number[];
  /** a core apart from the engine's, for compressing */
  readonly lz4: RawExports;
  readonly tight: boolean;
}

export class ModelZram {
  readonly #setting: ZramSetting;
  readonly #disks: Disk[];
  readonly #usedAtStart: number;
  #passOpen = false;
  #failures = 0;

  constructor(setting: ZramSetting) {
    this.#setting = setting;
    this.#usedAtStart = setting.engine.memory.used;
    this.#disks = setting.levels.map((level) => this.#make(level));
  }

  get failures(): number {
    return this.#failures;
  }

  #make(level: number): Disk {
    const { engine, pool } = this.#setting;
    const zram = engine.createZram({ disksize: DISK_BYTES, level, pool });
    return {
      zram,
      level,
      bytes: new Uint8Array(DISK_BYTES),
      slots: new Array<Slot | undefined>(DISK_PAGES).fill(undefined),
      limit: 0,
      failedWrites: 0,
      notifyFree: 0,
      hugeSince: 0,
    };
  }

  run(operation: ZramOperation): void {
    const disk = this.#disks[operation.disk % this.#disks.length];
    switch (operation.op) {
      case 'writePages':
        this.#writePages(
          disk,
          operation.index,
          operation.pages.map((number) => PAGES[number]),
        );
        break;
      case 'write':
        this.#write(disk, operation.call, operation.offset, operation.length, FILLS[operation.fill]);
        break;
      case 'discard':
        this.#discard(disk, operation.offset, operation.length);
        break;
      case 'read':
        this.#read(disk, operation.offset, operation.length);
        break;
      case 'merge':
        this.#merge(disk, operation.budget);
        break;
      case 'settle':
        this.#settle(disk);
        break;
      case 'dryRun':
        this.#dryRun(disk);
        break;
      case 'compact':
        disk.zram.compact({ inPageOrder: operation.inPageOrder });
        break;
      case 'reset':
        this.#reset(disk);
        break;
      case 'limit':
        disk.zram.sysfs.write('mem_limit', String(operation.pages * PAGE_SIZE));
        disk.limit = operation.pages * PAGE_SIZE;
        break;
      case 'memUsedMax':
        disk.zram.sysfs.write('mem_used_max', '0');
        equal(disk.zram.mmStat.memUsedMax, disk.zram.mmStat.memUsedTotal, 'memUsedMax');
        break;
      case 'replace':
        disk.zram.destroy();
        this.#disks[this.#disks.indexOf(disk)] = this.#make(disk.level);
        this.#readAll();
        break;
    }
    this.#check();
  }

  // ── operations ─────────────────────────────────────────────────────────────────────────────────────────────────

  /** What writing a page makes of it. */
  #slotOf(page: Uint8Array, level: number): Slot {
    if (page.every((byte, i) => byte === page[i & 7])) return { kind: 'same', payload: '', length: 0, huge: false };
    const { lz4 } = this.#setting;
    const staging = lz4.stagingAddress();
    memoryOf(lz4).set(page, staging);
    const length = lz4.lz4Compress(level);
    const huge = length >= HUGE_CLASS_SIZE;
    const block = memoryOf(lz4).subarray(staging + PAGE_SIZE, staging + PAGE_SIZE + length);
    const payload = Buffer.from(huge ? page : block).toString('latin1');
    return { kind: 'object', payload, length: huge ? PAGE_SIZE : length, huge };
  }

  #stored(disk: Disk, index: number, page: Uint8Array): void {
    const slot = this.#slotOf(page, disk.level);
    disk.slots[index] = slot;
    disk.bytes.set(page, index * PAGE_SIZE);
    if (slot.huge) disk.hugeSince++;
  }

  /** @returns how many pages of those that the operation is for were stored */
  #writing(disk: Disk, action: () => void, all: number): number {
    const { engine } = this.#setting;
    const { memUsedTotal } = disk.zram.mmStat;
    try {
      action();
      const used = disk.zram.mmStat.memUsedTotal;
      if (disk.limit > 0 && used > disk.limit && used > memUsedTotal) fail(`${used} bytes used pass the limit`);
      return all;
    } catch (error) {
      if (!(error instanceof ZramError) || error.code !== 'ENOMEM') throw error;
      this.#failures++;
      disk.failedWrites++;
      const { used, limit } = engine.memory;
      const passesLimit = disk.limit > 0 && memUsedTotal + (all + 1) * 8 * PAGE_SIZE > disk.limit;
      const passesMemory = used + WRITE_PAGES_MAX * PAGE_SIZE > limit;
      if (!passesLimit && !passesMemory) fail(`ENOMEM with ${used} of ${limit} bytes used`);
      if (error.pagesDone === undefined && all > 1) fail('no pagesDone');
      return error.pagesDone ?? 0;
    }
  }

  #writePages(disk: Disk, index: number, pages: readonly Uint8Array[]): void {
    const first = Math.min(index, DISK_PAGES - pages.length);
    const [page] = pages;
    const done = this.#writing(
      disk,
      () => {
        if (pages.length === 1 && page) disk.zram.writePage(first, page);
        else disk.zram.writePages(first, new Uint8Array(Buffer.concat(pages)));
      },
      pages.length,
    );
    for (let n = 0; n < done; n++) this.#stored(disk, first + n, pages[n]);
  }

  #write(disk: Disk, call: RangeCall, from: number, bytes: number, fill: Uint8Array): void {
    const offset = Math.min(from, DISK_BYTES - 1);
    const length = Math.min(bytes, DISK_BYTES - offset);
    const data = call === 'writeZeroes' ? new Uint8Array(length) : fill.subarray(0, length);
    const pages = pagesOfRange(call, disk.bytes, offset, data);
    const done = this.#writing(
      disk,
      () => {
        if (call === 'write') disk.zram.write(offset, data);
        else if (call === 'writeZeroes') disk.zram.writeZeroes(offset, length);
        else {
          const stored = pages.filter(({ fate }) => fate === 'stored').length;
          equal(disk.zram.writeChanged(offset, data), stored, 'pages that differed');
        }
      },
      pages.length,
    );
    for (const { index, fate, after } of pages.slice(0, done)) {
      if (fate === 'stored') this.#stored(disk, index, after);
      else if (fate === 'freed') this.#freed(disk, index);
    }
  }

  #freed(disk: Disk, index: number): void {
    disk.slots[index] = undefined;
    disk.bytes.fill(0, index * PAGE_SIZE, (index + 1) * PAGE_SIZE);
    disk.notifyFree++;
  }

  #discard(disk: Disk, from: number, bytes: number): void {
    const length = Math.min(bytes, DISK_BYTES - from);
    disk.zram.discard(from, length);
    for (let index = 0; index < DISK_PAGES; index++) {
      if (index * PAGE_SIZE < from || (index + 1) * PAGE_SIZE > from + length) continue;
      this.#freed(disk, index);
    }
  }

  #read(disk: Disk, from: number, bytes: number): void {
    const length = Math.min(bytes, DISK_BYTES - from);
    const out = new Uint8Array(length + 1).fill(0xee);
    if (disk.zram.read(from, length, out) !== out) fail('read did not return out');
    if (!sameBytes(out.subarray(0, length), disk.bytes.subarray(from, from + length))) fail('a range reads wrong');
    equal(out[length], 0xee, 'the byte behind what was read');
    const extents = extentsOfModel(disk.bytes, (page) => disk.slots[page] !== undefined, from, length);
    equal(disk.zram.extents(from, length), extents, 'extents');
  }

  #merge(disk: Disk, budget: number) {
    const before = disk.zram.mmStat;
    const report = disk.zram.merge(budget === 0 ? {} : { maxObjects: budget });
    const after = disk.zram.mmStat;
    equal(after.pagesMerged - before.pagesMerged, report.objectsMerged, 'objectsMerged');
    equal(before.comprDataSize - after.comprDataSize, report.bytesMerged, 'bytesMerged');
    equal(before.memUsedTotal - after.memUsedTotal, report.pagesFreed * PAGE_SIZE, 'pagesFreed');
    this.#passOpen = !report.complete;
    this.#readAll();
    return report;
  }

  #settle(disk: Disk): void {
    for (let round = 0; round < 4; round++) {
      const goesOn = this.#passOpen;
      if (this.#merge(disk, 0).objectsScanned === 0 && !goesOn) break;
    }
    const { comprDataSize, pagesMerged } = disk.zram.mmStat;
    const { pages, distinct, distinctBytes } = this.#poolFigures();
    if (this.#setting.tight && pagesMerged < pages - distinct) return; // no cell for a group
    equal([comprDataSize, pagesMerged], [distinctBytes, pages - distinct], 'comprDataSize and pagesMerged');
  }

  #dryRun(disk: Disk): void {
    const before = disk.zram.mmStat;
    disk.zram.merge({ dryRun: true });
    equal(disk.zram.mmStat, before, 'mmStat after a dry run');
  }

  #reset(disk: Disk): void {
    disk.zram.reset();
    disk.zram.init(DISK_BYTES);
    const { zram, level } = disk;
    disk.slots.fill(undefined);
    disk.bytes.fill(0);
    zram.sysfs.write('algorithm_params', `level=${level}`);
    Object.assign(disk, { limit: 0, failedWrites: 0, notifyFree: 0, hugeSince: 0 });
    this.#readAll();
  }

  // ── checks ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Of all disks: pages with an object, distinct objects and their bytes. */
  #poolFigures() {
    const objects = this.#disks.flatMap(({ slots }) => slots).filter((slot) => slot?.kind === 'object') as Slot[];
    const distinct = new Map(objects.map((slot) => [slot.payload, slot.length]));
    const sum = (lengths: Iterable<number>) => [...lengths].reduce((total, length) => total + length, 0);
    return {
      pages: objects.length,
      bytes: sum(objects.map(({ length }) => length)),
      distinct: distinct.size,
      distinctBytes: sum(distinct.values()),
    };
  }

  #check(): void {
    checkPools(this.#setting.engine);
    const { pages, bytes, distinct, distinctBytes } = this.#poolFigures();
    for (const disk of this.#disks) {
      const { mmStat, ioStat } = disk.zram;
      const stored = disk.slots.filter((slot) => slot !== undefined);
      const expected: Partial<MmStat> = {
        origDataSize: stored.length * PAGE_SIZE,
        memLimit: disk.limit,
        samePages: stored.filter(({ kind }) => kind === 'same').length,
        hugePages: stored.filter(({ huge }) => huge).length,
        hugePagesSince: disk.hugeSince,
      };
      for (const [name, value] of Object.entries(expected)) equal(mmStat[name as keyof MmStat], value, name);
      equal(
        [ioStat.failedWrites, ioStat.notifyFree, ioStat.failedReads],
        [disk.failedWrites, disk.notifyFree, 0],
        'ioStat',
      );
      if (mmStat.memUsedMax < mmStat.memUsedTotal) fail('memUsedMax is below memUsedTotal');
      const { comprDataSize, pagesMerged } = mmStat;
      if (comprDataSize < distinctBytes || comprDataSize > bytes) fail(`comprDataSize ${comprDataSize}`);
      if (pagesMerged < 0 || pagesMerged > pages - distinct) fail(`pagesMerged ${pagesMerged}`);
      equal(pagesMerged === 0, comprDataSize === bytes, 'whether anything is merged');
    }
  }

  #readAll(): void {
    for (const { zram, bytes } of this.#disks) {
      if (!sameBytes(zram.readPages(0, DISK_PAGES), bytes)) fail('a page reads wrong');
    }
  }

  /** Ends disk after disk: those that are left stay whole, and at last all memory is free. */
  end(): void {
    this.#readAll();
    for (const { zram } of [...this.#disks]) {
      zram.destroy();
      this.#disks.shift();
      this.#check();
      this.#readAll();
    }
    const { engine, pool } = this.#setting;
    if (pool) equal([pool.totalPages, pool.stats().handles], [0, 0], 'the emptied pool');
    pool?.merge();
    const kept = engine.memory.used - this.#usedAtStart;
    if (kept < 0 || kept > 8) fail(`${kept} bytes stay in use`);
  }
}
