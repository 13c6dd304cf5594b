/**
 * How an instance of the core is made: from bytes, a compiled module, a `Response` or a URL.
 *
 * as-bind makes the instance where bytes are given and it is to be there at once; a compiled module is instantiated directly,
 * since as-bind takes bytes only. as-bind's asynchronous way is not used: it looks whether it was given a `Response`, and the
 * first look at that global loads half of Node.js (30 ms, and more memory than an engine). All ways end at the same raw
 * exports, which are what every call uses: they cost 8-15 ns, as-bind's wrappers 40 ns, and nothing but numbers crosses.
 */
import { instantiateSync } from 'as-bind/dist/as-bind.esm.js';
import { copyOf, isBytes } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { describe, textOf } from '../base/messages.js';
import { defaultSource } from './default-source.js';
import type { CoreExports } from './exports.js';
import type { CoreSource } from './source.js';

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
    return new ZramError('ENOMEM', `cannot allocate another engine: ${textOf(error)}.`);
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
