/** Handles: a number means what `malloc` or `store` gave it for, and after its last `free` nothing, ever. */
import { describe, expect, test } from '@jest/globals';
import { Engine, MemoryBacking, type Handle, type ZsPool } from '../../bindings/index.js';
import { PoolHandles } from '../../bindings/pool/handles.js';
import { isNoHandle } from '../support/model-pool.js';
import { Random } from '../support/random.js';
import { engineOf } from '../support/raw-core.js';

const PAGE_SIZE = 4096;
const SLOTS = 2 ** 28;
const random = new Random(1, 'handles');
const noise = (bytes: number): Buffer => Buffer.from(random.fill(new Uint8Array(bytes)));

function firstOf(handles: PoolHandles): number {
  handles.reserve();
  return handles.add(1);
}

/** All numbers near a handle and near those of cells, and what is no whole number. */
function numbersNear(handle: number): number[] {
  const near = Array.from({ length: 40 }, (_, n) => handle + n - 20);
  const otherGenerations = [1, 2, 3, 2 ** 24].flatMap((n) => [handle + n * SLOTS, handle - n * SLOTS]);
  const cells = Array.from({ length: 300 }, (_, n) => n);
  const shifted = [
    handle % SLOTS,
    handle % 2 ** 32,
    handle + 2 ** 53,
    handle + 2 ** 59,
    handle + 0.5,
    handle / 2,
    -handle,
  ];
  return [...near, ...otherGenerations, ...cells, ...shifted, NaN, Infinity, -Infinity, 2 ** 63, 2 ** 64, -0, 1e300];
}

describe('a number that no call gave', () => {
  test('is EINVAL, though devices, snapshots, a zswap and a history have objects on the pool', () => {
    using engine = engineOf('debug');
    const pool = engine.createPool();
    const page = noise(PAGE_SIZE);
    const zram = engine.createZram({ disksize: '1M', pool, backing: new MemoryBacking(4) });
    const zswap = engine.createZswap({ pool });
    const history = engine.createStateHistory({ pool });
    for (let n = 0; n < 20; n++) zram.writePage(n, noise(PAGE_SIZE).fill(n, 0, 2000));
    const snapshot = zram.snapshot();
    zram.writeback({ pageIndex: 3 });
    for (let n = 0; n < 20; n++) zswap.store(n, page);
    for (let n = 0; n < 5; n++) history.push(noise(5000));
    const handle = pool.store(page);
    const all = (): Buffer =>
      Buffer.concat([zram.readPages(0, 20), snapshot.readPages(0, 20), ...history.ids().map((id) => history.get(id))]);
    const before = all();

    for (const number of numbersNear(handle)) if (number !== handle) isNoHandle(pool, number as Handle);

    expect(all().equals(before)).toBe(true);
    for (let n = 0; n < 20; n++) expect(page.equals(zswap.load(n) ?? noise(1))).toBe(true);
    expect(page.equals(pool.read(handle))).toBe(true);
  });

  test('is EINVAL whatever its type, and no function of it is called', () => {
    using engine = engineOf('debug');
    const pool = engine.createPool();
    const handle = pool.malloc(10);
    let calls = 0;
    const asks = { valueOf: () => (calls++, handle), toString: () => (calls++, String(handle)) };
    const wrong = [
      String(handle),
      BigInt(handle),
      [handle],
      new Number(handle),
      asks,
      null,
      undefined,
      true,
      Symbol('x'),
    ];
    for (const value of wrong) isNoHandle(pool, value as unknown as Handle);
    expect(calls).toBe(0);
  });
});

describe('a freed handle', () => {
  test('is EINVAL after its cell went to the page of a device', () => {
    using engine = engineOf('debug');
    const pool = engine.createPool();
    const zram = engine.createZram({ disksize: '1M', pool });
    const stale = Array.from({ length: 20 }, () => pool.store(noise(100)));
    for (const handle of stale) pool.free(handle);
    const pages = Array.from({ length: 40 }, () => noise(PAGE_SIZE));
    pages.forEach((page, n) => {
      zram.writePage(n, page);
    });
    for (const handle of stale) isNoHandle(pool, handle);
    expect(Buffer.concat(pages).equals(zram.readPages(0, 40))).toBe(true);
  });

  test('is EINVAL after 100,000 others, of which each is new', () => {
    using engine = engineOf('release');
    const pool = engine.createPool();
    const seen = new Set<Handle>();
    const kept = pool.store(Uint8Array.of(7));
    for (let n = 0; n < 100_000; n++) {
      const handle = pool.malloc(1 + (n % 50));
      if (!Number.isSafeInteger(handle) || handle <= 0) throw new Error(`${handle} is no handle`);
      pool.free(handle);
      seen.add(handle);
    }
    expect(seen.size).toBe(100_000);
    let n = 0;
    for (const handle of seen) if (n++ % 5000 === 0) isNoHandle(pool, handle);
    expect(pool.read(kept)).toEqual(Uint8Array.of(7));
  });

  test('ends with the last of its frees', () => {
    using engine = engineOf('debug');
    const pool = engine.createPool();
    for (const bytes of [noise(50), new Uint8Array(64).fill(3)]) {
      const handle = pool.store(bytes);
      pool.retain(handle);
      pool.retain(handle);
      for (let frees = 0; frees < 3; frees++) {
        expect(bytes.every((byte, at) => pool.read(handle)[at] === byte)).toBe(true);
        pool.free(handle);
      }
      isNoHandle(pool, handle);
    }
  });
});

