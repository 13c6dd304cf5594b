/** Ksmd and budgeted merging: KSM's counters, slices, and passes that go on after anything. */
import { spawnSync } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import type { Handle, ZsPool } from '../bindings/index.js';
import { HeldTimers } from './support/held-timers.js';
import { processorMs } from './support/processor-time.js';
import { Random, seedOfRun } from './support/random.js';
import { BUILDS, checkPools, engineOf, rawExports } from './support/raw-core.js';

const random = new Random(seedOfRun(), 'ksmd');

function storeNumbered(pool: ZsPool, count: number, content: (n: number) => number, bytes = 300): Handle[] {
  const buffer = new Uint8Array(bytes);
  const view = new DataView(buffer.buffer);
  return Array.from({ length: count }, (_, n) => {
    view.setUint32(0, content(n) + 1, true);
    return pool.store(buffer);
  });
}

test('counters of 400, 200 and 100 equal objects, and 300 that are unique', () => {
  const engine = engineOf('debug');
  const pool = engine.createPool();
  const ksmd = pool.createKsmd();
  const handles = storeNumbered(pool, 1000, (n) => (n < 400 ? 0 : n < 600 ? 1 : n < 700 ? 2 : n));
  expect(ksmd.stats()).toMatchObject({ pagesShared: 0, pagesSharing: 0, pagesUnshared: 0, pagesVolatile: 1000 });
  expect(ksmd.scan()).toMatchObject({ objectsScanned: 1000, objectsMerged: 697, complete: true });
  expect(ksmd.stats()).toMatchObject({ pagesShared: 3, pagesSharing: 697, pagesUnshared: 300, pagesVolatile: 0 });
  expect(ksmd.stats()).toMatchObject({ fullScans: 1, pagesScanned: 1000, generalProfit: 697 * 300 - 3 * 8 });
  pool.write(handles[0], Uint8Array.of(77));
  expect(ksmd.stats()).toMatchObject({ pagesSharing: 696, pagesVolatile: 1 });
  ksmd.unmerge();
  expect(pool.stats()).toMatchObject({ objects: 1000, sharers: 0, bytesSaved: 0 });
  checkPools(engine);
  engine.destroy();
});

test('works in the background in slices, pauses when nothing changed, stops at once', async () => {
  const engine = engineOf('release');
  const pool = engine.createPool();
  storeNumbered(pool, 100_000, (n) => n % 5000);
  const ksmd = pool.createKsmd({ pagesToScan: 50_000, sleepMillisecs: 1, sliceMillisecs: 2 });
  let longest = 0;
  let last = processorMs();
  const watch = setInterval(() => {
    const now = processorMs();
    longest = Math.max(longest, now - last);
    last = now;
  }, 1);
  ksmd.start();
  ksmd.start();
  while (pool.stats().objects > 5000) await sleep(5);
  clearInterval(watch);
  expect(longest).toBeLessThan(100);
  while (ksmd.stats().fullScans === 0) await sleep(5);
  const { pagesScanned } = ksmd.stats();
  await sleep(30);
  expect(ksmd.stats().pagesScanned).toBe(pagesScanned);
  expect(ksmd.running).toBe(true);
  ksmd.stop();
  storeNumbered(pool, 100, (n) => n);
  await sleep(20);
  expect(ksmd.stats().pagesScanned).toBe(pagesScanned);
  ksmd.start();
  engine.destroy();
  await sleep(10);
  expect(() => ksmd.stats()).toThrow(expect.objectContaining({ code: 'EINVAL' }));
});

test.each([true, false])('smartScan %s: passes are left out after some that found nothing', (smartScan) => {
  const engine = engineOf('debug');
  const pool = engine.createPool();
  const ksmd = pool.createKsmd({ pagesToScan: 2000, sliceMillisecs: 10_000, smartScan });
  expect(ksmd.smartScan).toBe(smartScan);
  storeNumbered(pool, 900, (n) => n);
  const timers = new HeldTimers();
  const batch = (): { scans: number; skipped: number } => {
    const { fullScans, pagesSkipped } = ksmd.stats();
    timers.fire();
    const after = ksmd.stats();
    return { scans: after.fullScans - fullScans, skipped: after.pagesSkipped - pagesSkipped };
  };
  timers.during(() => {
    ksmd.start();
    timers.fire();
    let made = '';
    for (let n = 0; n < 40; n++) {
      storeNumbered(pool, 1, () => 1000 + n);
      const { scans, skipped } = batch();
      if (scans === 0) expect(skipped).toBe(901 + n);
      made += String(scans);
    }
    // Three passes; then one, two and four are left out before each pass, and at last eight.
    const smart = '11010010010000100001000010000000010000000010000000010';
    expect(made).toBe(smartScan ? smart.slice(0, 40) : '1'.repeat(40));
    // A sixteenth of the pool is new: no pass is left out, and it finds the duplicates.
    storeNumbered(pool, 100, (n) => n);
    expect(batch().scans).toBe(1);
    expect(ksmd.stats().pagesSharing).toBe(100);
    ksmd.stop();
  });
  for (const wrong of [1, 'on', null]) {
    expect(() => pool.createKsmd({ smartScan: wrong as never })).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  }
  engine.destroy();
});

