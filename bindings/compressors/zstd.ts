/** zstd: Node's own, where its zlib has it, else the package @hpcc-js/wasm-zstd, where it is installed. */
import { PAGE_SIZE } from '../base/arguments.js';
import { ZramError } from '../base/errors.js';
import { textOf } from '../base/messages.js';
import type { Compressor } from './compressor.js';

interface Zstd {
  compress(data: Uint8Array, level?: number): Uint8Array;
  decompress(data: Uint8Array): Uint8Array;
}

/** As far as it is used here; the types of Node 20 do not know it. */
interface ZlibWithZstd {
  zstdCompressSync?: (data: Uint8Array, options?: { params: Record<number, number> }) => Uint8Array;
  zstdDecompressSync(data: Uint8Array, options: { maxOutputLength: number }): Uint8Array;
  constants: { ZSTD_c_compressionLevel: number };
}

const LEVEL_DEFAULT = 3;
const LEVEL_MAX = 22;
/** Of zstd: faster levels, down to minus its largest block. */
const LEVEL_MIN = -131072;

type Made = Compressor & { readonly takesNoDictionary: true };

/** Node's own, at once; undefined where there is none. */
export function zstdOfNode(): Made | undefined {
  // Asked for this way, bundlers for browsers see no import of a Node module.
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  const zlib = process?.getBuiltinModule?.('node:zlib') as ZlibWithZstd | undefined;
  const compress = zlib?.zstdCompressSync;
  if (!zlib || !compress) return undefined;
  return compressorOf({
    compress: (page, level) =>
      compress(page, { params: { [zlib.constants.ZSTD_c_compressionLevel]: level ?? LEVEL_DEFAULT } }),
    // What is longer than a page is none: damage must not take memory without end.
    decompress: (block) => zlib.zstdDecompressSync(block, { maxOutputLength: PAGE_SIZE }),
  });
}

/**
 * The best there is.
 * @throws ZramError EOPNOTSUPP: there is none
 */
export async function loadZstd(): Promise<Made> {
  const own = zstdOfNode();
  if (own) return own;
  // Not a literal: bundlers would insist on finding a package that is optional.
  const name = '@hpcc-js/wasm-zstd';
  let loaded: { Zstd: { load(): Promise<Zstd> } };
  try {
    loaded = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as typeof loaded;
  } catch {
    throw new ZramError(
      'EOPNOTSUPP',
      `zstd is not available: Node.js has it from 22.15 on; elsewhere install ${name}, or register a compressor of that name.`,
    );
  }
  try {
    return compressorOf(await loaded.Zstd.load());
  } catch (error) {
    throw new ZramError('EOPNOTSUPP', `the zstd of ${name} does not start: ${textOf(error)}.`);
  }
}

function compressorOf(zstd: Zstd): Made {
  return {
    name: 'zstd',
    takesNoDictionary: true,
    compress: (page, level = LEVEL_DEFAULT) => zstd.compress(page, Math.min(Math.max(level, LEVEL_MIN), LEVEL_MAX)),
    decompress: (block) => zstd.decompress(block),
  };
}
