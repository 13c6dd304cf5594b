/**
 * One WebAssembly instance of the core: how it is made, its raw exports, and the views of its staging pages.
 *
 * as-bind makes the instance where bytes are given and it is to be there at once; a compiled module is instantiated directly,
 * since as-bind takes bytes only. as-bind's asynchronous way is not used: it looks whether it was given a `Response`, and the
 * first look at that global loads half of Node.js (30 ms, and more memory than an engine). All ways end at the same raw
 * exports, which are what every call uses: they cost 8-15 ns, as-bind's wrappers 40 ns, and nothing but numbers crosses.
 */
import { instantiateSync } from 'as-bind/dist/as-bind.esm.js';
import { Codecs } from './compressors/codecs.js';
import { defaultSource } from './core-source.js';
import { ZramError } from './errors.js';
import { PAGE_SIZE } from './arguments.js';
import { copyOf, isBytes } from './bytes.js';
import { describe, textOf } from './size.js';

/**
 * Where the core's code comes from: bytes, a compiled `WebAssembly.Module`, a `Response`, or a `URL`. Left out, the
 * copy that came with the package.
 */
export type CoreSource =
  | Uint8Array
  | ArrayBuffer
  | {
      /** A URL's address; `file:` is read with Node's `fs`, any other scheme with `fetch`. */
      readonly href: string;
    }
  | {
      /** A Response's body. */
      arrayBuffer(): Promise<ArrayBuffer>;
    }
  | object;

/** The exports of assembly/index.ts, where each is described. Addresses may be negative here: they are 32-bit words. */
export interface CoreExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  init(limit: number): void;
  hashInit(seed0: number, seed1: number, seed2: number, seed3: number): void;
  stagingAddress(): number;
  stagingPages(): number;
  usedBytes(): number;
  limitBytes(): number;
  poolMake(chainSize: number, limitPages: number, dedup: number, shrinker: number): number;
  poolEnd(pool: number): void;
  poolMalloc(pool: number, size: number): number;
  poolStore(pool: number, size: number): number;
  poolFree(pool: number, handle: number): number;
  poolRetain(pool: number, handle: number): number;
  poolSize(pool: number, handle: number): number;
  poolWrite(pool: number, handle: number, offset: number, length: number): number;
  poolRead(pool: number, handle: number): number;
  poolStorePage(pool: number): number;
  poolLoadPage(pool: number, handle: number): number;
  poolCompact(pool: number): number;
  poolMergeBegin(pool: number, dryRun: number, whole: number): void;
  poolMergeStep(pool: number, objectsMax: number, dryRun: number): number;
  poolMergeEnd(pool: number, dryRun: number): void;
  poolTotalPages(pool: number): number;
  poolStats(pool: number): void;
  poolClass(pool: number, n: number): void;
  poolMerged(pool: number): void;
  poolUnmerge(pool: number, handlesMax: number): number;
  poolCodecs(pool: number, wanted: number): number;
  poolSettleHuge(pool: number): void;
  poolClassIndex(pool: number, length: number): number;
  poolStoreEncoded(pool: number, length: number, codec: number): number;
  zramMake(pool: number, diskPages: number, level: number, dedup: number, tracksTime: number): number;
  zramFork(device: number, tracksTime: number, now: number): number;
  zramEnd(device: number): void;
  zramSetLimit(device: number, pages: number): void;
  zramSetLevel(device: number, level: number): void;
  zramResetMaxUsed(device: number): void;
  zramWritePage(device: number, index: number, now: number): number;
  zramWritePages(device: number, index: number, count: number, now: number): number;
  zramWriteLike(device: number, index: number, count: number, like: number): number;
  zramWriteBegin(device: number, index: number, now: number): number;
  zramHash(): number;
  zramWriteCandidate(device: number, index: number, length: number, codec: number, hash: number, now: number): number;
  zramWriteEncoded(device: number, index: number, length: number, codec: number, hash: number, now: number): number;
  zramReadPage(device: number, index: number, now: number): number;
  zramPeekPage(device: number, index: number): number;
  zramReadBlock(): number;
  zramReadPages(device: number, index: number, count: number, now: number): number;
  zramCountFailed(device: number, writing: number): void;
  zramDiscard(device: number, index: number, count: number): void;
  zramStats(device: number): void;
  zramHeldBytes(device: number): number;
  zramSlots(device: number, index: number, count: number): void;
  zramNextSlot(device: number, from: number, all: number, none: number): number;
  zramChangeFlags(device: number, index: number, set: number, clear: number, picked: number): void;
  zramMarkIdle(device: number, age: number, now: number): void;
  zramSlotTime(device: number, index: number): number;
  zramRecompress(device: number, index: number, length: number, codec: number, threshold: number): number;
  zramSetBacking(device: number, blocks: number): number;
  zramTakeBlock(device: number): number;
  zramBlockNumber(cell: number): number;
  zramDropBlock(device: number, cell: number): void;
  zramWriteBack(device: number, index: number, cell: number): number;
  zramShareObject(device: number, index: number): number;
  poolObject(pool: number, handle: number): number;
  zramNextDifference(a: number, b: number, from: number, most: number): number;
  zramPayload(device: number, index: number): number;
  zramSlotValues(device: number, index: number, count: number): void;
  zramLoadObject(device: number, index: number, length: number, codec: number, now: number): number;
  zramLoadedHash(): number;
  zramLoadShared(device: number, index: number, handle: number, hash: number, now: number): number;
  zramLoadForked(device: number, index: number, count: number, from: number, now: number): number;
  lz4Compress(acceleration: number): number;
  contentHash(data: number, length: number, codec: number): number;
  pageSameFilled(page: number): number;
}

