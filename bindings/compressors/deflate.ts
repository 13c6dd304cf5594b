/**
 * deflate: smaller than LZ4, and some twenty times slower. Mostly for recompression. fflate decodes, and encodes unless
 * pako is loaded, whose blocks are the kernel's.
 */
import { deflateSync, inflateSync, type DeflateOptions } from 'fflate';
import { PAGE_SIZE } from '../base/arguments.js';
import { viewOf } from '../base/bytes.js';
import { DEFLATE_LEVEL_MAX, type Compressor } from './compressor.js';
import type { Pako } from './pako.js';

/** What no level and -1 mean. */
const LEVEL_DEFAULT = 6;
/** The kernel's: a window of 2 KiB. */
const WINBITS_DEFAULT = 11;
/** fflate hashes to 12 + mem bits. */
const MEM_BITS = 12;

const ZLIB_METHOD = 8;
const ZLIB_HEADER_BYTES = 2;
const ADLER_MODULUS = 65521;

/**
 * The kernel's deflate backend. Positive window bits mean the zlib format, 6 bytes longer, else blocks are raw.
 * @param pako the one that is loaded, if any. It is not used with a dictionary, which the kernel's deflate does not have:
 * fflate, which searches all of it and of the page whatever the window, makes more of it.
 */
export function deflateCompressor(winbits: number | undefined, pako: () => Pako | undefined): Compressor {
  const mem = winbits === undefined ? undefined : Math.max(Math.abs(winbits) - MEM_BITS, 0);
  const byFflate = (page: Uint8Array, level: number, dictionary?: Uint8Array): Uint8Array => {
    const options: DeflateOptions = { level: level as NonNullable<DeflateOptions['level']> };
    if (mem !== undefined) options.mem = mem as NonNullable<DeflateOptions['mem']>;
    if (dictionary) options.dictionary = dictionary;
    return deflateSync(page, options);
  };
  return {
    name: 'deflate',
    compress(page, given = LEVEL_DEFAULT, dictionary) {
      const level = given < 0 ? LEVEL_DEFAULT : Math.min(given, DEFLATE_LEVEL_MAX);
      const loaded = dictionary === undefined ? pako() : undefined;
      const block = loaded
        ? loaded.deflateRaw(page, level, Math.abs(winbits ?? WINBITS_DEFAULT))
        : byFflate(page, level, dictionary);
      return winbits !== undefined && winbits > 0 ? zlibFormat(block, page, winbits, level) : block;
    },
    // fflate truncates at the end of `out`: one byte more than a page reveals a result that is too long.
    decompress: (block, dictionary) =>
      inflateSync(rawOf(block), { out: new Uint8Array(PAGE_SIZE + 1), ...(dictionary ? { dictionary } : {}) }),
  };
}

/** A raw block between the header and the checksum of RFC 1950. */
function zlibFormat(raw: Uint8Array, page: Uint8Array, winbits: number, level: number): Uint8Array {
  const block = new Uint8Array(ZLIB_HEADER_BYTES + raw.length + 4);
  const view = new DataView(block.buffer);
  const effort = level < 2 ? 0 : level < 6 ? 1 : level === 6 ? 2 : 3;
  const header = (((winbits - 8) << 4) | ZLIB_METHOD) * 256 + (effort << 6);
  view.setUint16(0, header + 31 - (header % 31));
  block.set(raw, ZLIB_HEADER_BYTES);
  let [a, b] = [1, 0];
  for (const byte of page) {
    a += byte;
    b += a;
  }
  // A page is too short for either sum to lose a bit.
  view.setUint32(ZLIB_HEADER_BYTES + raw.length, (b % ADLER_MODULUS) * 65536 + (a % ADLER_MODULUS));
  return block;
}

/** The raw block in one of the zlib format. No encoder begins a raw one with these four bits: they are the rest of a byte. */
function rawOf(block: Uint8Array): Uint8Array {
  return (block[0] & 15) === ZLIB_METHOD ? viewOf(block, ZLIB_HEADER_BYTES, block.length) : block;
}
