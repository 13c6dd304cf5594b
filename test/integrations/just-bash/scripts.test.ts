/**
 * Generated scripts in shells on a PageFs and on what just-bash has: output, errors and exit status are the same.
 *
 * Without links the guide is InMemoryFs. With links it is the real disk, by just-bash's ReadWriteFs and by the machine's
 * own bash: InMemoryFs loses what is written through a link to a directory.
 * ZRAM_WASM_LONG=1 runs 120 times as many, ZRAM_WASM_SEED repeats a run.
 */
import { spawnSync } from 'node:child_process';
import * as nodeFs from 'node:fs';
import { mkdirSync, mkdtempSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { InMemoryFs, ReadWriteFs } from 'just-bash';
import { Engine } from '../../../bindings/index.js';
import { PageFs } from '../../../integrations/fs.js';
import { PageFsFileSystem } from '../../../integrations/just-bash.js';
import { seedOfRun } from '../../support/random.js';
import { treeOf } from '../fs/trees.js';
import { HOME, linkScript, outcomeOf, script, shellOn } from './shells.js';

const RUNS = process.env.ZRAM_WASM_LONG === '1' ? 3000 : 25;
const seed = seedOfRun();
const folder = mkdtempSync(path.join(realpathSync(tmpdir()), 'just-bash-'));
const engine = await Engine.create();

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
  engine.destroy();
});

function isLoop(fs: PageFs, path: string): boolean {
  try {
    fs.statSync(path);
    return false;
  } catch (error) {
    return (error as { code?: string }).code === 'ELOOP';
  }
}

describe(`scripts, seed ${seed}`, () => {
  test('as on InMemoryFs', async () => {
    const property = fc.asyncProperty(script, async (lines) => {
      using fs = PageFs.createSync({ engine });
      const ours = await outcomeOf(await shellOn(new PageFsFileSystem(fs)), lines);
      const theirs = await outcomeOf(await shellOn(new InMemoryFs()), lines);
      expect(ours).toEqual(theirs);
    });
    await fc.assert(property, { numRuns: RUNS, seed: seed | 0 });
  }, 600_000);

  test('with links, as on a disk', async () => {
    const property = fc.asyncProperty(linkScript, async (lines) => {
      using fs = PageFs.createSync({ engine });
      const ours = await outcomeOf(await shellOn(new PageFsFileSystem(fs)), lines);
      // A link that leads out of the root leads into a directory of this run.
      const around = mkdtempSync(path.join(folder, 'root-'));
      const root = path.join(around, 'root');
      mkdirSync(root);
      const theirs = await outcomeOf(await shellOn(new ReadWriteFs({ root, allowSymlinks: true })), lines);
      // ReadWriteFs makes the directories that a dangling link would need; bash, and ours, refuse.
      if (!ours.thrown || theirs.thrown) expect(ours).toEqual(theirs);
      rmSync(around, { recursive: true });
    });
    await fc.assert(property, { numRuns: RUNS, seed: seed | 0 });
  }, 600_000);

  const hasBash = process.platform === 'linux' && spawnSync('bash', ['--version']).status === 0;
  (hasBash ? test : test.skip)(
    'with links and hard links, what bash leaves behind',
    async () => {
      const hardLink = fc
        .tuple(fc.constantFrom('a', 'd/a', 'e/b'), fc.constantFrom('x', 'd/x', 'e/y'))
        .map(
          ([from, to]) => `[ -f ${from} ] && [ ! -L ${from} ] && [ ! -e ${to} ] && [ ! -L ${to} ] && ln ${from} ${to}`,
        );
      const scripts = fc.array(fc.oneof(linkScript, hardLink), { maxLength: 4 }).map((parts) => parts.join('\n'));
      const property = fc.asyncProperty(scripts, async (lines) => {
        // The disk has no such directory.
        const relative = lines.replaceAll(`${HOME}/`, '../');
        using fs = PageFs.createSync({ engine });
        const { thrown, stderr } = await outcomeOf(await shellOn(new PageFsFileSystem(fs)), relative);
        const left = treeOf(fs, HOME);
        // just-bash's rm removes neither a link to a directory nor one that leads to itself.
        fc.pre(!/^rm: cannot remove .*: Is a directory$/m.test(stderr));
        fc.pre(!thrown && !left.some(({ path, type }) => type === 'link' && isLoop(fs, HOME + path)));
        const around = mkdtempSync(path.join(folder, 'bash-'));
        const cwd = path.join(around, 'work');
        mkdirSync(cwd);
        spawnSync('bash', ['-c', relative], { cwd });
        expect(left).toEqual(treeOf(nodeFs, cwd));
        rmSync(around, { recursive: true });
      });
      await fc.assert(property, { numRuns: RUNS, seed: seed | 0 });
    },
    600_000,
  );
});
