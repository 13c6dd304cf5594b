/**
 * Many calls under way at once on devices of one engine, and an obviously right model of what each may give: a register
 * (register.ts) for each part of each page. Everything is drawn from one seed: which features a run has, what is called,
 * and in which order backings and sinks answer.
 */
import {
  ZramError,
  type Engine,
  type Zram,
  type ZramOptions,
  type ZramSnapshot,
  type ZsPool,
} from '../../bindings/index.js';
import { FlakyBacking } from '../support/flaky-backing.js';
import { fail } from '../support/model-checks.js';
import type { Random } from '../support/random.js';
import { checkPools } from '../support/raw-core.js';
import { contentsOf, CONTENTS, CUTS, fillParts, PARTS, PART_COUNT, PAGES } from './contents.js';
import { LateBacking, LateBatchBacking } from './late-backing.js';
import { Register, type Write } from './register.js';

const PAGE_SIZE = 4096;
const DISK_BYTES = PAGES * PAGE_SIZE;
const DISKS_MAX = 4;
const SLOTS = 12;
const UNDER_WAY_MAX = 24;
/** Turns of the event loop after which a call that has not settled is taken to hang. */
const TURNS_MAX = 2000;

/** What a run may have; each run has some of it. */
export const FEATURES = [
  ...['asynchronous', 'backing', 'failures', 'damage', 'dedup', 'deflate', 'recompress', 'shared', 'tight'],
  ...['snapshots', 'clones', 'save', 'load', 'reset', 'destroy', 'signals', 'detached', 'diff', 'sync', 'merge'],
  ...['batches', 'objects', 'compressed', 'one by one', 'prefetch', 'discards', 'restore'],
] as const;
export type Feature = (typeof FEATURES)[number];

/** A disk, from its making to its end: a device gets another one by a reset. */
interface Disk {
  readonly parts: Register[];
  readonly backing: LateBacking | FlakyBacking | undefined;
  /** Calls that are under way may end with EINVAL. */
  gone: boolean;
}

interface Device {
  readonly zram: Zram;
  disk: Disk;
}

interface Frozen {
  readonly snapshot: ZramSnapshot;
  readonly disk: Disk;
}

interface Saved {
  readonly bytes: Uint8Array;
  readonly parts: Register[];
}

export interface Setting {
  readonly engine: Engine;
  readonly random: Random;
  readonly features: ReadonlySet<Feature>;
}

export class Interleavings {
  readonly #setting: Setting;
  readonly #pool: ZsPool | undefined;
  readonly #devices: Device[] = [];
  readonly #frozen: Frozen[] = [];
  readonly #saved: Saved[] = [];
  readonly #backings: LateBacking[] = [];
  readonly #synchronous: FlakyBacking[] = [];
  readonly #sinks: (() => void)[] = [];
  readonly #underWay = new Set<Promise<void>>();
  #time = 0;
  #failure: Error | undefined;
  #quiet = false;
  readonly seen = new Map<string, number>();

  constructor(setting: Setting) {
    this.#setting = setting;
    this.#pool = this.#has('shared') ? setting.engine.createPool({ dedup: this.#has('dedup') }) : undefined;
    this.#add();
  }

