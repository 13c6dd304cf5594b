/**
 * ZenFS on a PageFs. Sequences of calls have the results that they have on Node's fs, or, where ZenFS itself differs from
 * Node, that they have on its InMemory backend.
 *
 * ZRAM_WASM_LONG=1 runs a hundred times as many, ZRAM_WASM_SEED repeats a run.
 */
import * as nodeFs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { configure, configureSync, fs as zenfs, InMemory } from '@zenfs/core';
import fc from 'fast-check';
import { Engine } from '../../../bindings/index.js';
import { PageFs } from '../../../integrations/fs.js';
import { PageFsBackend } from '../../../integrations/zenfs.js';
import { seedOfRun } from '../../support/random.js';
import { treeOf } from '../fs/trees.js';
import { resultOf, step, type Fs } from './steps.js';

const RUNS = process.env.ZRAM_WASM_LONG === '1' ? 5000 : 50;
const seed = seedOfRun();
const engine = await Engine.create();
/** By its types it has more calls, and takes less, than Node's. */
const zen = zenfs as unknown as Fs & { umount(point: string): void };
const folder = nodeFs.mkdtempSync(path.join(nodeFs.realpathSync(tmpdir()), 'zenfs-'));

afterAll(() => {
  nodeFs.rmSync(folder, { recursive: true, force: true });
  engine.destroy();
});

/** Runs with a PageFs at /page. */
async function mounted(run: (fs: PageFs) => unknown): Promise<void> {
  using fs = PageFs.createSync({ engine });
  await configure({ mounts: { '/page': { backend: PageFsBackend, fs } } });
  try {
    await run(fs);
  } finally {
    zen.umount('/page');
  }
}

test(`sequences of calls, seed ${seed}`, async () => {
  let same = 0;
  const property = fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 40 }), async (steps) => {
    await mounted(async (fs) => {
      await configure({ mounts: { '/memory': { backend: InMemory } } });
      const root = nodeFs.mkdtempSync(path.join(folder, 'root-'));
      try {
        for (const [name, call] of steps) {
          const ours = resultOf(() => call(zen, '/page'));
          const theirs = resultOf(() => call(zen, '/memory'));
          const real = resultOf(() => call(nodeFs, root));
          const isReal = JSON.stringify(ours) === JSON.stringify(real);
          if (!isReal) expect([name, ours]).toEqual([name, theirs]);
          // From here on they hold different files.
          if (!isReal || JSON.stringify(theirs) !== JSON.stringify(real)) return;
          same++;
        }
        expect(treeOf(fs, '/')).toEqual(treeOf(nodeFs, root));
      } finally {
        zen.umount('/memory');
        nodeFs.rmSync(root, { recursive: true });
      }
    });
  });
  await fc.assert(property, { numRuns: RUNS, seed: seed | 0 });
  expect(same).toBeGreaterThan(RUNS);
}, 600_000);

