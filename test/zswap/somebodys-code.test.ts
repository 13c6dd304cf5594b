/** Zswap and what is not its own: options, arrays, compressors and backings of callers. */
import { describe, expect, test } from '@jest/globals';
import { MemoryBacking, Zswap, type Backing, type Engine } from '../../bindings/index.js';
import { codeOf } from '../support/errors.js';
import { PAGE_SIZE } from '../support/pages.js';
import { Random, seedOfRun } from '../support/random.js';
import { engineOf } from '../support/raw-core.js';
import { ToyCompressor } from '../support/toy-compressor.js';

const random = new Random(seedOfRun(), 'zswap and others');
const noise = (): Uint8Array => random.fill(new Uint8Array(PAGE_SIZE));
const toyPage = (): Uint8Array => random.fill(new Uint8Array(PAGE_SIZE)).fill(0, 3000);
const sameAs = (a: Uint8Array | undefined, b: Uint8Array): boolean => a !== undefined && Buffer.compare(a, b) === 0;

/** A backing of so many slots whose members can be replaced. */
function backingOf(slots: number, members: Partial<Record<keyof Backing, unknown>> = {}): Backing {
  const inner = new MemoryBacking(slots);
  return {
    slots,
    read: (slot: number, page: Uint8Array) => inner.read(slot, page),
    write: (slot: number, page: Uint8Array) => inner.write(slot, page),
    ...members,
  } as Backing;
}

