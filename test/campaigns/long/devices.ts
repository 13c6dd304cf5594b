/** Devices on the shared pool, with all that a device does; beside each the bytes that it must hold. */
import { Zram, type AsyncBacking, type Backing, type BlockState, type ZramSnapshot } from 'zram-wasm';
import { FileBacking } from 'zram-wasm/node';
import path from 'node:path';
import { FlakyBacking, LateBacking } from './backing.js';
import { PAGE, attempt, content, count, expect, expectBytes, expectEqual, isSameFilled } from './user.js';
import type { User, World } from './user.js';

const PAGES = 160;
const BYTES = PAGES * PAGE;
const DEVICES_MAX = 4;
const SNAPSHOTS_MAX = 3;
const BACKING_SLOTS = 100;

interface Disk {
  zram: Zram;
  bytes: Uint8Array;
}

interface Copy {
  snapshot: ZramSnapshot;
  bytes: Uint8Array;
}

/** Calls that read pages which are not in memory may fail with their backing. */
const READ = ['EIO', 'EAGAIN'];
const STORE = ['ENOMEM', ...READ];

export class Devices implements User {
  readonly #world: World;
  readonly #disks: Disk[] = [];
  readonly #copies: Copy[] = [];
  readonly #flaky: (FlakyBacking | LateBacking)[] = [];
  readonly #files: FileBacking[] = [];
  #named = 0;

  constructor(world: World) {
    this.#world = world;
  }

