/**
 * The compressors of an engine, and its codecs: the numbers in an object's header that say how it is encoded. A codec
 * is a compressor with its parameters; other parameters make another codec, even if it decodes alike. lz4, lz4hc, lzo
 * and lzo-rle have one codec each for all levels.
 *
 * 12 numbers serve all compressors but lz4 and lz4hc, whose blocks the core decodes. When they run out, those are
 * reclaimed that no object uses and no device holds.
 */
import { copyOf, sameBytes } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { describe } from '../base/messages.js';
import { CODEC_FOREIGN, CODEC_LZ4, CODEC_LZ4HC, CODEC_MAX } from '../core/layout.js';
import {
  DEFLATE_LEVEL_MAX,
  DEFLATE_LEVEL_MIN,
  type Compressor,
  type CompressorInfo,
  type CompressorParams,
} from './compressor.js';
import { deflateCompressor } from './deflate.js';
import { CompressorModule, LZ4HC, LZO_NAMES, OptimalModule, type LzoName } from './module.js';
import { loadPako, type Pako } from './pako.js';
import { compressed, decompressed } from './registered.js';
import { loadZstd, zstdOfNode, type Made } from './zstd.js';

const CODECS_FOREIGN = CODEC_MAX - CODEC_FOREIGN + 1;

const LZ4 = 'lz4';
const DEFLATE = 'deflate';
const ZSTD = 'zstd';

/** LZ4 never passes here: a block of nothing would be stored as a page. */
function isOfCore(): never {
  throw new TypeError('lz4 is compressed in the core');
}

/** A compressor with its parameters, as a device uses it. */
export interface Encoder {
  readonly name: string;
  /** Written to the header of each object that it encodes. */
  readonly codec: number;
  readonly params: CompressorParams;
  /** What it calls may do anything, this engine's calls included: a page must be kept safe from it, and not from the others. */
  readonly foreign: boolean;
  /**
   * Not for LZ4, which the core encodes.
   * @param page is not changed
   * @returns the block, valid until the next call of a compressor; 4096 bytes or more mean that the page does not compress
   * @throws ZramError EIO: it failed, or returned no bytes
   */
  encode(page: Uint8Array): Uint8Array;
}

interface Codec extends Encoder {
  /** Decodes the first `length` bytes. @throws ZramError EIO: it failed, or did not return a page */
  decode(bytes: Uint8Array, length: number): Uint8Array;
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
  /** By name; LZ4 and those of the module are not in it. */
  readonly #compressors = new Map<string, Compressor & Partial<Pick<Made, 'takesNoDictionary' | 'code' | 'version'>>>([
    [DEFLATE, deflateCompressor(undefined, () => this.#pako)],
  ]);
  /** From `load` on, for all devices: what fflate has encoded decodes as before. */
  #pako: Pako | undefined;
  /** The n-th is codec CODEC_FOREIGN + n. */
  readonly #codecs: (Codec | undefined)[] = [];
  /** The last encoder for these very parameters: compared by content once, not for every page. */
  readonly #known = new WeakMap<CompressorParams, Codec>();
  readonly #holds = new Set<Set<Encoder>>();
  /** lzo, lzo-rle and lz4hc, from the first use of one of them. */
  #module: CompressorModule | undefined;
  /** lz4hc with `favorDecSpeed`. */
  #optimal: OptimalModule | undefined;
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
    return [...LZO_NAMES, LZ4, LZ4HC, ...this.#compressors.keys()];
  }

