/**
 * The compressors of an engine, and its codecs: the numbers by which an object's header says how it is encoded. A codec is a
 * compressor with its parameters: what was made with others is told apart, also where it could be read alike. Of LZ4 there
 * is one, whatever the level.
 *
 * There are 13 numbers for all but LZ4. When they have run out, those come back that no object has and nobody holds.
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
  /** Objects that it makes are marked with it. */
  readonly codec: number;
  readonly params: CompressorParams;
  /**
   * Not for LZ4, which is the core's.
   * @returns the block; a page's length means that the page does not compress
   * @throws ZramError EIO: it failed, or returned no bytes
   */
  encode(page: Uint8Array): Uint8Array;
}

interface ForeignEncoder extends Encoder {
  /** As `encode`, the other way. @throws ZramError EIO: it failed, or returned no page */
  decode(block: Uint8Array): Uint8Array;
}

/** Encoders that somebody uses across calls: until `end`, their numbers are nobody else's. */
export interface EncoderHold {
  /** @throws ZramError as `checkParams`; ENOSPC: the engine has no number left for it */
  encoder(name: string, params: CompressorParams): Encoder;
  /** What makes objects of this codec; undefined for those of the core. */
  find(codec: number): Encoder | undefined;
  /** Lets go of all but these. */
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
  /** Calls of compressors that are under way, one inside the other. */
  #calls = 0;

  /** Whether Node's own zstd was looked for. That loads node:zlib, 4 ms of a process: not before somebody asks. */
  #soughtZstd = false;

  /** @param codecsOfObjects which of these codecs, as bits, any object of the engine has */
  constructor(readonly codecsOfObjects: (wanted: number) => number) {}

  /** Names of the compressors that can be used at once. */
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

  /** @param compressor as `readCompressor` read it */
  register(compressor: Compressor): void {
    const { name } = compressor;
    if (this.#has(name)) throw new ZramError('EINVAL', `there is a compressor ${name} already.`);
    this.#compressors.set(name, compressor);
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

  // ── numbers ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The way to encoders. */
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
    // The compressor's own: what it does to it must not be saved, nor compared.
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

  /** A number that is in nobody's use. @throws ZramError ENOSPC */
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

  /** Takes back the numbers that nobody needs: one walk over all objects, at most. */
  #collect(): void {
    // Whoever called a compressor may be about to store what it returns, whatever the holds say by then.
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
    const encoder = this.#codecs[codec - CODEC_FOREIGN];
    if (encoder) return encoder.decode(block);
    throw new ZramError('EIO', `an object has the codec ${codec}, which this engine does not know.`);
  }
}

function sameParams(a: CompressorParams, b: CompressorParams): boolean {
  if (a.level !== b.level || a.winbits !== b.winbits) return false;
  if (!a.dictionary || !b.dictionary) return a.dictionary === b.dictionary;
  return sameBytes(a.dictionary, b.dictionary);
}

/** Past this LZ4's search ends at its first miss anyway. */
const LZ4_LEVEL_MAX = 65536;

/** LZ4 takes a level below 1 for 1. */
export function lz4Level({ level = 1 }: CompressorParams): number {
  return Math.min(Math.max(level, 1), LZ4_LEVEL_MAX);
}
