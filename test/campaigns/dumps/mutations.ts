/** Changes of dumps as accidents and attackers make them, mostly where tables are. */
import type { Random } from '../../support/random.js';
import type { Fixture, Table } from '../../cli/dumps/words.js';

/** Where numbers of 32, 53 and 64 bits, pages and small tables end. */
const EDGES: readonly bigint[] = [
  ...[0n, 1n, 2n, 0xffn, 0xfffn, 0x1000n, 0xffffn, 0x10000n],
  ...[31n, 32n, 33n, 43n, 44n, 52n, 53n, 54n, 62n, 63n, 64n].flatMap((bits) =>
    [-1n, 0n, 1n].map((by) => (1n << bits) + by),
  ),
  -4096n,
];
const WORDS: readonly number[] = [0, 1, 2, 0xff, 0x7fffffff, 0x80000000, 0xffffffff];
/** What lengths and offsets are off by. */
const STEPS: readonly bigint[] = [1n, 2n, 8n, 24n, 511n, 512n, 4095n, 4096n, 4097n];
const TEXTS: readonly string[] = [
  ...['-1', '0.5', '-0', '1e308', '1e999', 'null', 'true', '""', '"\\u0000"', '[]', '{}', '[[]]', '{"buffer_id":0}'],
  ...['{"buffer_id":-1}', '{"buffer_id":1e9}', '{"buffer_id":"1"}', '4096', '4294967296', '4294971392'],
];

/** Of one file, in room that is used again for the next. */
export class Mutator {
  #room = Buffer.alloc(0);
  #length = 0;

  /** The changed file; it is there until the next call. */
  make(random: Random, fixture: Fixture): Buffer {
    const { file } = fixture;
    if (this.#room.length < 3 * file.length) this.#room = Buffer.alloc(3 * file.length);
    file.copy(this.#room);
    this.#length = file.length;
    for (let n = random.between(1, 3); n > 0; n--) this.#change(random, fixture);
    return this.#room.subarray(0, this.#length);
  }

  #change(random: Random, { file, tables, text }: Fixture): void {
    const table = random.pick(tables);
    const [from, to] = random.chance(80) ? [table.at, table.at + table.bytes] : [0, file.length];
    const where = from + random.below(Math.max(1, Math.min(to, this.#length) - from));
    if (text !== undefined && random.chance(50)) this.#text(random, text);
    else if (where < this.#length) this.#bytes(random, where, table);
  }

  #bytes(random: Random, where: number, table: Table): void {
    switch (random.below(12)) {
      case 0:
        this.#length = where;
        return;
      case 1: // what came earlier comes again
        this.#move(random.below(where + 1), where);
        return;
      case 2:
      case 3:
        this.#put(where, 4, random.chance(50), BigInt(random.pick([...WORDS, random.next()])));
        return;
      case 4:
        this.#room[where] ^= 1 << random.below(8);
        return;
      case 5:
        this.#room[where] = random.pick([0, 1, 2, 4, 8, 16, 32, 0x7f, 0x80, 0xff, random.below(256)]);
        return;
      case 6:
      case 7:
        this.#number(random, table);
        return;
      case 8:
        this.#entries(random, table, 'swap');
        return;
      case 9:
        this.#entries(random, table, 'repeat');
        return;
      case 10: // one entry more, or less
        if (random.chance(50)) this.#move(where, where + table.entryBytes);
        else this.#move(Math.min(where + table.entryBytes, this.#length), where);
        return;
      default:
        this.#room.fill(random.pick([0, 0xff]), where, Math.min(this.#length, where + table.entryBytes));
    }
  }

  /** A number of a table becomes another one: at an edge, a little more or less, the file's length, its neighbour's. */
  #number(random: Random, { at, bytes, word, big }: Table): void {
    const size = random.chance(75) ? word : random.pick([2, 4, 8]);
    const place = () => at + size * random.below(Math.max(1, Math.floor(bytes / size)));
    const [to, from] = [place(), place()];
    if (Math.max(to, from) + size > this.#length) return;
    const old = this.#get(to, size, big);
    const by = random.pick(STEPS) * (random.chance(50) ? 1n : -1n);
    const kind = random.below(8);
    if (kind < 3) this.#put(to, size, big, old + by);
    else if (kind < 6) this.#put(to, size, big, random.pick(EDGES) + (random.chance(20) ? by : 0n));
    else if (kind === 6) this.#put(to, size, big, BigInt(this.#length) + (random.chance(50) ? by : 0n));
    else this.#put(to, size, big, this.#get(from, size, big));
  }

  /** Two entries of a table change places, or one comes twice. */
  #entries(random: Random, { at, bytes, entryBytes, word }: Table, how: 'swap' | 'repeat'): void {
    // Of a table with one entry, its numbers.
    const size = bytes > entryBytes ? entryBytes : word;
    const [a, b] = [0, 0].map(() => at + size * random.below(Math.max(1, Math.floor(bytes / size))));
    if (Math.max(a, b) + size > this.#length) return;
    const kept = Buffer.from(this.#room.subarray(a, a + size));
    this.#room.copyWithin(a, b, b + size);
    if (how === 'swap') kept.copy(this.#room, b);
  }

  /** A number in a text becomes another text; mostly, lengths in the header fit, and what follows stands as it did. */
  #text(random: Random, { at, bytes, lengthAt, totalAt }: NonNullable<Fixture['text']>): void {
    const text = this.#room.toString('latin1', at, Math.min(at + bytes, this.#length));
    const start = random.below(Math.max(1, text.length));
    const found = /\d+/.exec(text.slice(start));
    if (found === null) return;
    const place = at + start + found.index;
    const old = BigInt(found[0]);
    const by = random.pick(STEPS) * (random.chance(50) ? 1n : -1n);
    const value = [
      () => random.pick(TEXTS),
      () => String(random.pick(EDGES)),
      () => String(old + by),
      () => String(random.below(2 * this.#length)),
      () => String(random.below(100)),
    ][random.below(5)]();
    const length = found[0].length;
    // Spaces behind it keep what stands at multiples of 4 there.
    const fitted = value.padEnd(value.length + ((length - value.length) & 3));
    const more = fitted.length - length;
    if (this.#length + more > this.#room.length) return;
    this.#room.copyWithin(place + fitted.length, place + length, this.#length);
    this.#room.write(fitted, place, 'latin1');
    this.#length += more;
    if (random.chance(10)) return;
    for (const number of [lengthAt, totalAt]) this.#put(number, 4, false, this.#get(number, 4, false) + BigInt(more));
  }

  /** What stands from `from` on stands at `to`, and the file ends behind it. */
  #move(from: number, to: number): void {
    if (to > this.#length) return;
    this.#room.copyWithin(to, from, this.#length);
    this.#length = Math.min(this.#room.length, this.#length + to - from);
  }

  #get(at: number, size: number, big: boolean): bigint {
    const room = this.#room;
    if (size === 8) return big ? room.readBigUInt64BE(at) : room.readBigUInt64LE(at);
    return BigInt(big ? room.readUIntBE(at, size) : room.readUIntLE(at, size));
  }

  #put(at: number, size: number, big: boolean, value: bigint): void {
    if (at + size > this.#length) return;
    const bits = BigInt.asUintN(8 * size, value);
    const room = this.#room;
    if (size === 8 && big) room.writeBigUInt64BE(bits, at);
    else if (size === 8) room.writeBigUInt64LE(bits, at);
    else if (big) room.writeUIntBE(Number(bits), at, size);
    else room.writeUIntLE(Number(bits), at, size);
  }
}
