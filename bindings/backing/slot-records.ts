/**
 * What a backing's slots should hold, by slot: a backing is foreign storage, and a read may return an older page of the
 * slot (a store that was restored), another page (a late write), or garbage. 8 bytes a slot for a checksum, and 4 more
 * where slots hold objects: the codec and the length. In chunks made when first needed.
 *
 * The checksum is 53 bits of the core's two hashes, keyed at random for each engine: a wrong page passes with a chance of some
 * 2^-52, whoever made it, as long as he does not know the key. So a backing need not check content by itself.
 */
import { PAGE_SIZE } from '../base/arguments.js';
import { ZramError } from '../base/errors.js';
import type { Core } from '../core/core.js';
import { CODEC_PAGE } from '../core/layout.js';

const CHUNK_SLOTS = 4096;
/** Hashed with content and length; any constant serves. */
const CODEC_HASHED = 0;
const LENGTH_BITS = 16;
/** Leaves 21 bits. */
const SECOND_SHIFT = 11;

/** A page as a slot holds it: the page itself, or its object. */
export interface StoredForm {
  /** CODEC_PAGE for the page itself. */
  readonly codec: number;
  /** Bytes of the object. */
  readonly length: number;
}

export const PLAIN: StoredForm = Object.freeze({ codec: CODEC_PAGE, length: PAGE_SIZE });

/** The checksum of a page or object, which must be a private copy. */
export function checksumOf(core: Core, bytes: Uint8Array): number {
  core.page().set(bytes);
  return checksumStaged(core, bytes.length);
}

/** The same of what the first staging page begins with: 53 bits, all that a number holds. */
export function checksumStaged(core: Core, length: number): number {
  const low = wordStaged(core, length);
  return (core.raw.secondHash(core.raw.stagingAddress(), length) >>> SECOND_SHIFT) * 2 ** 32 + low;
}

/** As `checksumOf`, of 32 bits. */
export function wordOf(core: Core, bytes: Uint8Array): number {
  core.page().set(bytes);
  return wordStaged(core, bytes.length);
}

function wordStaged(core: Core, length: number): number {
  core.makeHashKey();
  return core.raw.contentHash(core.raw.stagingAddress(), length, CODEC_HASHED) >>> 0;
}

/** What a slot holds is not what was written to it. */
export function notWhatWasWritten(slot: number): ZramError {
  return new ZramError(
    'EIO',
    `the backing's slot ${slot} does not hold the page that was written there: it is an older page, another one or damaged.`,
  );
}

export class SlotRecords {
  readonly #core: Core;
  readonly #checksums = new Table(Float64Array);
  readonly #forms = new Table(Uint32Array);

  constructor(core: Core) {
    this.#core = core;
  }

  /** Records what a slot holds from now on. */
  set(slot: number, checksum: number, form = PLAIN, asObject = false): void {
    this.#checksums.set(slot, checksum);
    const word = asObject ? (form.codec << LENGTH_BITS) | form.length : 0;
    if (word !== this.#forms.get(slot)) this.#forms.set(slot, word);
  }

  /** The form of what was last written to the slot. */
  formOf(slot: number): StoredForm {
    const word = this.#forms.get(slot);
    return word === 0 ? PLAIN : { codec: word >>> LENGTH_BITS, length: word & (2 ** LENGTH_BITS - 1) };
  }

  /** Whether an object was written to the slot, not a page. */
  isObject(slot: number): boolean {
    return this.#forms.get(slot) !== 0;
  }

  /** Whether the first staging page begins with what was last written to the slot. */
  holdsStaged(slot: number, length: number): boolean {
    return this.#checksums.get(slot) === checksumStaged(this.#core, length);
  }
}

/** Numbers by slot, 0 where none was set. */
class Table {
  readonly #chunks = new Map<number, Float64Array | Uint32Array>();

  constructor(private readonly Chunk: new (length: number) => Float64Array | Uint32Array) {}

  set(slot: number, value: number): void {
    const at = Math.floor(slot / CHUNK_SLOTS);
    let chunk = this.#chunks.get(at);
    if (!chunk) this.#chunks.set(at, (chunk = new this.Chunk(CHUNK_SLOTS)));
    chunk[slot % CHUNK_SLOTS] = value;
  }

  get(slot: number): number {
    return this.#chunks.get(Math.floor(slot / CHUNK_SLOTS))?.[slot % CHUNK_SLOTS] ?? 0;
  }
}
