/**
 * The compressors of an engine, and its codecs: the numbers by which an object's header says how it is encoded. A codec is a
 * compressor with its parameters: what was made with others is told apart, also where it could be read alike. Of LZ4 there
 * is one, whatever the level.
 */
import { PAGE_SIZE } from '../arguments.js';
import { copyOf, isBytes, sameBytes } from '../bytes.js';
import { ZramError } from '../errors.js';
import { describe } from '../size.js';
import type { Compressor, CompressorParams } from './compressor.js';
import { deflateCompressor } from './deflate.js';
import { loadZstd, zstdOfNode } from './zstd.js';

// As in assembly/common.ts.
export const CODEC_RAW = 0;
export const CODEC_LZ4 = 1;
export const CODEC_PAGE = 2;
const CODEC_FOREIGN = 3;
const CODEC_MAX = 15;

const LZ4 = 'lz4';
const DEFLATE = 'deflate';
const ZSTD = 'zstd';
/** The kernel's limit for the name of a compressor, terminating zero included (CRYPTO_MAX_ALG_NAME). */
export const ALGORITHM_NAME_MAX = 128;

/** A compressor with its parameters, as a device uses it. */
export interface Encoder {
  readonly name: string;
  /** Objects that it makes are marked with it. */
  readonly codec: number;
  readonly params: CompressorParams;
  /**
   * Not for LZ4, which is the core's.
   * @throws ZramError EIO: it failed, or returned no bytes
   */
  encode(page: Uint8Array): Uint8Array;
}

