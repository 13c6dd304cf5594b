/** zstd: that of Node's zlib, from 22.15 on, else the package @hpcc-js/wasm-zstd if it is installed. */
import { PAGE_SIZE } from '../base/arguments.js';
import { ZramError } from '../base/errors.js';
import { textOf } from '../base/messages.js';
import type { Compressor } from './compressor.js';

interface Zstd {
  compress(data: Uint8Array, level: number): Uint8Array;
  decompress(data: Uint8Array): Uint8Array;
}

interface ZstdOptions {
  params: Record<number, number>;
  pledgedSrcSize: number;
}

/** The members used here, which the types of Node 20 lack. */
interface ZlibWithZstd {
  zstdCompressSync?: (data: Uint8Array, options?: ZstdOptions) => Uint8Array;
  zstdDecompressSync(data: Uint8Array, options: { maxOutputLength: number }): Uint8Array;
  constants: { ZSTD_c_compressionLevel: number; ZSTD_c_targetLength: number };
}

const LEVEL_DEFAULT = 3;
const LEVEL_MAX = 22;
/** zstd's negative, faster levels go down to minus its largest block. */
const LEVEL_MIN = -131072;

/** zstd, with whose it is and its version. */
export type Made = Compressor & {
  readonly takesNoDictionary: true;
  readonly code: string;
  readonly version: string | undefined;
};

const PACKAGE = '@hpcc-js/wasm-zstd';

/** Node's own zstd, synchronously; undefined where Node has none. */
export function zstdOfNode(): Made | undefined {
  // Loaded this way, bundlers for browsers see no import of a Node module.
  const { process } = globalThis as {
    process?: { getBuiltinModule?: (name: string) => unknown; versions?: { zstd?: string } };
  };
  const zlib = process?.getBuiltinModule?.('node:zlib') as ZlibWithZstd | undefined;
  const compress = zlib?.zstdCompressSync;
  if (!zlib || !compress) return undefined;
  const { ZSTD_c_compressionLevel, ZSTD_c_targetLength } = zlib.constants;
  const zstd: Zstd = {
    // Node takes -1 for "not set", and compresses at level 3. -1 is -2 with another target length, and nothing else.
    compress: (page, level) =>
      compress(page, {
        // Node knows it; Deno, untold, takes a hundred times as long from level 12 on, and makes other bytes.
        pledgedSrcSize: page.length,
        params:
          level === -1
            ? { [ZSTD_c_compressionLevel]: -2, [ZSTD_c_targetLength]: 1 }
            : { [ZSTD_c_compressionLevel]: level },
      }),
    // Limited to a page: damaged data must not allocate without bound.
    decompress: (block) => zlib.zstdDecompressSync(block, { maxOutputLength: PAGE_SIZE }),
  };
  return compressorOf(zstd, 'Node.js', process?.versions?.zstd);
}

/**
 * Node's own zstd, else that of the package.
 * @throws ZramError EOPNOTSUPP: neither is available
 */
export async function loadZstd(): Promise<Made> {
  const own = zstdOfNode();
  if (own) return own;
  // Not a literal, for which bundlers would require the optional package.
  const name = PACKAGE;
  let loaded: { Zstd: { load(): Promise<Zstd & { version(): string }> } };
  try {
    loaded = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as typeof loaded;
  } catch {
    throw new ZramError(
      'EOPNOTSUPP',
      `zstd is not available: use Node.js 22.15 or later, install ${name}, or register a compressor named zstd.`,
    );
  }
  try {
    const zstd = await loaded.Zstd.load();
    return compressorOf(zstd, name, zstd.version());
  } catch (error) {
    throw new ZramError('EOPNOTSUPP', `cannot start the zstd of ${name}: ${textOf(error)}.`);
  }
}

function compressorOf(zstd: Zstd, code: string, version: string | undefined): Made {
  return {
    name: 'zstd',
    takesNoDictionary: true,
    code,
    version,
    compress: (page, level = LEVEL_DEFAULT) => zstd.compress(page, Math.min(Math.max(level, LEVEL_MIN), LEVEL_MAX)),
    decompress: (block) => zstd.decompress(block),
  };
}