  #has(name: string): boolean {
    return isBuiltIn(name) || this.#compressors.has(name) || this.names().includes(name);
  }

  /** @param compressor a result of `readCompressor` */
  register(compressor: Compressor): void {
    const { name } = compressor;
    if (this.#has(name))
      throw new ZramError('EINVAL', `a compressor named ${name} exists already: register it under another name.`);
    this.#compressors.set(name, compressor);
  }

  /** Loads a compressor that needs loading, or pako for deflate if it is there. All other names are left to `check`. */
  async load(name: unknown): Promise<void> {
    if (name === DEFLATE) this.#pako ??= await loadPako();
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

  /** @throws ZramError as `check`; EOPNOTSUPP: it does not support dictionaries, or `favorDecSpeed` */
  checkParams(name: string, { dictionary, favorDecSpeed = 0 }: CompressorParams): void {
    this.check(name, 'the compressor');
    if (dictionary && (isBuiltIn(name) || this.#compressors.get(name)?.takesNoDictionary)) {
      throw new ZramError('EOPNOTSUPP', `${name} does not support a dictionary here.`);
    }
    if (favorDecSpeed !== 0 && name !== LZ4HC) {
      throw new ZramError('EOPNOTSUPP', `favorDecSpeed is for ${LZ4HC}, not for ${name}.`);
    }
  }

  /** @throws ZramError EINVAL: the kernel refuses a device with this level */
  checkLevel(name: string, { level = DEFLATE_LEVEL_MIN }: CompressorParams): void {
    if (name !== DEFLATE || (level >= DEFLATE_LEVEL_MIN && level <= DEFLATE_LEVEL_MAX)) return;
    throw new ZramError(
      'EINVAL',
      `the level of deflate must be from ${DEFLATE_LEVEL_MIN} to ${DEFLATE_LEVEL_MAX}, not ${level}.`,
    );
  }

  /** @throws ZramError as `check` */
  info(name: unknown): CompressorInfo {
    const checked = this.check(name, 'the compressor');
    if (isBuiltIn(checked)) return Object.freeze({ name: checked, code: 'zram-wasm', version: undefined });
    if (checked === DEFLATE)
      return Object.freeze({ name: checked, code: this.#pako ? 'pako' : 'fflate', version: undefined });
    const { code = 'registered', version } = this.#compressors.get(checked) as Partial<Made>;
    return Object.freeze({ name: checked, code, version });
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
    if (name === LZ4) return { name, codec: CODEC_LZ4, params, foreign: false, encode: isOfCore };
    if (name === LZ4HC) return this.#makeLz4hc(params);
    const own = codecParams(name, params);
    const encoder =
      this.#codecs.find((one) => one?.name === name && sameParams(one.params, own)) ?? this.#make(name, own);
    this.#known.set(params, encoder);
    return encoder;
  }

  #makeLz4hc(params: CompressorParams): Encoder {
    const { level = 0, favorDecSpeed = 0 } = params;
    return { name: LZ4HC, codec: CODEC_LZ4HC, params, foreign: false, encode: this.#lz4hc(level, favorDecSpeed) };
  }

  #lz4hc(level: number, favor: number): Encoder['encode'] {
    if (favor === 0) {
      const module = (this.#module ??= new CompressorModule());
      return (page) => module.lz4hc(page, level);
    }
    const optimal = (this.#optimal ??= new OptimalModule());
    return (page) => optimal.lz4opt(page, level, favor);
  }

  #make(name: string, params: CompressorParams): Codec {
    if (isLzo(name)) {
      const module = (this.#module ??= new CompressorModule());
      const n = this.#freeNumber();
      return (this.#codecs[n] = {
        name,
        codec: CODEC_FOREIGN + n,
        params,
        foreign: false,
        encode: (page) => module.lzo(name, page),
        decode: (bytes, length) => module.lzoPage(bytes, length),
      });
    }
    const { level, winbits } = params;
    const dictionary = params.dictionary && copyOf(params.dictionary);
    // Lent to the compressor, which may change it; the other copy is the one that is saved and compared.
    const lent = dictionary && copyOf(dictionary);
    const compressor =
      name === DEFLATE && winbits !== undefined
        ? deflateCompressor(winbits, () => this.#pako)
        : (this.#compressors.get(name) as Compressor);
    const n = this.#freeNumber();
    return (this.#codecs[n] = {
      name,
      codec: CODEC_FOREIGN + n,
      params: { level, dictionary, winbits },
      foreign: true,
      // Copies: what a compressor does to its input must not matter.
      encode: (page) => this.#calling(() => compressed(name, () => compressor.compress(copyOf(page), level, lent))),
      decode: (bytes, length) =>
        this.#calling(() => decompressed(name, () => compressor.decompress(copyOf(bytes, 0, length), lent))),
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
  tryDecode(codec: number, bytes: Uint8Array, length = bytes.length): Uint8Array | undefined {
    try {
      return this.decode(codec, bytes, length);
    } catch {
      return undefined;
    }
  }

  /** Whether a block decodes to this page. */
  holds(codec: number, block: Uint8Array, page: Uint8Array): boolean {
    const decoded = this.tryDecode(codec, block);
    return decoded !== undefined && sameBytes(decoded, page);
  }

  /**
   * Decodes a block to its page, which is valid until the next call of a compressor.
   * @param bytes up to 4096, of which the first `length` are the block; they are not changed
   * @throws ZramError EIO: the compressor failed, or did not return a page
   */
  decode(codec: number, bytes: Uint8Array, length: number): Uint8Array {
    const encoder = this.#codecs[codec - CODEC_FOREIGN];
    if (encoder) return encoder.decode(bytes, length);
    throw new ZramError('EIO', `cannot decode an object: its codec ${codec} is not known to this engine.`);
  }
}

function sameParams(a: CompressorParams, b: CompressorParams): boolean {
  if (a.level !== b.level || a.winbits !== b.winbits) return false;
  if (!a.dictionary || !b.dictionary) return a.dictionary === b.dictionary;
  return sameBytes(a.dictionary, b.dictionary);
}

function isLzo(name: string): name is LzoName {
  return (LZO_NAMES as readonly string[]).includes(name);
}

/** The compressors in WebAssembly: they support no dictionary, and their blocks decode alike at any level. */
function isBuiltIn(name: string): boolean {
  return name === LZ4 || name === LZ4HC || isLzo(name);
}

/** The parameters of a compressor by which its codecs differ. */
export function codecParams(name: string, params: CompressorParams): CompressorParams {
  return isBuiltIn(name) ? {} : params;
}

/** Above this LZ4's search ends at its first miss anyway. */
const LZ4_LEVEL_MAX = 65536;

/** Levels below 1 mean 1. */
export function lz4Level({ level = 1 }: CompressorParams): number {
  return Math.min(Math.max(level, 1), LZ4_LEVEL_MAX);
}
