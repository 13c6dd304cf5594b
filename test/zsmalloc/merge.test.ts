/**
 * Merging in the allocator, case by case: groups that join groups, passes in slices, dry runs between the slices, and
 * who may go first.
 */
import { describe, expect, test } from '@jest/globals';
import type { Engine, Handle, ZsPool } from '../../bindings/index.js';
import { sameBytes } from '../support/pages.js';
import { Random } from '../support/random.js';
import { BUILDS, checkPools, engineOf, rawExports } from '../support/raw-core.js';

const SEED = 7;
/** One that lies in a frame, one that straddles two, and one that is huge. */
const LENGTHS = [100, 2500, 4000];

const contents = new Map<string, Uint8Array>();

function content(length: number, number: number): Uint8Array {
  const name = `${length} ${number}`;
  const bytes = contents.get(name) ?? new Random(SEED, name).fill(new Uint8Array(length));
  contents.set(name, bytes);
  return bytes.slice();
}

/** Reads every handle, and tests the invariants of the debug build. */
function expectContents(engine: Engine, pool: ZsPool, expected: ReadonlyMap<Handle, Uint8Array>): void {
  for (const [handle, bytes] of expected) {
    if (!sameBytes(pool.read(handle), bytes)) throw new Error(`handle ${handle} reads wrong`);
  }
  checkPools(engine);
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  const list = [...items];
  for (let n = list.length - 1; n > 0; n--) {
    const other = random.below(n + 1);
    [list[n], list[other]] = [list[other], list[n]];
  }
  return list;
}

/**
 * Groups of sharers of one content, joined to one: a group whose cells stand before those of an older one is found
 * first and meets the older one as a group.
 */
function joinedGroups(pool: ZsPool, bytes: Uint8Array, groups: number): Handle[] {
  const room = Array.from({ length: 6 * groups }, (_, n) => pool.store(content(50, n)));
  const handles: Handle[] = [];
  for (let group = groups - 1; group >= 0; group--) {
    // Cells are reused oldest first, so each group gets those before the last one's.
    for (const handle of room.splice(group * 6)) pool.free(handle);
    for (let n = 0; n < 4; n++) handles.push(pool.store(bytes));
    pool.merge();
  }
  return handles;
}