export class Codecs {
  /** By name; LZ4 is not in it. */
  readonly #compressors = new Map<string, Compressor & { readonly takesNoDictionary?: boolean }>([
    [DEFLATE, deflateCompressor(undefined)],
  ]);
  /** The n-th is codec CODEC_FOREIGN + n. */
  readonly #codecs: (Encoder & { readonly compressor: Compressor })[] = [];

  /** Whether Node's own zstd was looked for. That loads node:zlib, 4 ms of a process: not before somebody asks. */
  #soughtZstd = false;

  /** Names of the compressors that can be used at once. */
  names(): string[] {
    if (!this.#soughtZstd) {
      this.#soughtZstd = true;
      const zstd = zstdOfNode();
      if (zstd) this.#compressors.set(ZSTD, zstd);
    }
    return [LZ4, ...this.#compressors.keys()];
  }

  #has(name: string): boolean {
    return name === LZ4 || this.#compressors.has(name) || this.names().includes(name);
  }

  register(compressor: unknown): void {
    const { name, compress, decompress } = (compressor ?? {}) as Partial<Compressor>;
    if (typeof name !== 'string' || !/^\S+$/.test(name) || name.length >= ALGORITHM_NAME_MAX || /[[\]]/.test(name)) {
      throw new ZramError(
        'EINVAL',
        `a compressor's name has 1 to ${ALGORITHM_NAME_MAX - 1} characters, none of them white space or a bracket; ${describe(name)} is none.`,
      );
    }
    if (typeof compress !== 'function' || typeof decompress !== 'function') {
      throw new ZramError('EINVAL', `the compressor ${name} must have the functions compress and decompress.`);
    }
    if (this.#has(name)) throw new ZramError('EINVAL', `there is a compressor ${name} already.`);
    this.#compressors.set(name, compressor as Compressor);
  }

  /** Makes a compressor usable that has to be loaded first. Others are left to `check`. */
  async load(name: unknown): Promise<void> {
    if (name !== ZSTD || this.#has(ZSTD)) return;
    const zstd = await loadZstd();
    if (!this.#compressors.has(ZSTD)) this.#compressors.set(ZSTD, zstd);
  }

  /** Returns the name. @throws ZramError EINVAL: no such compressor; EOPNOTSUPP: it is not here */
  check(name: unknown, what: string): string {
    if (typeof name === 'string' && this.#has(name)) return name;
    if (name === ZSTD) {
      throw new ZramError(
        'EOPNOTSUPP',
        "zstd is not loaded: await engine.loadCompressor('zstd') first, or register a compressor of that name.",
      );
    }
    throw new ZramError('EINVAL', `${what} must be one of ${this.names().join(', ')}, not ${describe(name)}.`);
  }

  /** @throws ZramError as `check`; EOPNOTSUPP: it takes no dictionary */
  checkParams(name: string, { dictionary }: CompressorParams): void {
    this.check(name, 'the compressor');
    if (dictionary && (name === LZ4 || this.#compressors.get(name)?.takesNoDictionary)) {
      throw new ZramError('EOPNOTSUPP', `${name} takes no dictionary here.`);
    }
  }

  /** @throws ZramError as `checkParams`; ENOSPC: the engine has no number left for it */
  encoder(name: string, params: CompressorParams): Encoder {
    this.checkParams(name, params);
    const { level, winbits } = params;
    if (name === LZ4) return { name, codec: CODEC_LZ4, params, encode: () => new Uint8Array(0) };
    const known = this.#codecs.find((codec) => codec.name === name && sameParams(codec.params, params));
    if (known) return known;
    const codec = CODEC_FOREIGN + this.#codecs.length;
    if (codec > CODEC_MAX) {
      throw new ZramError(
        'ENOSPC',
        `an engine tells ${CODEC_MAX - CODEC_FOREIGN + 1} compressors with their parameters apart; there are as many.`,
      );
    }
    const dictionary = params.dictionary && copyOf(params.dictionary);
    const compressor =
      name === DEFLATE && winbits !== undefined
        ? deflateCompressor(winbits)
        : (this.#compressors.get(name) as Compressor);
    const made = {
      name,
      codec,
      params: { level, dictionary, winbits },
      compressor,
      encode: (page: Uint8Array) => called(name, 'compress', () => compressor.compress(page, level, dictionary)),
    };
    this.#codecs.push(made);
    return made;
  }

  /** What makes objects of this codec; undefined for those of the core. */
  find(codec: number): Encoder | undefined {
    return this.#codecs[codec - CODEC_FOREIGN];
  }

  /** As `decode`; undefined where that fails. */
  tryDecode(codec: number, block: Uint8Array): Uint8Array | undefined {
    try {
      return this.decode(codec, block);
    } catch {
      return undefined;
    }
  }

  /** Whether a block decodes to this page. */
  holds(codec: number, block: Uint8Array, page: Uint8Array): boolean {
    const decoded = this.tryDecode(codec, copyOf(block));
    return decoded !== undefined && sameBytes(decoded, page);
  }

  /** @throws ZramError EIO: it failed, or returned no page */
  decode(codec: number, block: Uint8Array): Uint8Array {
    const found = this.#codecs[codec - CODEC_FOREIGN];
    if (!found) throw new ZramError('EIO', `an object has the codec ${codec}, which this engine does not know.`);
    const {
      compressor,
      params: { dictionary },
    } = found;
    const page = called(compressor.name, 'decompress', () => compressor.decompress(block, dictionary));
    if (page.length === PAGE_SIZE) return page;
    throw new ZramError('EIO', `${compressor.name} decompressed a block to ${page.length} bytes, not to a page.`);
  }
}

/** Somebody else's code: whatever it does, what comes of it is bytes or an EIO. */
function called(name: string, what: string, call: () => unknown): Uint8Array {
  let result: unknown;
  try {
    result = call();
  } catch (error) {
    if (error instanceof ZramError && error.code === 'EOPNOTSUPP') throw error;
    throw new ZramError('EIO', `${name} could not ${what} a page: ${String(error)}`);
  }
  // Copied: a compressor may return the same buffer each time.
  const bytes = isBytes(result) ? copyOf(result) : undefined;
  if (bytes && bytes.length > 0) return bytes;
  throw new ZramError('EIO', `${name} must ${what} a page to a Uint8Array that is not empty, not ${describe(result)}.`);
}

function sameParams(a: CompressorParams, b: CompressorParams): boolean {
  if (a.level !== b.level || a.winbits !== b.winbits) return false;
  if (!a.dictionary || !b.dictionary) return a.dictionary === b.dictionary;
  return sameBytes(a.dictionary, b.dictionary);
}
