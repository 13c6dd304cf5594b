/**
 * The core below the bindings: the two builds, exports that only tests call, and a bare instance with a known seed.
 */
import { Host } from '../../bindings/core/host.js';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Core } from '../../bindings/core/core.js';
import type { CoreExports } from '../../bindings/core/exports.js';
import { Engine, type EngineOptions } from '../../bindings/index.js';

const WASM_PAGE = 65536;

export type Build = 'debug' | 'release';
export const BUILDS: readonly Build[] = ['debug', 'release'];

/** Exports of assembly/index.ts for tests; in the debug build also that of assembly/check/pool.ts. */
export interface RawExports extends Omit<CoreExports, 'memory'> {
  readonly memory: WebAssembly.Memory;
  weakenHash(mask: number): void;
  corruptPage(device: number, index: number, length: number): void;
  lz4Compress(acceleration: number): number;
  lz4Decompress(src: number, srcLength: number, dst: number, dstLength: number): number;
  lz4Holds(src: number, srcLength: number, page: number): number;
  contentHash(data: number, length: number, codec: number): number;
  secondHash(data: number, length: number): number;
  bytesEqual(a: number, b: number, length: number): number;
  pageSameFilled(page: number): number;
  poolCheck?(pool: number): number;
}

const modules = new Map<Build, WebAssembly.Module>();

export function wasmUrl(build: Build): URL {
  return new URL(`../../build/${build}.wasm`, import.meta.url);
}

export function wasmBytes(build: Build): Uint8Array<ArrayBuffer> {
  return new Uint8Array(readFileSync(fileURLToPath(wasmUrl(build))));
}

/** A compiled build, for the option `module` of engines. Compiled once. */
export function compiledCore(build: Build): WebAssembly.Module {
  let module = modules.get(build);
  if (!module) {
    module = new WebAssembly.Module(wasmBytes(build));
    modules.set(build, module);
  }
  return module;
}

export function engineOf(build: Build, options: Omit<EngineOptions, 'module'> = {}): Engine {
  return Engine.createSync({ ...options, module: compiledCore(build) });
}

export function coreOf(engine: Engine | Host): Core {
  return engine instanceof Host ? engine.core : Engine.coreOf(engine);
}

export function rawExports(engine: Engine | Host): RawExports {
  return coreOf(engine).raw as unknown as RawExports;
}

/** The linear memory as bytes. Ends to be valid when memory grows. */
export function memoryOf(raw: RawExports): Uint8Array {
  return new Uint8Array(raw.memory.buffer);
}

/** An instance outside any engine, initialised with seeds of the caller's. */
export function bareCore(build: Build, seeds: readonly [number, number, number, number] = [1, 2, 3, 4]): RawExports {
  const abort = (_message: number, _file: number, line: number, column: number): never => {
    throw new Error(`assertion failed in the core at ${line}:${column}`);
  };
  const { exports } = new WebAssembly.Instance(compiledCore(build), { env: { abort } });
  const raw = exports as unknown as RawExports;
  raw.init(65535);
  raw.hashInit(...seeds);
  return raw;
}

/** Invariants of every pool of the engine. The release build has no such check. */
export function checkPools(engine: Engine | Host): void {
  const { poolCheck } = rawExports(engine);
  if (!poolCheck) return;
  for (const pool of coreOf(engine).pools) {
    const line = poolCheck(pool);
    if (line !== 0) throw new Error(`invariant ${line} of assembly/check/pool.ts does not hold`);
  }
}

/** Makes a device and tells its address in the core, which the bindings keep to themselves. */
export function withAddress<T>(engine: Engine, make: () => T): { made: T; device: number } {
  const core = coreOf(engine) as { raw: CoreExports };
  const { raw } = core;
  let device = 0;
  core.raw = { ...raw, zramMake: (...args) => (device = raw.zramMake(...args)) };
  try {
    return { made: make(), device };
  } finally {
    core.raw = raw;
  }
}

/** Fresh linear memory up to its new end. Only where nothing is allocated afterwards: the core would take it too. */
export function roomAtTheEnd(raw: RawExports): { start: number; end: number } {
  const start = raw.memory.grow(1) * WASM_PAGE;
  return { start, end: start + WASM_PAGE };
}
