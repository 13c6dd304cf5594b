/** A backing on a tier that delays, reorders, drops, repeats and corrupts never gives a wrong page. */
import { describe, expect, jest, test } from '@jest/globals';
import * as fc from 'fast-check';

import {
  createRemoteBacking,
  keyOf,
  redisTier,
  type RedisClient,
  type RedisTier,
  type RemoteTier,
} from '../../../integrations/remote.js';
import { Random, seedOfRun } from '../../support/random.js';
import { HostileTier } from './hostile-tier.js';
import { hex, objectsOf } from './objects.js';

const SLOTS = 24;
const seed = seedOfRun();
const numRuns = process.env.ZRAM_WASM_LONG === '1' ? 20_000 : 300;

interface Step {
  readonly what: 'write' | 'read' | 'discard' | 'renew' | 'lose';
  readonly slots: readonly number[];
  readonly pick: number;
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    what: fc.constantFrom('write', 'write', 'write', 'read', 'read', 'read', 'discard', 'renew', 'lose'),
    slots: fc.uniqueArray(fc.integer({ min: 0, max: SLOTS - 1 }), { minLength: 1, maxLength: 8 }),
    pick: fc.nat(0xffff),
  }),
  { maxLength: 30 },
);

/** What was seen, so that the test cannot pass by seeing nothing. */
const counts = { right: 0, refused: 0, lost: 0 };

async function run(tierSeed: number, plan: readonly Step[]): Promise<void> {
  const random = new Random(tierSeed, 'tier');
  const tier = new HostileTier(random);
  const objects = objectsOf(random, 12);
  const lost: number[] = [];
  const backing = createRemoteBacking(tier, { slots: SLOTS, onLost: (slots) => lost.push(...slots) });
  /** What was written and acknowledged; undefined: nothing, or a write that failed. */
  const model: (Uint8Array | undefined)[] = new Array<undefined>(SLOTS).fill(undefined);
  const pending: Promise<void>[] = [];
  const busy = new Set<number>();
  for (const step of plan) {
    const slots = step.slots.filter((slot) => !busy.has(slot));
    const act = async (): Promise<void> => {
      if (step.what === 'write') {
        const pages = slots.map((slot) => objects[(slot * 7 + step.pick) % objects.length]);
        const errors = await backing.writeMany(slots, pages).catch((error: unknown) => slots.map(() => error));
        slots.forEach((slot, i) => (model[slot] = errors[i] === undefined ? pages[i] : undefined));
      } else if (step.what === 'read') {
        const pages = slots.map((slot) => new Uint8Array(model[slot]?.length ?? 100));
        const errors = await backing.readMany(slots, pages).catch((error: unknown) => slots.map(() => error));
        slots.forEach((slot, i) => {
          if (errors[i] !== undefined) {
            counts.refused++;
            expect(errors[i]).toBeInstanceOf(Error);
            return;
          }
          counts.right++;
          expect(hex(pages[i])).toBe(hex(model[slot]));
        });
      } else if (step.what === 'discard') {
        backing.discard(slots);
        for (const slot of slots) model[slot] = undefined;
      }
    };
    if (step.what === 'lose') tier.lose(20);
    else if (step.what === 'renew')
      pending.push(
        backing.renew().then(
          () => undefined,
          () => undefined,
        ),
      );
    else {
      slots.forEach((slot) => busy.add(slot));
      pending.push(act().finally(() => slots.forEach((slot) => busy.delete(slot))));
    }
    if (step.pick % 3 === 0) await Promise.all(pending.splice(0));
  }
  await Promise.all(pending);
  // Without faults everything is found out: each slot reads as the model says, or is named.
  tier.faults = 0;
  expect(backing.slotsUsed).toBe(model.filter((object) => object !== undefined).length);
  const isThere = (object: Uint8Array): boolean => {
    const value = tier.values.get(hex(keyOf(object)));
    return value !== undefined && hex(value) === hex(object);
  };
  const gone = new Set(await backing.renew());
  model.forEach((object, slot) => {
    if (object !== undefined) expect({ slot, gone: gone.has(slot) }).toEqual({ slot, gone: !isThere(object) });
  });
  counts.lost += gone.size;
  for (const slot of gone) expect(lost).toContain(slot);
  backing.close();
}

describe('a backing on a hostile tier', () => {
  test(`gives what was written, or an error (seed ${seed})`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), steps, (tierSeed, plan) => run(tierSeed, plan)),
      { seed: seed | 0, numRuns },
    );
    expect(Math.min(counts.right, counts.refused, counts.lost)).toBeGreaterThan(numRuns / 10);
  });

  test('a value that is not what was written is refused, and no byte of it is left', async () => {
    const values = new Map<string, Uint8Array>();
    const key = keyOf(new Uint8Array([1]));
    values.set(hex(key), new Uint8Array([2]));
    const tier = {
      getMany: async (keys: readonly Uint8Array[]) => keys.map((one) => values.get(hex(one))),
      putMany: async (keys: readonly Uint8Array[]) => keys.map(() => undefined),
      touchMany: async (keys: readonly Uint8Array[]) => keys.map(() => true),
    } as unknown as RemoteTier;
    const backing = createRemoteBacking(tier, { slots: 1 });
    await backing.write(0, new Uint8Array([1]));
    const page = new Uint8Array(1);
    await expect(backing.read(0, page)).rejects.toThrow(
      'EIO: the value of slot 0 of remote is not what was written to it.',
    );
    expect(page[0]).toBe(0);
  });
});

