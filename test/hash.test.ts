/**
 * The content hash against an independent implementation of NH and its mixer, and against inputs made to collide.
 */
import { describe, expect, test } from '@jest/globals';
import { Engine } from '../bindings/index.js';
import { Random, seedOfRun } from './support/random.js';
import { BUILDS, bareCore, memoryOf, rawExports, type RawExports } from './support/raw-core.js';

const PAGE_SIZE = 4096;
const MASK64 = (1n << 64n) - 1n;
const SEEDS = [0x11111111, 0x22222222, 0x33333333, 0x44444444] as const;

function mix64(x: bigint): bigint {
  x = ((x ^ (x >> 30n)) * 0xbf58476d1ce4e5b9n) & MASK64;
  x = ((x ^ (x >> 27n)) * 0x94d049bb133111ebn) & MASK64;
  return x ^ (x >> 31n);
}

/** The second hash begins so many bytes into the key. */
const SHIFT = 16;

function keyOf(seeds: readonly number[]): DataView {
  const key = new DataView(new ArrayBuffer(PAGE_SIZE + SHIFT));
  let low = (BigInt(seeds[1]) << 32n) | BigInt(seeds[0]);
  let high = (BigInt(seeds[3]) << 32n) | BigInt(seeds[2]);
  for (let at = 0; at < key.byteLength; at += 16) {
    low = (low + 0x9e3779b97f4a7c15n) & MASK64;
    high = (high + 0xd1342543de82ef95n) & MASK64;
    key.setBigUint64(at, mix64(low), true);
    key.setBigUint64(at + 8, mix64(high), true);
  }
  return key;
}

/** NH of RFC 4418: pairs of words four apart, in blocks of eight, zero-padded. */
function referenceHash(key: DataView, data: Uint8Array, codec: number): number {
  const padded = new DataView(new ArrayBuffer(Math.ceil(data.length / 32) * 32));
  data.forEach((byte, at) => padded.setUint8(at, byte));
  const word = (at: number): bigint =>
    (BigInt(padded.getUint32(at, true)) + BigInt(key.getUint32(at, true))) & 0xffffffffn;
  let sum = 0n;
  for (let at = 0; at < padded.byteLength; at += 32) {
    for (let n = 0; n < 16; n += 4) sum = (sum + word(at + n) * word(at + n + 16)) & MASK64;
  }
  return Number(mix64(sum ^ ((BigInt(data.length) << 32n) | BigInt(codec))) >> 32n);
}

function hash(raw: RawExports, data: Uint8Array, codec = 0): number {
  memoryOf(raw).set(data, raw.stagingAddress());
  return raw.contentHash(raw.stagingAddress(), data.length, codec) >>> 0;
}

function secondHash(raw: RawExports, data: Uint8Array): number {
  memoryOf(raw).set(data, raw.stagingAddress());
  return raw.secondHash(raw.stagingAddress(), data.length) >>> 0;
}

test.each(BUILDS)('equals the reference for every length, %s build', (build) => {
  const raw = bareCore(build, [...SEEDS]);
  const key = keyOf(SEEDS);
  const data = new Random(1, 'hash').fill(new Uint8Array(PAGE_SIZE));
  for (const length of [...Array(200).keys()].map((n) => n + 1).concat([1000, 1023, 2048, 4064, 4065, 4095, 4096])) {
    for (const codec of [0, 1, 16]) {
      expect(hash(raw, data.subarray(0, length), codec)).toBe(referenceHash(key, data.subarray(0, length), codec));
    }
    const shifted = new DataView(key.buffer, SHIFT);
    expect(secondHash(raw, data.subarray(0, length))).toBe(referenceHash(shifted, data.subarray(0, length), 0));
  }
});

