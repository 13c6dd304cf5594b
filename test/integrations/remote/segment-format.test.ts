/** The bytes of segments and tables, and what is read from others. */
import { expect, test } from '@jest/globals';
import { KeyIndex } from '../../../integrations/remote/key-index.js';
import { decodeLease } from '../../../integrations/remote/segment-lease.js';
import {
  eachValue,
  likelyTail,
  readIndex,
  SegmentBuilder,
  type SegmentIndex,
} from '../../../integrations/remote/segment-format.js';
import {
  decodeNode,
  encodeNode,
  FANOUT,
  FILLED,
  HOLE,
  KEY,
  TableNode,
} from '../../../integrations/remote/table-node.js';
import { decodeRoot, encodeRoot } from '../../../integrations/remote/table-root.js';
import { keyOf } from '../../../integrations/remote.js';
import { sameBytes } from '../../support/pages.js';
import { Random, seedOfRun } from '../../support/random.js';

const seed = seedOfRun();
const random = new Random(seed, 'formats');
const told = (n: number): string => `ZRAM_WASM_SEED=${seed}, case ${n}`;

/** Quick: a matcher compares element by element. */
const NOISE = random.fill(new Uint8Array(20_000));
const noise = (length: number): Uint8Array => {
  const at = random.below(NOISE.length - length);
  return NOISE.slice(at, at + length);
};

/** Changes some bytes, cuts or lengthens. */
function mutated(bytes: Uint8Array): Uint8Array {
  const changed = [...bytes];
  for (let n = random.between(1, 3); n > 0; n--) {
    switch (random.below(4)) {
      case 0:
        changed.splice(random.below(changed.length + 1), random.below(5));
        break;
      case 1:
        changed.splice(random.below(changed.length + 1), 0, random.below(256));
        break;
      default:
        if (changed.length > 0)
          changed[random.below(changed.length)] = random.pick([0, 1, 127, 128, 255, random.below(256)]);
    }
  }
  return Uint8Array.from(changed);
}

function segmentOf(count: number): { bytes: Uint8Array; values: Uint8Array[] } {
  const builder = new SegmentBuilder(100);
  const values = Array.from({ length: count }, () => noise(random.pick([1, 4096, random.between(1, 4096)])));
  for (const value of values) builder.add(keyOf(value), value);
  return { bytes: builder.finish(), values };
}

test('a segment has its values where its index says', () => {
  for (const count of [1, 2, 64, 65, 500]) {
    const { bytes, values } = segmentOf(count);
    const { length } = bytes;
    const first = readIndex(length, bytes.subarray(length - likelyTail(length)));
    // A number: so many bytes at the end are the index.
    const index = typeof first === 'number' ? readIndex(length, bytes.subarray(length - first)) : first;
    if (typeof index === 'number') throw new Error('it is longer than it says');
    const read: Uint8Array[] = [];
    eachValue(index, (key, offset, length, n) => {
      read.push(bytes.slice(offset, offset + length));
      if (!sameBytes(key, keyOf(values[n]))) throw new Error(`the key of value ${n} is wrong`);
    });
    expect(read.length).toBe(values.length);
    expect(read.every((value, n) => sameBytes(value, values[n]))).toBe(true);
  }
});

test('who has too little of the end of a segment is told how much is needed', () => {
  const { bytes } = segmentOf(100);
  const needed = readIndex(bytes.length, bytes.subarray(bytes.length - 24));
  expect(needed).toBe(24 + 100 * 18);
  expect(readIndex(bytes.length, bytes.subarray(bytes.length - Number(needed)))).toMatchObject({ count: 100 });
});

test('a segment that was changed is read as it was, or refused', () => {
  for (let n = 0; n < 1000; n++) {
    const { bytes } = segmentOf(random.between(1, 4));
    const good = readIndex(bytes.length, bytes);
    const changed = mutated(bytes);
    const tail = changed.subarray(changed.length - Math.min(changed.length, random.pick([24, 60, 100_000])));
    try {
      const index = readIndex(changed.length, tail);
      if (typeof index === 'number') expect(index).toBeLessThanOrEqual(changed.length);
      else
        expect([told(n), Buffer.from(index.entries)]).toEqual([told(n), Buffer.from((good as SegmentIndex).entries)]);
    } catch (error) {
      expect([told(n), error]).toEqual([told(n), expect.objectContaining({ code: 'EIO' })]);
    }
  }
});