describe('a backing', () => {
  const results: [string, () => unknown][] = [
    ['a promise', () => Promise.resolve()],
    ['a promise that rejects', () => Promise.reject(new Error('no'))],
    ['a thenable', () => ({ then: (done: () => void) => done() })],
    ['a thenable that throws', () => ({ then: () => codeOf(() => Promise.reject(new Error('no'))) })],
    ['a function that is thenable', () => Object.assign(() => undefined, { then: () => undefined })],
    ['a thenable whose then is asynchronous', () => ({ then: () => Promise.reject(new Error('no')) })],
  ];
  test.each(results)('that returns %s has not written, and not read', async (_, result) => {
    const unhandled: unknown[] = [];
    const note = (error: unknown): void => void unhandled.push(error);
    process.on('unhandledRejection', note);
    const engine = engineOf('release');
    const inner = new MemoryBacking(9);
    const ways = { write: true, read: true };
    const zswap = engine.createZswap({
      backing: backingOf(9, {
        write: (slot: number, page: Uint8Array) => (ways.write ? result() : inner.write(slot, page)),
        read: (slot: number, page: Uint8Array) => (inner.read(slot, page), ways.read ? result() : undefined),
      }),
    });
    const page = noise();
    zswap.store(1, page);
    expect(zswap.shrink(1)).toBe(0);
    expect(zswap.stats()).toMatchObject({ storedPages: 1, writtenBackPages: 0, rejectReclaimFail: 1 });
    expect(sameAs(zswap.load(1), page)).toBe(true);
    ways.write = false;
    expect(zswap.shrink(1)).toBe(1);
    expect(codeOf(() => zswap.load(1))).toBe('EIO');
    ways.read = false;
    expect(sameAs(zswap.load(1), page)).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 5));
    process.off('unhandledRejection', note);
    expect(unhandled).toEqual([]);
    engine.destroy();
  });

  test('that returns anything else is done', () => {
    for (const result of [1, 'text', new Map(), { then: 1 }, () => 1, null]) {
      const engine = engineOf('release');
      const inner = new MemoryBacking(9);
      const zswap = engine.createZswap({
        backing: backingOf(9, {
          write: (slot: number, page: Uint8Array) => (inner.write(slot, page), result),
          read: (slot: number, page: Uint8Array) => (inner.read(slot, page), result),
        }),
      });
      const page = noise();
      zswap.store(1, page);
      expect(zswap.shrink(1)).toBe(1);
      expect(sameAs(zswap.load(1), page)).toBe(true);
      engine.destroy();
    }
  });

  test('that gives other bytes than it was given is EIO, which names key and slot, and the page stays', () => {
    const engine = engineOf('release');
    const disk: Uint8Array[] = [];
    const zswap = engine.createZswap({
      backing: backingOf(9, {
        write: (slot: number, page: Uint8Array) => void (disk[slot] = page.slice()),
        read: (slot: number, page: Uint8Array) => page.set(disk[slot]),
      }),
    });
    const pages = [noise(), noise(), noise()];
    pages.forEach((page, at) => zswap.store(at, page));
    expect(zswap.shrink(3)).toBe(3);
    const [first] = disk;
    const restored = [
      disk[1],
      new Uint8Array(PAGE_SIZE),
      first.slice().fill(first[9] ^ 1, 9, 10),
      first.subarray(0, 4095),
    ];
    for (const wrong of restored) {
      disk[0] = wrong;
      expect(() => zswap.load(0)).toThrow(/^EIO: cannot load the page of key 0: .*slot 0/);
      expect(sameAs(zswap.load(1), pages[1])).toBe(true);
    }
    disk[0] = first;
    expect(sameAs(zswap.load(0), pages[0])).toBe(true);
    engine.destroy();
  });

  test('has its members read once; those that cannot be read are EINVAL', () => {
    const engine = engineOf('release');
    const reads: string[] = [];
    const inner = new MemoryBacking(9);
    const backing = new Proxy(inner, {
      get(_, name) {
        reads.push(String(name));
        const value = Reflect.get(inner, name) as unknown;
        return typeof value === 'function' ? value.bind(inner) : value;
      },
    });
    const zswap = engine.createZswap({ backing });
    zswap.store(1, noise());
    zswap.shrink(1);
    zswap.load(1);
    const batches = ['batchSize', 'objects', 'keepsArrays', 'readMany', 'readUnchecked', 'writeMany', 'discard'];
    expect(reads.sort()).toEqual([...batches, 'asynchronous', 'name', 'read', 'slots', 'write'].sort());
    for (const name of ['slots', 'read', 'write', 'asynchronous']) {
      const get = (): never => {
        throw new Error(name);
      };
      const bad = Object.defineProperty(backingOf(9), name, { get });
      expect(codeOf(() => engine.createZswap({ backing: bad }))).toBe('EINVAL');
    }
    engine.destroy();
  });

  test('is not given a slot whose write failed before all others, and then zeros first', () => {
    const engine = engineOf('release');
    const writes: [slot: number, zeros: boolean][] = [];
    let fails = true;
    const zswap = engine.createZswap({
      backing: backingOf(3, {
        write(slot: number, page: Uint8Array) {
          writes.push([slot, page.every((byte) => byte === 0)]);
          if (fails) throw new Error('it took too long');
        },
      }),
    });
    for (let key = 0; key < 4; key++) zswap.store(key, noise());
    expect(zswap.shrink(1)).toBe(0);
    fails = false;
    expect(zswap.shrink(2)).toBe(2);
    expect(zswap.shrink(2)).toBe(1);
    expect(writes).toEqual([
      [0, false],
      [1, false],
      [2, false],
      [0, true],
      [0, false],
    ]);
    expect(zswap.stats()).toMatchObject({ writtenBackPages: 3, rejectReclaimFail: 2 });
    engine.destroy();
  });

  test('that always fails costs no more and more memory, and is used again when it works', () => {
    const engine = engineOf('release');
    let fails = true;
    const slots = new Set<number>();
    const zswap = engine.createZswap({
      backing: backingOf(2 ** 20, {
        write(slot: number) {
          slots.add(slot);
          if (fails) throw new Error('no');
        },
      }),
    });
    zswap.store(1, noise());
    for (let n = 0; n < 20_000; n++) zswap.shrink(1);
    expect(slots.size).toBeLessThan(1500);
    fails = false;
    expect(zswap.shrink(1)).toBe(1);
    engine.destroy();
  });

  test('that overwrites a key while it is read does not mix its pages up', () => {
    const engine = engineOf('release');
    const [old, fresh, other] = [noise(), noise(), noise()];
    const inner = new MemoryBacking(2);
    let during: (() => void) | undefined;
    const zswap = engine.createZswap({
      backing: backingOf(2, {
        read(slot: number, page: Uint8Array) {
          const run = during;
          during = undefined;
          run?.();
          inner.read(slot, page);
        },
        write: (slot: number, page: Uint8Array) => inner.write(slot, page),
      }),
      exclusiveLoads: true,
    });
    zswap.store(1, old);
    zswap.shrink(1);
    during = () => {
      zswap.store(1, fresh);
      zswap.store(2, other);
      zswap.shrink(2); // one slot is free; that of the page that is read is not
    };
    expect(sameAs(zswap.load(1), old)).toBe(true);
    expect(sameAs(zswap.load(1), fresh)).toBe(true);
    expect(sameAs(zswap.load(2), other)).toBe(true);
    expect(zswap.load(1)).toBeUndefined();
    engine.destroy();
  });

  const calls: [string, (zswap: Zswap) => unknown][] = [
    ['shrink', (zswap) => zswap.shrink(2)],
    ['store', (zswap) => zswap.store(9, noise())],
    ['load', (zswap) => zswap.load(0)],
  ];
  test.each(calls)('may destroy what it is called by: %s is EINVAL', (_, call) => {
    const ways = (['zswap', 'engine'] as const).flatMap((end) =>
      [false, true].map((packSlots) => ({ end, packSlots })),
    );
    for (const { end, packSlots } of ways) {
      const engine = engineOf('debug');
      const inner = new MemoryBacking(9);
      let ends = false;
      const destroy = (): void => {
        if (ends) (end === 'zswap' ? zswap : engine).destroy();
      };
      const zswap: Zswap = engine.createZswap({
        packSlots,
        maxPoolBytes: 3 * PAGE_SIZE,
        backing: backingOf(9, {
          read(slot: number, page: Uint8Array) {
            inner.read(slot, page);
            destroy();
          },
          write(slot: number, page: Uint8Array) {
            inner.write(slot, page);
            destroy();
          },
        }),
      });
      for (let key = 0; key < 3; key++) zswap.store(key, noise());
      zswap.shrink(1);
      zswap.store(3, noise());
      ends = true;
      expect(codeOf(() => call(zswap))).toBe('EINVAL');
      engine.destroy();
    }
  });
});