test('null is no failure of a write, and no value', async () => {
  const held: Uint8Array[] = [];
  const tier = {
    getMany: async () =>
      held
        .splice(0, 1)
        .concat([null as never])
        .slice(0, 1),
    putMany: async (keys: Uint8Array[], values: Uint8Array[]) => (held.push(...values), keys.map(() => null)),
    touchMany: async () => [],
  } as unknown as RemoteTier;
  const lost: number[] = [];
  const backing = createRemoteBacking(tier, { slots: 3, onLost: (slots) => lost.push(...slots) });
  expect(await backing.writeMany([2], [new Uint8Array([9])])).toEqual([undefined]);
  const page = new Uint8Array(1);
  await backing.read(2, page);
  expect(page[0]).toBe(9);
  await expect(backing.read(2, page)).rejects.toThrow('EIO: the value of slot 2 of remote is gone.');
  expect(lost).toEqual([2]);
});

describe('leases', () => {
  test.each([
    ['too few answers', async () => []],
    ['none', async () => undefined],
    ['what is no answer', async () => [null]],
  ])('that may not have been extended are told: %s', async (_, touchMany) => {
    const putMany = async (keys: Uint8Array[]) => keys.map(() => undefined);
    const backing = createRemoteBacking({ getMany: async () => [], putMany, touchMany } as never, { slots: 1 });
    await backing.write(0, new Uint8Array(1));
    await expect(backing.renew()).rejects.toThrow(/it (did not answer for each|answered null)/);
  });

  test('are renewed by a timer, again soon after a failure, and not after close', async () => {
    jest.useFakeTimers();
    try {
      let touches = 0;
      let down = false;
      const tier = {
        leaseMilliseconds: 24_000,
        getMany: async () => [],
        putMany: async (keys: readonly Uint8Array[]) => keys.map(() => undefined),
        touchMany: async (keys: readonly Uint8Array[]) => {
          touches++;
          if (down) throw new Error('down');
          return keys.map(() => true);
        },
      } as unknown as RemoteTier;
      const failures: unknown[] = [];
      const backing = createRemoteBacking(tier, { slots: 10_000, onRenewalFailed: (error) => failures.push(error) });
      await backing.write(3, new Uint8Array(3));
      await backing.write(9999, new Uint8Array(4));
      await jest.advanceTimersByTimeAsync(7999);
      expect(touches).toBe(0);
      await jest.advanceTimersByTimeAsync(1);
      expect(touches).toBe(2); // a call for each part of the table
      down = true;
      await jest.advanceTimersByTimeAsync(8000);
      expect(failures).toHaveLength(1);
      down = false;
      await jest.advanceTimersByTimeAsync(1000);
      expect(touches).toBe(5);
      backing.close();
      await jest.advanceTimersByTimeAsync(100_000);
      expect(touches).toBe(5);
    } finally {
      jest.useRealTimers();
    }
  });

  test('what a callback throws is reported, and changes neither what is read nor what is renewed', async () => {
    const microtasks = jest.spyOn(globalThis, 'queueMicrotask').mockImplementation(() => undefined);
    jest.useFakeTimers({ doNotFake: ['queueMicrotask'] });
    /** What was thrown outside of the calls. */
    const thrown = (): unknown[] =>
      microtasks.mock.calls.splice(0).map(([task]) => {
        try {
          task();
          return;
        } catch (error) {
          return error;
        }
      });
    try {
      const gone = hex(keyOf(new Uint8Array([1])));
      const touched: number[] = [];
      let down = false;
      const tier = {
        getMany: async (keys: readonly Uint8Array[]) =>
          keys.map((key) => (hex(key) === gone ? undefined : new Uint8Array([2]))),
        putMany: async (keys: readonly Uint8Array[]) => keys.map(() => undefined),
        touchMany: async (keys: readonly Uint8Array[]) => {
          if (down) throw new Error('down');
          touched.push(keys.length);
          return keys.map((key) => hex(key) !== gone);
        },
      } as unknown as RemoteTier;
      const [lost, failed] = [new Error('of onLost'), new Error('of onRenewalFailed')];
      const backing = createRemoteBacking(tier, {
        slots: 10_000,
        renewEvery: 1000,
        onLost: () => {
          throw lost;
        },
        onRenewalFailed: () => {
          throw failed;
        },
      });
      const write = (): Promise<unknown> =>
        backing.writeMany([0, 1, 9000], [new Uint8Array([1]), new Uint8Array([2]), new Uint8Array([2])]);
      await write();
      const pages = [new Uint8Array(1), new Uint8Array(1)];
      expect(await backing.readMany([0, 1], pages)).toEqual([expect.objectContaining({ code: 'EIO' }), undefined]);
      expect(pages[1]).toEqual(new Uint8Array([2]));
      expect(thrown()).toEqual([lost]);
      await write();
      expect(await backing.renew()).toEqual([0]);
      expect(touched).toEqual([2, 1]); // also the part of the table after that of the lost one
      const { reportError } = globalThis as { reportError?: unknown };
      const reported: unknown[] = [];
      Object.assign(globalThis, { reportError: (error: unknown) => reported.push(error) });
      thrown();
      Object.assign(globalThis, { reportError });
      expect(reported).toEqual([lost]);
      down = true;
      await jest.advanceTimersByTimeAsync(1000);
      expect(thrown()).toEqual([failed]);
      down = false;
      await jest.advanceTimersByTimeAsync(125);
      expect(touched).toEqual([2, 1, 2, 1]);
      backing.close();
    } finally {
      microtasks.mockRestore();
      jest.useRealTimers();
    }
  });

  test('wrong arguments', () => {
    const tier = { getMany: () => 0, putMany: () => 0, touchMany: () => 0 } as unknown as RemoteTier;
    for (const [given, options] of [
      [undefined, { slots: 1 }],
      [{}, { slots: 1 }],
      [tier, undefined],
      [tier, { slots: 0 }],
      [tier, { slots: 1.5 }],
      [tier, { slots: 1, renewEvery: -1 }],
      [tier, { slots: 1, renewEvery: NaN }],
      [tier, { slots: 1, renewEvery: '5' }],
      [tier, { slots: 1, name: 5 }],
      [tier, { slots: 1, onLost: 5 }],
      [tier, { slots: 1, onRenewalFailed: null }],
    ] as any[]) {
      expect(() => createRemoteBacking(given, options)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    }
  });
});

test('a call on Redis takes one timeout or until its signal, with the look at the settings before it', async () => {
  const never = (): Promise<never> => new Promise(() => undefined);
  const [key, value] = [keyOf(new Uint8Array([1])), new Uint8Array([1])];
  /** A server that says what its settings are, and nothing more. */
  const client = (info: () => Promise<string>): RedisClient => ({
    status: 'ready',
    callBuffer: async (name: string, ...rest: string[]) => (name === 'eval' && rest[2].length === 0 ? [] : never()),
    pipeline: () => ({ callBuffer: () => undefined, exec: never }),
    ...{ info, multi: () => ({ callBuffer: () => undefined, exec: never }), exec: never },
  });
  const slow = client(() => new Promise((resolve) => setTimeout(resolve, 300, 'maxmemory:0\r\n')));
  for (const call of [
    (tier: RedisTier) => tier.putMany([key], [value]).then(([error]) => Promise.reject(error!)),
    (tier: RedisTier) => tier.putNamed('a', value),
  ]) {
    const before = performance.now();
    await expect(call(redisTier(slow, { timeout: 400 }))).rejects.toThrow('has not answered within 400 ms');
    expect(performance.now() - before).toBeLessThan(600);
  }
  const tier = redisTier(client(never), { timeout: 500 });
  let aborted = 0;
  const before = performance.now();
  const [canceled, other] = await Promise.allSettled([
    tier.putMany([key], [value], { signal: AbortSignal.timeout(50) }).finally(() => (aborted = performance.now())),
    tier.putMany([key], [value]), // waits for the same look
  ]);
  expect(canceled).toMatchObject({ reason: { code: 'ECANCELED' } });
  expect(other).toMatchObject({ reason: { code: 'EIO' } });
  expect(aborted - before).toBeLessThan(400);
  await expect(tier.putMany([key], [value], { signal: AbortSignal.abort() })).rejects.toMatchObject({
    code: 'ECANCELED',
  });
});

test('wrong options of a tier on Redis', () => {
  const client = { status: 'wait', callBuffer: () => undefined, pipeline: () => undefined };
  const ranges = { timeout: [0, -1, 2 ** 31, '5', null], leaseMilliseconds: [0, NaN, 1e16, '5', null] };
  const types = { prefix: [5, null, {}], name: [5, null] };
  for (const [name, values] of Object.entries({ ...ranges, ...types }))
    for (const value of values)
      expect(() => redisTier(client, { [name]: value })).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  for (const options of [null, 5, 'x'] as any[])
    expect(() => redisTier(client, options)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  redisTier(client, { timeout: 2 ** 31 - 1, leaseMilliseconds: Number.MAX_SAFE_INTEGER, prefix: '', name: 'x' });
});