function randomNode(level: number): TableNode {
  const node = new TableNode();
  for (let slot = 0; slot < FANOUT;) {
    const kind = random.pick(level === 0 ? [HOLE, FILLED, KEY] : [HOLE, KEY]);
    const bytes = noise(kind === FILLED ? 8 : 16);
    for (let n = random.between(1, random.pick([1, 3, 100])); n > 0 && slot < FANOUT; n--)
      node.set(slot++, kind, kind === HOLE ? undefined : bytes);
  }
  if (node.isEmpty) node.set(random.below(FANOUT), KEY, noise(16));
  return node;
}

test('a node is read as it was written, and has one form', () => {
  for (let n = 0; n < 200; n++) {
    const level = random.below(3);
    const node = randomNode(level);
    const bytes = encodeNode(node, level);
    expect(bytes.length).toBeLessThanOrEqual(4096);
    const read = decodeNode(bytes, level, FANOUT);
    expect([told(n), sameBytes(read.kinds, node.kinds), sameBytes(read.data, node.data)]).toEqual([
      told(n),
      true,
      true,
    ]);
    expect(sameBytes(encodeNode(read, level), bytes)).toBe(true);
    expect(() => decodeNode(bytes, level + 1, FANOUT)).toThrow('EIO');
  }
});

test('a node that was changed is refused, or is another node in its one form', () => {
  let refused = 0;
  for (let n = 0; n < 3000; n++) {
    const level = random.below(2);
    const changed = mutated(encodeNode(randomNode(level), level));
    const slots = random.between(1, FANOUT);
    try {
      const node = decodeNode(changed, level, slots);
      expect([told(n), sameBytes(encodeNode(node, level), changed)]).toEqual([told(n), true]);
      expect(node.kinds.subarray(slots).every((kind) => kind === HOLE)).toBe(true);
    } catch (error) {
      expect([told(n), error]).toEqual([told(n), expect.objectContaining({ code: 'EIO' })]);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(1000);
});

test('a root that was changed is refused', () => {
  for (const key of [undefined, noise(16)]) {
    const root = { pages: random.between(1, 2 ** 31), key };
    const bytes = encodeRoot(root);
    expect(decodeRoot('x', bytes)).toEqual(root);
    for (let at = 0; at < bytes.length; at++) {
      const changed = bytes.slice();
      changed[at] ^= 1 << random.below(8);
      expect(() => decodeRoot('x', changed)).toThrow("EIO: 'x' is not the name of a device");
      expect(() => decodeRoot('x', bytes.subarray(0, at))).toThrow('EIO');
    }
    expect(() => decodeRoot('x', new Uint8Array([...bytes, 0]))).toThrow('EIO');
  }
});

test('a lease that was changed is refused, or is a lease', () => {
  const bytes = new TextEncoder().encode('{"version":1,"until":{"0123-m.x-1-2":1234,"b":5}}');
  expect([...decodeLease(bytes)]).toEqual([['0123-m.x-1-2', 1234], ['b', 5]]); // prettier-ignore
  for (let n = 0; n < 1000; n++) {
    try {
      for (const [, until] of decodeLease(mutated(bytes))) expect(typeof until).toBe('number');
    } catch (error) {
      expect([told(n), error]).toEqual([told(n), expect.objectContaining({ code: 'EIO' })]);
    }
  }
  for (const text of ['null', '[]', '{"version":2,"until":{}}', '{"version":1}', '{"version":1,"until":[]}', '{'])
    expect(() => decodeLease(new TextEncoder().encode(text))).toThrow('EIO');
});

test('the index of keys holds what a Map holds', () => {
  const index = new KeyIndex();
  const model = new Map<number, { segment: number; offset: number; length: number }>();
  const key = (n: number): Uint8Array => keyOf(Uint8Array.of(n & 255, n >> 8));
  let segment = 1;
  for (let step = 0; step < 12_000; step++) {
    const n = random.below(3000);
    if (step % 900 === 899) {
      // Old segments go, so that what is there stays about the same.
      const values = [...model].filter(([, place]) => place.segment === segment - 2);
      index.drop(segment - 2, values.length);
      for (const [gone] of values) model.delete(gone);
      segment++;
    }
    const place = { segment, offset: random.below(2 ** 31), length: random.between(1, 4096) };
    const found = index.add(key(n), place.segment, place.offset, place.length);
    if (!model.has(n)) model.set(n, place);
    const other = random.below(3000);
    const [had, has] = [index.get(key(other)), model.get(other)];
    const isSame = had?.segment === has?.segment && had?.offset === has?.offset && had?.length === has?.length;
    expect([told(step), found, isSame]).toEqual([told(step), model.get(n)!.segment, true]);
  }
  expect(index.bytes).toBeLessThan(3000 * 110);
});
