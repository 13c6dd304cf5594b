/** The entries of a zswap against a Map and a list. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Entries, type Placed } from '../../bindings/zswap/entries.js';

interface Entry {
  handle: number;
  inMemory: boolean;
  referenced: boolean;
}

const keys = fc.oneof(
  fc.nat(40),
  fc.maxSafeNat(),
  fc.nat(40).map((n) => n * 2 ** 32),
);
const step = fc.record({
  kind: fc.constantFrom('add', 'add', 'remove', 'move', 'use', 'chances', 'rotate'),
  key: keys,
  looks: fc.nat(9),
});

function placedAt(slot: number): Placed {
  const offset = Math.imul(slot, 7919) & 4095;
  return { slot, offset, length: 4096 - offset, codec: slot % 16, checksum: Math.imul(slot, 0x9e3779b1) >>> 0 };
}

test('behave as a Map and a list', () => {
  const property = fc.property(fc.array(step, { maxLength: 200, size: 'max' }), (steps) => {
    const entries = new Entries();
    const map = new Map<number, Entry>();
    let list: number[] = [];
    let handle = 0;
    for (const { kind, key, looks } of steps) {
      const found = entries.find(key);
      const known = map.get(key);
      expect(found !== 0).toBe(known !== undefined);
      if (!known) {
        if (kind !== 'add') continue;
        entries.add(key, ++handle, handle % 3 === 0);
        map.set(key, { handle, inMemory: true, referenced: true });
        list.push(key);
      } else if (kind === 'remove') {
        entries.remove(found);
        map.delete(key);
        list = list.filter((each) => each !== key);
      } else if (kind === 'chances' && list.length > 0) {
        const taken = entries.giveChances(looks + 1);
        if (list.every((each) => map.get(each)?.referenced)) {
          for (const each of list) map.get(each)!.referenced = false;
          expect(taken).toBe(1);
        } else {
          for (let left = looks + 1; left > 0 && map.get(list[0])?.referenced; left--) {
            map.get(list[0])!.referenced = false;
            list.push(list.shift() as number);
          }
        }
      } else if (known.inMemory) {
        if (kind === 'move') {
          entries.moveToSlot(found, placedAt(known.handle));
          expect(entries.placedOf(found)).toEqual(placedAt(known.handle));
          known.inMemory = false;
          list = list.filter((each) => each !== key);
        } else if (kind === 'use') {
          entries.reference(found);
          known.referenced = true;
        } else if (kind === 'rotate') {
          entries.rotate(found);
          list = [...list.filter((each) => each !== key), key];
        }
      }
      expect(entries.inMemory).toBe(list.length);
      expect(entries.oldestIsDue).toBe(list.length > 0 && !map.get(list[0])!.referenced);
      const order: number[] = [];
      for (let entry = entries.oldest; entry !== 0; entry = entries.newerThan(entry)) order.push(entries.keyOf(entry));
      expect(order).toEqual(list);
    }
    for (const [key, { handle: place, inMemory }] of map) {
      const entry = entries.find(key);
      expect([entries.keyOf(entry), entries.placeOf(entry), entries.isInMemory(entry)]).toEqual([key, place, inMemory]);
    }
  });
  fc.assert(property, { numRuns: 60 });
});

test('are found among a hundred thousand, in every order of coming and going', () => {
  const entries = new Entries();
  const count = 100_000;
  const keyOf = (n: number): number => (n % 2 === 0 ? n * 1024 : n * 2 ** 33);
  for (let n = 0; n < count; n++) entries.add(keyOf(n), n, false);
  for (let n = 0; n < count; n += 3) entries.remove(entries.find(keyOf(n)));
  for (let n = 0; n < count; n += 6) entries.add(keyOf(n), n, true);
  for (let n = 0; n < count; n++) {
    const entry = entries.find(keyOf(n));
    const there = n % 6 === 0 || n % 3 !== 0;
    if ((entry !== 0) !== there || (there && entries.placeOf(entry) !== n)) throw new Error(`entry ${n} is wrong`);
  }
  const stamp = entries.stampOf(entries.find(0));
  expect(entries.isStill(0, stamp)).toBe(true);
  for (let n = 0; n < count; n++) if (entries.find(keyOf(n))) entries.remove(entries.find(keyOf(n)));
  expect([entries.inMemory, entries.oldest, entries.isStill(0, stamp)]).toEqual([0, 0, false]);
  entries.add(0, 7, false);
  expect(entries.isStill(0, stamp)).toBe(false);
});