describe('a compressor that fails', () => {
  const failing: [string, (toy: ToyCompressor) => unknown][] = [
    [
      'throws',
      () => {
        throw new Error('worn out');
      },
    ],
    ['returns nothing', () => undefined],
    ['returns text', () => 'text'],
    ['returns no bytes', () => new Uint8Array(0)],
  ];
  test.each(failing)('%s: the store is false and counted, and the key holds nothing', (_, fails) => {
    for (const shrinks of [false, true]) {
      const toy = new ToyCompressor();
      const compress = toy.compress.bind(toy);
      let failsFrom = Infinity;
      let calls = 0;
      toy.compress = (page) => (++calls >= failsFrom ? (fails(toy) as Uint8Array) : compress(page));
      const engine = engineOf('release', { maxMemory: '1M', compressors: [toy] });
      const backing = new MemoryBacking(999);
      const zswap = engine.createZswap({ compressor: 'toy', backing, shrinkerEnabled: true, maxPoolPercent: 100 });
      zswap.store(1, toyPage());
      let [stored, key] = [true, 0];
      for (let n = 0; stored && n < 900; n++) {
        key = shrinks ? n % 297 : 1;
        failsFrom = calls + (shrinks ? 2 : 1); // the second try of a store, or the first
        stored = zswap.store(key, toyPage());
      }
      expect(stored).toBe(false);
      expect(zswap.stats()).toMatchObject({ rejectCompressFail: 1, rejectAllocFail: 0 });
      expect(zswap.load(key)).toBeUndefined();
      engine.destroy();
    }
  });

  test('may destroy the zswap: EINVAL, whether it fails or not', () => {
    for (const fails of [false, true]) {
      const toy = new ToyCompressor();
      const engine = engineOf('debug', { compressors: [toy] });
      const zswap = engine.createZswap({ compressor: 'toy' });
      toy.hook = () => {
        zswap.destroy();
        toy.fails = fails;
      };
      expect(codeOf(() => zswap.store(1, toyPage()))).toBe('EINVAL');
      engine.destroy();
    }
  });
});

