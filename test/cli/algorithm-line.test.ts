/** `--algorithm` with lines of zram-generator: how they are parsed, refused, carried out and reported. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Engine, type KernelVersion } from '../../bindings/index.js';
import { parseLines, recompressCalls } from '../../cli/algorithm-line.js';
import { codeOf, whyComputed } from '../../cli/exactness.js';
import { compressorPages } from '../support/compressor-pages.js';
import { analyzeJson, run } from './run.js';

const pages = Buffer.concat(compressorPages().map(({ page }) => page));
let folder: string;
let image: string;

beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'zram-wasm-lines-'));
  image = path.join(folder, 'pages.img');
  writeFileSync(image, pages);
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('parsing', () => {
  test('names, parameters, and those without a name', () => {
    const [line] = parseLines([
      '  lz4(level=2)   zstd(level=3,type=huge,threshold=2000) deflate (type=idle,max_pages=9) ',
    ]);
    expect(line.text).toBe('lz4(level=2) zstd(level=3,type=huge,threshold=2000) deflate (type=idle,max_pages=9)');
    expect(
      line.stages.map(({ name, params, recompress }) => [name, { ...Object.fromEntries(params) }, [...recompress]]),
    ).toEqual([
      ['lz4', { level: '2' }, []],
      [
        'zstd',
        { level: '3' },
        [
          ['type', 'huge'],
          ['threshold', '2000'],
        ],
      ],
      ['deflate', {}, []],
    ]);
    expect([...line.recompress]).toEqual([
      ['type', 'idle'],
      ['max_pages', '9'],
    ]);
  });

  test('commas part lines, except in parentheses; each line counts once', () => {
    const texts = parseLines(['lz4,zstd(level=1,dict=x), lz4 ', 'lz4  deflate', 'lz4 deflate']).map(({ text }) => text);
    expect(texts).toEqual(['lz4', 'zstd(level=1,dict=x)', 'lz4 deflate']);
  });

  test.each<[string, KernelVersion, string[]]>([
    ['lz4', '6.18', []],
    ['lz4 zstd', '6.18', ['']],
    ['lz4 zstd (type=idle)', '7.1', ['type=idle']],
    ['lz4 lz4hc zstd (type=idle)', '6.18', ['type=idle']],
    ['lz4 lz4hc zstd (type=idle)', '7.1', ['type=idle priority=1', 'type=idle priority=2']],
    ['lz4 lz4hc zstd(type=huge) (type=idle)', '6.12', ['type=idle priority=1', 'type=huge priority=2']],
  ])('%s on %s: what is written to recompress', (text, kernel, calls) => {
    expect(recompressCalls(parseLines([text])[0], kernel)).toEqual(calls);
  });

  test.each([
    ['', 'has an empty value'],
    ['lz4,,zstd', 'has an empty value'],
    ['lz4 zstd(level=3', "'lz4 zstd(level=3', character 5: 'zstd(level=3' must be NAME"],
    ['lz4 zstd)level=3', 'character 5:'],
    ['lz4 zstd(level=3, type=idle)', "character 5: 'zstd(level=3,' must be NAME"],
    ['lz4 zstd()', "character 10: '' must be PARAMETER=VALUE"],
    ['lz4 zstd(level=3,speed=4)', "character 18: 'speed=4' must be PARAMETER=VALUE, with one of level, dict"],
    ['lz4 zstd(level=)', "character 10: 'level=' must be"],
    ['lz4 zstd(level=3,level=4)', 'character 18: level is given twice'],
    ['lz4(type=idle) zstd', 'character 1: type belongs to recompression'],
    ['lz4 zstd (level=3)', 'character 10: level belongs to a compressor: write NAME(level=3)'],
    ['lz4 zstd (type=idle) (type=huge)', 'character 22: parameters without a compressor must be given once'],
    ['(type=idle)', 'character 1: it names no compressor'],
    ['lz4 (type=idle)', 'character 5: no second compressor is named'],
    ['lz4 lzo zstd deflate lz4hc', 'character 22: zram has 4 compressors at most'],
    ['lz4 zip', "unknown algorithm 'zip'"],
    ['lz4(level=x)', 'level must be'],
    ['deflate(level=10)', 'the level of deflate must be from -1 to 9, not 10'],
    ['lz4 deflate(deflate.winbits=8)', 'winbits'],
    ['lz4 deflate (type=old)', 'type must be idle, huge or huge_idle'],
    ['lz4 deflate (threshold=4000)', 'threshold must be less than 3625'],
    ['lz4 deflate (max_pages=x)', 'max_pages'],
    ['lz4(dict=/nothing/here)', 'cannot read the dictionary'],
  ])('%j: refused before anything is read', async (text, message) => {
    const { status, out, err } = await run(['analyze', path.join(folder, 'missing.img'), '--algorithm', text]);
    expect({ status, out, err }).toEqual({ status: 2, out: '', err: expect.stringContaining(message) });
    expect(err).toMatch(/^zram-wasm: [^\n]+\n$/);
  });

  test.each([
    ['lz4(level=2)', 'kernel 6.1 has no algorithm_params'],
    ['lz4 deflate', 'kernel 6.1 has no recomp_algorithm'],
  ])('%s on kernel 6.1: refused', async (text, message) => {
    const { status, err } = await run(['analyze', image, '--kernel', '6.1', '--algorithm', text]);
    expect([status, err]).toEqual([2, expect.stringContaining(message)]);
  });
});

test.each<[string, KernelVersion]>([
  ['lz4 deflate(level=9) (type=idle)', '6.18'],
  ['lz4 lz4hc(level=4,type=huge) deflate(threshold=1000)', '6.12'],
  ['lzo-rle lz4hc deflate(level=1,type=huge_idle)', '7.1'],
])('%s on %s: the figures are those of a device that is written to by hand', async (text, kernel) => {
  const { algorithms, configuration } = await analyzeJson([image, '--kernel', kernel, '--algorithm', text]);
  const [line] = parseLines([text]);
  using engine = await Engine.create();
  await engine.loadCompressor('deflate');
  const zram = engine.createZram({ kernel, compAlgorithm: line.stages[0].name });
  for (const [n, { name, params }] of line.stages.entries()) {
    if (n > 0) zram.sysfs.write('recomp_algorithm', `algo=${name} priority=${n}\n`);
    if (params.has('level')) zram.sysfs.write('algorithm_params', `priority=${n} level=${params.get('level')}\n`);
  }
  zram.init(pages.length);
  zram.write(0, pages);
  const stored = zram.mmStat.comprDataSize;
  zram.idle('all');
  for (const call of recompressCalls(line, kernel)) zram.sysfs.write('recompress', `${call}\n`);
  const { comprDataSize, memUsedTotal, hugePages } = zram.mmStat;
  expect(comprDataSize).toBeLessThan(stored);
  expect(algorithms[0].mm_stat.before).toMatchObject({
    ...{ compr_data_size: comprDataSize, mem_used_total: memUsedTotal, huge_pages: hugePages },
  });
  expect(algorithms[0].recompression?.before.comprDataSize).toBe(stored);
  expect(algorithms[0].algorithm).toBe(text);
  expect(configuration).toEqual([`compression-algorithm = ${text}`]);
});

test('the report shows recompression, and ends with the line to paste; with --dedup as well', async () => {
  const text = 'lz4 deflate(level=9) (type=idle)';
  const { status, out } = await run(['analyze', image, '--algorithm', `${text},lz4`, '--dedup']);
  expect(status).toBe(0);
  expect(out).toMatch(
    /\nRecompressed, every page being idle\n[^\n]*pages tried.*\n {2}type=idle +\d+ +\d+ +[\d,]+ +[\d.]+\n/,
  );
  const end = out.slice(out.indexOf('\nFor a section of zram-generator.conf\n'));
  expect(end).toContain(`\n  compression-algorithm = ${text}\n  compression-algorithm = lz4\n`);
  expect(end).toContain('zram-generator 1.2.1');
  expect((await run(['analyze', image])).out).not.toContain('compression-algorithm');
  expect((await run(['analyze', image, '--algorithm', 'lz4'])).out.endsWith('\n  compression-algorithm = lz4\n')).toBe(
    true,
  );
});

describe('whose code it is, and how far from the kernel', () => {
  const why = (engine: Pick<Engine, 'compressorInfo'>, kernel: KernelVersion, text: string): string | undefined =>
    whyComputed(engine, kernel, parseLines([text])[0]);

  test('deflate: by fflate, and by pako', async () => {
    using engine = await Engine.create();
    expect(why(engine, '6.12', 'deflate')).toMatch(/fflate's, single pages up to ±1023 bytes, sums -1\.4 to \+0\.6 %/);
    expect(codeOf(engine, parseLines(['lz4 deflate'])[0])).toEqual([
      "deflate (fflate: not the kernel's bytes, single pages up to ±1023 bytes, sums -1.4 to +0.6 %)",
    ]);
    await engine.loadCompressor('deflate');
    for (const kernel of ['6.1', '6.12'] as const) expect(why(engine, kernel, 'deflate')).toBeUndefined();
    expect(why(engine, '6.18', 'deflate')).toBe('deflate was not compared with a kernel 6.18');
    expect(codeOf(engine, parseLines(['lz4 deflate'])[0])).toEqual([
      expect.stringMatching(/^deflate \(pako \d+\.\d+\.\d+: the kernel's bytes\)$/),
    ]);
  });

  test('zstd: by version, level and kernel', async () => {
    using engine = await Engine.create();
    await engine.loadCompressor('zstd');
    const { version, code } = engine.compressorInfo('zstd');
    expect(codeOf(engine, parseLines(['zstd'])[0])).toEqual([`zstd (${version}, of ${code})`]);
    const of = (here: string): Pick<Engine, 'compressorInfo'> => ({
      compressorInfo: (name) => ({ ...engine.compressorInfo(name), version: here }),
    });
    expect(why(of('1.5.7'), '6.18', 'zstd(level=15)')).toBeUndefined();
    expect(why(of('1.5.7'), '6.12', 'zstd')).toBe(
      'zstd: ± 18 bytes a page, because kernel 6.12 has zstd 1.5.2 and this is 1.5.7',
    );
    expect(why(of('1.5.7'), '6.12', 'lz4 zstd(level=1)')).toContain('zstd: ± 9 bytes a page');
    expect(why(of('1.5.7'), '6.12', 'zstd(level=9)')).toBeUndefined();
    expect(why(of('1.5.7'), '6.12', 'zstd(level=12)')).toContain('zstd: by how much was not measured');
    expect(why(of('1.5.6'), '6.12', 'zstd(level=0)')).toBeUndefined();
    expect(why(of('1.5.6'), '6.18', 'zstd')).toContain('± 18 bytes a page, because kernel 6.18 has zstd 1.5.7');
    expect(why(of('1.5.7'), '6.1', 'zstd')).toContain('± 177 bytes a page, because kernel 6.1 has zstd 1.4.10');
    expect(why(of('1.5.7'), '7.1', 'zstd')).toBe('zstd was not compared with a kernel 7.1');
    expect(why(of('1.6.0'), '6.18', 'zstd')).toContain('by how much was not measured');
  });

  test('the report and the JSON name both', async () => {
    const args = [image, '--kernel', '6.12', '--algorithm', 'deflate,zstd,lz4'];
    const { algorithms } = await analyzeJson(args);
    expect(algorithms.map(({ code }) => code.length)).toEqual([1, 1, 0]);
    const { out } = await run(['analyze', ...args]);
    expect(out).toMatch(/\n {2}deflate \(pako \d+\.\d+\.\d+: the kernel's bytes\)\n/);
    expect(out).toMatch(/\n {2}zstd \(\d+\.\d+\.\d+, of [^)]+\)\n/);
  });
});
