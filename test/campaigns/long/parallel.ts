/** A device of two workers with a limit that is always near, and many calls under way at once. */
import { ParallelZram } from 'zram-wasm/parallel';
import { PAGE, attempt, content, expectBytes, expectEqual, type User, type World } from './user.js';

const PAGES = 400;
const BYTES = PAGES * PAGE;
const WORKERS = 2;

export class Parallel implements User {
  readonly #world: World;
  readonly #zram: ParallelZram;
  readonly #bytes = new Uint8Array(BYTES);

  private constructor(world: World, zram: ParallelZram) {
    this.#world = world;
    this.#zram = zram;
  }

  static async make(world: World): Promise<Parallel> {
    const dedup = world.random.chance(50);
    const sharedMemory = world.random.chance(50);
    const options = { workers: WORKERS, disksize: BYTES, memLimit: 120 * PAGE, maxMemory: '4M', dedup, sharedMemory };
    return new Parallel(world, await ParallelZram.create(options));
  }

  /** Calls for pages of their own, none of which waits for another. */
  async step(): Promise<void> {
    const { random } = this.#world;
    const calls: Promise<void>[] = [];
    for (let first = 0; first < PAGES;) {
      const pages = 1 + random.below(Math.min(20, PAGES - first));
      const chance = random.below(100);
      if (chance < 30) calls.push(this.#write(first, pages));
      else if (chance < 50) calls.push(this.#read(first, pages));
      else if (chance < 60) calls.push(this.#discard(first, pages));
      first += pages;
    }
    if (random.chance(20)) calls.push(this.#zram.merge().then(() => undefined));
    if (random.chance(10)) calls.push(this.#zram.compact().then(() => undefined));
    await Promise.all(calls);
  }

  async #write(first: number, pages: number): Promise<void> {
    const { random } = this.#world;
    const written = new Uint8Array(Buffer.concat(Array.from({ length: pages }, () => content(random))));
    const error = await attempt(this.#world, ['ENOMEM'], () => this.#zram.writePages(first, written));
    const held = this.#bytes.subarray(first * PAGE, (first + pages) * PAGE);
    if (!error) held.set(written);
    if (!error) return;
    // Each page is as it was or as it was to be.
    const found = await this.#zram.readPages(first, pages);
    for (let at = 0; at < held.length; at += PAGE) {
      const page = found.subarray(at, at + PAGE);
      if (Buffer.compare(page, written.subarray(at, at + PAGE)) === 0) held.set(page, at);
      else expectBytes(page, held.subarray(at, at + PAGE), 'a page that was refused');
    }
  }

  async #read(first: number, pages: number): Promise<void> {
    const expected = this.#bytes.subarray(first * PAGE, (first + pages) * PAGE);
    expectBytes(await this.#zram.readPages(first, pages), expected, 'a range of two workers');
  }

  async #discard(first: number, pages: number): Promise<void> {
    await this.#zram.discard(first * PAGE, pages * PAGE);
    this.#bytes.fill(0, first * PAGE, (first + pages) * PAGE);
  }

  async check(): Promise<void> {
    expectBytes(await this.#zram.readPages(0, PAGES), this.#bytes, 'a device of two workers');
    expectEqual(this.#zram.lostPages(), [], 'lost pages');
    const { mmStat, workers } = await this.#zram.stats();
    const sum = workers.reduce((bytes, worker) => bytes + worker.mmStat.origDataSize, 0);
    expectEqual(mmStat.origDataSize, sum, 'origDataSize of all workers');
  }

  async end(): Promise<void> {
    await this.#zram.discard(0, BYTES);
    const { mmStat } = await this.#zram.stats();
    expectEqual([mmStat.origDataSize, mmStat.comprDataSize, mmStat.memUsedTotal], [0, 0, 0], 'an emptied device');
    await this.#zram.destroy();
  }
}
