/**
 * pako, if it is installed: a port of zlib, whose deflate makes the blocks of the kernel, which has zlib's code of old.
 * Node's zlib does not, nor does fflate.
 */
import { PAGE_SIZE } from '../base/arguments.js';

export interface Pako {
  /** @param level 0 to 9 @param windowBits 9 to 15 */
  deflateRaw(page: Uint8Array, level: number, windowBits: number): Uint8Array;
}

type DeflateRaw = (data: Uint8Array, options: object) => Uint8Array;

/** The kernel's, and zlib's default. */
const MEM_LEVEL = 8;

/** What zlib makes of words that count up, at level 6 in a window of 2 KiB. Hashes of 4 bytes, as in newer ports, make 2379. */
const PROBE_BYTES = 1447;

/** Undefined where it is not installed, or gives other blocks than the kernel. */
export async function loadPako(): Promise<Pako | undefined> {
  // Not a literal, for which bundlers would require the optional package.
  const name = 'pako';
  try {
    const loaded = (await import(/* @vite-ignore */ /* webpackIgnore: true */ name)) as {
      deflateRaw?: DeflateRaw;
      default?: { deflateRaw?: DeflateRaw };
    };
    const deflateRaw = loaded.deflateRaw ?? loaded.default?.deflateRaw;
    if (typeof deflateRaw !== 'function') return undefined;
    // pako 3 hashes as zlib does only if asked to; its predecessors pass over the word.
    const pako: Pako = {
      deflateRaw: (page, level, windowBits) =>
        deflateRaw(page, { level, windowBits, memLevel: MEM_LEVEL, legacyHash: true }),
    };
    const words = Uint32Array.from({ length: PAGE_SIZE / 4 }, (_, n) => n);
    return pako.deflateRaw(new Uint8Array(words.buffer), 6, 11).length === PROBE_BYTES ? pako : undefined;
  } catch {
    return undefined;
  }
}
