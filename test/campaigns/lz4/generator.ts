/**
 * Hostile LZ4 blocks in bulk, by recipe and seed. A recipe is a row of weights for each choice that is made on the way;
 * recipes.json has those that reach all kinds of sequences and ends most often (see evolve.ts).
 *
 * The generator knows the format, so that most blocks get far; then it cuts, damages, or gives too little room.
 */
import { Xoroshiro } from './xoroshiro.js';

/** The choices, and how many classes each has. */
export const CHOICES = {
  /** How many sequences with a match: none, 1, 2, 3..8, as many as fill a page. */
  sequences: 5,
  /** Their literals: none, 1..14, 15..32, 33..269, 270..1100. */
  literals: 5,
  /** Their offsets: 0, 1, 2, 3, 4..7, 8..15, 16..31, 32.., to the first byte, one to 16 before it, any number. */
  offsets: 11,
  /** Their matches: 4..16, 17..18, 19..32, 33..273, 274..1600, and one that leaves but the last literals of a page. */
  matches: 6,
  /** Last literals: none, 1..5, 6..14, 15..32, 33..400, no last literals at all, cut anywhere, and with bytes behind. */
  ends: 8,
  /** Bytes changed afterwards: none, one to anything, one to 0, 15, 240 or 255, one bit, several. */
  damage: 5,
  /** Room: exact, one too little, 1..15 too much, 16..48 too much, less, a page. */
  rooms: 6,
  /** Where the buffers lie: see arena.ts. */
  places: 5,
} as const;

export type Choice = keyof typeof CHOICES;
export const CHOICE_NAMES = Object.keys(CHOICES) as Choice[];

/** Weights by class, for each choice. */
export type Recipe = Record<Choice, readonly number[]>;

/** A recipe as 64 classes a choice, one of which is picked by six random bits. */
export type Tables = Record<Choice, Uint8Array>;

export function tablesOf(recipe: Recipe): Tables {
  const table = (choice: Choice): Uint8Array => {
    const weights = recipe[choice];
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    let sum = 0;
    let at = 0;
    const classes = new Uint8Array(64);
    for (const [index, weight] of weights.entries()) {
      sum += weight;
      const end = Math.round((64 * sum) / total);
      classes.fill(index, at, end);
      at = end;
    }
    return classes;
  };
  return Object.fromEntries(CHOICE_NAMES.map((choice) => [choice, table(choice)])) as Tables;
}

export const PAGE = 4096;
/** The longest block that is made: a page of literals, its length bytes, and what is added behind. */
export const BLOCK_MAX = 4400;
const TEXT = 65536;

export class Generator {
  /** The block, and behind it what earlier ones left. */
  readonly block = new Uint8Array(BLOCK_MAX + 2048);
  readonly view = new DataView(this.block.buffer);
  /** For the block that was made last. */
  room = 0;
  place = 0;
  private readonly random = new Xoroshiro();
  private readonly text = new Uint8Array(TEXT);
  private readonly textView = new DataView(this.text.buffer);

  constructor() {
    // Literals are cut from one text, half of it with few different bytes.
    this.random.seed(1);
    for (let at = 0; at < TEXT; at++) this.text[at] = this.random.next() >>> (at & 4096 ? 24 : 30);
  }

  seed(seed: number): void {
    this.random.seed(seed);
  }

