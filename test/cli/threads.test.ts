/** `analyze` on several threads: what it finds is what one thread finds, and whatever ends a thread ends the run. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { parseLines } from '../../cli/algorithm-line.js';
import { shareOut, threadsFor } from '../../cli/threads.js';
import { Random } from '../support/random.js';
import { buildExecutable, type Executable } from './executable.js';
import { image, PAGE } from './page-images.js';
import { analyzeJson, run, type Json, type Surroundings } from './run.js';

const THREE = ['--algorithm', 'lz4,lzo-rle,lz4hc'];

let folder: string;
let executable: Executable;
let script: URL;
let paths: string[];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'zram-wasm-'));
  executable = buildExecutable();
  script = pathToFileURL(executable.path);
  // More chunks than buffers; ends in the middle of a page; empty; and equal pages in several.
  const random = new Random(3);
  const first = image(random, 2600);
  const contents = [first, first.subarray(0, 300 * PAGE + 77), Buffer.alloc(0), image(random, 500)];
  paths = contents.map((_, i) => join(folder, `${i}.img`));
  for (const [i, content] of contents.entries()) writeFileSync(paths[i], content);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  executable.remove();
});

/** Fields that differ between two runs on one thread, too: times, and what the random key of each engine's hash decides. */
const VARYING = /milliseconds$|^microseconds|^megabytes|^meta_data_size$|^hashCollisions$|^threads$|^memory$/i;

function withoutTimes(json: Json): unknown {
  // A thread times only what it has compressed for its own devices.
  for (const { steps } of json.algorithms) expect(steps.store.bytes).toBeGreaterThan(0);
  const isVarying = (key: string): boolean => VARYING.test(key) || key === 'store';
  return JSON.parse(JSON.stringify(json, (key, value: unknown) => (isVarying(key) ? undefined : value)));
}

describe('--threads', () => {
  test.each([[[]], [['--dedup', '--kernel', '6.1']]])(
    '%j: two and three threads find what one finds',
    async (more) => {
      const on = (threads: number) => analyzeJson([...paths, ...THREE, ...more, '--threads', `${threads}`], { script });
      const one = await on(1);
      expect(one.threads).toBe(1);
      expect(one.algorithms.map(({ algorithm }) => algorithm)).toEqual(['lz4', 'lzo-rle', 'lz4hc']);
      for (const threads of [2, 3]) {
        const several = await on(threads);
        expect(several.threads).toBe(threads);
        expect(withoutTimes(several)).toEqual(withoutTimes(one));
      }
    },
    60_000,
  );

  test('there are no more threads than algorithms, and one for the memory of this process', async () => {
    expect((await analyzeJson([paths[3], ...THREE, '--threads', '9'], { script })).threads).toBe(3);
    expect((await analyzeJson([paths[3], '--threads', '9'], { script })).threads).toBe(1);
    expect((await analyzeJson([paths[3], ...THREE], { script })).threads).toBe(threadsFor(3));
    if (process.platform !== 'linux') return;
    const own = await analyzeJson(['--pid', `${process.pid}`, '--algorithm', 'lz4,lzo', '--threads', '2'], { script });
    expect(own.threads).toBe(1);
  }, 60_000);

  test('the slowest compressors are shared out first', () => {
    const shared = (text: string, threads: number): string[][] =>
      shareOut(parseLines([text]), threads).map((share) => share.map((line) => line.text));
    expect(shared('lz4,lzo-rle,lz4hc', 2)).toEqual([['lz4hc'], ['lzo-rle', 'lz4']]);
    expect(shared('lz4,zstd(level=3),lzo,unknown', 2).map((share) => share.length)).toEqual([2, 2]);
    expect(shared('lz4 zstd,lzo,lzo-rle', 2)).toEqual([['lz4 zstd'], ['lzo', 'lzo-rle']]);
    expect(shared('lz4', 3)).toEqual([['lz4']]);
  });

  test.each(['0', '-1', '1.5', '', 'two', '1025'])('a wrong number: %j', async (threads) => {
    const { status, err } = await run(['analyze', `--threads=${threads}`, paths[0]]);
    const sentence = `zram-wasm: --threads must be a whole number from 1 to 1024, not '${threads}'\n`;
    expect([status, err]).toEqual([2, sentence]);
  });

  test('out of memory on one thread, all hold the same pages', async () => {
    const path = join(folder, 'random');
    writeFileSync(path, randomBytes(24 * 1024 * 1024));
    const args = ['analyze', '--json', paths[0], path, paths[3], '--algorithm', 'lz4,deflate', '--threads', '2'];
    const { status, out, err } = await run(args, { script, maxMemory: '24M' });
    expect(status).toBe(1);
    expect(err).toMatch(/^zram-wasm: out of memory for compressed pages after [0-9,]+ pages of '.*random'/);
    const { complete, inputs, algorithms } = JSON.parse(out) as Json;
    expect(complete).toBe(false);
    expect(inputs.map(({ name }) => name)).toEqual([paths[0], path]);
    const pages = inputs[0].pages + inputs[1].pages;
    expect(inputs[1].pages).toBeGreaterThan(100);
    for (const { mm_stat, verified } of algorithms)
      expect([verified, mm_stat.before.orig_data_size]).toEqual([true, pages * PAGE]);
  });

  describe('a thread that cannot go on ends the run', () => {
    const failing = async (surroundings: Surroundings) =>
      run(['analyze', ...paths, '--algorithm', 'lz4,lzo', '--threads', '2'], surroundings);

    test('with its sentence', async () => {
      const { status, out, err } = await failing({ script, maxMemory: '200K' });
      expect({ status, out }).toEqual({ status: 1, out: '' });
      expect(err).toMatch(
        /^zram-wasm: EINVAL: maxMemory must be at least [0-9]+ bytes, the size of the core itself, not 98304\.\n$/,
      );
    });

    test('as a defect', async () => {
      const path = join(folder, 'broken.mjs');
      writeFileSync(path, `throw new TypeError('spoilt');\n`);
      const { status, err } = await failing({ script: pathToFileURL(path) });
      expect(status).toBe(1);
      expect(err).toMatch(/^zram-wasm: spoilt \(.*\): this is a bug in zram-wasm, please report it\n$/);
    });

    test('when it is ended from outside', async () => {
      const path = join(folder, 'ends.mjs');
      writeFileSync(path, 'process.exit(3);\n');
      const { status, err } = await failing({ script: pathToFileURL(path) });
      expect(status).toBe(1);
      expect(err).toMatch(/^zram-wasm: cannot store with lz[o4]+: its thread ended: status 3\n$/);
    });
  });

  (process.platform === 'win32' ? test.skip : test)('an interruption ends it at once', async () => {
    const args = [executable.path, 'analyze', '-', ...THREE, '--threads', '2'];
    const child = spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    child.stdin.on('error', () => undefined); // it is ended while it is written to
    child.stdin.write(Buffer.alloc(8 * 1024 * 1024, 'some text of pages'));
    await new Promise((resolve) => setTimeout(resolve, 500));
    child.kill('SIGINT');
    const [, signal] = (await once(child, 'exit')) as [number | null, string | null];
    expect(signal).toBe('SIGINT');
  });
});