describe('what ZenFS does with a backend', () => {
  test('symbolic links are made, followed and read by ZenFS, from its own root', async () => {
    await mounted((fs) => {
      zen.mkdirSync('/page/d');
      zen.writeFileSync('/page/d/f', 'content');
      zen.symlinkSync('d', '/page/relative');
      zen.symlinkSync('/page/d/f', '/page/absolute');
      zen.symlinkSync('nowhere', '/page/dangling');
      // In the PageFs this would lead to /page/d of its own.
      fs.mkdirSync('/page/d', { recursive: true });
      fs.writeFileSync('/page/d/f', 'wrong');
      expect(zen.readFileSync('/page/relative/f', 'utf8')).toBe('content');
      expect(zen.readFileSync('/page/absolute', 'utf8')).toBe('content');
      zen.symlinkSync('/page/d', '/page/directory');
      expect(zen.readFileSync('/page/directory/f', 'utf8')).toBe('content');
      expect(zen.readlinkSync('/page/absolute')).toBe('/page/d/f');
      expect(fs.readlinkSync('/absolute')).toBe('/page/d/f');
      expect(zen.lstatSync('/page/dangling').isSymbolicLink()).toBe(true);
      expect(zen.existsSync('/page/dangling')).toBe(false);
      zen.unlinkSync('/page/relative');
      expect(fs.readFileSync('/d/f', 'utf8')).toBe('content');
    });
  });

  test('its promises do the same', async () => {
    await mounted(async (fs) => {
      const { promises } = zen;
      await promises.mkdir('/page/a/b', { recursive: true });
      await promises.writeFile('/page/a/b/c', new Uint8Array(10_000).fill(7));
      await promises.appendFile('/page/a/b/c', 'end');
      await promises.rename('/page/a/b/c', '/page/moved');
      await promises.chmod('/page/moved', 0o640);
      await promises.truncate('/page/moved', 5000);
      await promises.symlink('moved', '/page/link');
      await promises.link('/page/moved', '/page/second');
      expect((await promises.stat('/page/link')).size).toBe(5000);
      expect((await promises.readdir('/page')).sort()).toEqual(['a', 'link', 'moved', 'second']);
      expect(fs.statSync('/moved')).toMatchObject({ size: 5000, nlink: 2, mode: 0o100640 });
      await promises.rm('/page/a', { recursive: true });
      await expect(promises.stat('/page/a')).rejects.toMatchObject({ code: 'ENOENT' });
      await expect(promises.rmdir('/page/moved')).rejects.toMatchObject({ code: 'ENOTDIR' });
      const handle = await promises.open('/page/moved', 'r+');
      await handle.write(Buffer.from('XYZ'), 0, 3, 4096);
      await handle.close();
      expect(fs.readFileSync('/second', 'latin1').slice(4096, 4099)).toBe('XYZ');
    });
  });

  test('errors have the numbers and words of ZenFS', async () => {
    await mounted(() => {
      const message = (call: () => unknown): unknown => {
        try {
          return call();
        } catch (error) {
          return [(error as { errno: number }).errno, (error as Error).message];
        }
      };
      expect(message(() => zen.readFileSync('/page/none'))).toEqual([
        2,
        "ENOENT: no such file or directory, open '/page/none'",
      ]);
      zen.mkdirSync('/page/d');
      expect(message(() => zen.mkdirSync('/page/d'))).toEqual([17, "EEXIST: file already exists, mkdir '/page/d'"]);
      zen.writeFileSync('/page/d/f', '');
      expect(message(() => zen.rmdirSync('/page/d'))).toEqual([39, "ENOTEMPTY: directory not empty, rmdir '/page/d'"]);
    });
  });

  test('a snapshot is read-only', async () => {
    using fs = PageFs.createSync({ engine });
    fs.writeFileSync('/f', 'kept');
    using frozen = fs.snapshot();
    configureSync({ mounts: { '/frozen': { backend: PageFsBackend, fs: frozen } } });
    try {
      expect(zen.readFileSync('/frozen/f', 'utf8')).toBe('kept');
      for (const call of [
        () => zen.writeFileSync('/frozen/f', 'x'),
        () => zen.unlinkSync('/frozen/f'),
        () => zen.mkdirSync('/frozen/d'),
        () => zen.renameSync('/frozen/f', '/frozen/g'),
      ]) {
        expect(resultOf(call)).toBe('EROFS');
      }
      expect(zen.readFileSync('/frozen/f', 'utf8')).toBe('kept');
    } finally {
      zen.umount('/frozen');
    }
  });

  test('forks are mounted side by side, and reading leaves what they share as it is', async () => {
    using base = PageFs.createSync({ engine });
    for (let n = 0; n < 20; n++) base.writeFileSync(`/f${n}`, new Uint8Array(5000).fill(n));
    const forks = Array.from({ length: 3 }, () => base.fork());
    const mounts = Object.fromEntries(forks.map((fs, n) => [`/fork${n}`, { backend: PageFsBackend, fs }]));
    await configure({ mounts });
    const { used } = engine.memory;
    for (const n of forks.keys()) {
      for (let file = 0; file < 20; file++) expect(zen.readFileSync(`/fork${n}/f${file}`)[0]).toBe(file);
    }
    expect(engine.memory.used).toBe(used);
    for (const n of forks.keys()) zen.writeFileSync(`/fork${n}/f0`, `fork ${n}`);
    for (const [n, fork] of forks.entries()) {
      expect(fork.readFileSync('/f0', 'utf8')).toBe(`fork ${n}`);
      zen.umount(`/fork${n}`);
      fork.destroy();
    }
    expect(base.readFileSync('/f0')).toHaveLength(5000);
  });
});