describe.each(BUILDS)('merge of a pool, %s build', (build) => {
  describe.each(LENGTHS)('objects of %i bytes', (length) => {
    test.each([2, 3, 6])('%i groups that share already become one, whoever goes first', (groups) => {
      for (let round = 0; round < 12; round++) {
        using engine = engineOf(build);
        const { used } = engine.memory;
        const pool = engine.createPool();
        const random = new Random(SEED, `groups ${groups} ${round}`);
        const bytes = content(length, 0);
        const handles = joinedGroups(pool, bytes, groups);
        expect(pool.stats()).toMatchObject({ objects: 1, handles: 4 * groups, pagesMerged: 4 * groups - 1 });
        expect(pool.stats()).toMatchObject({ bytes: length, bytesSaved: length * (4 * groups - 1) });

        const held = new Map(handles.map((handle) => [handle, bytes]));
        const order = round === 0 ? handles : round === 1 ? [...handles].reverse() : shuffled(random, handles);
        for (const handle of order) {
          if (random.chance(40)) {
            const other = content(length, 1);
            pool.write(handle, other);
            held.set(handle, other);
          } else {
            pool.free(handle);
            held.delete(handle);
          }
          if (random.chance(20)) pool.compact();
          if (random.chance(20)) pool.merge();
          expectContents(engine, pool, held);
        }
        for (const handle of held.keys()) pool.free(handle);
        expect(pool.stats()).toMatchObject({ objects: 0, handles: 0, bytes: 0, bytesSaved: 0, pagesAllocated: 0 });
        pool.destroy();
        expect(engine.memory.used).toBe(used);
      }
    });

    test('a write of part of a shared object changes one handle only, the first too', () => {
      using engine = engineOf(build);
      const pool = engine.createPool();
      const bytes = content(length, 0);
      const handles = Array.from({ length: 5 }, () => pool.store(bytes));
      pool.merge();
      const held = new Map(handles.map((handle) => [handle, bytes]));
      handles.forEach((handle, n) => {
        const changed = bytes.slice();
        changed.fill(n + 1, length - 10, length - 5);
        pool.write(handle, changed.subarray(length - 10, length - 5), length - 10);
        held.set(handle, changed);
        expect(pool.stats().objects).toBe(Math.min(n + 2, 5));
        expectContents(engine, pool, held);
      });
    });
  });

  test('a handle that was retained before and after a merge needs as many frees', () => {
    using engine = engineOf(build);
    const pool = engine.createPool();
    const bytes = content(200, 0);
    const [a, b] = [pool.store(bytes), pool.store(bytes)];
    pool.retain(a);
    pool.merge();
    pool.retain(b);
    pool.retain(a);
    for (const [handle, objects] of [
      [a, 1],
      [a, 1],
      [b, 1],
      [a, 1],
      [b, 0],
    ] as const) {
      expect(sameBytes(pool.read(handle), bytes)).toBe(true);
      pool.free(handle);
      expect(pool.stats().objects).toBe(objects);
      checkPools(engine);
    }
    for (const handle of [a, b]) expect(() => pool.read(handle)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });

  test('equal beginnings, and slack of equal length, are no duplicates', () => {
    using engine = engineOf(build);
    const pool = engine.createPool();
    const bytes = content(64, 0);
    bytes.fill(0, 40);
    // All of one size class, and each the beginning of the next.
    const lengths = [50, 51, 52, 53, 54, 55, 56];
    const handles = lengths.flatMap((length) => [0, 1].map(() => pool.store(bytes.subarray(0, length))));
    expect(pool.merge()).toMatchObject({ objectsMerged: lengths.length, complete: true });
    expect(handles.map((handle) => pool.sizeOf(handle))).toEqual(lengths.flatMap((length) => [length, length]));
  });

  test.each([300, 700, 2500, 4096])(
    'objects of %i bytes that differ in one byte, wherever it is, are told apart',
    (length) => {
      using engine = engineOf(build);
      const pool = engine.createPool();
      const bytes = content(length, 0);
      const offsets = Array.from({ length: 150 }, (_, n) => Math.floor((n * length) / 150));
      for (let pass = 0; pass < 2; pass++) {
        pool.store(bytes);
        for (const offset of offsets) {
          bytes[offset] ^= 1;
          pool.store(bytes);
          bytes[offset] ^= 1;
        }
      }
      const report = pool.merge();
      expect(report).toMatchObject({ objectsMerged: 151, complete: true });
      expect(report.hashCollisions).toBeGreaterThan(0);
      expect(pool.stats().objects).toBe(151);
      checkPools(engine);
    },
  );

  test('an object that is shared while the index is made anew is still compared with those that follow', () => {
    using engine = engineOf(build, { maxMemory: '2M' });
    const pool = engine.createPool({ dedup: true });
    const small = Array.from({ length: 400 }, (_, n) => pool.store(content(40, n)));
    const first = content(48, 900);
    pool.store(first);
    const second = pool.store(content(48, 901));
    // Not by store, which would share it at once.
    pool.write(second, first);
    const filler: Handle[] = [];
    for (let n = 0; ; n++) {
      try {
        filler.push(pool.store(content(4096, n)));
      } catch {
        break;
      }
    }
    // Cells before those of the two, without a zspage that becomes empty.
    for (let n = 0; n < 80; n += 2) pool.free(small[n]);
    const { objects } = pool.stats();
    let scanned = 0;
    while (scanned < objects) scanned += pool.merge({ maxMilliseconds: 0 }).objectsScanned;
    expect(pool.stats().objects).toBe(objects);
    pool.store(first);
    for (let complete = false; !complete;) ({ complete } = pool.merge({ maxMilliseconds: 0 }));
    expect(pool.stats().objects).toBe(objects - 1);
    checkPools(engine);
  });

  test.each([0xffffffff, 0])(
    'what is new behind the cursor is found by a merge without a budget; hash mask %i',
    (mask) => {
      using engine = engineOf(build);
      rawExports(engine).weakenHash(mask);
      const pool = engine.createPool();
      const handles = Array.from({ length: 40 }, (_, n) => pool.store(content(60, n)));
      expect(pool.merge({ maxObjects: 20 })).toMatchObject({ objectsScanned: 20, complete: false });
      pool.write(handles[3], content(60, 30));
      pool.write(handles[5], content(60, 7));
      expect(pool.merge()).toMatchObject({ objectsMerged: 2, complete: true });
      expect(pool.stats().objects).toBe(38);
      expect(pool.merge({ maxObjects: 1 })).toMatchObject({ objectsScanned: 0, complete: true });
    },
  );

  test.each([0xffffffff, 0])(
    'what a dry run hashed behind the cursor is found by the next pass; hash mask %i',
    (mask) => {
      using engine = engineOf(build);
      rawExports(engine).weakenHash(mask);
      const pool = engine.createPool();
      const handles = Array.from({ length: 40 }, (_, n) => pool.store(content(60, n)));
      pool.merge();
      pool.write(handles[39], content(60, 50));
      pool.merge({ maxObjects: 20 });
      pool.write(handles[3], content(60, 30));
      expect(pool.merge({ dryRun: true }).objectsMerged).toBe(1);
      for (let pass = 0; pass < 2; pass++) {
        for (let complete = false; !complete;) ({ complete } = pool.merge({ maxObjects: 7 }));
      }
      expect(pool.stats().objects).toBe(39);
    },
  );

  test('a pass in slices ends, though something changes between them', () => {
    using engine = engineOf(build);
    const pool = engine.createPool();
    const handles = Array.from({ length: 100 }, (_, n) => pool.store(content(60, n)));
    for (let n = 0; n < 10; n++) {
      pool.write(handles[n], content(60, 100 + n));
      const report = pool.merge(n % 2 ? { maxObjects: 10 } : { maxObjects: 10, maxMilliseconds: 1000 });
      expect(report).toMatchObject({ objectsScanned: 10, complete: n === 9 });
    }
  });

  test('a pass in slices does the same with dry runs between the slices as without', () => {
    using engine = engineOf(build);
    const [plain, disturbed] = [engine.createPool(), engine.createPool()];
    for (let n = 0; n < 1000; n++) for (const pool of [plain, disturbed]) pool.store(content(30 + (n % 7), n % 90));
    for (let complete = false; !complete;) {
      const { milliseconds: _, ...report } = plain.merge({ maxObjects: 37 });
      disturbed.merge({ dryRun: true, maxObjects: 11 });
      const before = disturbed.stats();
      const dry = disturbed.merge({ dryRun: true });
      expect(disturbed.stats()).toEqual(before);
      const slice = disturbed.merge({ maxObjects: 37 });
      expect({ ...slice, objectsHashed: 0 }).toMatchObject({ ...report, objectsHashed: 0 });
      expect(dry.objectsMerged).toBeGreaterThanOrEqual(slice.objectsMerged);
      expect(slice.objectsHashed).toBe(0);
      complete = report.complete;
    }
    expect(disturbed.stats()).toEqual(plain.stats());
    checkPools(engine);
  });

  test('a pass over an unchanged pool looks at nothing; what is new is looked at, with the hashes that are known', () => {
    using engine = engineOf(build);
    const pool = engine.createPool();
    const single = pool.store(content(80, 250));
    for (let n = 0; n < 499; n++) pool.store(content(80, n % 249));
    expect(pool.merge()).toMatchObject({ objectsScanned: 500, objectsHashed: 500, objectsMerged: 250 });
    expect(pool.merge()).toMatchObject({ objectsScanned: 0, objectsHashed: 0, objectsMerged: 0, complete: true });
    pool.store(content(80, 3));
    expect(pool.merge()).toMatchObject({ objectsScanned: 251, objectsHashed: 1, objectsMerged: 1, complete: true });
    pool.write(single, content(80, 7));
    expect(pool.merge()).toMatchObject({ objectsScanned: 250, objectsHashed: 1, objectsMerged: 1, complete: true });
  });

  test('objects that are known to differ are not compared with each other again, only with what is new', () => {
    using engine = engineOf(build);
    rawExports(engine).weakenHash(0);
    const pool = engine.createPool();
    const handles = Array.from({ length: 40 }, (_, n) => pool.store(content(60, n)));
    // Keys are equal: each is compared with some of those before it.
    expect(pool.merge().hashCollisions).toBeGreaterThan(40);
    pool.write(handles[39], content(60, 50));
    const report = pool.merge();
    expect(report).toMatchObject({ objectsScanned: 40, objectsHashed: 1, objectsMerged: 0, complete: true });
    expect(report.hashCollisions).toBeGreaterThan(0);
    expect(report.hashCollisions).toBeLessThan(40);
  });

  test.each([
    [128, 'all of a short one', Array.from({ length: 16 }, (_, n) => 8 * n + 5)],
    [1000, 'the first 128 bytes of a longer one', Array.from({ length: 16 }, (_, n) => 8 * n + 5)],
    [3000, 'a piece of each 512 bytes of most of a page', [5, 70, 515, 575, 1030, 1070, 1540, 2048, 2111, 2570]],
  ])('of objects of %i bytes, the hash covers %s', (length, _what, offsets) => {
    using engine = engineOf(build);
    const pool = engine.createPool();
    const bytes = content(length, 0);
    for (const offset of offsets) {
      bytes[offset] ^= 1;
      pool.store(bytes);
      bytes[offset] ^= 1;
    }
    // One pair in 262,144 has one hash by chance.
    expect(pool.merge().hashCollisions).toBeLessThan(2);
    expect(pool.stats().objects).toBe(offsets.length);
  });

  test.each([200, 1024, 22_000])('a pass over %i objects takes 12 bytes for each, and gives them back', (objects) => {
    using engine = engineOf(build);
    const pool = engine.createPool();
    const bytes = new Uint8Array(24).fill(1);
    const words = new Uint32Array(bytes.buffer);
    for (words[0] = 0; words[0] < objects; words[0]++) pool.store(bytes);
    const { used } = engine.memory;
    expect(pool.merge({ maxObjects: 1 })).toMatchObject({ objectsScanned: 1, complete: false });
    // In whole frames, and one for their directory; so few that the pool has room for them take none.
    const frames = objects < 300 ? 0 : Math.ceil((12 * objects + 8) / 4096) + 1;
    expect(engine.memory.used - used).toBe(frames * 4096);
    expect(pool.merge()).toMatchObject({ objectsMerged: 0, complete: true });
    expect(engine.memory.used).toBe(used);
  });

  test('complete is false until the last object was looked at; a time of 0 ends a slice too', () => {
    using engine = engineOf(build);
    const pool = engine.createPool();
    for (let n = 0; n < 5000; n++) pool.store(content(20, n % 2500));
    let [scanned, merged, slices] = [0, 0, 0];
    for (let complete = false; !complete; slices++) {
      const report = pool.merge({ maxMilliseconds: 0 });
      scanned += report.objectsScanned;
      merged += report.objectsMerged;
      complete = report.complete;
    }
    expect(slices).toBeGreaterThan(2);
    expect([scanned, merged]).toEqual([5000, 2500]);
    expect(pool.merge()).toMatchObject({ objectsScanned: 0, complete: true });
  });

  test.each([0xffffffff, 0])('a pool of another chain size merges just so; hash mask %i', (mask) => {
    using engine = engineOf(build);
    rawExports(engine).weakenHash(mask);
    for (const chainSize of [4, 16] as const) {
      const pool = engine.createPool({ chainSize });
      const held = new Map<Handle, Uint8Array>();
      for (let n = 0; n < 400; n++) {
        const bytes = content(3000 + (n % 3) * 300, n % 40);
        held.set(pool.store(bytes), bytes);
      }
      expect(pool.merge().objectsMerged).toBe(400 - 120);
      expectContents(engine, pool, held);
      pool.compact();
      expectContents(engine, pool, held);
      const merged = pool.classes().reduce((sum, row) => sum + row.merged, 0);
      expect(merged).toBe(280);
      pool.destroy();
    }
  });
});

/** Stores objects until memory is exhausted: the names say which are equal. @returns how many */
function fill(pool: ZsPool, nameOf: (n: number) => number): number {
  const bytes = content(1200, 0);
  const words = new DataView(bytes.buffer);
  for (let n = 0; ; n++) {
    words.setUint32(0, nameOf(n));
    try {
      pool.store(bytes);
    } catch (error) {
      expect(error).toMatchObject({ code: 'ENOMEM' });
      return n;
    }
  }
}

describe('an engine whose memory is exhausted', () => {
  test('merges 200,000 objects in seconds', () => {
    using engine = engineOf('release', { maxMemory: '256M' });
    const pool = engine.createPool();
    const stored = fill(pool, (n) => (n % 1000 === 999 ? n - 500 : n));
    const report = pool.merge();
    expect(report).toMatchObject({ objectsScanned: stored, objectsMerged: Math.floor(stored / 1000), complete: true });
    // A pass that compares each object with each other takes ten times as long.
    expect(report.milliseconds).toBeLessThan(2000);
  });

  test.each(BUILDS)('a dry run in rounds leaves no mark: merging finds what it counted, %s build', (build) => {
    using engine = engineOf(build, { maxMemory: '9M' });
    const pool = engine.createPool();
    const objectsMerged = fill(pool, (n) => n >> 1) >> 1;
    const before = pool.stats();
    for (const dryRun of [true, true, false]) {
      expect(pool.merge({ dryRun })).toMatchObject({ objectsMerged, complete: true });
      if (dryRun) expect(pool.stats()).toEqual(before);
      checkPools(engine);
    }
    expect(pool.stats().objects).toBe(before.objects - objectsMerged);
  });

  test.each(BUILDS)('can be filled and merged again and again, %s build', (build) => {
    using engine = engineOf(build, { maxMemory: '9M' });
    const { used } = engine.memory;
    const counts = Array.from({ length: 3 }, () => {
      const pool = engine.createPool();
      const first = fill(pool, (n) => n >> 1);
      expect(pool.merge()).toMatchObject({ objectsMerged: first >> 1, complete: true });
      const second = fill(pool, (n) => 1e6 + n);
      expect(second).toBeGreaterThan(first / 3);
      expect(pool.merge()).toMatchObject({ objectsMerged: 0, complete: true });
      pool.compact();
      checkPools(engine);
      pool.destroy();
      expect(engine.memory.used).toBe(used);
      return [first, second];
    });
    expect(counts[1]).toEqual(counts[0]);
    expect(counts[2]).toEqual(counts[0]);
  });
});

test('two devices on a pool show the same mem_used_max: the pool’s', () => {
  using engine = engineOf('release');
  const pool = engine.createPool();
  const [a, b] = [0, 1].map(() => engine.createZram({ disksize: '1M', pool }));
  for (let index = 0; index < 8; index++) a.writePage(index, content(4096, index));
  b.writePage(0, content(4096, 9));
  a.discard(0, 4 * 4096);
  for (const zram of [a, b]) expect(zram.mmStat).toMatchObject({ memUsedMax: 9 * 4096, memUsedTotal: 5 * 4096 });
  b.sysfs.write('mem_used_max', '0');
  for (const zram of [a, b]) expect(zram.mmStat.memUsedMax).toBe(5 * 4096);
});
