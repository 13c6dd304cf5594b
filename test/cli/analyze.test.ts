import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { Engine, type KernelVersion } from '../../bindings/index.js';
import { isBusy } from '../../cli/figures.js';
import { Random } from '../support/random.js';
import { facts, image, PAGE } from './page-images.js';
import { analyzeJson, run, type Json } from './run.js';

const VERSION = (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version;

/** The own process is jest's, with all that earlier test files left in its memory: up to a gigabyte. */
const OWN_MEMORY_TIMEOUT_MILLISECONDS = 60_000;

let folder: string;
let pathA: string;
let pathB: string;
const imageA = image(new Random(1), 700);
const imageB = Buffer.concat([imageA.subarray(100 * PAGE, 200 * PAGE), image(new Random(2), 300)]);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'zram-wasm-'));
  pathA = join(folder, 'a.img');
  pathB = join(folder, 'b.img');
  writeFileSync(pathA, imageA);
  writeFileSync(pathB, imageB);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('analyze', () => {
  test('counts what a file holds', async () => {
    const expected = facts(imageA);
    const { version, complete, inputs, algorithms } = await analyzeJson([pathA]);
    expect({ version, complete }).toEqual({ version: VERSION, complete: true });
    expect(inputs).toEqual([
      {
        kind: 'file',
        name: pathA,
        bytes: imageA.length,
        pages: expected.pages,
        paddedBytes: 0,
        pagesVanished: 0,
        pagesOnlyRead: 0,
        pagesLeftOut: 0,
        format: 'raw',
        extents: 1,
        remainders: [0],
        bytesOutside: 0,
        pagesNotInDump: 0,
        pagesRepeated: 0,
        holes: 0,
        notes: [],
      },
    ]);
    const [{ algorithm, inputs: rows, mm_stat, merge, histogram, verified, saved }] = algorithms;
    expect(algorithm).toBe('lz4');
    expect(verified).toBe(true);
    expect(rows).toMatchObject([{ samePages: expected.same, pagesSharing: expected.sharing }]);
    expect(merge).toMatchObject({
      objectsMerged: expected.merged,
      objectsScanned: expected.pages - expected.same,
      complete: true,
    });
    expect(mm_stat.before).toMatchObject({
      orig_data_size: imageA.length,
      same_pages: expected.same,
      pages_merged: 0,
      mem_limit: 0,
    });
    expect(Object.keys(mm_stat.before)).toEqual(
      'orig_data_size compr_data_size mem_used_total mem_limit mem_used_max same_pages pages_compacted huge_pages huge_pages_since pages_merged'.split(
        ' ',
      ),
    );
    expect(mm_stat.afterCompact.pages_merged).toBe(expected.merged);
    expect(mm_stat.afterMerge.compr_data_size).toBeLessThan(mm_stat.before.compr_data_size);
    expect(saved.bytes).toBe(mm_stat.before.mem_used_total - mm_stat.afterCompact.mem_used_total);
    expect(saved.bytes).toBeGreaterThan(0);
    expect(histogram.reduce((sum, row) => sum + row.pages, 0)).toBe(expected.pages - expected.same);
    expect(histogram.at(-1)).toMatchObject({ from: 3585, to: 4096, pages: mm_stat.before.huge_pages });
  });

  test('a page has a time, of the processor and without what is not its compressor', async () => {
    const args = ['--algorithm', 'lz4,deflate', '--threads', '1', pathA];
    const { algorithms } = await analyzeJson(args);
    for (const { steps, microsecondsPerPage } of algorithms) {
      expect(microsecondsPerPage.by).toBe('processor');
      for (const step of ['store', 'load'] as const) {
        const { processorMilliseconds, bytes } = steps[step];
        expect(bytes).toBe(imageA.length);
        expect(microsecondsPerPage[step]).toBeCloseTo((1000 * processorMilliseconds!) / (bytes / PAGE), 6);
        expect(microsecondsPerPage[step]).toBeGreaterThan(0);
      }
      expect(steps['read'].processorMilliseconds).toBeNull();
    }
    const [lz4, deflate] = algorithms.map(({ microsecondsPerPage }) => microsecondsPerPage.store ?? 0);
    expect(deflate).toBeGreaterThan(lz4);
    const { out } = await run(['analyze', ...args]);
    expect(out).toMatch(/\n {2}store +compressing a page, µs +[0-9.]+ +[0-9.]+\n/);
    expect(out).toMatch(/\n {2}load +decompressing a page, µs +[0-9.]+ +[0-9.]+\n/);
    expect(out).toContain('on this machine, in WebAssembly');
  });

  test.each([
    [100, 99, false],
    [100, 50, true],
    [2, 1, false],
    [100, undefined, false],
  ])('%p ms by the clock for %p ms of the processor: busy %p', (milliseconds, processorMilliseconds, busy) => {
    expect(isBusy([{ milliseconds, processorMilliseconds, bytes: PAGE }])).toBe(busy);
  });

  test('several inputs meet on one device, with a row for each', async () => {
    const expected = facts(Buffer.concat([imageA, imageB]));
    const { inputs, algorithms } = await analyzeJson([pathA, pathB]);
    expect(inputs.map(({ pages }) => pages)).toEqual([700, 400]);
    const [{ inputs: rows, mm_stat, merge }] = algorithms;
    expect(merge.objectsMerged).toBe(expected.merged);
    expect(merge.objectsMerged).toBeGreaterThan(facts(imageA).merged + facts(imageB).merged);
    expect(rows[0].samePages).toBe(facts(imageA).same);
    expect(rows[1].samePages).toBe(facts(imageB).same);
    expect(rows[0].pagesSharing + rows[1].pagesSharing).toBe(expected.sharing);
    expect(rows[0].comprDataSize + rows[1].comprDataSize).toBe(mm_stat.before.compr_data_size);
    expect(rows[0].hugePages + rows[1].hugePages).toBe(mm_stat.before.huge_pages);
  });

  test('a file in pieces over a pipe is the same as the file', async () => {
    async function* pieces(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < imageA.length; at += 10007) yield imageA.subarray(at, at + 10007);
    }
    const piped = await analyzeJson(['-'], { stdin: pieces() });
    const file = await analyzeJson([pathA]);
    expect(piped.inputs).toEqual([{ ...file.inputs[0], kind: 'stdin', name: 'standard input' }]);
    expect(piped.algorithms[0].mm_stat).toEqual(file.algorithms[0].mm_stat);
  });

  (process.platform === 'win32' ? test.skip : test)('a named pipe is read to its end', async () => {
    const path = join(folder, 'fifo');
    expect(spawnSync('mkfifo', [path]).status).toBe(0);
    const [{ inputs }] = await Promise.all([
      analyzeJson([path]),
      import('node:fs/promises').then(({ writeFile }) => writeFile(path, imageA.subarray(0, 10 * PAGE + 1))),
    ]);
    expect(inputs).toMatchObject([{ pages: 11, paddedBytes: PAGE - 1 }]);
  });

  test.each([
    [1, 1, 4095],
    [PAGE, 1, 0],
    [PAGE + 1, 2, 4095],
    [256 * PAGE, 256, 0],
    [256 * PAGE + 7, 257, 4089],
  ])('%p bytes are %p pages with %p zeros added', async (bytes, pages, paddedBytes) => {
    const path = join(folder, `odd-${bytes}`);
    const content = Buffer.alloc(pages * PAGE);
    new Random(bytes).fill(content.subarray(0, bytes));
    writeFileSync(path, content.subarray(0, bytes));
    const { inputs } = await analyzeJson([path]);
    expect(inputs).toMatchObject([{ bytes, pages, paddedBytes }]);
    const { out } = await run(['analyze', path]);
    if (paddedBytes > 0) expect(out).toContain(`${paddedBytes.toLocaleString('en-US')} zero bytes added`);
    else expect(out).not.toContain('added');

    // The padding is zeros, and not what an earlier chunk left behind.
    const padded = `${path}-padded`;
    writeFileSync(padded, content);
    const both = await analyzeJson([padded]);
    expect(both.algorithms[0].mm_stat).toEqual((await analyzeJson([path])).algorithms[0].mm_stat);
  });

  test('an empty file is 0 pages, and the report says so', async () => {
    const path = join(folder, 'empty');
    writeFileSync(path, '');
    const { status, out } = await run(['analyze', path]);
    expect(status).toBe(0);
    expect(out).toContain('what zram would make of 0 pages');
    expect(out).toMatch(/empty: empty, 0 pages/);
    expect(out).not.toMatch(/NaN|Infinity|undefined/);
  });

  test('out of memory, it says how many pages were stored, and reports on those', async () => {
    const path = join(folder, 'random');
    writeFileSync(path, randomBytes(24 * 1024 * 1024));
    const { status, out, err } = await run(['analyze', '--json', pathA, path, pathB], { maxMemory: '16M' });
    expect(status).toBe(1);
    expect(err).toMatch(/^zram-wasm: out of memory for compressed pages after [0-9,]+ pages of '.*random'/);
    const { complete, stopped, inputs, algorithms } = JSON.parse(out) as Json;
    expect(complete).toBe(false);
    expect(err).toContain(stopped);
    expect(inputs).toHaveLength(2);
    const pages = inputs[0].pages + inputs[1].pages;
    expect(inputs[1].pages).toBeGreaterThan(100);
    expect(algorithms[0].mm_stat.before.orig_data_size).toBe(pages * PAGE);
    expect(algorithms[0].verified).toBe(true);
  });

  test('the report is aligned, with the columns by name, and at most 100 columns wide', async () => {
    const path = join(folder, `${'long-'.repeat(30)}name.img`);
    writeFileSync(path, imageA);
    const { status, out, err } = await run(['analyze', path, pathB]);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    const lines = out.split('\n');
    expect(lines.filter((line) => line.length > 100)).toEqual([]);
    expect(out).toMatch(/orig_data_size +data stored +4,505,600 +4,505,600 +4,505,600\n/);
    expect(out).toMatch(/\n {2}together +1,100 /);
    expect(out).toMatch(/objects merged +[0-9,]+ of [0-9,]+ \(/);
    expect(lines.filter((line) => /^ +[0-9,]+ - +[0-9,]+ bytes/.test(line))).toHaveLength(8);
    for (const step of ['read', 'store', 'merge', 'compact', 'load', 'checksum'])
      expect(out).toMatch(new RegExp(`\\n {2}${step} +.* ms +[0-9,-]+ MB/s`));
  });

  const testOnLinux = process.platform === 'linux' ? test : test.skip;

  testOnLinux(
    'with nothing named it looks at its own process, without the engine',
    async () => {
      const { note, inputs, algorithms } = await analyzeJson([]);
      expect(note).toContain('this very process');
      expect(inputs).toHaveLength(1);
      expect(inputs[0]).toMatchObject({ kind: 'process', paddedBytes: 0 });
      expect(inputs[0].pages).toBeGreaterThan(500);
      expect(inputs[0].pagesLeftOut).toBeGreaterThan(0);
      expect(algorithms[0].mm_stat.before.orig_data_size).toBe(inputs[0].pages * PAGE);
    },
    OWN_MEMORY_TIMEOUT_MILLISECONDS,
  );

  testOnLinux(
    'a process can be named, beside files',
    async () => {
      const { inputs } = await analyzeJson([pathA, '--pid', `${process.pid}`]);
      expect(inputs.map(({ kind }) => kind)).toEqual(['file', 'process']);
      expect(inputs[1].pagesLeftOut).toBeGreaterThan(0);
    },
    OWN_MEMORY_TIMEOUT_MILLISECONDS,
  );

  describe('--kernel', () => {
    const kernelOf = async (...args: string[]) => {
      const { kernel, algorithms } = await analyzeJson([...args, pathA]);
      return { kernel, algorithms };
    };

    test.each([
      ['6.1', 4, 3257],
      ['6.12', 8, 3625],
      ['6.18', 8, 3625],
      ['7.1', 8, 3625],
    ])('%s decides which pages are huge, and is named in the report', async (version, chainSize, hugeClassSize) => {
      const args = ['--kernel', version, '--algorithm', 'lz4'];
      const { kernel, algorithms } = await kernelOf(...args);
      expect(kernel).toEqual({ version, chainSize, hugeClassSize, compressorDefault: 'lzo-rle' });
      const engine = Engine.createSync();
      const zram = engine.createZram({ kernel: version as KernelVersion, compAlgorithm: 'lz4', disksize: '1G' });
      zram.writePages(0, imageA);
      const { hugePages, memUsedTotal } = zram.mmStat;
      expect(algorithms[0].mm_stat.before).toMatchObject({ huge_pages: hugePages, mem_used_total: memUsedTotal });
      engine.destroy();
      const { out } = await run(['analyze', ...args, pathA]);
      const huge = hugeClassSize.toLocaleString('en-US');
      expect(out.split('\n')[1]).toBe(
        `Kernel ${version}: zspages of up to ${chainSize} pages, huge from ${huge} bytes; its default compressor is lzo-rle`,
      );
    });

    test('figures that were not compared with that kernel are marked as computed', async () => {
      const marks = async (...args: string[]) =>
        (await kernelOf('--algorithm', 'lz4,deflate', ...args)).algorithms.map(({ computed }) => computed);
      expect(await marks('--kernel', '6.12')).toEqual([false, false]);
      expect(await marks('--kernel', '7.1')).toEqual([true, true]);
      expect(await marks()).toEqual([false, true]);
      const { out } = await run(['analyze', '--kernel', '7.1', '--algorithm', 'lz4,deflate', pathA]);
      expect(out).toMatch(/^ +figures +computed +computed$/m);
      expect(out).toContain('  Figures are computed: lz4 was not compared with a kernel 7.1\n');
    });

    test('it sets the default compressor, if it is here', async () => {
      const { status, out, err } = await run(['analyze', '--kernel', '6.18', pathA]);
      const [one, other] = [
        'Inputs, stored with lzo-rle\n',
        "unknown algorithm 'lzo-rle', the default of kernel 6.18; ",
      ];
      expect([status, `${out}${err}`]).toEqual([out === '' ? 2 : 0, expect.stringContaining(out === '' ? other : one)]);
    });

    test.each(['5.15', '', '6.1,6.12', 'toString'])('a wrong one: %j', async (kernel) => {
      const { status, err } = await run(['analyze', '--kernel', kernel, pathA]);
      expect([status, err]).toEqual([2, `zram-wasm: --kernel must be one of 6.1, 6.12, 6.18, 7.1, not '${kernel}'\n`]);
    });
  });
});
