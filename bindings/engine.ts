/// <reference lib="esnext.disposable" preserve="true" />
/** The engine: one WebAssembly instance, and the objects that live in it. */
import { notWithNew } from './base/messages.js';
import { parseSize, type Size } from './base/size.js';
import type { Compressor, CompressorInfo } from './compressors/compressor.js';
import { readCompressor } from './compressors/registered.js';
import type { Core } from './core/core.js';
import { Host, type EngineMemory } from './core/host.js';
import type { EngineOptions } from './core/options.js';
import type { ZramOptions } from './device/options.js';
import type { StateHistoryOptions } from './history/options.js';
import type { PoolOptions } from './pool/options.js';
import type { LoadOptions } from './save/load.js';
import type { LoadSource } from './save/source.js';
import { StateHistory } from './state-history.js';
import { loadInto, Zram, type LoadedFile } from './zram.js';
import { ZsPool } from './zs-pool.js';
import { Zswap, type ZswapOptions } from './zswap.js';

/**
 * One WebAssembly instance: its memory, its pools and devices. Objects made by one engine share its memory; passing a
 * pool to another engine is `EINVAL`.
 */
export class Engine {
  /** @internal Fixed, since a bundler may rename the class. */
  static readonly name = 'Engine';
  readonly #host: Host;

  private constructor(host: Host) {
    if (!(host instanceof Host)) throw notWithNew('await Engine.create() or Engine.createSync()');
    this.#host = host;
  }

  /**
   * Makes an engine.
   * @param options the core's code, unless it is the package's own; a memory limit; compressors
   * @throws ZramError EINVAL: a wrong option, or code that is not the core; EIO: the code could not be loaded, or must
   * not be compiled here; ENOMEM: the host has no memory for another engine
   */
  static async create(options?: EngineOptions): Promise<Engine> {
    return new Engine(await Host.create(options, 'Engine.create'));
  }

  /**
   * As `create`, synchronously: for Node.js, and wherever the code is given as bytes or a compiled module.
   * @param options as for `create`; a `Response` or a URL is `EINVAL` here
   * @throws ZramError as `create`
   */
  static createSync(options?: EngineOptions): Engine {
    return new Engine(Host.createSync(options, 'Engine.createSync'));
  }

  /** @internal The core instance, for tests and benches. */
  static coreOf(engine: Engine): Core {
    return engine.#host.core;
  }

  /**
   * Makes a pool in this engine: the allocator by itself, without a device.
   * @throws ZramError EINVAL: a wrong option; ENOMEM: `maxMemory` is reached
   */
  createPool(options?: PoolOptions): ZsPool {
    return this.#host.adopt((end) => new ZsPool(this.#host.core, options, end));
  }

  /**
   * Makes a zram device in this engine, with a pool of its own or on one of this engine's pools.
   * @throws ZramError EINVAL: a wrong option, or a pool of another engine; ENOMEM: `maxMemory` is reached
   */
  createZram(options?: ZramOptions): Zram {
    return this.#host.adopt((end) => new Zram(this.#host, options, end));
  }

  /**
   * Loads the device in a file of `Zram.save` into this engine, as `Zram.load` does.
   * @throws ZramError as `Zram.load`
   */
  async loadZram(source: LoadSource, options?: LoadOptions): Promise<Zram> {
    const { devices } = await loadInto(this.#host, source, options, 'one', 'loadZram');
    return devices.values().next().value as Zram;
  }

  /**
   * Loads all devices and snapshots in a file of `Zram.saveAll` into this engine, as `Zram.loadAll` does, on a new pool
   * or on one of this engine's pools.
   * @throws ZramError as `Zram.load`
   */
  async loadAll(source: LoadSource, options?: Omit<LoadOptions, 'backing'>): Promise<LoadedFile> {
    return loadInto(this.#host, source, options, 'all', 'loadAll');
  }

  /**
   * Makes a zswap, a compressed cache of pages in front of a backing, with a pool of its own or on one of this engine's
   * pools.
   * @throws ZramError EINVAL: a wrong option, or a pool of another engine; ENOMEM: `maxMemory` is reached
   */
  createZswap(options?: ZswapOptions): Zswap {
    return this.#host.adopt((end) => new Zswap(this.#host.core, options, end));
  }

  /**
   * Makes a history of states, with a pool of its own or on one of this engine's pools.
   * @throws ZramError EINVAL: a wrong option, or a pool of another engine; ENOMEM: `maxMemory` is reached
   */
  createStateHistory(options?: StateHistoryOptions): StateHistory {
    return this.#host.adopt((end) => new StateHistory(this.#host.core, options, end));
  }

  /**
   * Registers a compressor, which devices of this engine can then use by its name.
   * @throws ZramError EINVAL: a wrong name, one that is in use, or a missing function
   */
  registerCompressor(compressor: Compressor): void {
    const read = readCompressor(compressor);
    this.#host.checkLive();
    this.#host.core.codecs.register(read);
  }

  /**
   * Loads a compressor that needs loading: `zstd`, where Node.js does not have it. All others are always available. For
   * `deflate` it loads the package `pako`, if that is installed, whose blocks are the kernel's: the engine's devices
   * compress with it from then on. What fflate has compressed decompresses as before.
   * @throws ZramError EOPNOTSUPP: it is not installed; EINVAL: an unknown name
   */
  async loadCompressor(name: string): Promise<void> {
    return this.#host.loadCompressor(name);
  }

  /** Names of the compressors that are available now. */
  get compressors(): string[] {
    this.#host.checkLive();
    return this.#host.core.codecs.names();
  }

  /**
   * Whose code a compressor is, now: see `loadCompressor`.
   * @throws ZramError EINVAL: an unknown name; EOPNOTSUPP: it is not loaded
   */
  compressorInfo(name: string): CompressorInfo {
    this.#host.checkLive();
    return this.#host.core.codecs.info(name);
  }

  /** The engine's memory in bytes, as a frozen copy: read it again for later figures. */
  get memory(): EngineMemory {
    return this.#host.memory;
  }

  /**
   * Grows linear memory now, to save growing it step by step, each of which costs a collection of garbage in Node.js when
   * there are many MiB. Memory that is grown and not used takes address space, and no memory on most systems.
   * @param size bytes that linear memory has at least; beyond `maxMemory`, that. Nothing happens if it has them already
   * @throws ZramError ENOMEM: the host refuses it, and nothing has changed
   */
  reserve(size: Size): void {
    this.#host.reserve(parseSize(size, 'size'));
  }

  /**
   * Destroys the engine and everything that it made. Calling it again does nothing.
   * @throws ZramError EIO: the file of a device's backing could not be closed; everything is destroyed all the same
   */
  destroy(): void {
    this.#host.destroy();
  }

  /** The same as `destroy()`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }
}
