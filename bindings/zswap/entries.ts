/**
 * The entries of a zswap: where the page of each key is, and the LRU order of those in memory.
 *
 * An entry is eight 32-bit words, named by a number from 1 on:
 *
 *   KEY_LOW, KEY_HIGH   the key: 53 bits
 *   NEXT                the next entry of the same bucket, or the next free one
 *   STATE               flags
 *   PLACE               the handle of its object, or the slot of the backing
 *   OLDER, NEWER        its neighbours in the list of those in memory; on the backing checksum and form of its object
 *   STAMP               distinguishes it from earlier entries with its number
 *
 * A million entries take 36 MB that no garbage collector scans, and nothing is ever moved. A `Map` of objects would
 * block the event loop while it doubles, 30 ms at a million, and finding its first key would pass all keys deleted
 * before.
 *
 * Entries are found by linear hashing (W. Litwin, 1980): each new entry splits one bucket, so the table grows a little
 * with every store. The hash is seeded, so keys cannot be chosen to collide.
 *
 * The list implements the kernel's second chance. Entries enter it as referenced; those at its old end lose the mark
 * and move to its new end. When all are referenced, a full round would leave the order as it is, so the meaning of the
 * flag is inverted instead of every flag.
 */
import { allocateWords } from '../base/bytes.js';

const KEY_LOW = 0;
const KEY_HIGH = 1;
const NEXT = 2;
const STATE = 3;
const PLACE = 4;
const OLDER = 5;
const NEWER = 6;
const CHECKSUM = OLDER;
const FORM = NEWER;
const STAMP = 7;
const ENTRY_SHIFT = 3;

const CHUNK_SHIFT = 10;
const CHUNK = 1 << CHUNK_SHIFT;
const CHUNK_MASK = CHUNK - 1;
const WORD_BITS = 32;

const IN_MEMORY = 1;
/** The page did not compress. */
const INCOMPRESSIBLE = 2;
/** Together with `#referencedIs`: whether the entry was used since it was last examined. */
const REFERENCED = 4;
/** Its page is being written to the backing. */
const WRITING = 8;

// FORM: where in the slot the object begins, its length - 1, and its codec.
const LENGTH_SHIFT = 12;
const CODEC_SHIFT = 24;
const FORM_MASK = (1 << LENGTH_SHIFT) - 1;

/** Where an object is on the backing, and what it is. */
export interface Placed {
  readonly slot: number;
  /** From the slot's beginning. */
  readonly offset: number;
  /** 1 to 4096 bytes. */
  readonly length: number;
  readonly codec: number;
  readonly checksum: number;
}

export class Entries {
  /** Number of entries, of those in memory, and of these that are not referenced. */
  #size = 0;
  #inMemory = 0;
  #unreferenced = 0;
  /** The value of the REFERENCED bit in a referenced entry: set or 0. */
  #referencedIs = REFERENCED;
  #chunks: Uint32Array[] = [];
  /** The first entry of each bucket. */
  #heads: Uint32Array[] = [];
  #buckets = 0;
  /** The largest power of two up to the number of buckets. */
  #whole = 1;
  /** First free entry below `#fresh`; 0: none. */
  #free = 0;
  /** Entries from this number on were never used. */
  #fresh = 1;
  #oldest = 0;
  #newest = 0;
  #stamp = 0;
  readonly #seed = Math.floor(Math.random() * 2 ** WORD_BITS);

  /** Number of entries in memory. */
  get inMemory(): number {
    return this.#inMemory;
  }

