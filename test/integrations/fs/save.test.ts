/** Saving and loading file systems: all comes back, shared as it was, or the call fails and changes nothing. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Engine, Zram, ZramError } from '../../../bindings/index.js';
import { PageFs } from '../../../integrations/fs.js';
import { InodeTable } from '../../../integrations/fs/inode-table.js';
import { PageMap } from '../../../integrations/fs/page-map.js';
import { PageSpace } from '../../../integrations/fs/page-space.js';
import { TREE } from '../../../integrations/fs/state.js';
import { Tree, type SavedTree } from '../../../integrations/fs/tree.js';
import { leaveFrames } from '../../support/full-memory.js';
import { Random, seedOfRun } from '../../support/random.js';
import { checkPools, compiledCore } from '../../support/raw-core.js';
import { GAP_MAX, leastGap } from '../../support/turns.js';
import { MemorySink, saved } from '../../save/support.js';
import { Forest } from './forest.js';
import { listingOf, sampleFiles, savedFiles, useUp } from './saved-files.js';

const LONG = process.env.ZRAM_WASM_LONG === '1';
const SEQUENCES = LONG ? 2000 : 12;
const TIMEOUT_MS = LONG ? 7_200_000 : 120_000;

let engine: Engine;
beforeAll(() => void (engine = Engine.createSync({ module: compiledCore('debug') })));
afterAll(() => engine.destroy());

async function failure(work: Promise<unknown>): Promise<ZramError> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ZramError);
  return error as ZramError;
}

describe('what comes back', () => {
  test('all of one file system, writable, with its own engine or on mine', async () => {
    const { base, fork, then } = sampleFiles(engine);
    const expected = listingOf(base);
    for (const source of [base, base.snapshot()]) {
      const sink = new MemorySink();
      const report = await source.save(sink);
      expect(report.bytes).toBe(sink.bytes.length);
      const own = await PageFs.load(sink.bytes, { maxMemory: '4M' });
      const mine = await PageFs.load([sink.bytes.subarray(0, 99), sink.bytes.subarray(99)], { engine });
      for (const loaded of [own, mine]) {
        expect(listingOf(loaded)).toEqual(expected);
        const { sharedBytes: _, privateBytes: __, ...counts } = base.stats();
        expect(loaded.stats()).toMatchObject({ ...counts, sharedBytes: 0 });
        expect(base.diff(loaded)).toEqual([]);
        expect(loaded.frozen).toBe(false);
        useUp(loaded);
      }
    }
    for (const each of [base, fork, then]) each.destroy();
  });

  test('forks and snapshots share what they shared', async () => {
    const before = engine.memory.used;
    const { base, fork, then } = sampleFiles(engine);
    const file = await savedFiles({ base, fork, then });
    const { fileSystems, comment } = await PageFs.loadAll(file, { engine });
    expect(comment).toBeUndefined();
    expect([...fileSystems.keys()]).toEqual(['base', 'fork', 'then']);
    for (const [name, old] of Object.entries({ base, fork, then })) {
      const loaded = fileSystems.get(name) as PageFs;
      expect(listingOf(loaded)).toEqual(listingOf(old));
      expect(loaded.stats()).toEqual(old.stats());
      expect(loaded.frozen).toBe(name === 'then');
    }
    for (const old of [base, fork, then]) old.destroy();
    expect(() => fileSystems.get('then')?.writeFileSync('/x', '')).toThrow('EROFS');
    for (const each of fileSystems.values()) useUp(each);
    checkPools(engine);
    expect(engine.memory.used).toBe(before);
  });

  test('what is saved is the state when the call begins', async () => {
    const { base, fork, then } = sampleFiles(engine);
    const expected = listingOf(base);
    const sink = new MemorySink();
    const saving = base.save(sink);
    base.rmSync('/d', { recursive: true });
    base.writeFileSync('/sparse', 'short');
    base.chmodSync('/modes', 0);
    await saving;
    const loaded = await PageFs.load(sink.bytes, { engine });
    expect(listingOf(loaded)).toEqual(expected);
    for (const each of [base, fork, then, loaded]) each.destroy();
  });

  test('times of which there are none, as earlier releases saved them, are 1970 or the nearest', async () => {
    const fs = PageFs.createSync({ engine });
    fs.writeFileSync('/f', 'kept');
    Object.assign(fs[TREE].own(fs.statSync('/f').ino), { atime: NaN, mtime: Infinity });
    const sink = new MemorySink();
    await fs.save(sink);
    const again = await PageFs.load(sink.bytes, { engine });
    expect(again.statSync('/f')).toMatchObject({ size: 4, atimeMs: 0, mtimeMs: 8.64e15 });
    again.statSync('/f', { bigint: true });
    for (const one of [fs, again]) one.destroy();
  });

  test('files that are open without a name are not saved, and nothing of them', async () => {
    const fs = PageFs.createSync({ engine });
    fs.writeFileSync('/kept', 'kept');
    const without = await savedFiles([fs]);
    const fd = fs.openSync('/gone', 'w+');
    fs.writeSync(fd, new Random(3, 'gone').fill(new Uint8Array(50_000)));
    fs.unlinkSync('/gone');
    const then = fs.snapshot();
    for (const each of [fs, then]) {
      const file = await savedFiles([each]);
      expect(file.length).toBeLessThan(without.length + 100);
      const loaded = await PageFs.load(file, { engine });
      expect(loaded.stats()).toMatchObject({ files: 1, bytes: 4 });
      useUp(loaded);
    }
    expect(fs.readSync(fd, new Uint8Array(9), 0, 9, 0)).toBe(9);
    for (const each of [fs, then]) each.destroy();
  });

  test.each(['deflate', 'lz4hc', 'zstd'])(
    'pages compressed with %s, and the compressor for later ones',
    async (name) => {
      const own = await PageFs.create({ compAlgorithm: name, level: 7, dedup: true });
      own.writeFileSync('/f', 'some text, and again '.repeat(3000));
      const sink = new MemorySink();
      await own.save(sink);
      const loaded = await PageFs.load(sink.bytes);
      expect(loaded.readFileSync('/f')).toEqual(own.readFileSync('/f'));
      expect(loaded.stats()).toEqual(own.stats());
      for (const each of [own, loaded]) each.writeFileSync('/g', 'other text, as often '.repeat(2500));
      expect(loaded.stats().privateBytes).toBe(own.stats().privateBytes);
      own.destroy();
      loaded.destroy();
    },
  );

  test('names, inodes and blocks without end: the list has as much as what differs', async () => {
    const base = PageFs.createSync({ engine });
    for (let n = 0; n < 400; n++) base.writeFileSync(`/file ${n}`, '');
    const forks = Array.from({ length: 50 }, (_, n) => {
      const fork = base.fork();
      fork.writeFileSync(`/file ${n}`, 'changed');
      return fork;
    });
    const one = (await savedFiles([base])).length;
    const all = await savedFiles([base, ...forks]);
    expect(all.length).toBeLessThan(one + 50 * 1200); // 300 of that are the settings of a device
    const { fileSystems } = await PageFs.loadAll(all, { engine });
    expect(fileSystems.get('7')?.readFileSync('/file 6', 'utf8')).toBe('changed');
    for (const each of [base, ...forks, ...fileSystems.values()]) each.destroy();
  });
});

/** Three times some calls, and then all is saved, loaded, and goes on. */
async function runForest(on: Engine, seed: number): Promise<void> {
  const random = new Random(seed, 'forest');
  const forest = new Forest(on, random, { dedup: random.chance(40) });
  try {
    for (let round = 0; round < 3; round++) {
      for (let step = 0; step < 40; step++) forest.step();
      await forest.reload();
      forest.checkDiff();
    }
    forest.end();
  } catch (error) {
    throw new Error(`with seed ${seed}: ${String(error)}`, { cause: error });
  }
}