  async step(): Promise<void> {
    const { random } = this.#world;
    if (this.#disks.length === 0) return this.#make();
    const disk = random.pick(this.#disks);
    const chance = random.below(100);
    if (chance < 45) await this.#write(disk);
    else if (chance < 52) await this.#discard(disk);
    else if (chance < 66) await this.#read(disk);
    else if (chance < 70) await attempt(this.#world, STORE, () => disk.zram.recompress({ maxPages: 20 }));
    else if (chance < 78) await this.#writeback(disk);
    else if (chance < 84) await this.#copy(disk);
    else if (chance < 88) await this.#diff(disk);
    else if (chance < 91) await this.#saveAndLoad(disk);
    else if (chance < 94) this.#limit(disk);
    else if (chance < 97) this.#destroyOne();
    else if (chance < 98) await this.#reset(disk);
    else await this.#make();
  }

  #backing(): Backing | AsyncBacking {
    const { random, folder } = this.#world;
    if (random.chance(30)) {
      const file = new FileBacking(path.join(folder, `${++this.#named}.backing`), BACKING_SLOTS);
      this.#files.push(file);
      return file;
    }
    const flaky = new (random.chance(50) ? FlakyBacking : LateBacking)(BACKING_SLOTS, random);
    this.#flaky.push(flaky);
    return flaky;
  }

  async #make(): Promise<void> {
    if (this.#disks.length === DEVICES_MAX) return;
    const { engine, pool, random } = this.#world;
    const options = {
      ...{ disksize: BYTES, pool, dedup: random.chance(50), backing: this.#backing() },
      ...{ compAlgorithm: random.chance(70) ? 'lz4' : 'deflate', recompAlgorithms: ['deflate'] },
    };
    await attempt(this.#world, ['ENOMEM'], () =>
      this.#disks.push({ zram: engine.createZram(options), bytes: new Uint8Array(BYTES) }),
    );
  }

  async #write({ zram, bytes }: Disk): Promise<void> {
    const { random } = this.#world;
    const pages = 1 + random.below(random.chance(20) ? 40 : 4);
    const first = random.below(PAGES - pages + 1);
    const written = new Uint8Array(Buffer.concat(Array.from({ length: pages }, () => content(random))));
    const partial = random.chance(15);
    const from = first * PAGE + (partial ? random.below(PAGE) : 0);
    const data = written.subarray(0, partial ? Math.min(random.below(3 * PAGE), BYTES - from) : written.length);
    const error = await attempt(this.#world, STORE, () => {
      if (partial) zram.write(from, data);
      else if (pages === 1) zram.writePage(first, data);
      else zram.writePages(first, data);
    });
    if (pages === 1 && !partial && error) return;
    const done = error ? Math.max(0, (first + (error.pagesDone ?? 0)) * PAGE - from) : data.length;
    bytes.set(data.subarray(0, done), from);
  }

  async #discard({ zram, bytes }: Disk): Promise<void> {
    const { random } = this.#world;
    const first = random.below(PAGES);
    const pages = 1 + random.below(Math.min(30, PAGES - first));
    await attempt(this.#world, ['ENOMEM'], () => {
      zram.discard(first * PAGE, pages * PAGE);
      bytes.fill(0, first * PAGE, (first + pages) * PAGE);
    });
  }

  /** Several reads at once. */
  async #read({ zram, bytes }: Disk): Promise<void> {
    const { random } = this.#world;
    const reads = Array.from({ length: 1 + random.below(4) }, async () => {
      const from = random.below(BYTES);
      const length = random.below(Math.min(5 * PAGE, BYTES - from) + 1);
      await attempt(this.#world, READ, async () => {
        const out = random.chance(50) ? new Uint8Array(length) : undefined;
        expectBytes(await zram.readAsync(from, length, out), bytes.subarray(from, from + length), 'a read');
      });
    });
    await Promise.all(reads);
  }

  async #writeback({ zram }: Disk): Promise<void> {
    const { random } = this.#world;
    await attempt(this.#world, ['ENOMEM'], () => zram.idle('all'));
    const first = random.below(PAGES);
    const options = random.chance(50)
      ? ({ type: 'idle' } as const)
      : { pageIndexes: [[first, Math.min(PAGES - 1, first + 10)] as const] };
    await attempt(this.#world, ['EIO', 'ENOSPC', 'ENODEV', 'ENOMEM', 'EAGAIN'], async () => {
      const { pagesWritten } = await zram.writebackAsync(options);
      if (pagesWritten > 0) count(this.#world, 'written back');
    });
  }

  async #copy({ zram, bytes }: Disk): Promise<void> {
    const { random } = this.#world;
    await attempt(this.#world, ['ENOMEM'], () => {
      if (random.chance(50) && this.#disks.length < DEVICES_MAX) {
        this.#disks.push({ zram: zram.clone(), bytes: bytes.slice() });
      } else if (this.#copies.length < SNAPSHOTS_MAX) {
        this.#copies.push({ snapshot: zram.snapshot(), bytes: bytes.slice() });
      } else {
        this.#copies.splice(random.below(SNAPSHOTS_MAX), 1)[0].snapshot.destroy();
      }
    });
  }

  async #diff({ zram, bytes }: Disk): Promise<void> {
    const other = this.#copies.at(-1);
    if (!other) return;
    const expected: number[] = [];
    for (let index = 0; index < PAGES; index++) {
      const [from, to] = [index * PAGE, (index + 1) * PAGE];
      if (Buffer.compare(bytes.subarray(from, to), other.bytes.subarray(from, to)) !== 0) expected.push(index);
    }
    await attempt(this.#world, READ, () => {
      const ranges = zram.diff(other.snapshot);
      const found = ranges.flatMap(({ index, count: pages }) => Array.from({ length: pages }, (_, n) => index + n));
      expectEqual(found, expected, 'pages that differ');
    });
  }

  /** One device to memory and back, as another. */
  async #saveAndLoad({ zram, bytes }: Disk): Promise<void> {
    const { engine, pool } = this.#world;
    const pieces: Uint8Array[] = [];
    const sink = { write: (piece: Uint8Array): void => void pieces.push(piece) };
    // The step goes on when both ended, and nobody writes meanwhile: the copy is of this moment either way.
    if (await attempt(this.#world, STORE, () => zram.save(sink))) return;
    const file = new Uint8Array(Buffer.concat(pieces));
    await attempt(this.#world, ['ENOMEM'], async () => {
      const loaded = await engine.loadZram(file, { pool });
      expectBytes(await loaded.readPagesAsync(0, PAGES), bytes, 'a loaded device');
      loaded.destroy();
      count(this.#world, 'loaded');
    });
  }

  #limit({ zram }: Disk): void {
    const { random, pool } = this.#world;
    const pages = random.chance(30) ? 0 : pool.totalPages + random.below(20);
    zram.sysfs.write('mem_limit', String(pages * PAGE));
  }

  #destroyOne(): void {
    const { random } = this.#world;
    const [gone] = this.#disks.splice(random.below(this.#disks.length), 1);
    gone.zram.destroy();
  }

  async #reset(disk: Disk): Promise<void> {
    disk.zram.reset();
    disk.bytes.fill(0);
    disk.zram.setBacking(this.#backing());
    disk.zram.sysfs.write('recomp_algorithm', 'algo=deflate priority=1');
    if (await attempt(this.#world, ['ENOMEM'], () => disk.zram.init(BYTES))) {
      disk.zram.destroy();
      this.#disks.splice(this.#disks.indexOf(disk), 1);
    }
  }

  async check(): Promise<void> {
    for (const backing of this.#flaky) backing.failPercent = 0;
    for (const { zram, bytes } of this.#disks) {
      expectBytes(await zram.readPagesAsync(0, PAGES), bytes, 'a device');
      this.#checkCounters(zram, bytes);
    }
    for (const { snapshot, bytes } of this.#copies) {
      expectBytes(await snapshot.readPagesAsync(0, PAGES), bytes, 'a snapshot');
    }
    for (const backing of this.#flaky) backing.failPercent = 10;
  }

  #checkCounters(zram: Zram, bytes: Uint8Array): void {
    const states = statesOf(zram);
    const { origDataSize, samePages, hugePages } = zram.mmStat;
    const stored = states.filter((state) => state !== undefined);
    const counted = [
      stored.length * PAGE,
      stored.filter(({ same }) => same).length,
      stored.filter(({ huge }) => huge).length,
    ];
    expectEqual([origDataSize, samePages, hugePages], counted, 'origDataSize, samePages, hugePages');
    for (const [index, state] of states.entries()) {
      const page = bytes.subarray(index * PAGE, (index + 1) * PAGE);
      if (state) expectEqual(state.same, isSameFilled(page), `whether page ${index} is same-filled`);
      else
        expect(
          page.every((byte) => byte === 0),
          `page ${index} is not stored`,
        );
    }
  }

  /** Bytes of each object that pages of devices and snapshots refer to, by its number. */
  objects(): Map<number, number> {
    const objects = new Map<number, number>();
    for (const one of [...this.#disks.map(({ zram }) => zram), ...this.#copies.map(({ snapshot }) => snapshot)]) {
      for (const [index, state] of statesOf(one).entries()) {
        const object = one.objectOf(index);
        if (state && object !== undefined) objects.set(object, state.comprSize);
      }
    }
    return objects;
  }

  async end(): Promise<void> {
    for (const { zram } of this.#disks.splice(0)) zram.destroy();
    for (const { snapshot } of this.#copies.splice(0)) snapshot.destroy();
    for (const file of this.#files.splice(0)) file.destroy();
    this.#flaky.length = 0;
    return Promise.resolve();
  }
}

function statesOf(of: Zram | ZramSnapshot): (BlockState | undefined)[] {
  return Array.from({ length: PAGES }, (_, index) => of.blockState(index));
}
