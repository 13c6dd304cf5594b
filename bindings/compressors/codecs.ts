/**
 * The compressors of an engine, and its codecs: the numbers in an object's header that say how it is encoded. A codec
 * is a compressor with its parameters; other parameters make another codec, even if it decodes alike. LZ4 has one codec
 * for all levels.
 *
 * 13 numbers serve all compressors but LZ4. When they run out, those are reclaimed that no object uses and no device
 * holds.
 */
import { copyOf, sameBytes } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { describe } from '../base/messages.js';
import { CODEC_FOREIGN, CODEC_LZ4, CODEC_MAX } from '../core/layout.js';
import type { Compressor, CompressorParams } from './compressor.js';
import { deflateCompressor } from './deflate.js';
import { compressed, decompressed } from './registered.js';
import { loadZstd, zstdOfNode } from './zstd.js';

const CODECS_FOREIGN = CODEC_MAX - CODEC_FOREIGN + 1;

const LZ4 = 'lz4';
const DEFLATE = 'deflate';
const ZSTD = 'zstd';

/** A compressor with its parameters, as a device uses it. */
export interface Encoder {
  readonly name: string;
  /** Written to the header of each object that it encodes. */
  readonly codec: number;
  readonly params: CompressorParams;
  /**
   * Not for LZ4, which the core encodes.
   * @returns the block; a page's length means that the page does not compress
   * @throws ZramError EIO: it failed, or returned no bytes
   */
  encode(page: Uint8Array): Uint8Array;
}

interface ForeignEncoder extends Encoder {
  /** The reverse of `encode`. @throws ZramError EIO: it failed, or did not return a page */
  decode(block: Uint8Array): Uint8Array;
}

/** Encoders in use across calls: their codecs are not reclaimed until `end`. */
export interface EncoderHold {
  /** @throws ZramError as `checkParams`; ENOSPC: all codecs of the engine are in use */
  encoder(name: string, params: CompressorParams): Encoder;
  /** The encoder of this codec; undefined for codecs of the core. */
  find(codec: number): Encoder | undefined;
  /** Releases all but these. */
  keep(encoders: readonly (Encoder | undefined)[]): void;
  end(): void;
}

