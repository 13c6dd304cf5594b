/**
 * The owner of everything that lives in one instance of the core, and ends with it. `Engine` is its public class; an
 * object made with `X.create` has a host of its own.
 */
import { POOL } from './layout.js';
import { endAll } from '../base/end-all.js';
import { ZramError } from '../base/errors.js';
import { Core } from './core.js';
import type { CoreExports } from './exports.js';
import { loadCore, loadCoreSync } from './load.js';
import { readEngineOptions, type EngineOptions, type EngineSettings } from './options.js';

/** The memory of an engine, in bytes, when `engine.memory` was read. */
export interface EngineMemory {
  /** Bytes of objects and metadata, including the core's own static memory. */
  readonly used: number;
  /** Bytes to which linear memory has grown. It never shrinks; unused memory serves later allocations. */
  readonly reserved: number;
  /** Bytes to which it may grow. */
  readonly limit: number;
}

const WASM_PAGE_BYTES = 65536;

interface Child {
  destroy(): void;
}

export class Host {
  readonly core: Core;
  readonly #children = new Set<Child>();
  /** Objects that keep the host alive: it ends with the last of them. Not used by an engine's host. */
  #holders = 0;
  #destroyed = false;

  private constructor(exports: CoreExports, { maxMemory, compressors }: EngineSettings) {
    const initial = exports.memory.buffer.byteLength;
    if (maxMemory < initial) {
      throw new ZramError(
        'EINVAL',
        `maxMemory must be at least ${initial} bytes, the size of the core itself, not ${maxMemory}.`,
      );
    }
    this.core = new Core(exports, maxMemory);
    for (const compressor of compressors) this.core.codecs.register(compressor);
  }

  /** @throws ZramError as `Engine.create` */
  static async create(options: EngineOptions | undefined, call: string): Promise<Host> {
    const settings = readEngineOptions(options, call);
    return new Host(await loadCore(settings.module), settings);
  }

  /** @throws ZramError as `Engine.createSync` */
  static createSync(options: EngineOptions | undefined, call: string): Host {
    const settings = readEngineOptions(options, call);
    return new Host(loadCoreSync(settings.module), settings);
  }

  /**
   * Makes one object in a host of its own, which ends with it.
   * @throws ZramError as `create`, and what `make` throws
   */
  static async createFor<T extends Child>(
    options: EngineOptions,
    call: string,
    make: (host: Host, onEnd: () => void) => T,
  ): Promise<T> {
    const host = await Host.create(options, call);
    try {
      return host.adopt((onEnd) =>
        make(host, () => {
          onEnd();
          host.destroy();
        }),
      );
    } catch (error) {
      host.destroy();
      throw error;
    }
  }

  /** @throws ZramError as `Engine.loadCompressor` */
  async loadCompressor(name: string): Promise<void> {
    this.checkLive();
    await this.core.codecs.load(name);
    this.checkLive();
    this.core.codecs.check(name, 'the compressor');
  }

  /** @throws ZramError EINVAL: it was destroyed */
  checkLive(): void {
    if (this.#destroyed) throw new ZramError('EINVAL', 'this Engine was destroyed.');
  }

  /** Adds an object that lives in the engine and ends with it. */
  adopt<T extends Child>(make: (onEnd: () => void) => T): T {
    this.checkLive();
    const child: T = make(() => this.#children.delete(child));
    this.#children.add(child);
    // Options may be getters of the caller's, which may have destroyed the engine.
    if (this.#destroyed) child.destroy();
    this.checkLive();
    return child;
  }

  /** For a host made by `createFor`: the object, its snapshots and its clones each hold it. */
  hold(): this {
    this.#holders++;
    return this;
  }

  /** The last release destroys the host. */
  release(): void {
    if (--this.#holders === 0) this.destroy();
  }

  /** A frozen copy: read it again for later figures. */
  get memory(): EngineMemory {
    this.checkLive();
    const { raw, pools } = this.core;
    let used = raw.usedBytes();
    for (const pool of pools) {
      raw.poolStats(pool);
      used -= this.core.number(POOL.unusedCellBytes);
    }
    return Object.freeze({ used, reserved: this.core.reservedBytes(), limit: raw.limitBytes() });
  }

  /** As `Engine.reserve`, of a number that is checked. */
  reserve(bytes: number): void {
    this.checkLive();
    const { raw } = this.core;
    const wanted = Math.ceil(Math.min(bytes, raw.limitBytes()) / WASM_PAGE_BYTES);
    const missing = wanted - this.core.reservedBytes() / WASM_PAGE_BYTES;
    if (missing <= 0) return;
    try {
      raw.memory.grow(missing);
    } catch {
      throw new ZramError('ENOMEM', `the host refuses ${bytes} bytes of memory: reserve less, or nothing.`);
    }
  }

  /** Destroys everything that lives in it, the newest first. Calling it again does nothing. */
  destroy(): void {
    this.#destroyed = true;
    endAll(...[...this.#children].reverse().map((child) => () => child.destroy()));
  }
}
