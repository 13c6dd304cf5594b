/**
 * Loads an instance of the core from bytes, a compiled module, a `Response` or a URL.
 *
 * as-bind instantiates bytes synchronously; a compiled module is instantiated directly, since as-bind takes bytes only.
 * as-bind's asynchronous function is not used: it tests for a `Response`, and the first access to that global loads
 * half of Node.js (30 ms, and more memory than an engine). All paths end at the same raw exports, which every call
 * uses: they cost 8-15 ns, as-bind's wrappers 40 ns, and only numbers are passed.
 */
import { instantiateSync } from 'as-bind/dist/as-bind.esm.js';
import { copyOf, isBytes } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { describe, textOf } from '../base/messages.js';
import { defaultSource } from './default-source.js';
import type { CoreExports } from './exports.js';
import type { CoreSource } from './source.js';

/** The raw exports of a new instance, from any source of the code. */
export async function loadCore(source: CoreSource | undefined): Promise<CoreExports> {
  const module = (await compileCore(source)) as WebAssembly.Module;
  try {
    return exportsOf(await WebAssembly.instantiate(module, directImports()));
  } catch (error) {
    throw whyNotStarted(error, source);
  }
}

/**
 * The core as a compiled module, for several engines. Typed as object: a program that compiles this may lack the type.
 */
export async function compileCore(source: CoreSource | undefined): Promise<object> {
  const code = await resolveSource(source ?? defaultSource());
  if (isModule(code)) return code;
  try {
    return await WebAssembly.compile(code);
  } catch (error) {
    throw whyNotStarted(error, source);
  }
}

/** As `loadCore`, synchronously: from bytes or a compiled module. */
export function loadCoreSync(source: CoreSource | undefined): CoreExports {
  const given = source ?? defaultSource();
  const code = codeOf(given);
  if (!code) {
    throw new ZramError(
      'EINVAL',
      `the module of createSync must be bytes or a compiled WebAssembly.Module, not ${describe(given)}: create() also takes a URL or a Response.`,
    );
  }
  try {
    if (isModule(code)) return exportsOf(new WebAssembly.Instance(code, directImports()));
    return exportsOf(instantiateSync(code).loadedModule.instance);
  } catch (error) {
    throw whyNotStarted(error, source);
  }
}

/** The error for code that could not be compiled or instantiated. */
function whyNotStarted(error: unknown, source: CoreSource | undefined): ZramError {
  if (error instanceof ZramError) return error;
  // By name: each realm has error classes of its own.
  if ((error as Partial<Error> | undefined)?.name === 'RangeError') {
    return new ZramError('ENOMEM', `cannot allocate another engine: ${textOf(error)}.`);
  }
  if (source !== undefined) return notTheCore(error);
  return new ZramError(
    'EIO',
    `cannot compile the core: ${textOf(error)}. Under a Content-Security-Policy, script-src needs 'wasm-unsafe-eval'; where compiling is not allowed, pass a compiled WebAssembly.Module as module.`,
  );
}

function notTheCore(error: unknown): ZramError {
  return new ZramError('EINVAL', `module must be the core of zram-wasm: ${textOf(error)}.`);
}

function exportsOf(instance: WebAssembly.Instance): CoreExports {
  const exports = instance.exports as unknown as CoreExports;
  if (typeof exports.zramWritePages !== 'function') throw notTheCore('an export is missing');
  return exports;
}

/** The imports that as-bind's loader would supply. */
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

/** A copy, since the caller may change the bytes meanwhile. */
function bytesOf(value: unknown): Uint8Array<ArrayBuffer> | undefined {
  if (isBytes(value)) return copyOf(value);
  return tagOf(value) === 'ArrayBuffer' ? new Uint8Array(value as ArrayBuffer) : undefined;
}

/** The code, if the caller passed bytes or a module. @throws ZramError EINVAL: the source cannot be read */
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

/** The bytes of a Response, or of anything else with arrayBuffer(): a Blob has no status. */
async function responseBytes(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const { ok, url, status } = response as Partial<Response>;
    if (ok === false) throw new ZramError('EIO', `cannot fetch the core: ${url} answered ${status}.`);
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    if (error instanceof ZramError) throw error;
    throw new ZramError('EIO', `cannot fetch the core: ${textOf(error)}.`);
  }
}

async function urlBytes(href: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    if (href.startsWith('file:')) {
      // Node's fetch() does not read files. Loaded this way, bundlers for browsers see no import of a Node module.
      const { readFile } = globalThis.process.getBuiltinModule('node:fs/promises');
      return new Uint8Array(await readFile(new URL(href)));
    }
    return await responseBytes(await fetch(href));
  } catch (error) {
    if (error instanceof ZramError) throw error;
    throw new ZramError('EIO', `cannot load the core from ${href}: ${textOf(error)}.`);
  }
}
