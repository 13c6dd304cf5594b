/// <reference lib="esnext.disposable" preserve="true" />
/** The engine: one WebAssembly instance, and what lives in it. */
import { notWithNew } from './base/messages.js';
import type { Compressor } from './compressors/compressor.js';
import { readCompressor } from './compressors/registered.js';
import type { Core } from './core/core.js';
import { Host, type EngineMemory } from './core/host.js';
import type { EngineOptions } from './core/options.js';
import type { ZramOptions } from './device/options.js';
import type { PoolOptions } from './pool/options.js';
import { LOAD_ALL, LOAD_ONE, type LoadOptions } from './save/load.js';
import type { LoadSource } from './save/source.js';
import { StateHistory, type StateHistoryOptions } from './state-history.js';
import { loadInto, Zram, type LoadedFile } from './zram.js';
import { ZsPool } from './zs-pool.js';
import { Zswap, type ZswapOptions } from './zswap.js';

/**
 * One WebAssembly instance: its memory, its pools and devices. Things made from one engine share its memory; a pool
 * of one engine is `EINVAL` to another.
 */
export class Engine {
  /** @internal Whatever a bundler calls the class. */
  static readonly name = 'Engine';
  readonly #host: Host;

  private constructor(host: Host) {
    if (!(host instanceof Host)) throw notWithNew('await Engine.create() or Engine.createSync()');
    this.#host = host;
  }

  /**
   * Makes an engine.
   * @param options the code, where it is not the package's own, and a limit for the memory
   * @throws ZramError EINVAL: a wrong option, or code given that is not the core; EIO: the code could not be loaded, or
   * may not be compiled here; ENOMEM: the host has no memory for another engine
   */
  static async create(options?: EngineOptions): Promise<Engine> {
    return new Engine(await Host.create(options, 'Engine.create'));
  }

  /**
   * As `create`, at once: for Node, and wherever bytes or a compiled module are given.
   * @param options as for `create`; a `Response` or a URL is `EINVAL` here
   * @throws ZramError as `create`
   */
  static createSync(options?: EngineOptions): Engine {
    return new Engine(Host.createSync(options, 'Engine.createSync'));
  }

  /** @internal The instance below, for tests and benches. */
  static coreOf(engine: Engine): Core {
    return engine.#host.core;
  }

  /**
   * Makes a pool in this engine: the allocator without a device.
   * @throws ZramError EINVAL: a wrong option; ENOMEM: `maxMemory` is reached
   */
  createPool(options?: PoolOptions): ZsPool {
    return this.#host.adopt((end) => new ZsPool(this.#host.core, options, end));
  }

  /**
   * Makes a zram device in this engine, on a pool of its own or on one of this engine's pools.
   * @throws ZramError EINVAL: a wrong option, or a pool of another engine; ENOMEM: `maxMemory` is reached
   */
  createZram(options?: ZramOptions): Zram {
    return this.#host.adopt((end) => new Zram(this.#host, options, end));
  }

  /**
   * Makes the device that a file of `Zram.save` has, as `Zram.load` does, in this engine.
   * @throws ZramError as `Zram.load`
   */
  async loadZram(source: LoadSource, options?: LoadOptions): Promise<Zram> {
    const { devices } = await loadInto(this.#host, source, options, LOAD_ONE, 'loadZram');
    return devices.values().next().value as Zram;
  }

  /**
   * Makes all devices and snapshots that a file of `Zram.saveAll` has, as `Zram.loadAll` does, in this engine, on a pool of
   * their own or on one of this engine's pools.
   * @throws ZramError as `Zram.load`
   */
  async loadAll(source: LoadSource, options?: Omit<LoadOptions, 'backing'>): Promise<LoadedFile> {
    return loadInto(this.#host, source, options, LOAD_ALL, 'loadAll');
  }

  /**
   * Makes a zswap, a compressed cache of pages in front of a backing, on a pool of its own or one of this engine's.
   * @throws ZramError EINVAL: a wrong option, or a pool of another engine; ENOMEM: `maxMemory` is reached
   */
  createZswap(options?: ZswapOptions): Zswap {
    return this.#host.adopt((end) => new Zswap(this.#host.core, options, end));
  }

  /**
   * Makes a history of states, on a pool of its own or one of this engine's.
   * @throws ZramError EINVAL: a wrong option, or a pool of another engine; ENOMEM: `maxMemory` is reached
   */
  createStateHistory(options?: StateHistoryOptions): StateHistory {
    return this.#host.adopt((end) => new StateHistory(this.#host.core, options, end));
  }

  /**
   * Adds a compressor, which devices of this engine can then name.
   * @throws ZramError EINVAL: a wrong name or one that is taken, or a function is missing
   */
  registerCompressor(compressor: Compressor): void {
    const read = readCompressor(compressor);
    this.#host.checkLive();
    this.#host.core.codecs.register(read);
  }

  /**
   * Makes a compressor usable that has to be loaded first: `zstd`, where Node.js does not have it. Others are there already.
   * @throws ZramError EOPNOTSUPP: it is not installed; EINVAL: there is none of that name
   */
  async loadCompressor(name: string): Promise<void> {
    return this.#host.loadCompressor(name);
  }

  /** Names of the compressors that can be used at once. */
  get compressors(): string[] {
    this.#host.checkLive();
    return this.#host.core.codecs.names();
  }

  /** What the engine's memory holds now, in bytes. A frozen copy: ask again for later figures. */
  get memory(): EngineMemory {
    return this.#host.memory;
  }

  /**
   * Ends the engine and all that it made. Calling it again does nothing.
   * @throws ZramError EIO: the file of a device's backing could not be closed; everything has ended all the same
   */
  destroy(): void {
    this.#host.destroy();
  }

  /** The same as `destroy()`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }
}