describe('the handles of two pools', () => {
  const pools: readonly (readonly [string, () => readonly [ZsPool, ZsPool]])[] = [
    [
      'of one engine',
      () => {
        const engine = Engine.createSync();
        return [engine.createPool(), engine.createPool()];
      },
    ],
    ['of two engines', () => [Engine.createSync().createPool(), Engine.createSync().createPool()]],
  ];
  test.each(pools)('%s mean nothing to each other', (_, make) => {
    const [a, b] = make();
    const handles = [a, b].map((pool) => Array.from({ length: 500 }, () => pool.malloc(5)));
    for (const handle of handles[0].slice(0, 100)) isNoHandle(b, handle);
    for (const handle of handles[1].slice(0, 100)) isNoHandle(a, handle);
    expect(new Set(handles.flat()).size).toBe(1000);
  });

  test('lie far apart, however many pools there were', () => {
    const firsts = Array.from({ length: 1000 }, () => Math.floor(firstOf(new PoolHandles()) / SLOTS));
    firsts.sort((one, other) => one - other);
    const nearest = Math.min(...firsts.slice(1).map((first, n) => first - firsts[n]));
    expect(nearest).toBeGreaterThan(10_000);
  });
});

describe('a failed allocation', () => {
  test('takes no number', () => {
    using engine = engineOf('debug');
    const pool = engine.createPool({ limit: 4 * PAGE_SIZE });
    const handles: Handle[] = [];
    const store = (): void => void handles.push(pool.store(noise(PAGE_SIZE)));
    for (let n = 0; n < 4; n++) store();
    for (let n = 0; n < 100; n++) expect(store).toThrow(expect.objectContaining({ code: 'ENOMEM' }));
    pool.free(handles[0]);
    store();
    // The slot that came free, and the next generation of it.
    expect(handles[4] - handles[0]).toBe(SLOTS);
    expect(pool.stats().handles).toBe(4);
  });
});

describe('the table', () => {
  test('uses freed slots oldest first, before new ones', () => {
    const handles = new PoolHandles();
    const given = Array.from({ length: 1000 }, (_, n) => {
      handles.reserve();
      return handles.add(n + 1);
    });
    const order = [5, 900, 0, 64, 63, 65, 999];
    for (const n of order) handles.remove(given[n]);
    for (const n of order) {
      handles.reserve();
      expect(handles.add(7777) % SLOTS).toBe(given[n] % SLOTS);
    }
    handles.reserve();
    expect(handles.add(7777) % SLOTS).toBe((given[999] % SLOTS) + 1);
  });

  test('gives no number twice: a slot that has gone round is not used again', () => {
    const generations = 5;
    const handles = new PoolHandles(generations);
    const given = new Set<number>();
    for (let n = 0; n < 1000; n++) {
      const handle = firstOf(handles);
      given.add(handle);
      if (handles.cell(handle) !== 1) throw new Error('a valid handle is not known');
      handles.remove(handle);
    }
    expect(given.size).toBe(1000);
    expect(new Set([...given].map((handle) => handle % SLOTS)).size).toBe(1000 / generations);
    expect([...given].filter((handle) => handles.cell(handle) !== 0)).toEqual([]);
  });

  test('goes round all generations from wherever it begins', () => {
    // One pool in so many begins near the last generation.
    let wrapped = 0;
    for (let n = 0; n < 3000 || wrapped === 0; n++) {
      const handles = new PoolHandles();
      const first = firstOf(handles);
      if (first < (2 ** 25 - 10_000) * SLOTS) continue;
      let handle = first;
      for (let turn = 0; turn < 20_000; turn++) {
        handles.remove(handle);
        const next = handles.add(2);
        if (next < handle) wrapped++;
        handle = next;
      }
      expect(handles.cell(handle)).toBe(2);
      expect(handles.cell(first)).toBe(0);
    }
    expect(wrapped).toBeGreaterThan(0);
  });
});