test('objects that go while passes are left out are not counted back', () => {
  const engine = engineOf('release');
  const pool = engine.createPool();
  const ksmd = pool.createKsmd({ pagesToScan: 100 });
  const handles = storeNumbered(pool, 1000, (n) => n);
  for (let n = 1000; n < 1003; n++) {
    storeNumbered(pool, 1, () => n);
    ksmd.scan();
  }
  storeNumbered(pool, 1, () => 2000);
  const timers = new HeldTimers();
  timers.during(() => {
    const before = ksmd.stats().pagesSkipped;
    ksmd.start();
    for (let n = 0; n < 8; n++) timers.fire();
    expect(ksmd.stats().pagesSkipped).toBe(before + 800);
    for (const handle of handles.slice(100)) pool.free(handle);
    timers.fire();
    expect(ksmd.stats().pagesSkipped).toBe(before + 800);
    ksmd.stop();
  });
  engine.destroy();
});

test('the least slice makes a part of a large index only, and goes past some of very many sharers only', () => {
  const engine = engineOf('release');
  const pool = engine.createPool();
  storeNumbered(pool, 200_000, (n) => n, 40);
  const { used } = engine.memory;
  pool.merge({ maxMilliseconds: 0 });
  expect(engine.memory.used - used).toBeLessThanOrEqual(66 * 4096);
  pool.merge();
  const sharers = engine.createPool();
  storeNumbered(sharers, 200_000, () => 1, 40);
  sharers.merge();
  storeNumbered(sharers, 1, () => 2, 40);
  let calls = 1;
  while (!sharers.merge({ maxMilliseconds: 0 }).complete) calls++;
  expect(calls).toBeGreaterThanOrEqual(4);
  engine.destroy();
});

test('does not keep a Node process alive', () => {
  const code = `import('zram-wasm').then(async ({ ZsPool }) => {
    const pool = await ZsPool.create();
    pool.store(Uint8Array.of(1, 2, 3));
    pool.createKsmd().start();
  });`;
  const { status, stderr } = spawnSync(process.execPath, ['-e', code], { timeout: 50_000, encoding: 'utf8' });
  expect(stderr).toBe('');
  expect(status).toBe(0);
});

test('unmerge without room keeps what is merged', () => {
  const engine = engineOf('debug', { maxMemory: '3M' });
  const pool = engine.createPool();
  const ksmd = pool.createKsmd();
  const handles: Handle[] = [];
  for (let n = 0; n < 3000; n++) {
    handles.push(...storeNumbered(pool, 1, () => 5, 4000));
    if (n % 100 === 0) pool.merge();
  }
  ksmd.scan();
  expect(() => ksmd.unmerge()).toThrow(expect.objectContaining({ code: 'ENOMEM' }));
  for (const handle of handles) expect(pool.read(handle, { length: 4 })).toEqual(Uint8Array.of(6, 0, 0, 0));
  checkPools(engine);
  engine.destroy();
});

