/** zstd: that of Node's zlib, from 22.15 on, else the package @hpcc-js/wasm-zstd if it is installed. */
import { PAGE_SIZE } from '../base/arguments.js';
import { ZramError } from '../base/errors.js';
import { textOf } from '../base/messages.js';
import type { Compressor } from './compressor.js';

interface Zstd {
  compress(data: Uint8Array, level?: number): Uint8Array;
  decompress(data: Uint8Array): Uint8Array;
}

/** The members used here, which the types of Node 20 lack. */
interface ZlibWithZstd {
  zstdCompressSync?: (data: Uint8Array, options?: { params: Record<number, number> }) => Uint8Array;
  zstdDecompressSync(data: Uint8Array, options: { maxOutputLength: number }): Uint8Array;
  constants: { ZSTD_c_compressionLevel: number };
}

const LEVEL_DEFAULT = 3;
const LEVEL_MAX = 22;
/** zstd's negative, faster levels go down to minus its largest block. */
const LEVEL_MIN = -131072;

type Made = Compressor & { readonly takesNoDictionary: true };

/** Node's own zstd, synchronously; undefined where Node has none. */
export function zstdOfNode(): Made | undefined {
  // Loaded this way, bundlers for browsers see no import of a Node module.
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } };
  const zlib = process?.getBuiltinModule?.('node:zlib') as ZlibWithZstd | undefined;
  const compress = zlib?.zstdCompressSync;
  if (!zlib || !compress) return undefined;
  return compressorOf({
    compress: (page, level) =>
      compress(page, { params: { [zlib.constants.ZSTD_c_compressionLevel]: level ?? LEVEL_DEFAULT } }),
    // Limited to a page: damaged data must not allocate without bound.
    decompress: (block) => zlib.zstdDecompressSync(block, { maxOutputLength: PAGE_SIZE }),
  });
}

/**
 * Node's own zstd, else that of the package.
 * @throws ZramError EOPNOTSUPP: neither is available
 */
export async function loadZstd(): Promise<Made> {
  const own = zstdOfNode();
  if (own) return own;
  // Not a literal, for which bundlers would require the optional package.
  const name = '@hpcc-js/wasm-zstd';
  let loaded: { Zstd: { load(): Promise<Zstd> } };
  try {
    loaded = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as typeof loaded;
  } catch {
    throw new ZramError(
      'EOPNOTSUPP',
      `zstd is not available: use Node.js 22.15 or later, install ${name}, or register a compressor named zstd.`,
    );
  }
  try {
    return compressorOf(await loaded.Zstd.load());
  } catch (error) {
    throw new ZramError('EOPNOTSUPP', `cannot start the zstd of ${name}: ${textOf(error)}.`);
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
