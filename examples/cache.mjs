// A cache of page-like buffers that takes a fixed number of bytes and forgets what was not used for longest.
//
// Pages are compressed, and a page that is stored already, under whatever key, is stored once (`dedup`). The budget is
// the device's `memLimit`: a write that would pass it is ENOMEM and changes nothing; the cache makes room and tries again.
//
//   node examples/cache.mjs
import assert from 'node:assert/strict';
import { Zram } from 'zram-wasm';

const PAGE = 4096;

class PageCache {
  #zram;
  /** Page number on the device by key; in the order of use, as a Map keeps the order of insertion. */
  #slots = new Map();
  #free = [];

  constructor(zram) {
    this.#zram = zram;
  }

  get size() {
    return this.#slots.size;
  }

  get(key, out) {
    const slot = this.#slots.get(key);
    if (slot === undefined) return undefined;
    this.#slots.delete(key);
    this.#slots.set(key, slot); // last in the order: evicted last
    return this.#zram.readPage(slot, out);
  }

  set(key, page) {
    const slot = this.#slots.get(key) ?? this.#free.pop() ?? this.#slots.size;
    this.#slots.delete(key);
    while (!this.#write(slot, page)) this.#evict();
    this.#slots.set(key, slot);
  }

  #write(slot, page) {
    try {
      this.#zram.writePage(slot, page);
      return true;
    } catch (error) {
      if (error.code !== 'ENOMEM' || this.size === 0) throw error;
      return false;
    }
  }

  #evict() {
    const [key, slot] = this.#slots.entries().next().value;
    this.#zram.discard(slot * PAGE, PAGE);
    this.#slots.delete(key);
    this.#free.push(slot);
  }
}

/** Rows of a table as a server might cache them; of eight keys in a row, three have the same content. */
function render(key) {
  const id = key % 8 < 3 ? key >> 3 : key * 1009;
  const rows = Array.from({ length: 200 }, (_, i) => `${id + i};${((id + i) * 7919) % 99991};Vienna;open\n`);
  return new TextEncoder().encode(rows.join('')).slice(0, PAGE);
}

const [budget, keys] = [1024 * 1024, 4000];
const zram = await Zram.create({ disksize: '1G', memLimit: budget, dedup: true });
const cache = new PageCache(zram);
for (let key = 0; key < keys; key++) cache.set(key, render(key));

const out = new Uint8Array(PAGE);
for (let key = 0; key < keys; key++) if (cache.get(key, out)) assert.deepEqual(out, render(key));
const { memUsedTotal, pagesMerged } = zram.mmStat;
assert.ok(memUsedTotal <= budget && cache.size > (2 * budget) / PAGE && pagesMerged > cache.size / 5);
console.log(`${cache.size} pages of ${PAGE} bytes in ${memUsedTotal} bytes; uncompressed, ${budget / PAGE} would fit`);
console.log(
  `${pagesMerged} of them share another's object; ${keys - cache.size} were evicted; the others read back as stored`,
);
zram.destroy();