describe('arguments', () => {
  const arrays: [string, (page: Uint8Array) => Uint8Array][] = [
    ['a Buffer', (page) => Buffer.from(page)],
    ['a part of a pool', (page) => Buffer.concat([Buffer.alloc(9), page]).subarray(9)],
    [
      'shared memory',
      (page) => {
        const shared = new Uint8Array(new SharedArrayBuffer(PAGE_SIZE));
        shared.set(page);
        return shared;
      },
    ],
    ['an array that lies about its length', (page) => Object.defineProperty(page.slice(), 'length', { value: 1 })],
    [
      'a subclass whose slice and set throw',
      (page) => {
        class Odd extends Uint8Array {
          override slice(): never {
            throw new Error('slice');
          }
          override subarray(): never {
            throw new Error('subarray');
          }
          override set(): never {
            throw new Error('set');
          }
        }
        const odd = new Odd(PAGE_SIZE);
        Uint8Array.prototype.set.call(odd, page);
        return odd;
      },
    ],
  ];
  test.each(arrays)('a page may be %s, and so may out', (_, make) => {
    for (const compressor of ['lz4', 'toy']) {
      const engine = engineOf('release', { compressors: [new ToyCompressor()] });
      const zswap = engine.createZswap({ compressor, backing: new MemoryBacking(9) });
      const page = toyPage();
      const given = make(page);
      expect(zswap.store(1, given)).toBe(true);
      Uint8Array.prototype.fill.call(given, 1);
      for (const from of ['memory', 'the backing']) {
        if (from === 'the backing') expect(zswap.shrink(1)).toBe(1);
        const out = make(new Uint8Array(PAGE_SIZE));
        expect(zswap.load(1, out)).toBe(out);
        const read = new Uint8Array(PAGE_SIZE);
        for (let at = 0; at < PAGE_SIZE; at++) read[at] = out[at];
        expect(sameAs(read, page)).toBe(true);
      }
      engine.destroy();
    }
  });

  test('that are detached are EINVAL, and nothing has changed', () => {
    const engine = engineOf('release');
    const zswap = engine.createZswap();
    const page = noise();
    zswap.store(1, page);
    const detached = noise();
    structuredClone(detached, { transfer: [detached.buffer as ArrayBuffer] });
    expect(codeOf(() => zswap.store(1, detached))).toBe('EINVAL');
    expect(codeOf(() => zswap.load(1, detached))).toBe('EINVAL');
    expect(sameAs(zswap.load(1), page)).toBe(true);
    engine.destroy();
  });

  test('an option is read once, and one that cannot be read is EINVAL', async () => {
    const engine = engineOf('release');
    const reads: string[] = [];
    const names = [
      'maxPoolPercent',
      'maxPoolBytes',
      'acceptThresholdPercent',
      'compressor',
      'backing',
      'exclusiveLoads',
      'shrinkerEnabled',
      'packSlots',
    ];
    const options = Object.defineProperties(
      {},
      Object.fromEntries(names.map((name) => [name, { enumerable: true, get: () => void reads.push(name) }])),
    );
    engine.createZswap(options);
    expect(reads.sort()).toEqual(names.sort());
    const bad = {
      get backing(): never {
        throw new Error('no');
      },
    };
    expect(codeOf(() => engine.createZswap(bad))).toBe('EINVAL');
    await expect(Zswap.create(bad)).rejects.toMatchObject({ code: 'EINVAL' });
    engine.destroy();
  });

  test('a backing is free again when the zswap could not be made', async () => {
    const backing = new MemoryBacking(9);
    const engine: Engine = engineOf('release');
    await expect(Zswap.create({ backing, maxMemory: '1M', maxPoolPercent: 0 })).rejects.toMatchObject({
      code: 'EINVAL',
    });
    expect(codeOf(() => engine.createZswap({ backing, pool: {} as never }))).toBe('EINVAL');
    engine.createZswap({ backing }).destroy();
    engine.destroy();
  });
});