describe('random forks', () => {
  test(
    'with hardly any memory, what cannot be saved or loaded changes nothing',
    async () => {
      const seeds = new Random(seedOfRun(), 'exhausted');
      const outcomes = new Set<boolean>();
      for (let n = 0; n < SEQUENCES; n++) {
        const small = Engine.createSync({ module: compiledCore('debug'), maxMemory: '2M' });
        const ballast = leaveFrames(small, 20 + seeds.below(120));
        const forest = new Forest(small, new Random(seeds.next(), 'forest'), { randomPercent: 80 });
        for (let round = 0; round < 3; round++) {
          for (let step = 0; step < 40; step++) forest.step();
          const [pairs, used] = [[...forest.pairs], small.memory.used];
          const reloaded = await forest.reload().then(
            () => true,
            (error: unknown) => expect(error).toMatchObject({ code: 'ENOMEM' }),
          );
          outcomes.add(reloaded === true);
          if (reloaded === true) continue;
          expect([forest.pairs, small.memory.used]).toEqual([pairs, used]);
          forest.check();
        }
        forest.end();
        checkPools(small);
        ballast.destroy();
        small.destroy();
      }
      expect(outcomes.size).toBe(2);
    },
    TIMEOUT_MS,
  );

  test(
    'saved and loaded in between, all are what they were, and go on',
    async () => {
      const seeds = new Random(seedOfRun(), 'saved forks');
      const before = engine.memory.used;
      for (let n = 0; n < SEQUENCES; n++) {
        await runForest(engine, seeds.next());
        checkPools(engine);
        expect(engine.memory.used).toBe(before);
      }
    },
    TIMEOUT_MS,
  );
});