/** Most numbers that a block of statistics has: one for each size class. */
const NUMBERS = 256;
const EMPTY = new Uint8Array(0);
export const TICK_MILLISECS = 10;

export class Core {
  readonly raw: CoreExports;
  /** Pages of the staging area. */
  readonly stagingPages: number;
  /** Addresses of the pools that are alive. */
  readonly pools = new Set<number>();
  /** The compressors, and the numbers under which objects name them. */
  readonly codecs = new Codecs((wanted) => this.#codecsOfObjects(wanted));
  readonly #startMillisecs = performance.now();
  readonly #stagingAddress: number;
  #hasHashKey = false;
  #page: Uint8Array = EMPTY;
  #staging: Uint8Array = EMPTY;
  #numbers = new Float64Array(0);
  #words = new Uint32Array(0);

  constructor(exports: CoreExports, maxMemory: number) {
    this.raw = exports;
    exports.init(Math.min(Math.floor(maxMemory / 65536), 65535));
    this.#stagingAddress = exports.stagingAddress();
    this.stagingPages = exports.stagingPages();
    this.#renew();
  }

  /**
   * Draws the key of the content hash, unless there is one. To be called before anything hashes: by whatever merges or
   * deduplicates, and not by every engine, since Node takes 2 to 3 ms to load `crypto`.
   */
  makeHashKey(): void {
    if (this.#hasHashKey) return;
    const [seed0 = 0, seed1 = 0, seed2 = 0, seed3 = 0] = crypto.getRandomValues(new Uint32Array(4));
    this.raw.hashInit(seed0, seed1, seed2, seed3);
    this.#hasHashKey = true;
  }

  // Growing linear memory detaches every view; a detached one has length 0.
  #renew(): void {
    const { buffer } = this.raw.memory;
    this.#page = new Uint8Array(buffer, this.#stagingAddress, PAGE_SIZE);
    this.#staging = new Uint8Array(buffer, this.#stagingAddress, this.stagingPages * PAGE_SIZE);
    this.#numbers = new Float64Array(buffer, this.#stagingAddress, NUMBERS);
    this.#words = new Uint32Array(buffer, this.#stagingAddress, (this.stagingPages * PAGE_SIZE) / 4);
  }

  /** The first staging page. Valid until the next call into the core. */
  page(): Uint8Array {
    if (this.#page.length === 0) this.#renew();
    return this.#page;
  }

  /** All staging pages. Valid until the next call into the core. */
  staging(): Uint8Array {
    if (this.#staging.length === 0) this.#renew();
    return this.#staging;
  }

  /** The n-th number of the block of statistics that the last call wrote. */
  number(n: number): number {
    if (this.#numbers.length === 0) this.#renew();
    return this.#numbers[n];
  }

  /** All staging pages as 32-bit words. Valid until the next call into the core. */
  words(): Uint32Array {
    if (this.#words.length === 0) this.#renew();
    return this.#words;
  }

  /** Which of these codecs, as bits, the objects of any pool have. */
  #codecsOfObjects(wanted: number): number {
    let found = 0;
    for (const pool of this.pools) found |= this.raw.poolCodecs(pool, wanted & ~found);
    return found;
  }

  /** The clock of access times: units of TICK_MILLISECS since the engine was made, modulo 2^32 (497 days). */
  ticks(): number {
    return ((performance.now() - this.#startMillisecs) / TICK_MILLISECS) >>> 0;
  }

  /** Bytes to which linear memory has grown. */
  reservedBytes(): number {
    return this.raw.memory.buffer.byteLength;
  }
}

/** Constructors are the engine's to call; whoever else does is told what to call. */
export function checkCore(core: unknown, call: string): asserts core is Core {
  if (core instanceof Core) return;
  throw new ZramError('EINVAL', `this class is not made with new: call ${call}.`);
}

/** The adapter: raw exports from whatever holds the code. */
export async function loadCore(source: CoreSource | undefined): Promise<CoreExports> {
  const module = (await compileCore(source)) as WebAssembly.Module;
  try {
    return exportsOf(await WebAssembly.instantiate(module, directImports()));
  } catch (error) {
    throw whyNotStarted(error, source);
  }
}

/** The core as a compiled module, for several engines. Its type is no platform's: not all that compile this have it. */
export async function compileCore(source: CoreSource | undefined): Promise<object> {
  const code = await resolveSource(source ?? defaultSource());
  if (isModule(code)) return code;
  try {
    return await WebAssembly.compile(code);
  } catch (error) {
    throw whyNotStarted(error, source);
  }
}

/** As `loadCore`, at once: from bytes or a compiled module. */
export function loadCoreSync(source: CoreSource | undefined): CoreExports {
  const given = source ?? defaultSource();
  const code = codeOf(given);
  if (!code) {
    throw new ZramError(
      'EINVAL',
      `createSync needs the core as bytes or as a compiled WebAssembly.Module, not ${describe(given)}; create() takes a URL or a Response too.`,
    );
  }
  try {
    if (isModule(code)) return exportsOf(new WebAssembly.Instance(code, directImports()));
    return exportsOf(instantiateSync(code).loadedModule.instance);
  } catch (error) {
    throw whyNotStarted(error, source);
  }
}

/** What kept the code from becoming an instance. */
function whyNotStarted(error: unknown, source: CoreSource | undefined): ZramError {
  if (error instanceof ZramError) return error;
  // By name: a class of errors has as many identities as there are realms.
  if ((error as Partial<Error> | undefined)?.name === 'RangeError') {
    return new ZramError('ENOMEM', `there is no memory for another engine: ${textOf(error)}.`);
  }
  if (source !== undefined) return notTheCore(error);
  return new ZramError(
    'EIO',
    `the core did not compile: ${textOf(error)}. Under a Content-Security-Policy, script-src needs 'wasm-unsafe-eval'; where nothing may be compiled, pass a compiled WebAssembly.Module as module.`,
  );
}

function notTheCore(error: unknown): ZramError {
  return new ZramError('EINVAL', `the module given is not the core of zram-wasm: ${textOf(error)}.`);
}

function exportsOf(instance: WebAssembly.Instance): CoreExports {
  const exports = instance.exports as unknown as CoreExports;
  if (typeof exports.zramWritePages !== 'function') throw notTheCore('an export is missing');
  return exports;
}

/** What as-bind's loader supplies on its way. */
function directImports(): WebAssembly.Imports {
  const abort = (_message: number, _file: number, line: number, column: number): never => {
    throw new Error(`assertion failed in the core at ${line}:${column}`);
  };
  return { env: { abort } };
}

function tagOf(value: unknown): string {
  return Object.prototype.toString.call(value).slice(8, -1);
}

function isModule(value: unknown): value is WebAssembly.Module {
  return tagOf(value) === 'WebAssembly.Module';
}

/** A copy: what the caller does with the bytes meanwhile must not matter. */
function bytesOf(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (isBytes(value)) return copyOf(value);
  return tagOf(value) === 'ArrayBuffer' ? new Uint8Array(value as ArrayBuffer) : undefined;
}

/** The code itself, where that is what the caller gave. @throws ZramError EINVAL: it cannot be looked at */
function codeOf(source: unknown): Uint8Array<ArrayBuffer> | WebAssembly.Module | undefined {
  try {
    return isModule(source) ? source : bytesOf(source);
  } catch (error) {
    throw error instanceof ZramError ? error : notTheCore(error);
  }
}

async function resolveSource(source: CoreSource): Promise<Uint8Array<ArrayBuffer> | WebAssembly.Module> {
  const code = codeOf(source);
  if (code) return code;
  let arrayBuffer: unknown;
  let href: unknown;
  try {
    ({ arrayBuffer, href } = source as { arrayBuffer?: unknown; href?: unknown });
  } catch (error) {
    throw notTheCore(error);
  }
  if (typeof arrayBuffer === 'function') return responseBytes(source as Response);
  if (typeof href === 'string') return urlBytes(href);
  throw new ZramError(
    'EINVAL',
    `module must be bytes, a WebAssembly.Module, a Response or a URL, not ${describe(source)}.`,
  );
}

/** Of a Response, or of what else has bytes to give: a Blob has no status. */
async function responseBytes(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const { ok, url, status } = response as Partial<Response>;
    if (ok === false) throw new ZramError('EIO', `the core could not be fetched: ${url} answers ${status}.`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    if (error instanceof ZramError) throw error;
    throw new ZramError('EIO', `the core could not be fetched: ${textOf(error)}.`);
  }
}

async function urlBytes(href: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    if (href.startsWith('file:')) {
      // fetch() of Node knows no files. Asked for this way, bundlers for browsers see no import of a Node module.
      const { readFile } = process.getBuiltinModule('node:fs/promises');
      return new Uint8Array(await readFile(new URL(href)));
    }
    return await responseBytes(await fetch(href));
  } catch (error) {
    if (error instanceof ZramError) throw error;
    throw new ZramError('EIO', `the core could not be loaded from ${href}: ${textOf(error)}.`);
  }
}