  #has(feature: Feature): boolean {
    return this.#setting.features.has(feature);
  }

  #count(what: string): void {
    this.seen.set(what, (this.seen.get(what) ?? 0) + 1);
  }

  // ── devices ────────────────────────────────────────────────────────────────────────────────────────────────────

  #makeBacking(): Disk['backing'] {
    const { random } = this.#setting;
    if (!this.#has('backing') && !this.#has('asynchronous')) return undefined;
    if (!this.#has('asynchronous')) {
      const backing = new FlakyBacking(SLOTS, random.next());
      if (this.#has('failures')) backing.failPercent = 10;
      this.#synchronous.push(backing);
      return backing;
    }
    const backing = this.#has('batches')
      ? new LateBatchBacking(SLOTS, random, this.#has('objects'))
      : new LateBacking(SLOTS, random);
    if (this.#has('discards')) backing.wantDiscards();
    if (this.#has('failures')) backing.failPercent = 15;
    if (this.#has('damage')) backing.damagePercent = 8;
    this.#backings.push(backing);
    return backing;
  }

  #options(backing: Disk['backing']): ZramOptions {
    return {
      disksize: DISK_BYTES,
      dedup: this.#has('dedup'),
      compAlgorithm: this.#has('deflate') ? 'deflate' : 'lz4',
      recompAlgorithms: this.#has('recompress') ? ['deflate'] : [],
      ...(backing ? { backing } : {}),
      compressedWriteback: this.#has('compressed'),
      ...(this.#has('one by one') ? { writebackBatchSize: 1 } : {}),
    };
  }

  #add(): void {
    const backing = this.#makeBacking();
    const zram = this.#setting.engine.createZram({ ...this.#options(backing), pool: this.#pool });
    this.#devices.push({ zram, disk: newDisk(emptyParts(), backing) });
  }

  // ── one step ───────────────────────────────────────────────────────────────────────────────────────────────────

  async step(): Promise<void> {
    const { random } = this.#setting;
    const doing = random.below(10);
    if (doing < 5 && this.#underWay.size < UNDER_WAY_MAX) this.#call();
    else if (doing < 8) this.#answer();
    else for (let n = random.below(6); n >= 0; n--) await Promise.resolve();
    if (random.chance(3)) await turn();
    this.#check();
  }

  #answer(): void {
    const { random } = this.#setting;
    const sources = [
      ...this.#backings.filter((backing) => backing.waiting > 0).map((backing) => () => backing.answerOne()),
      ...(this.#sinks.length > 0 ? [() => this.#sinks.splice(random.below(this.#sinks.length), 1)[0]()] : []),
    ];
    if (sources.length > 0) random.pick(sources)();
  }

  #check(): void {
    if (this.#failure) throw this.#failure;
    for (const { fault } of this.#backings) if (fault !== undefined) fail(fault);
    checkPools(this.#setting.engine);
  }

  /** Everything that is under way comes to its end. */
  async settle(): Promise<void> {
    for (let turns = 0; this.#underWay.size > 0; turns++) {
      if (turns === TURNS_MAX) fail(`${this.#underWay.size} calls never settle`);
      for (const backing of this.#backings) backing.answerAll();
      for (const answer of this.#sinks.splice(0)) answer();
      await turn();
      this.#check();
    }
  }

  /** All is well afterwards: every page of every disk and snapshot is there, and nothing stays when all has ended. */
  async end(): Promise<void> {
    await this.settle();
    this.#quiet = true;
    for (const backing of this.#backings) backing.failPercent = backing.damagePercent = 0;
    for (const backing of this.#synchronous) backing.failPercent = 0;
    for (const each of [...this.#devices, ...this.#frozen]) {
      for (let again = 0; again < 2; again++) this.#read(each, 0, PARTS);
      await this.settle();
    }
    for (const saved of this.#saved) await this.#load(saved);
    this.#check();
    const { random } = this.#setting;
    const things = [...this.#devices.map(({ zram }) => zram), ...this.#frozen.map(({ snapshot }) => snapshot)];
    while (things.length > 0) things.splice(random.below(things.length), 1)[0].destroy();
    this.#pool?.destroy();
  }

  /** The engine ends while calls are under way: each of them settles. */
  async abandon(): Promise<void> {
    for (const { disk } of [...this.#devices, ...this.#frozen]) disk.gone = true;
    this.#setting.engine.destroy();
    await this.settle();
  }

  // ── calls ──────────────────────────────────────────────────────────────────────────────────────────────────────

  #call(): void {
    const { random } = this.#setting;
    if (this.#devices.length === 0) {
      this.#now([], () => this.#add()); // what is being saved may still hold the memory
      return;
    }
    const device = random.pick(this.#devices);
    const { zram } = device;
    const calls: [weight: number, feature: Feature | undefined, call: () => void][] = [
      [10, undefined, () => this.#read(random.chance(70) ? device : this.#any(), ...this.#range())],
      [10, undefined, () => this.#writeAsync(device, ...this.#range())],
      [8, undefined, () => this.#write(device)],
      [3, undefined, () => this.#discard(device)],
      [3, 'sync', () => this.#readNow(device, ...this.#range())],
      [8, 'asynchronous', () => this.#writeback(device)],
      [4, 'backing', () => this.#writebackNow(device)],
      [4, 'prefetch', () => this.#prefetch(device)],
      [2, 'merge', () => void this.#now(['ENOMEM'], () => zram.merge())],
      [1, 'merge', () => void this.#now(['ENOMEM'], () => zram.compact())],
      [1, 'recompress', () => void this.#now(['EIO', 'EAGAIN', 'ENOMEM'], () => zram.recompress())],
      [1, undefined, () => void this.#now(['ENOMEM'], () => zram.idle())],
      [3, 'snapshots', () => this.#snapshot(device)],
      [2, 'clones', () => this.#clone(device)],
      [1, 'snapshots', () => this.#drop()],
      [2, 'restore', () => this.#restore(device)],
      [3, undefined, () => this.#writeZeroesAsync(device, ...this.#range())],
      [3, 'save', () => this.#save(random.chance(60) ? device : this.#any())],
      [2, 'load', () => this.#loadSome()],
      [3, 'diff', () => this.#diff(device)],
      [1, 'reset', () => this.#reset(device)],
      [1, 'destroy', () => this.#destroy(device)],
    ];
    const possible = calls.filter(([, feature]) => feature === undefined || this.#has(feature));
    let left = random.below(possible.reduce((sum, [weight]) => sum + weight, 0));
    for (const [weight, , call] of possible) {
      left -= weight;
      if (left < 0) {
        call();
        return;
      }
    }
  }

  #any(): Device | Frozen {
    return this.#setting.random.pick([...this.#devices, ...this.#frozen]);
  }

  /** First part and number of parts. */
  #range(): [first: number, count: number] {
    const { random } = this.#setting;
    const first = random.below(PARTS);
    return [first, random.between(1, Math.min(PARTS - first, random.pick([1, 2, 3, 12])))];
  }

  #follow(call: Promise<void>): void {
    const followed = call
      .catch((error: unknown) => {
        this.#failure ??= error as Error;
      })
      .finally(() => this.#underWay.delete(followed));
    this.#underWay.add(followed);
  }

  /** An error that may be: its code. @throws anything else */
  #codeOf(error: unknown, codes: readonly string[], of?: { gone: boolean }): string {
    const allowed = [...codes, ...(of?.gone ? ['EINVAL'] : []), ...(this.#has('tight') ? ['ENOMEM'] : [])];
    if (error instanceof ZramError && allowed.includes(error.code)) {
      this.#count(error.code);
      return error.code;
    }
    throw error;
  }

  #now(codes: readonly string[], action: () => void): string | undefined {
    try {
      action();
      return undefined;
    } catch (error) {
      return this.#codeOf(error, codes);
    }
  }

  // ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Codes of a read that a backing may spoil. */
  #readCodes({ backing }: Disk): string[] {
    if (backing instanceof LateBacking && backing.damaged) return ['EIO'];
    const fails = backing !== undefined && !this.#quiet && (this.#has('failures') || this.#has('damage'));
    return fails ? ['EIO'] : [];
  }

  #read(of: Device | Frozen, first: number, count: number): void {
    const { random } = this.#setting;
    const start = this.#time++;
    const { offset, length } = bytesOf(first, count);
    const { disk } = of; // the one that there is now
    const device = readable(of);
    const out = random.chance(40) ? new Uint8Array(length + random.below(2) * 5).fill(0xa5) : undefined;
    const whole = offset % PAGE_SIZE === 0 && length % PAGE_SIZE === 0 && random.chance(50);
    const reading = whole
      ? device.readPagesAsync(offset / PAGE_SIZE, length / PAGE_SIZE, out)
      : device.readAsync(offset, length, out);
    let detached = false;
    if (out && this.#has('detached') && !this.#quiet && random.chance(15)) {
      structuredClone(out.buffer, { transfer: [out.buffer] });
      detached = true;
    }
    this.#follow(
      reading.then(
        (bytes) => {
          if (detached) {
            if (bytes !== out) fail('a read gives another array than out');
            return;
          }
          if (out && (bytes !== out || out.subarray(length).some((byte) => byte !== 0xa5)))
            fail('out is filled wrongly');
          this.#compare(bytes, disk.parts, first, count, start, this.#time++, 'snapshot' in of);
          this.#count('read');
        },
        (error: unknown) => {
          const codes = this.#readCodes(disk);
          this.#codeOf(error, detached ? [...codes, 'EINVAL'] : codes, disk);
        },
      ),
    );
  }

  #readNow({ zram, disk }: Device, first: number, count: number): void {
    const { offset, length } = bytesOf(first, count);
    const time = this.#time++;
    let bytes: Uint8Array | undefined;
    const codes = [...this.#readCodes(disk), ...(this.#has('asynchronous') ? ['EAGAIN'] : [])];
    this.#now(codes, () => (bytes = zram.read(offset, length)));
    if (bytes) this.#compare(bytes, disk.parts, first, count, time, time);
  }

  /** @param settled it never changes: what was read once is what there is */
  #compare(
    bytes: Uint8Array,
    parts: readonly Register[],
    first: number,
    count: number,
    start: number,
    end: number,
    settled = this.#quiet,
  ): void {
    const found = contentsOf(bytes, first, count);
    for (let n = 0; n < count; n++) {
      const register = parts[first + n];
      if ((register.allowed(start, end) & found[n]) === 0) {
        fail(
          `part ${(first + n) % PART_COUNT} of page ${Math.floor((first + n) / PART_COUNT)} reads as content ${found[n].toString(2)}, ` +
            `and may be ${register.allowed(start, end).toString(2)}`,
        );
      }
      if (settled || this.#quiet) register.settle(found[n]);
    }
  }

  // ── writing ────────────────────────────────────────────────────────────────────────────────────────────────────

  #writeAsync({ zram, disk }: Device, first: number, count: number): void {
    const { random } = this.#setting;
    const content = random.below(CONTENTS);
    const { offset, length } = bytesOf(first, count);
    const bytes = fillParts(content, first, count);
    const { parts } = disk;
    const start = this.#time++;
    const writes = Array.from({ length: count }, (_, n) => parts[first + n].begin(start, 1 << content));
    const given = random.chance(50) ? Buffer.from(bytes.buffer, 0, length) : bytes;
    const writing = random.chance(30) ? zram.writeChangedAsync(offset, given) : zram.writeAsync(offset, given);
    bytes.fill(0xbd); // it is the caller's again
    this.#followWrite(writing, disk, first, writes);
  }

  #writeZeroesAsync({ zram, disk }: Device, first: number, count: number): void {
    const { offset, length } = bytesOf(first, count);
    const start = this.#time++;
    const writes = Array.from({ length: count }, (_, n) => disk.parts[first + n].begin(start, 1));
    this.#followWrite(zram.writeZeroesAsync(offset, length), disk, first, writes);
  }

  #followWrite(writing: Promise<unknown>, disk: Disk, first: number, writes: readonly Write[]): void {
    const { parts } = disk;
    const count = writes.length;
    const finish = (parts_: number): void => {
      const end = this.#time++;
      for (let n = 0; n < count; n++) {
        if (n < parts_) parts[first + n].finish(writes[n], end);
        else parts[first + n].cancel(writes[n]);
      }
    };
    this.#follow(
      writing.then(
        () => {
          finish(count);
          this.#count('written');
        },
        (error: unknown) => {
          this.#codeOf(error, this.#readCodes(disk), disk);
          if (disk.gone) return;
          finish(partsDone(first, count, (error as ZramError).pagesDone ?? 0));
        },
      ),
    );
  }

  #write({ zram, disk }: Device): void {
    const { random } = this.#setting;
    const content = random.below(CONTENTS);
    const whole = random.chance(60);
    const [first, count] = whole ? this.#wholePages() : this.#range();
    const { offset } = bytesOf(first, count);
    const bytes = fillParts(content, first, count);
    const time = this.#time++;
    let done = count;
    try {
      if (!whole) zram.write(offset, bytes);
      else if (count === PART_COUNT) zram.writePage(offset / PAGE_SIZE, bytes);
      else zram.writePages(offset / PAGE_SIZE, bytes);
    } catch (error) {
      this.#codeOf(error, [...this.#readCodes(disk), ...(this.#has('asynchronous') && !whole ? ['EAGAIN'] : [])]);
      done = partsDone(first, count, (error as ZramError).pagesDone ?? 0);
    }
    for (let n = 0; n < done; n++) disk.parts[first + n].write(time, 1 << content);
  }

  #wholePages(): [first: number, count: number] {
    const { random } = this.#setting;
    const page = random.below(PAGES);
    return [page * PART_COUNT, random.between(1, Math.min(3, PAGES - page)) * PART_COUNT];
  }

  #discard({ zram, disk }: Device): void {
    const [first, count] = this.#wholePages();
    const { offset, length } = bytesOf(first, count);
    // Pages between others that a snapshot or clone shares need memory to be parted from them.
    if (this.#now(['ENOMEM'], () => zram.discard(offset, length)) !== undefined) return;
    const time = this.#time++;
    for (let n = 0; n < count; n++) disk.parts[first + n].write(time, 1);
  }

  #prefetch({ zram, disk }: Device): void {
    const [first, count] = this.#wholePages();
    const page = first / PART_COUNT;
    const controller = this.#has('signals') && this.#setting.random.chance(20) ? new AbortController() : undefined;
    const call = zram.prefetch([[page, page + count / PART_COUNT - 1]], { signal: controller?.signal });
    if (controller) queueMicrotask(() => controller.abort());
    this.#follow(
      call.then(
        ({ pagesRead }) => {
          if (pagesRead > 0) this.#count('prefetched');
        },
        (error: unknown) => {
          this.#codeOf(error, [...this.#readCodes(disk), ...(controller ? ['ECANCELED'] : [])], disk);
        },
      ),
    );
  }

  // ── writing back ───────────────────────────────────────────────────────────────────────────────────────────────

  #writebackOptions(): { pageIndexes: (number | [number, number])[] } | { type: 'huge' | 'idle' } {
    const { random } = this.#setting;
    if (random.chance(20)) return { type: random.pick(['huge', 'idle'] as const) };
    const from = random.below(PAGES);
    return { pageIndexes: [[from, random.between(from, PAGES - 1)]] };
  }

  #writeback({ zram, disk }: Device): void {
    const { random } = this.#setting;
    const controller = this.#has('signals') && random.chance(40) ? new AbortController() : undefined;
    const call = zram.writebackAsync({ ...this.#writebackOptions(), signal: controller?.signal });
    if (controller) this.#sinks.push(() => controller.abort());
    const codes = ['EIO', 'ENOSPC', 'EAGAIN', ...(controller ? ['ECANCELED'] : [])];
    this.#follow(
      call.then(
        ({ pagesWritten }) => {
          if (pagesWritten > 0) this.#count('written back');
        },
        (error: unknown) => void this.#codeOf(error, codes, disk),
      ),
    );
  }

  #writebackNow({ zram }: Device): void {
    if (this.#has('asynchronous')) return;
    this.#now(['EIO', 'ENOSPC', 'EAGAIN'], () => {
      if (zram.writeback(this.#writebackOptions()).pagesWritten > 0) this.#count('written back');
    });
  }

  // ── copies ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A copy that is made now. */
  #copyOf({ parts, backing }: Disk): Disk {
    const time = this.#time++;
    return newDisk(
      parts.map((part) => new Register(part.allowed(time, time))),
      backing,
    );
  }

  #snapshot(device: Device): void {
    if (this.#frozen.length === 3) this.#drop();
    this.#now([], () => {
      const snapshot = device.zram.snapshot();
      this.#frozen.push({ snapshot, disk: this.#copyOf(device.disk) });
      this.#count('snapshot');
    });
  }

  #drop(): void {
    const dropped = this.#frozen.splice(this.#setting.random.below(this.#frozen.length), 1)[0];
    if (!dropped) return;
    dropped.disk.gone = true;
    dropped.snapshot.destroy();
  }

  /** A device gets the pages of a snapshot, which may be that of another one. */
  #restore({ zram, disk }: Device): void {
    if (this.#frozen.length === 0) return;
    const { snapshot, disk: from } = this.#setting.random.pick(this.#frozen);
    const others = !this.#has('shared') || from.backing !== disk.backing;
    if (this.#now(others ? ['EINVAL', 'ENOMEM'] : ['ENOMEM'], () => zram.restore(snapshot)) !== undefined) return;
    const time = this.#time++;
    disk.parts.forEach((part, n) => part.write(time, from.parts[n].allowed(time, time)));
    this.#count('restored');
  }

  #clone(device: Device): void {
    if (this.#devices.length === DISKS_MAX) return;
    this.#now([], () => {
      const zram = device.zram.clone();
      this.#devices.push({ zram, disk: this.#copyOf(device.disk) });
      this.#count('clone');
    });
  }

  #save(of: Device | Frozen): void {
    const { random } = this.#setting;
    const { disk } = of;
    const pieces: Uint8Array[] = [];
    const broken = this.#has('failures') && random.chance(10);
    const sink = {
      write: (bytes: Uint8Array): Promise<void> | undefined => {
        if (random.chance(40)) {
          pieces.push(bytes);
          return undefined;
        }
        return new Promise((resolve, reject) => {
          this.#sinks.push(() => {
            pieces.push(bytes);
            if (broken) reject(new Error('the disk is full'));
            else resolve();
          });
        });
      },
    };
    const call = readable(of).save(sink);
    const { parts } = this.#copyOf(disk); // as of now
    this.#follow(
      call.then(
        () => {
          this.#saved.push({ bytes: Buffer.concat(pieces), parts });
          if (this.#saved.length > 2) this.#saved.shift();
          this.#count('saved');
        },
        (error: unknown) => {
          const codes = [...this.#readCodes(disk), ...(broken ? ['EIO'] : [])];
          const needsItself = this.#has('tight') && 'snapshot' in of; // without memory for a copy
          this.#codeOf(error, codes, { gone: engineEnded(this.#setting.engine) || (needsItself && disk.gone) });
        },
      ),
    );
  }

  #loadSome(): void {
    if (this.#saved.length === 0) return;
    this.#follow(this.#load(this.#setting.random.pick(this.#saved)));
  }

  async #load({ bytes, parts }: Saved): Promise<void> {
    const { engine } = this.#setting;
    let zram: Zram;
    try {
      zram = await engine.loadZram(bytes);
    } catch (error) {
      this.#codeOf(error, engineEnded(engine) ? ['EINVAL'] : []);
      return;
    }
    if (engineEnded(engine)) return; // after it was loaded
    const time = this.#time++;
    this.#compare(zram.read(0, DISK_BYTES), parts, 0, PARTS, time, time, true);
    zram.destroy();
    this.#count('loaded');
  }

  // ── differences ────────────────────────────────────────────────────────────────────────────────────────────────

  #diff({ zram, disk }: Device): void {
    const other = this.#any();
    const disks = [disk, other.disk];
    const start = this.#time++;
    const call = zram.diffAsync(readable(other));
    this.#follow(
      call.then(
        (ranges) => {
          const end = this.#time++;
          const differs = new Set(
            ranges.flatMap(({ index, count }) => Array.from({ length: count }, (_, n) => index + n)),
          );
          for (let page = 0; page < PAGES; page++)
            this.#compareDiff(disk.parts, disks[1].parts, page, differs.has(page), start, end);
          this.#count('diff');
        },
        (error: unknown) => {
          this.#codeOf(
            error,
            disks.flatMap((each) => this.#readCodes(each)),
            { gone: disks.some(({ gone }) => gone) },
          );
        },
      ),
    );
  }

  /** What surely differs is told, and what is surely equal is not. */
  #compareDiff(
    a: readonly Register[],
    b: readonly Register[],
    page: number,
    differs: boolean,
    start: number,
    end: number,
  ): void {
    let equal = true;
    let different = false;
    for (let part = page * PART_COUNT; part < (page + 1) * PART_COUNT; part++) {
      const [inA, inB] = [a[part].allowed(start, end), b[part].allowed(start, end)];
      if ((inA & inB) === 0) different = true;
      if (inA !== inB || (inA & (inA - 1)) !== 0) equal = false;
    }
    if (different && !differs) fail(`page ${page} differs, and diff does not say so`);
    if (equal && differs) fail(`page ${page} is the same, and diff says that it differs`);
  }

  // ── life ───────────────────────────────────────────────────────────────────────────────────────────────────────

  #reset(device: Device): void {
    const { zram, disk } = device;
    disk.gone = true;
    zram.reset();
    this.#count('reset');
    let { backing } = disk;
    // While somebody writes to it, or copies are on it, it is taken.
    if (backing && this.#setting.random.chance(50)) backing = this.#makeBacking();
    device.disk = newDisk(emptyParts(), backing);
    const taken = this.#now(['EBUSY', 'ENOMEM'], () => {
      if (backing) zram.setBacking(backing);
      if (this.#has('recompress')) zram.sysfs.write('recomp_algorithm', 'algo=deflate priority=1');
      zram.sysfs.write('use_dedup', this.#has('dedup') ? '1' : '0');
      zram.init(DISK_BYTES);
    });
    if (taken !== undefined) this.#destroy(device);
  }

  #destroy(device: Device): void {
    device.disk.gone = true;
    device.zram.destroy();
    this.#count('destroyed');
    this.#devices.splice(this.#devices.indexOf(device), 1);
  }
}

function readable(of: Device | Frozen): Zram | ZramSnapshot {
  return 'zram' in of ? of.zram : of.snapshot;
}

function newDisk(parts: Register[], backing: Disk['backing']): Disk {
  return { parts, backing, gone: false };
}

function emptyParts(): Register[] {
  return Array.from({ length: PARTS }, () => new Register(1));
}

function bytesOf(first: number, count: number): { offset: number; length: number } {
  const at = (part: number): number => Math.floor(part / PART_COUNT) * PAGE_SIZE + CUTS[part % PART_COUNT];
  return { offset: at(first), length: at(first + count) - at(first) };
}

/** Parts of a range that lie in its first pages. */
function partsDone(first: number, count: number, pages: number): number {
  return Math.max(0, Math.min(count, (Math.floor(first / PART_COUNT) + pages) * PART_COUNT - first));
}

function engineEnded(engine: Engine): boolean {
  try {
    return engine.memory.used < 0;
  } catch {
    return true;
  }
}

/** One turn of the event loop. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