/** Each would lose something, or give it to two. */
const PLANTED: { name: string; plant: () => () => void }[] = [
  {
    name: 'a run of pages is lost',
    plant: () => replaced(PageMap, 'of', (of: typeof PageMap.of) => (owner, runs) => of(owner, runs.slice(0, -3))),
  },
  {
    name: 'pages of files are free',
    plant: () =>
      replaced(
        PageSpace,
        'of',
        (of: typeof PageSpace.of) => (owner, free, end) => of(owner, free, Math.max(0, end - 1)),
      ),
  },
  {
    name: 'free inodes are forgotten',
    plant: () => replaced(InodeTable, 'of', (of: typeof InodeTable.of) => (owner, chunks) => of(owner, chunks, 0)),
  },
  {
    name: 'what is saved goes on changing',
    plant: () =>
      replaced(
        Tree.prototype,
        'saved',
        (saved) =>
          function (this: Tree): SavedTree {
            const { chunks, ...rest } = saved.call(this);
            return { ...rest, chunks: chunks.map(({ owner, slots }) => ({ owner, slots: slots.slice().reverse() })) };
          },
      ),
  },
];

function replaced<T extends object, K extends keyof T>(owner: T, name: K, by: (old: T[K]) => T[K]): () => void {
  const old = owner[name];
  owner[name] = by(old);
  return () => void (owner[name] = old);
}

describe('a planted bug is found', () => {
  test.each(PLANTED)('$name', async ({ plant }) => {
    const own = Engine.createSync();
    const seeds = new Random(seedOfRun(), 'planted');
    const end = plant();
    let found: unknown;
    try {
      for (let n = 0; n < 100 && found === undefined; n++) await runForest(own, seeds.next());
    } catch (error) {
      found = error;
    } finally {
      end();
      own.destroy();
    }
    expect(found).toBeDefined();
  });
});

