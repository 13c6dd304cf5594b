/** The pages of a zswap: how they are stored, read and freed, in memory and on the backing. */
import { PAGE_SIZE } from '../base/arguments.js';
import type { Ending } from '../base/async-call.js';
import { lengthOf, setBytes, viewOf } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import type { Encoder } from '../compressors/codecs.js';
import type { Core } from '../core/core.js';
import { CODEC_LZ4, CODEC_PAGE } from '../core/layout.js';
import { notWhatWasWritten, wordOf } from '../backing/slot-records.js';
import { Entries, type Placed } from './entries.js';
import type { SwapBacking } from './swap-backing.js';

// Results of `storeStaged`: the handle times two, with INCOMPRESSIBLE as the lowest bit, or a negative number.
const INCOMPRESSIBLE = 1;
export const COMPRESS_FAILED = -Infinity;

/** What is stored of a page. */
export interface Payload {
  readonly codec: number;
  /** Bytes, in the staging page. */
  readonly length: number;
}

export class Contents implements Ending {
  readonly entries = new Entries();
  readonly stats = {
    poolLimitHit: 0,
    rejectReclaimFail: 0,
    rejectAllocFail: 0,
    rejectKmemcacheFail: 0,
    rejectCompressFail: 0,
    decompressFail: 0,
  };
  incompressible = 0;
  writtenBackPages = 0;
  readonly waiting = new Set<(error: ZramError) => void>();
  /** Codecs of objects on the backing, as bits: they must stay known to the engine. */
  #codecs = 0;
  #ended = false;

  constructor(
    readonly core: Core,
    readonly pool: number,
    readonly encoder: Encoder,
    readonly backing: SwapBacking | undefined,
  ) {
    core.codecUsers.add(this.#codecsInUse);
  }

  readonly #codecsInUse = (): number => this.#codecs;

  get ended(): boolean {
    return this.#ended;
  }

  /** @throws ZramError EINVAL: it has ended */
  live(): void {
    if (this.#ended) throw destroyed();
  }

  /** Frees the pages one by one, unless their pool ends. */
  end(frees: boolean): void {
    const { core, entries } = this;
    if (frees) {
      for (let entry = entries.oldest; entry !== 0; entry = entries.newerThan(entry)) {
        core.raw.poolFree(this.pool, entries.placeOf(entry));
      }
    }
    this.#ended = true;
    core.codecUsers.delete(this.#codecsInUse);
    entries.clear();
    const error = destroyed();
    for (const fail of [...this.waiting]) fail(error);
  }

  /** Bytes of the pool. */
  totalBytes(): number {
    return (this.core.raw.poolTotalPages(this.pool) >>> 0) * PAGE_SIZE;
  }

  // ── storing ────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Stores the page in the staging area.
   * @param kept a copy of it, if foreign code may run
   * @returns a handle and the bit INCOMPRESSIBLE, COMPRESS_FAILED, or another negative number: no memory
   */
  storeStaged(kept: Uint8Array | undefined): number {
    const { raw } = this.core;
    if (this.encoder.codec === CODEC_LZ4 || raw.pageSameFilled(raw.stagingAddress()))
      return raw.poolStorePage(this.pool);
    let block: Uint8Array;
    try {
      block = this.encoder.encode(kept ?? this.core.page());
    } catch {
      this.live();
      return COMPRESS_FAILED;
    }
    this.live(); // a compressor may have destroyed it
    const poor = lengthOf(block) >= PAGE_SIZE;
    if (!poor) setBytes(this.core.page(), block);
    else if (kept) setBytes(this.core.page(), kept);
    const handle = poor
      ? raw.poolStoreEncoded(this.pool, PAGE_SIZE, CODEC_PAGE)
      : raw.poolStoreEncoded(this.pool, lengthOf(block), this.encoder.codec);
    return handle < 0 ? handle : 2 * handle + (poor ? INCOMPRESSIBLE : 0);
  }

  /** Adds an entry for a key that has none. False, and counted, when the host has no memory for it. */
  enter(key: number, stored: number): boolean {
    const incompressible = (stored & INCOMPRESSIBLE) !== 0;
    try {
      this.entries.add(key, stored >>> 1, incompressible);
    } catch {
      this.core.raw.poolFree(this.pool, stored >>> 1);
      this.stats.rejectKmemcacheFail++;
      return false;
    }
    if (incompressible) this.incompressible++;
    return true;
  }

  /** Drops the page of a key, in memory or on the backing. */
  drop(key: number): void {
    const { entries } = this;
    const entry = entries.find(key);
    if (entry === 0) return;
    if (entries.isInMemory(entry)) this.#free(entry);
    else this.backing?.leave(entries.placeOf(entry));
    entries.remove(entry);
  }

  #free(entry: number): void {
    this.core.raw.poolFree(this.pool, this.entries.placeOf(entry));
    if (this.entries.isIncompressible(entry)) this.incompressible--;
  }

  // ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The page of an entry in memory, valid until the next call into the core; undefined, and counted, when it does not decompress. */
  pageOf(entry: number): Uint8Array | undefined {
    const { core } = this;
    const result = core.raw.poolLoadPage(this.pool, this.entries.placeOf(entry));
    if (result === 0) return core.page();
    // Recompression of a device on the same pool may have changed its codec.
    const page = result > 0 ? core.codecs.tryDecode(result >>> 16, core.page(), result & 0xffff) : undefined;
    return this.#decoded(page);
  }

  #decoded(page: Uint8Array | undefined): Uint8Array | undefined {
    this.live(); // a compressor may have destroyed it
    if (!page) this.stats.decompressFail++;
    return page;
  }

  /** What is stored of the page of an entry in memory, copied to the staging page. */
  payloadOf(entry: number): Payload {
    const payload = this.core.raw.poolPayload(this.pool, this.entries.placeOf(entry));
    return { codec: payload >>> 16, length: payload & 0xffff };
  }

  /**
   * The page of an entry on the backing, as `pageOf`.
   * @param held what the backing says the slot holds, in a private copy
   * @throws ZramError EIO: it holds something else
   */
  pageIn(held: Uint8Array, { slot, offset, length, codec, checksum }: Placed): Uint8Array | undefined {
    const object = viewOf(held, offset, offset + length);
    if (object.length !== length || wordOf(this.core, object) !== checksum) throw notWhatWasWritten(slot);
    if (codec !== CODEC_PAGE) return this.#decoded(this.core.tryDecode(codec, object));
    return length === PAGE_SIZE ? object : repeated(object);
  }

  /** The page of an entry is on the backing from now on. */
  moveToSlot(entry: number, placed: Placed): void {
    this.#free(entry);
    this.entries.moveToSlot(entry, placed);
    this.writtenBackPages++;
  }

  /** Objects of this codec may be on the backing from now on. */
  useCodec(codec: number): void {
    this.#codecs |= 1 << codec;
  }
}

/** A same-filled page. */
function repeated(pattern: Uint8Array): Uint8Array {
  const page = new Uint8Array(PAGE_SIZE);
  for (let at = 0; at < PAGE_SIZE; at += pattern.length) page.set(pattern, at);
  return page;
}

function destroyed(): ZramError {
  return new ZramError('EINVAL', 'this Zswap was destroyed.');
}
