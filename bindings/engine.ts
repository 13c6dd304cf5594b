/// <reference lib="esnext.disposable" preserve="true" />
/** The engine: one WebAssembly instance, and what lives in it. */
import { readList, readOptions } from './arguments.js';
import type { Compressor } from './compressors/compressor.js';
import { readCompressor } from './compressors/registered.js';
import { Core, loadCore, loadCoreSync, type CoreExports, type CoreSource } from './core.js';
import { endAll } from './end-all.js';
import { ZramError } from './errors.js';
import { LOAD_ALL, LOAD_ONE, loadFile, type LoadOptions, type LoadedFile } from './save/load.js';
import type { LoadSource } from './save/source.js';
import { describe, parseSize, type Size } from './size.js';
import { StateHistory, type StateHistoryOptions } from './state-history.js';
import type { ZramOptions } from './zram-options.js';
import { Zram } from './zram.js';
import { ZsPool, type PoolOptions } from './zs-pool.js';
import { Zswap, type ZswapOptions } from './zswap.js';

/** What an engine is made with; the `create` of pools, devices, zswaps and histories takes these options as well. */
export interface EngineOptions {
  /** The core's code, where the copy that came with the package is not wanted (edge runtimes, one compile for many). */
  module?: CoreSource | undefined;
  /** Bytes to which linear memory may grow; default and most: 4 GiB less 64 KiB. Reaching it is `ENOMEM`. */
  maxMemory?: Size | undefined;
  /** Compressors beside those that there are, as `registerCompressor` takes them. */
  compressors?: readonly Compressor[] | undefined;
}

/** The memory of an engine, in bytes: what `engine.memory` was at the time. */
export interface EngineMemory {
  /** Bytes held by objects and metadata, the core's own static memory included. */
  readonly used: number;
  /** Bytes to which linear memory has grown. It never shrinks; what is not used serves later needs. */
  readonly reserved: number;
  /** Bytes to which it may grow. */
  readonly limit: number;
}

export const ENGINE_OPTIONS = ['module', 'maxMemory', 'compressors'] as const;
const MEMORY_MAX = 65535 * 65536;

interface Child {
  destroy(): void;
}

/**
 * One WebAssembly instance: its memory, its pools and devices. Things made from one engine share its memory; a pool
 * of one engine is `EINVAL` to another.
 */
export class Engine {
  /** @internal Whatever a bundler calls the class. */
  static readonly name = 'Engine';
  readonly #core: Core;
  readonly #children = new Set<Child>();
  #destroyed = false;

  private constructor(exports: CoreExports, settings: EngineSettings) {
    if (typeof exports?.zramWritePages !== 'function') {
      throw new ZramError(
        'EINVAL',
        'this class is not made with new: call await Engine.create() or Engine.createSync().',
      );
    }
    const { maxMemory, compressors } = settings;
    const initial = exports.memory.buffer.byteLength;
    if (maxMemory < initial) {
      throw new ZramError('EINVAL', `maxMemory must be at least ${initial} bytes, which the core itself takes.`);
    }
    this.#core = new Core(exports, maxMemory);
    for (const compressor of compressors) this.#core.codecs.register(compressor);
  }

  /**
   * Makes an engine.
   * @param options the code, where it is not the package's own, and a limit for the memory
   * @throws ZramError EINVAL: a wrong option, or code given that is not the core; EIO: the code could not be loaded, or
   * may not be compiled here; ENOMEM: the host has no memory for another engine
   */
  static async create(options?: EngineOptions): Promise<Engine> {
    const settings = settingsOf(options, 'Engine.create');
    return new Engine(await loadCore(settings.module), settings);
  }

  /**
   * As `create`, at once: for Node, and wherever bytes or a compiled module are given.
   * @param options as for `create`; a `Response` or a URL is `EINVAL` here
   * @throws ZramError as `create`
   */
  static createSync(options?: EngineOptions): Engine {
    const settings = settingsOf(options, 'Engine.createSync');
    return new Engine(loadCoreSync(settings.module), settings);
  }

  /** @internal Something that lives in the engine and ends with it. */
  static adopt<T extends Child>(engine: Engine, make: (onEnd: () => void) => T): T {
    return engine.#adopt(make);
  }

  /** @internal The instance below, for tests and benches. */
  static coreOf(engine: Engine): Core {
    return engine.#core;
  }

  /** @internal @throws ZramError EINVAL: it was destroyed */
  static checkLive(engine: Engine): void {
    engine.#live();
  }

  /**
   * Makes a pool in this engine: the allocator without a device.
   * @throws ZramError EINVAL: a wrong option; ENOMEM: `maxMemory` is reached
   */
  createPool(options?: PoolOptions): ZsPool {
    return this.#adopt((end) => new ZsPool(this.#core, options, end));
  }