export class Codecs {
  /** By name; LZ4 is not in it. */
  readonly #compressors = new Map<string, Compressor & { readonly takesNoDictionary?: boolean }>([
    [DEFLATE, deflateCompressor(undefined)],
  ]);
  /** The n-th is codec CODEC_FOREIGN + n. */
  readonly #codecs: (ForeignEncoder | undefined)[] = [];
  /** The last encoder for these very parameters: compared by content once, not for every page. */
  readonly #known = new WeakMap<CompressorParams, ForeignEncoder>();
  readonly #holds = new Set<Set<Encoder>>();
  /** Calls of compressors in progress, which may be nested. */
  #calls = 0;

  /** Whether Node's own zstd was looked up. Done on first use only, since it loads node:zlib, which takes 4 ms. */
  #soughtZstd = false;

  /** @param codecsOfObjects which of these codecs, as bits, objects of the engine use */
  constructor(readonly codecsOfObjects: (wanted: number) => number) {}

  /** Names of the compressors that are available now. */
  names(): string[] {
    if (!this.#soughtZstd) {
      this.#soughtZstd = true;
      const zstd = zstdOfNode();
      if (zstd && !this.#compressors.has(ZSTD)) this.#compressors.set(ZSTD, zstd);
    }
    return [LZ4, ...this.#compressors.keys()];
  }

  #has(name: string): boolean {
    return name === LZ4 || this.#compressors.has(name) || this.names().includes(name);
  }

  /** @param compressor a result of `readCompressor` */
  register(compressor: Compressor): void {
    const { name } = compressor;
    if (this.#has(name))
      throw new ZramError('EINVAL', `a compressor named ${name} exists already: register it under another name.`);
    this.#compressors.set(name, compressor);
  }

  /** Loads a compressor that needs loading. All other names are left to `check`. */
  async load(name: unknown): Promise<void> {
    if (name !== ZSTD || this.#has(ZSTD)) return;
    const zstd = await loadZstd();
    if (!this.#compressors.has(ZSTD)) this.#compressors.set(ZSTD, zstd);
  }

  /** Returns the name. @throws ZramError EINVAL: no such compressor; EOPNOTSUPP: it is not loaded */
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

  /** @throws ZramError as `check`; EOPNOTSUPP: it does not support dictionaries */
  checkParams(name: string, { dictionary }: CompressorParams): void {
    this.check(name, 'the compressor');
    if (dictionary && (name === LZ4 || this.#compressors.get(name)?.takesNoDictionary)) {
      throw new ZramError('EOPNOTSUPP', `${name} does not support a dictionary here.`);
    }
  }

  // ── numbers ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Gives access to encoders, and keeps their codecs until the hold ends. */
  hold(): EncoderHold {
    const held = new Set<Encoder>();
    this.#holds.add(held);
    const keep = <T extends Encoder | undefined>(encoder: T): T => {
      if (encoder) held.add(encoder);
      return encoder;
    };
    return {
      encoder: (name, params) => keep(this.#encoder(name, params)),
      find: (codec) => keep(this.#codecs[codec - CODEC_FOREIGN]),
      keep: (encoders) => {
        for (const encoder of held) if (!encoders.includes(encoder)) held.delete(encoder);
      },
      end: () => {
        this.#holds.delete(held);
      },
    };
  }

  #encoder(name: string, params: CompressorParams): Encoder {
    const known = this.#known.get(params);
    if (known?.name === name && this.#codecs[known.codec - CODEC_FOREIGN] === known) return known;
    this.checkParams(name, params);
    if (name === LZ4) return { name, codec: CODEC_LZ4, params, encode: () => new Uint8Array(0) };
    const encoder =
      this.#codecs.find((one) => one?.name === name && sameParams(one.params, params)) ?? this.#make(name, params);
    this.#known.set(params, encoder);
    return encoder;
  }

  #make(name: string, params: CompressorParams): ForeignEncoder {
    const { level, winbits } = params;
    const dictionary = params.dictionary && copyOf(params.dictionary);
    // Lent to the compressor, which may change it; the other copy is the one that is saved and compared.
    const lent = dictionary && copyOf(dictionary);
    const compressor =
      name === DEFLATE && winbits !== undefined
        ? deflateCompressor(winbits)
        : (this.#compressors.get(name) as Compressor);
    const n = this.#freeNumber();
    return (this.#codecs[n] = {
      name,
      codec: CODEC_FOREIGN + n,
      params: { level, dictionary, winbits },
      encode: (page) => this.#calling(() => compressed(name, () => compressor.compress(page, level, lent))),
      decode: (block) => this.#calling(() => decompressed(name, () => compressor.decompress(block, lent))),
    });
  }

  /** An unused codec number. @throws ZramError ENOSPC */
  #freeNumber(): number {
    for (const collected of [false, true]) {
      if (collected) this.#collect();
      for (let n = 0; n < CODECS_FOREIGN; n++) if (!this.#codecs[n]) return n;
    }
    throw new ZramError(
      'ENOSPC',
      `an engine supports ${CODECS_FOREIGN} compressor configurations, and all are in use by devices or by stored pages.`,
    );
  }

  /** Reclaims unused numbers, with one walk over all objects at most. */
  #collect(): void {
    // A call in progress may be about to store what the compressor returns, even if its hold has ended.
    if (this.#calls > 0) return;
    let wanted = 0;
    for (const encoder of this.#codecs) if (encoder) wanted |= 1 << encoder.codec;
    for (const held of this.#holds) for (const { codec } of held) wanted &= ~(1 << codec);
    const needless = wanted & ~this.codecsOfObjects(wanted);
    for (let n = 0; n < CODECS_FOREIGN; n++) {
      if (needless & (1 << (CODEC_FOREIGN + n))) this.#codecs[n] = undefined;
    }
  }

  #calling<T>(call: () => T): T {
    this.#calls++;
    try {
      return call();
    } finally {
      this.#calls--;
    }
  }

  // ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** As `decode`; undefined when that fails. */
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

  /** @throws ZramError EIO: the compressor failed, or did not return a page */
  decode(codec: number, block: Uint8Array): Uint8Array {
    const encoder = this.#codecs[codec - CODEC_FOREIGN];
    if (encoder) return encoder.decode(block);
    throw new ZramError('EIO', `cannot decode an object: its codec ${codec} is not known to this engine.`);
  }
}

function sameParams(a: CompressorParams, b: CompressorParams): boolean {
  if (a.level !== b.level || a.winbits !== b.winbits) return false;
  if (!a.dictionary || !b.dictionary) return a.dictionary === b.dictionary;
  return sameBytes(a.dictionary, b.dictionary);
}

/** Above this LZ4's search ends at its first miss anyway. */
const LZ4_LEVEL_MAX = 65536;

/** Levels below 1 mean 1. */
export function lz4Level({ level = 1 }: CompressorParams): number {
  return Math.min(Math.max(level, 1), LZ4_LEVEL_MAX);
}
