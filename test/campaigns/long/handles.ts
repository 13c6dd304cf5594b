/** Handles and a scanner on the shared pool; beside each handle the bytes that it must hold. */
import type { Handle, Ksmd } from 'zram-wasm';
import { PAGE, attempt, content, expectBytes, isSameFilled, type User, type World } from './user.js';

const HANDLES_MAX = 600;

interface Item {
  bytes: Uint8Array;
  refs: number;
  /** stored with one value over and over: there is no object until it is written to */
  same: boolean;
}

export class Handles implements User {
  readonly #world: World;
  readonly #items = new Map<Handle, Item>();
  readonly #ksmd: Ksmd;

  constructor(world: World) {
    this.#world = world;
    this.#ksmd = world.pool.createKsmd({ pagesToScan: 50, sleepMillisecs: 1 });
  }

  async step(): Promise<void> {
    const { pool, random } = this.#world;
    const chance = random.below(100);
    const handle = random.pick([...this.#items.keys()]) as Handle | undefined;
    if (chance < 40 || handle === undefined) {
      if (this.#items.size < HANDLES_MAX) await this.#store();
      return;
    }
    const item = this.#items.get(handle)!;
    if (chance < 50) {
      const from = random.below(item.bytes.length);
      const part = content(random).subarray(0, item.bytes.length - from);
      if (await attempt(this.#world, ['ENOMEM'], () => pool.write(handle, part, from))) return;
      item.bytes.set(part, from);
      item.same = false;
    } else if (chance < 65) expectBytes(pool.read(handle), item.bytes, 'a handle');
    else if (chance < 68) {
      pool.retain(handle);
      item.refs++;
    } else if (chance < 90) {
      pool.free(handle);
      if (--item.refs === 0) this.#items.delete(handle);
    } else if (chance < 93) pool.merge({ maxObjects: 100 });
    else if (chance < 95) pool.compact();
    else if (chance < 97) this.#ksmd.start();
    else if (chance < 99) this.#ksmd.stop();
    else await attempt(this.#world, ['ENOMEM'], () => this.#ksmd.unmerge());
  }

  async #store(): Promise<void> {
    const { pool, random } = this.#world;
    const bytes = content(random).slice(0, random.chance(30) ? PAGE : 1 + random.below(PAGE));
    const empty = random.chance(20);
    await attempt(this.#world, ['ENOMEM'], () => {
      const handle = empty ? pool.malloc(bytes.length) : pool.store(bytes);
      const same = !empty && bytes.length >= 16 && bytes.length % 8 === 0 && isSameFilled(bytes);
      this.#items.set(handle, { bytes: empty ? bytes.fill(0) : bytes, refs: 1, same });
    });
  }

  check(): Promise<void> {
    for (const [handle, { bytes }] of this.#items) expectBytes(this.#world.pool.read(handle), bytes, 'a handle');
    return Promise.resolve();
  }

  /** Lengths of the objects that handles refer to. */
  lengths(): number[] {
    return [...this.#items.values()].filter(({ same }) => !same).map(({ bytes }) => bytes.length);
  }

  end(): Promise<void> {
    for (const [handle, { refs }] of this.#items) for (let n = 0; n < refs; n++) this.#world.pool.free(handle);
    this.#items.clear();
    this.#ksmd.destroy();
    return Promise.resolve();
  }
}