  /**
   * Makes a zram device in this engine, on a pool of its own or on one of this engine's pools.
   * @throws ZramError EINVAL: a wrong option, or a pool of another engine; ENOMEM: `maxMemory` is reached
   */
  createZram(options?: ZramOptions): Zram {
    return this.#adopt((end) => new Zram(this, this.#core, options, end));
  }

  /**
   * Makes the device that a file of `Zram.save` has, as `Zram.load` does, in this engine.
   * @throws ZramError as `Zram.load`
   */
  async loadZram(source: LoadSource, options?: LoadOptions): Promise<Zram> {
    const { devices } = await loadFile(this, source, options, LOAD_ONE, 'loadZram');
    return devices.values().next().value as Zram;
  }

  /**
   * Makes all devices and snapshots that a file of `Zram.saveAll` has, as `Zram.loadAll` does, in this engine, on a pool of
   * their own or on one of this engine's pools.
   * @throws ZramError as `Zram.load`
   */
  async loadAll(source: LoadSource, options?: Omit<LoadOptions, 'backing'>): Promise<LoadedFile> {
    return loadFile(this, source, options, LOAD_ALL, 'loadAll');
  }

  /**
   * Makes a zswap, a compressed cache of pages in front of a backing, on a pool of its own or one of this engine's.
   * @throws ZramError EINVAL: a wrong option, or a pool of another engine; ENOMEM: `maxMemory` is reached
   */
  createZswap(options?: ZswapOptions): Zswap {
    return this.#adopt((end) => new Zswap(this.#core, options, end));
  }

  /**
   * Makes a history of states, on a pool of its own or one of this engine's.
   * @throws ZramError EINVAL: a wrong option, or a pool of another engine; ENOMEM: `maxMemory` is reached
   */
  createStateHistory(options?: StateHistoryOptions): StateHistory {
    return this.#adopt((end) => new StateHistory(this.#core, options, end));
  }

  /**
   * Adds a compressor, which devices of this engine can then name.
   * @throws ZramError EINVAL: a wrong name or one that is taken, or a function is missing
   */
  registerCompressor(compressor: Compressor): void {
    const read = readCompressor(compressor);
    this.#live();
    this.#core.codecs.register(read);
  }

  /**
   * Makes a compressor usable that has to be loaded first: `zstd`, where Node.js does not have it. Others are there already.
   * @throws ZramError EOPNOTSUPP: it is not installed; EINVAL: there is none of that name
   */
  async loadCompressor(name: string): Promise<void> {
    this.#live();
    await this.#core.codecs.load(name);
    this.#live();
    this.#core.codecs.check(name, 'the compressor');
  }

  /** Names of the compressors that can be used at once. */
  get compressors(): string[] {
    this.#live();
    return this.#core.codecs.names();
  }

  /** What the engine's memory holds now, in bytes. A frozen copy: ask again for later figures. */
  get memory(): EngineMemory {
    this.#live();
    const { raw, pools } = this.#core;
    let used = raw.usedBytes();
    for (const pool of pools) {
      raw.poolStats(pool);
      used -= this.#core.number(6);
    }
    return Object.freeze({ used, reserved: this.#core.reservedBytes(), limit: raw.limitBytes() });
  }

  /**
   * Ends the engine and all that it made. Calling it again does nothing.
   * @throws ZramError EIO: the file of a device's backing could not be closed; everything has ended all the same
   */
  destroy(): void {
    this.#destroyed = true;
    endAll(...[...this.#children].reverse().map((child) => () => child.destroy()));
  }

  /** The same as `destroy()`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }

  #live(): void {
    if (this.#destroyed) throw new ZramError('EINVAL', 'this Engine was destroyed.');
  }

  #adopt<T extends Child>(make: (end: () => void) => T): T {
    this.#live();
    const child: T = make(() => this.#children.delete(child));
    this.#children.add(child);
    // Options are the caller's: reading one may have ended the engine.
    if (this.#destroyed) child.destroy();
    this.#live();
    return child;
  }
}

interface EngineSettings {
  readonly module: CoreSource | undefined;
  readonly maxMemory: number;
  readonly compressors: readonly Compressor[];
}

/** The options, each read once. @throws ZramError EINVAL */
function settingsOf(given: EngineOptions | undefined, call: string): EngineSettings {
  const { module, maxMemory = MEMORY_MAX, compressors = [] } = readOptions(given, ENGINE_OPTIONS, call);
  if (module !== undefined && (typeof module !== 'object' || module === null)) {
    throw new ZramError(
      'EINVAL',
      `module must be bytes, a WebAssembly.Module, a Response or a URL, not ${describe(module)}.`,
    );
  }
  const list = readList(compressors, 'compressors');
  if (!list) throw new ZramError('EINVAL', `compressors must be a list of compressors, not ${describe(compressors)}.`);
  return { module, maxMemory: parseSize(maxMemory, 'maxMemory'), compressors: list.map(readCompressor) };
}