  /** Makes a block and returns its length. */
  make(tables: Tables): number {
    const { block, random } = this;
    let bits = random.next();
    this.place = tables.places[bits & 63];
    const end = tables.ends[(bits >>> 6) & 63];
    const damage = tables.damage[(bits >>> 12) & 63];
    const room = tables.rooms[(bits >>> 18) & 63];
    let sequences = tables.sequences[(bits >>> 24) & 63];
    if (sequences === 3) sequences = 3 + random.below(6);
    else if (sequences === 4) sequences = 400;

    let at = 0;
    let made = 0;
    while (sequences-- > 0 && made < PAGE - 4 && at < BLOCK_MAX - 1600) {
      bits = random.next();
      let literals = this.literals(tables.literals[bits & 63]);
      if (made === 0 && literals === 0 && bits >>> 30 !== 0) literals = 1 + ((bits >>> 24) & 7);
      const matches = tables.matches[(bits >>> 6) & 63];
      const offset = this.offset(tables.offsets[(bits >>> 12) & 63], made + literals);
      // Mostly within the page: the end of it is where little of many tries would be left.
      if (made + literals > PAGE - 5 && bits >>> 27 !== 0) break;
      let matched = this.matched(matches, made + literals);
      if (made + literals + matched > PAGE && bits >>> 27 !== 0) matched = 4;
      const token = at++;
      block[token] = (literals < 15 ? literals << 4 : 240) | (matched < 19 ? matched - 4 : 15);
      if (literals >= 15) at = this.length(at, literals - 15);
      at = this.copy(at, literals);
      block[at++] = offset;
      block[at++] = offset >>> 8;
      if (matched >= 19) at = this.length(at, matched - 19);
      made += literals + matched;
      if (matches === 5) break;
    }

    if (end !== 5) {
      let last = 0;
      if (end === 1) last = 1 + random.below(5);
      else if (end === 2) last = 6 + random.below(9);
      else if (end === 3) last = 15 + random.below(18);
      else if (end === 4) last = 33 + random.below(368);
      else if (end > 5) last = random.below(24);
      // A page that was filled up to its last literals gets as many as it needs.
      if (made > PAGE - 500 && made <= PAGE && random.next() >>> 29 !== 0) last = PAGE - made;
      block[at++] = last < 15 ? last << 4 : 240;
      if (last >= 15) at = this.length(at, last - 15);
      at = this.copy(at, last);
      made += last;
      if (end === 7) at = this.copy(at, 1 + random.below(8));
    }
    if (end === 6) at = random.below(at + 1);
    if (damage !== 0 && at > 0) this.damage(damage, at);
    this.room = this.roomOf(room, made);
    return at;
  }

  private literals(kind: number): number {
    const { random } = this;
    if (kind === 0) return 0;
    if (kind === 1) return 1 + random.below(14);
    if (kind === 2) return 15 + random.below(18);
    if (kind === 3) return 33 + random.below(237);
    return 270 + random.below(830);
  }

  private offset(kind: number, before: number): number {
    const { random } = this;
    if (kind === 0) return 0;
    if (kind < 4) return kind;
    if (kind === 4) return 4 + random.below(4);
    if (kind === 5) return 8 + random.below(8);
    if (kind === 6) return 16 + random.below(16);
    if (kind === 7) return before > 32 ? 32 + random.below(before - 31) : before;
    if (kind === 8) return before;
    if (kind === 9) return before + 1 + random.below(16);
    return random.below(65536);
  }

  private matched(kind: number, before: number): number {
    const { random } = this;
    if (kind === 0) return 4 + random.below(13);
    if (kind === 1) return 17 + random.below(2);
    if (kind === 2) return 19 + random.below(14);
    if (kind === 3) return 33 + random.below(241);
    if (kind === 4) return 274 + random.below(1327);
    return Math.max(4, PAGE - before - random.below(40));
  }

  private length(at: number, rest: number): number {
    while (rest >= 255) {
      this.block[at++] = 255;
      rest -= 255;
    }
    this.block[at] = rest;
    return at + 1;
  }

  private copy(at: number, count: number): number {
    const { view, textView } = this;
    const from = this.random.next() >>> 17;
    // Up to three bytes more, which are written over.
    for (let n = 0; n < count; n += 4) view.setInt32(at + n, textView.getInt32(from + n, true), true);
    return at + count;
  }

  private damage(kind: number, length: number): void {
    const { block, random } = this;
    const bits = random.next();
    // Half of it near the front, where tokens are.
    const at = random.below(bits & 1 ? length : Math.min(length, 24));
    if (kind === 1) block[at] = bits >>> 24;
    else if (kind === 2) block[at] = (bits & 2 ? 240 : 0) | (bits & 4 ? 15 : 0);
    else if (kind === 3) block[at] ^= 1 << (bits >>> 29);
    else for (let n = bits >>> 30; n >= 0; n--) block[random.below(length)] = random.next() >>> 24;
  }

  private roomOf(kind: number, made: number): number {
    const { random } = this;
    let room = made;
    if (kind === 1) room = made - 1;
    else if (kind === 2) room = made + 1 + random.below(15);
    else if (kind === 3) room = made + 16 + random.below(33);
    else if (kind === 4) room = random.below(made + 1);
    else if (kind === 5) room = PAGE;
    return Math.min(Math.max(room, 0), PAGE);
  }
}
