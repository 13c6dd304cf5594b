/** deflate by fflate: smaller than LZ4, and some twenty times slower. Mostly for recompression. */
import { deflateSync, inflateSync, type DeflateOptions } from 'fflate';
import { PAGE_SIZE } from '../base/arguments.js';
import type { Compressor } from './compressor.js';

const LEVEL_MAX = 9;
const LEVEL_DEFAULT = 6;
/** fflate hashes to 12 + mem bits. */
const MEM_BITS = 12;

/**
 * The kernel's deflate backend in raw format. fflate searches the whole page for matches whatever the window; window
 * bits above 12 enlarge its hash table.
 */
export function deflateCompressor(winbits: number | undefined): Compressor {
  const mem = winbits === undefined ? undefined : Math.max(Math.abs(winbits) - MEM_BITS, 0);
  return {
    name: 'deflate',
    compress(page, level = LEVEL_DEFAULT, dictionary) {
      const options: DeflateOptions = {
        level: Math.min(Math.max(level, 0), LEVEL_MAX) as NonNullable<DeflateOptions['level']>,
      };
      if (mem !== undefined) options.mem = mem as NonNullable<DeflateOptions['mem']>;
      if (dictionary) options.dictionary = dictionary;
      return deflateSync(page, options);
    },
    // fflate truncates at the end of `out`: one byte more than a page reveals a result that is too long.
    decompress: (block, dictionary) =>
      inflateSync(block, { out: new Uint8Array(PAGE_SIZE + 1), ...(dictionary ? { dictionary } : {}) }),
  };
}