describe('failures', () => {
  test('a sink that fails at any piece: EIO, and nothing has changed', async () => {
    const { base, fork, then } = sampleFiles(engine);
    const [listing, used] = [listingOf(base), engine.memory.used];
    const whole = new MemorySink();
    await PageFs.saveAll(whole, [base, fork, then]);
    const noise = new Random(1, 'noise').fill(new Uint8Array(900_000));
    base.writeFileSync('/large', noise); // several pieces
    let failed = 0;
    for (let at = 0; ; at++) {
      let pieces = 0;
      const write = (): void => {
        if (pieces++ === at) throw new Error('full');
      };
      const report = await PageFs.saveAll({ write }, [base, fork, then]).catch((error: unknown) => error);
      if (!(report instanceof Error)) break;
      expect(report).toMatchObject({ code: 'EIO' });
      failed++;
    }
    expect(failed).toBeGreaterThan(3);
    base.unlinkSync('/large');
    expect(engine.memory.used).toBe(used);
    expect(listingOf(base).slice(1)).toEqual(listing.slice(1)); // all but the root's times
    for (const each of [base, fork, then]) each.destroy();
  });

  test('a source that fails at any piece, or ends: nothing is left', async () => {
    const { base, fork, then } = sampleFiles(engine);
    const file = await savedFiles([base, fork, then]);
    for (const each of [base, fork, then]) each.destroy();
    const used = engine.memory.used;
    const STEP = 97;
    for (let at = 0; at < file.length; at += STEP) {
      const source = function* (fails: boolean): Generator<Uint8Array> {
        for (let from = 0; from < at; from += STEP) yield file.subarray(from, from + STEP);
        if (fails) throw new Error('gone');
      };
      expect(await failure(PageFs.loadAll(source(true), { engine }))).toMatchObject({ code: 'EIO' });
      expect(await failure(PageFs.loadAll(source(false), { engine }))).toMatchObject({ code: 'EINVAL' });
      expect(engine.memory.used).toBe(used);
    }
  });

  test('memory ends at any allocation of loading: ENOMEM, and nothing is left', async () => {
    const { base, fork, then } = sampleFiles(engine);
    const file = await savedFiles({ base, fork, then });
    const expected = listingOf(then);
    for (const each of [base, fork, then]) each.destroy();
    const small = Engine.createSync({ module: compiledCore('debug'), maxMemory: '1M' });
    let frames = 0;
    for (let done = false; !done; frames++) {
      const ballast = leaveFrames(small, frames);
      const held = small.memory.used;
      const loaded = await PageFs.loadAll(file, { engine: small }).catch((error: unknown) => error);
      if (loaded instanceof Error) expect(loaded).toMatchObject({ code: 'ENOMEM' });
      else {
        const { fileSystems } = loaded as Awaited<ReturnType<typeof PageFs.loadAll>>;
        expect(listingOf(fileSystems.get('then') as PageFs)).toEqual(expected);
        for (const each of fileSystems.values()) each.destroy();
        done = true;
      }
      checkPools(small);
      expect(small.memory.used).toBe(held);
      ballast.destroy();
    }
    expect(frames).toBeGreaterThan(10);
    small.destroy();
  });

  test('memory ends at any allocation of saving: ENOMEM, or the file is right', async () => {
    const small = Engine.createSync({ module: compiledCore('debug'), maxMemory: '1M' });
    const { base, fork, then } = sampleFiles(small);
    const fd = base.openSync('/modes', 'r+');
    base.unlinkSync('/modes'); // a fork is saved, without it
    const expected = [base, fork, then].map(listingOf);
    let refused = 0;
    for (let frames = 0, done = false; !done; frames++) {
      const ballast = leaveFrames(small, frames);
      const held = small.memory.used;
      const sink = new MemorySink();
      const report = await PageFs.saveAll(sink, [base, fork, then]).catch((error: unknown) => error);
      expect(small.memory.used).toBe(held);
      ballast.destroy();
      expect([base, fork, then].map(listingOf)).toEqual(expected);
      if (report instanceof Error) {
        expect(report).toMatchObject({ code: 'ENOMEM' });
        refused++;
        continue;
      }
      const { fileSystems } = await PageFs.loadAll(sink.bytes, { engine });
      expect([...fileSystems.values()].map(listingOf)).toEqual(expected);
      for (const each of fileSystems.values()) each.destroy();
      done = true;
    }
    expect(refused).toBeGreaterThan(2);
    base.closeSync(fd);
    small.destroy();
  });

  test('names and inodes beyond maxMetadata are ENOMEM', async () => {
    const { base, fork, then } = sampleFiles(engine);
    const file = await savedFiles([base, fork, then]);
    const most = Math.max(...[base, fork, then].map((fs) => fs.stats().metadataBytes));
    for (const each of [base, fork, then]) each.destroy();
    const used = engine.memory.used;
    for (const maxMetadata of [0, 500, most - 1]) {
      const error = await failure(PageFs.loadAll(file, { engine, maxMetadata }));
      expect(error).toMatchObject({ code: 'ENOMEM' });
      expect(engine.memory.used).toBe(used);
    }
    const { fileSystems } = await PageFs.loadAll(file, { engine, maxMetadata: most });
    for (const each of fileSystems.values()) each.destroy();
  });

  test('an engine that ends meanwhile is EINVAL', async () => {
    const { base, fork, then } = sampleFiles(engine);
    const file = await savedFiles([base, fork, then]);
    for (const each of [base, fork, then]) each.destroy();
    const other = Engine.createSync();
    const ending = async function* (): AsyncGenerator<Uint8Array> {
      yield file;
      await Promise.resolve();
      other.destroy();
    };
    expect(await failure(PageFs.loadAll(ending(), { engine: other }))).toMatchObject({ code: 'EINVAL' });
  });
});