  #word(entry: number, word: number): number {
    return this.#chunks[entry >>> CHUNK_SHIFT][((entry & CHUNK_MASK) << ENTRY_SHIFT) + word];
  }

  #set(entry: number, word: number, value: number): void {
    this.#chunks[entry >>> CHUNK_SHIFT][((entry & CHUNK_MASK) << ENTRY_SHIFT) + word] = value;
  }

  // ── by key ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The entry of a key; 0: none. */
  find(key: number): number {
    if (this.#size === 0) return 0;
    const [low, high] = [key >>> 0, Math.floor(key / 2 ** WORD_BITS)];
    let entry = this.#head(this.#bucketOf(low, high));
    while (entry !== 0 && (this.#word(entry, KEY_LOW) !== low || this.#word(entry, KEY_HIGH) !== high)) {
      entry = this.#word(entry, NEXT);
    }
    return entry;
  }

  /**
   * Adds an entry for a key that has none: in memory, and referenced.
   * @throws ZramError ENOMEM: the host has no memory for it; nothing has changed
   */
  add(key: number, handle: number, incompressible: boolean): void {
    this.#reserve();
    const entry = this.#free || this.#fresh;
    if (entry === this.#fresh) this.#fresh++;
    else this.#free = this.#word(entry, NEXT);
    const [low, high] = [key >>> 0, Math.floor(key / 2 ** WORD_BITS)];
    const bucket = this.#bucketOf(low, high);
    this.#set(entry, KEY_LOW, low);
    this.#set(entry, KEY_HIGH, high);
    this.#set(entry, NEXT, this.#head(bucket));
    this.#set(entry, STATE, IN_MEMORY | (incompressible ? INCOMPRESSIBLE : 0) | this.#referencedIs);
    this.#set(entry, PLACE, handle);
    this.#set(entry, STAMP, ++this.#stamp);
    this.#setHead(bucket, entry);
    this.#size++;
    this.#inMemory++;
    this.#append(entry);
  }

  remove(entry: number): void {
    if (this.isInMemory(entry)) this.#leaveMemory(entry);
    const bucket = this.#bucketOf(this.#word(entry, KEY_LOW), this.#word(entry, KEY_HIGH));
    const next = this.#word(entry, NEXT);
    let before = this.#head(bucket);
    if (before === entry) this.#setHead(bucket, next);
    else {
      while (this.#word(before, NEXT) !== entry) before = this.#word(before, NEXT);
      this.#set(before, NEXT, next);
    }
    this.#set(entry, NEXT, this.#free);
    this.#free = entry;
    if (--this.#size === 0 && this.#chunks.length > 1) this.clear();
  }

  /** Removes all entries, and releases their memory. */
  clear(): void {
    this.#size = this.#inMemory = this.#unreferenced = 0;
    this.#chunks = [];
    this.#heads = [];
    this.#buckets = 0;
    this.#whole = 1;
    this.#free = this.#oldest = this.#newest = 0;
    this.#fresh = 1;
  }

  /** Reserves memory for one more entry and its bucket. */
  #reserve(): void {
    if (this.#free === 0 && this.#fresh >>> CHUNK_SHIFT === this.#chunks.length) {
      this.#chunks.push(allocateWords(CHUNK << ENTRY_SHIFT));
    }
    if (this.#size < this.#buckets) return;
    if (this.#buckets >>> CHUNK_SHIFT === this.#heads.length) this.#heads.push(allocateWords(CHUNK));
    this.#split();
  }

  /** Adds one bucket, the upper half of a bucket that is split in two. */
  #split(): void {
    const upper = this.#buckets;
    const lower = upper - this.#whole;
    this.#buckets++;
    if (lower < 0) return; // the first bucket
    let entry = this.#head(lower);
    this.#setHead(lower, 0);
    while (entry !== 0) {
      const next = this.#word(entry, NEXT);
      const bucket = this.#bucketOf(this.#word(entry, KEY_LOW), this.#word(entry, KEY_HIGH));
      this.#set(entry, NEXT, this.#head(bucket));
      this.#setHead(bucket, entry);
      entry = next;
    }
    if (this.#buckets === 2 * this.#whole) this.#whole = this.#buckets;
  }

  #bucketOf(low: number, high: number): number {
    // Both halves of the key, mixed by the finaliser of MurmurHash3.
    let hash = Math.imul(high ^ this.#seed, 0x9e3779b1) ^ low;
    hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
    hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
    hash ^= hash >>> 16;
    const bucket = hash & (2 * this.#whole - 1);
    return bucket < this.#buckets ? bucket : bucket & (this.#whole - 1);
  }

  #head(bucket: number): number {
    return this.#heads[bucket >>> CHUNK_SHIFT][bucket & CHUNK_MASK];
  }

  #setHead(bucket: number, entry: number): void {
    this.#heads[bucket >>> CHUNK_SHIFT][bucket & CHUNK_MASK] = entry;
  }

  // ── contents of an entry ────────────────────────────────────────────────────────────────────────────────────────

  keyOf(entry: number): number {
    return this.#word(entry, KEY_HIGH) * 2 ** WORD_BITS + this.#word(entry, KEY_LOW);
  }

  isInMemory(entry: number): boolean {
    return (this.#word(entry, STATE) & IN_MEMORY) !== 0;
  }

  isIncompressible(entry: number): boolean {
    return (this.#word(entry, STATE) & INCOMPRESSIBLE) !== 0;
  }

  /** The handle of an entry in memory, or the slot of one on the backing. */
  placeOf(entry: number): number {
    return this.#word(entry, PLACE);
  }

  stampOf(entry: number): number {
    return this.#word(entry, STAMP);
  }

  /** Whether a key still has the entry with this stamp, in memory or not. */
  isStill(key: number, stamp: number): boolean {
    const entry = this.find(key);
    return entry !== 0 && this.stampOf(entry) === stamp;
  }

  /** Whether the page of an entry in memory is being written to the backing. */
  isWriting(entry: number): boolean {
    return (this.#word(entry, STATE) & WRITING) !== 0;
  }

  setWriting(entry: number, writing: boolean): void {
    const state = this.#word(entry, STATE);
    this.#set(entry, STATE, writing ? state | WRITING : state & ~WRITING);
  }

  /** Records that the page of an entry in memory has moved to the backing. */
  moveToSlot(entry: number, { slot, offset, length, codec, checksum }: Placed): void {
    this.#leaveMemory(entry);
    this.#set(entry, STATE, 0);
    this.#set(entry, PLACE, slot);
    this.#set(entry, CHECKSUM, checksum);
    this.#set(entry, FORM, offset | ((length - 1) << LENGTH_SHIFT) | (codec << CODEC_SHIFT));
  }

  /** Where the page of an entry is that is not in memory. */
  placedOf(entry: number): Placed {
    const form = this.#word(entry, FORM);
    return {
      slot: this.placeOf(entry),
      offset: form & FORM_MASK,
      length: ((form >>> LENGTH_SHIFT) & FORM_MASK) + 1,
      codec: form >>> CODEC_SHIFT,
      checksum: this.#word(entry, CHECKSUM),
    };
  }

  #leaveMemory(entry: number): void {
    this.#inMemory--;
    if (!this.#isReferenced(entry)) this.#unreferenced--;
    this.#unlink(entry);
  }

  // ── by age ─────────────────────────────────────────────────────────────────────────────────────────────────────

  /** The next entry in LRU order of those in memory; 0: none. */
  get oldest(): number {
    return this.#oldest;
  }

  /** The entry that follows in LRU order. */
  newerThan(entry: number): number {
    return this.#word(entry, NEWER);
  }

  #isReferenced(entry: number): boolean {
    return (this.#word(entry, STATE) & REFERENCED) === this.#referencedIs;
  }

  /** Marks an entry in memory as referenced. */
  reference(entry: number): void {
    if (this.#isReferenced(entry)) return;
    this.#set(entry, STATE, this.#word(entry, STATE) ^ REFERENCED);
    this.#unreferenced--;
  }

  /**
   * Gives referenced entries at the old end their second chance, up to the first that is not referenced, which then is
   * the oldest.
   * @param looksMax most entries to examine
   * @returns entries that were examined
   */
  giveChances(looksMax: number): number {
    if (this.#unreferenced === 0) {
      this.#referencedIs ^= REFERENCED;
      this.#unreferenced = this.#inMemory;
      return 1;
    }
    let looks = 0;
    let entry = this.#oldest;
    while (looks < looksMax && this.#isReferenced(entry)) {
      this.#set(entry, STATE, this.#word(entry, STATE) ^ REFERENCED);
      entry = this.#word(entry, NEWER);
      looks++;
    }
    this.#unreferenced += looks;
    this.#rotateUntil(entry);
    return looks + 1;
  }

  /** Whether the oldest has had its second chance. */
  get oldestIsDue(): boolean {
    return this.#oldest !== 0 && !this.#isReferenced(this.#oldest);
  }

  /** Makes an entry in memory the newest. */
  rotate(entry: number): void {
    this.#unlink(entry);
    this.#append(entry);
  }

  /** Moves all entries older than this one to the new end, keeping their order. */
  #rotateUntil(entry: number): void {
    const last = entry === 0 ? 0 : this.#word(entry, OLDER);
    if (last === 0) return; // no entry is older, or all are: the order stays
    this.#set(this.#newest, NEWER, this.#oldest);
    this.#set(this.#oldest, OLDER, this.#newest);
    this.#set(last, NEWER, 0);
    this.#newest = last;
    this.#set(entry, OLDER, 0);
    this.#oldest = entry;
  }

  #append(entry: number): void {
    this.#set(entry, OLDER, this.#newest);
    this.#set(entry, NEWER, 0);
    if (this.#newest === 0) this.#oldest = entry;
    else this.#set(this.#newest, NEWER, entry);
    this.#newest = entry;
  }

  #unlink(entry: number): void {
    const [older, newer] = [this.#word(entry, OLDER), this.#word(entry, NEWER)];
    if (older === 0) this.#oldest = newer;
    else this.#set(older, NEWER, newer);
    if (newer === 0) this.#newest = older;
    else this.#set(newer, OLDER, older);
  }
}