describe.each(BUILDS)('a pass in a thousand pieces, %s build', (build) => {
  test.each([0xffffffff, 0])('with changes in between, hash mask %i', (mask) => {
    const engine = engineOf(build);
    rawExports(engine).weakenHash(mask);
    const pool = engine.createPool();
    const model = new Map<Handle, number>();
    const kinds = mask === 0 ? 200 : 700;
    const content = (kind: number): Uint8Array => {
      const bytes = new Uint8Array(24 + (kind % 50) * 8).fill(kind & 255);
      new DataView(bytes.buffer).setUint32(0, kind + 1, true); // kind 0 would be same-filled: no object
      return bytes;
    };
    const add = (kind: number): unknown => model.set(pool.store(content(kind)), kind);
    for (let n = 0; n < 3000; n++) add(random.below(kinds));
    // These stay untouched throughout: at the end of a full pass each kind of them must be one object.
    const still = Array.from({ length: 600 }, (_, n) => pool.store(content(kinds + (n % 100))));
    let passes = 0;
    for (let piece = 0; piece < 1000; piece++) {
      if (pool.merge({ maxObjects: 1 + random.below(12) }).complete && ++passes === 2) break;
      for (let change = random.below(4); change > 0; change--) {
        const [handle] = [...model.keys()].slice(random.below(model.size));
        const kind = random.below(5);
        if (kind === 0) add(random.below(kinds));
        else if (kind === 1) {
          pool.free(handle);
          model.delete(handle);
        } else if (kind === 2) pool.compact();
        else if (kind === 3 && piece % 50 === 0) pool.merge({ dryRun: true });
        else {
          pool.write(handle, Uint8Array.of(255, 255), 2);
          model.set(handle, model.get(handle)! | 0xffff0000);
        }
      }
      if (piece % 100 === 0) checkPools(engine);
    }
    const read = (handle: Handle): string => Buffer.from(pool.read(handle)).toString('hex');
    for (const [handle, kind] of model) {
      const expected = content(kind & 0xffff);
      if (kind & 0xffff0000) expected.fill(255, 2, 4);
      expect(read(handle)).toBe(Buffer.from(expected).toString('hex'));
    }
    while (!pool.merge().complete);
    pool.merge();
    const distinct = new Set([...model.keys(), ...still].map(read));
    expect(pool.stats()).toMatchObject({ objects: distinct.size, handles: model.size + still.length });
    expect(pool.merge()).toMatchObject({ objectsHashed: 0, objectsMerged: 0, complete: true });
    checkPools(engine);
    for (const handle of [...model.keys(), ...still]) pool.free(handle);
    expect(pool.stats()).toMatchObject({ objects: 0, handles: 0, pagesAllocated: 0 });
    engine.destroy();
  });
});

test('the index takes 16 bytes an object at most, and is given back', () => {
  const engine = engineOf('release');
  const pool = engine.createPool();
  storeNumbered(pool, 200_000, (n) => n, 64);
  const { used } = engine.memory;
  expect(pool.merge({ maxObjects: 1000 }).complete).toBe(false);
  expect(engine.memory.used - used).toBeLessThanOrEqual(200_000 * 16);
  expect(pool.merge().complete).toBe(true);
  expect(engine.memory.used).toBe(used);
  engine.destroy();
});

test('with no memory for an index a pass goes round more often and still finds all', () => {
  const engine = engineOf('debug', { maxMemory: '1M' });
  const pool = engine.createPool();
  const handles: Handle[] = [];
  try {
    for (let n = 0; ; n++) handles.push(...storeNumbered(pool, 1, () => n % 1500, 120));
  } catch (error) {
    expect(error).toMatchObject({ code: 'ENOMEM' });
  }
  expect(handles.length).toBeGreaterThan(2500);
  pool.merge();
  pool.merge();
  expect(pool.stats().objects).toBe(1500);
  handles.forEach((handle, n) =>
    expect(new DataView(pool.read(handle).buffer).getUint32(0, true)).toBe((n % 1500) + 1),
  );
  checkPools(engine);
  engine.destroy();
});

test.each([false, true])(
  'when memory is exhausted one pass still finds all: it compacts for cells and index, slices %s',
  (slices) => {
    const engine = engineOf('release', { maxMemory: '4M' });
    const pool = engine.createPool();
    const kinds: number[] = [];
    const handles: Handle[] = [];
    let fresh = 0;
    try {
      for (;;) {
        // Scattered, so that no zspage empties by itself.
        const kind = fresh > 0 && random.chance(25) ? random.below(fresh) : fresh;
        handles.push(...storeNumbered(pool, 1, () => kind, 120));
        kinds.push(kind);
        if (kind === fresh) fresh++;
      }
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOMEM' });
    }
    expect(handles.length).toBeGreaterThan(20_000);
    const { pagesAllocated } = pool.stats();
    const dry = pool.merge({ dryRun: true });
    expect(pool.stats()).toMatchObject({ pagesAllocated, pagesMerged: 0, pagesCompacted: 0 });
    let merged = 0;
    let pagesFreed = 0;
    for (let complete = false; !complete;) {
      const report = pool.merge(slices ? { maxObjects: 500 } : {});
      ({ complete } = report);
      merged += report.objectsMerged;
      pagesFreed += report.pagesFreed;
    }
    expect([merged, dry.objectsMerged, pool.stats().objects]).toEqual([handles.length - fresh, merged, fresh]);
    expect(pagesAllocated - pool.totalPages).toBe(pagesFreed);
    expect(pagesFreed).toBeGreaterThan(0);
    handles.forEach((handle, n) => {
      const read = new DataView(pool.read(handle).buffer).getUint32(0, true) - 1;
      if (read !== kinds[n]) throw new Error(`handle ${n} reads as kind ${read}`);
    });
    engine.destroy();
  },
);