describe('other files, and other calls', () => {
  test('the devices are there for everyone, and devices alone are no file systems', async () => {
    const { base, fork, then } = sampleFiles(engine);
    const file = await savedFiles([base, fork, then]);
    const { devices, attachment } = await engine.loadAll(file);
    expect(devices.size).toBe(3);
    expect(attachment?.subarray(0, 6)).toEqual(new TextEncoder().encode('PageFs'));
    for (const device of devices.values()) device.destroy();
    const zram = engine.createZram({ disksize: '1M' });
    const devicesOnly = await saved(zram);
    const sink = new MemorySink();
    await Zram.saveAll(sink, [zram], { attachment: new Uint8Array(5) });
    for (const other of [devicesOnly, sink.bytes]) {
      const error = await failure(PageFs.load(other, { engine }));
      expect(error.code).toBe('EINVAL');
      expect(error.message).toMatch(/no file systems: use Zram.loadAll/);
    }
    expect((await failure(PageFs.load(file, { engine }))).message).toMatch(
      /one file system, not 3: use PageFs.loadAll/,
    );
    expect((await failure(PageFs.load(new Uint8Array(99)))).message).toMatch(/not a save file/);
    for (const each of [base, fork, then, zram]) each.destroy();
  });

  test('wrong arguments are EINVAL, and end sink and source', async () => {
    const { base, fork, then } = sampleFiles(engine);
    const other = PageFs.createSync({ engine });
    const wrong: unknown[] = [null, 7, [], {}, [1], [base, {}], base, new Map([[1, base]]), [base, other]];
    for (const what of wrong) {
      let aborted = false;
      const sink = new WritableStream<Uint8Array>({ abort: () => void (aborted = true) });
      expect(await failure(PageFs.saveAll(sink, what as []))).toMatchObject({ code: 'EINVAL' });
      expect(aborted).toBe(true);
    }
    for (const options of [null, 'x', { comments: 'x' }, { comment: 5 }]) {
      expect(await failure(PageFs.saveAll(new MemorySink(), [base], options as object))).toMatchObject({
        code: 'EINVAL',
      });
    }
    for (const sink of [undefined, null, {}, 'path']) {
      expect(await failure(base.save(sink as MemorySink))).toMatchObject({ code: 'EINVAL' });
    }
    for (const options of [null, 'x', { dedup: true }, { engine: {} }, { engine, maxMemory: 5 }, { maxMetadata: -1 }]) {
      let cancelled = false;
      const source = new ReadableStream<Uint8Array>({ cancel: () => void (cancelled = true) });
      expect(await failure(PageFs.load(source, options as object))).toMatchObject({ code: 'EINVAL' });
      expect(cancelled).toBe(true);
    }
    base.destroy();
    expect(await failure(base.save(new MemorySink()))).toMatchObject({ code: 'EINVAL' });
    expect(await failure(PageFs.saveAll(new MemorySink(), [fork, base]))).toMatchObject({ code: 'EINVAL' });
    for (const each of [fork, then, other]) each.destroy();
  });

  test('timers fire while many files are saved and loaded', async () => {
    const fs = PageFs.createSync({ engine });
    for (let n = 0; n < 20_000; n++) {
      if (n % 1000 === 0) fs.mkdirSync(`/d${n / 1000}`);
      fs.writeFileSync(`/d${Math.floor(n / 1000)}/file ${n}`, n % 20 === 0 ? 'x' : '');
    }
    expect(await leastGap(() => savedFiles([fs]))).toBeLessThan(GAP_MAX);
    const file = await savedFiles([fs]);
    expect(await leastGap(async () => (await PageFs.load(file, { engine })).destroy())).toBeLessThan(GAP_MAX);
    fs.destroy();
  });
});