describe('collisions', () => {
  const random = new Random(seedOfRun(), 'seeds');
  const raw = bareCore('release', [random.next(), random.next(), random.next(), random.next()]);

  /** Chance gives n * n / 2^33 pairs; eight more than ten times that would be no chance. */
  function expectNoMoreThanChance(inputs: readonly Uint8Array[]): void {
    const seen = new Set(inputs.map((input) => hash(raw, input)));
    expect(inputs.length - seen.size).toBeLessThanOrEqual(8 + (10 * inputs.length ** 2) / 2 ** 33);
  }

  const base = new Random(5, 'base').fill(new Uint8Array(1024));
  const changed = (change: (copy: Uint8Array) => void): Uint8Array => {
    const copy = base.slice();
    change(copy);
    return copy;
  };

  test('every single bit, in noise and in zeros', () => {
    const flips = Array.from({ length: 8192 }, (_, bit) => changed((copy) => (copy[bit >> 3] ^= 1 << (bit & 7))));
    const singles = Array.from({ length: 8192 }, (_, bit) => {
      const page = new Uint8Array(1024);
      page[bit >> 3] = 1 << (bit & 7);
      return page;
    });
    expectNoMoreThanChance([base, ...flips, ...singles]);
  });

  test('pairs of bits that cancel in sums: the same change in two words', () => {
    const inputs: Uint8Array[] = [];
    for (let a = 0; a < 128; a++) {
      for (let b = a + 1; b < 128; b++) {
        inputs.push(changed((copy) => ((copy[4 * a] ^= 1), (copy[4 * b] ^= 1))));
      }
    }
    expectNoMoreThanChance(inputs);
  });

  test('words that changed places', () => {
    const inputs: Uint8Array[] = [];
    for (let a = 0; a < 128; a++) {
      for (let b = a + 1; b < 128; b++) {
        inputs.push(
          changed((copy) => {
            copy.copyWithin(4 * a, 4 * b, 4 * b + 4);
            copy.set(base.subarray(4 * a, 4 * a + 4), 4 * b);
          }),
        );
      }
    }
    expectNoMoreThanChance(inputs);
  });

  test('counters, and lengths that end in zeros', () => {
    const counters = Array.from({ length: 100_000 }, (_, n) => {
      const page = new Uint8Array(64);
      new DataView(page.buffer).setUint32((n % 16) * 4, n, true);
      return page;
    });
    const zeros = Array.from({ length: 4096 }, (_, n) => new Uint8Array(n + 1));
    expectNoMoreThanChance([...counters, ...zeros]);
  });

  test('two contents of one hash differ in the other', () => {
    const content = (n: number): Uint8Array => new Uint8Array(Uint32Array.of(n, 0, 0, 0).buffer);
    const byHash = new Map<number, number>();
    let pairs = 0;
    for (let n = 0; n < 600_000; n++) {
      const one = hash(raw, content(n));
      const twin = byHash.get(one);
      byHash.set(one, n);
      if (twin === undefined) continue;
      pairs++;
      expect(secondHash(raw, content(twin))).not.toBe(secondHash(raw, content(n)));
    }
    expect(pairs).toBeGreaterThan(0); // 42 by chance
  });

  test('each engine draws a key of its own', () => {
    const uses = [
      (engine: Engine) => engine.createPool({ dedup: true }),
      (engine: Engine) => engine.createPool({ shrinker: true }),
      (engine: Engine) => engine.createPool().merge(),
      (engine: Engine) => engine.createZram({ disksize: '1M', dedup: true }),
    ];
    const hashes = uses.map((use) => {
      const engine = Engine.createSync();
      use(engine);
      const first = hash(rawExports(engine), base);
      uses.forEach((again) => void again(engine));
      expect(hash(rawExports(engine), base)).toBe(first);
      return first;
    });
    expect(new Set(hashes).size).toBe(uses.length);
  });

  test('another seed gives another hash, another codec too', () => {
    const other = bareCore('release', [1, 2, 3, 5]);
    expect(hash(raw, base)).not.toBe(hash(other, base));
    expect(hash(raw, base, 0)).not.toBe(hash(raw, base, 1));
  });
});
