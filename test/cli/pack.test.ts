import { randomBytes } from 'node:crypto';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { Zram } from '../../bindings/index.js';
import { Random } from '../support/random.js';
import { savedAll } from '../save/support.js';
import { facts, image, PAGE } from './page-images.js';
import { run, type Surroundings } from './run.js';

let folder: string;
const imageA = image(new Random(1), 300);
/** Ends in the middle of a page. */
const imageB = Buffer.concat([
  imageA.subarray(50 * PAGE, 250 * PAGE),
  image(new Random(2), 100),
  Buffer.from('the end'),
]);

const at = (...parts: string[]): string => join(folder, ...parts);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'zram-wasm-'));
  writeFileSync(at('a.img'), imageA);
  writeFileSync(at('b.img'), imageB);
  writeFileSync(at('empty'), '');
});
afterAll(() => rmSync(folder, { recursive: true }));

async function json(args: string[], surroundings?: Surroundings): Promise<any> {
  const { status, out, err } = await run([...args, '--json'], surroundings);
  expect({ status, err }).toEqual({ status: 0, err: '' });
  return JSON.parse(out);
}

async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += 70_001) yield bytes.subarray(from, from + 70_001);
}

describe('pack and unpack', () => {
  test.each([[[]], [['--algorithm', 'deflate']], [['--algorithm', 'zstd']]])(
    'images come back byte for byte, %j',
    async (options) => {
      const packed = await json(['pack', at('a.img'), at('b.img'), at('empty'), '-o', at('all.pack'), ...options]);
      const expected = facts(Buffer.concat([imageA, imageB, Buffer.alloc(PAGE - 7)]));
      expect(packed).toMatchObject({
        algorithm: options[1] ?? 'lz4',
        bytes: statSync(at('all.pack')).size,
        images: [
          { name: 'a.img', bytes: imageA.length, pages: 300 },
          { name: 'b.img', bytes: imageB.length, pages: 301 },
          { name: 'empty', bytes: 0, pages: 0 },
        ],
        pages: 601,
        objects: expected.pages - expected.same - expected.merged,
        pagesMerged: expected.merged,
      });
      const unpacked = await json(['unpack', at('all.pack'), '-o', at('out', 'deep'), '--force']);
      expect(unpacked.images.map(({ path }: { path: string }) => path)).toEqual(
        ['a.img', 'b.img', 'empty'].map((name) => at('out', 'deep', name)),
      );
      expect(readdirSync(at('out', 'deep')).sort()).toEqual(['a.img', 'b.img', 'empty']);
      expect(readFileSync(at('out', 'deep', 'a.img')).equals(imageA)).toBe(true);
      expect(readFileSync(at('out', 'deep', 'b.img')).equals(imageB)).toBe(true);
      expect(statSync(at('out', 'deep', 'empty')).size).toBe(0);
    },
    30_000,
  );

  test('the library loads what is packed, and the command unpacks what the library saves', async () => {
    await json(['pack', at('b.img'), '-o', at('b.pack')]);
    using zram = await Zram.load(readFileSync(at('b.pack')));
    expect(Buffer.from(zram.read(0, imageB.length)).equals(imageB)).toBe(true);
    expect(zram.sysfs.read('disksize').trim()).toBe(`${301 * PAGE}`);

    using large = await Zram.create({ disksize: '1G' });
    large.write(5 * PAGE, imageA);
    using snapshot = large.snapshot();
    writeFileSync(at('saved'), await savedAll({ large, snapshot }));
    await json(['unpack', at('saved'), '-o', at('library')]);
    for (const name of ['large', 'snapshot']) {
      const { size, blocks } = statSync(at('library', name));
      expect(size).toBe(2 ** 30);
      if (process.platform === 'linux') expect(blocks * 512).toBeLessThan(2 * imageA.length);
    }
    execFileSync('truncate', ['-s', `${5 * PAGE + imageA.length}`, at('library', 'large')]);
    expect(
      readFileSync(at('library', 'large'))
        .subarray(5 * PAGE)
        .equals(imageA),
    ).toBe(true);
  }, 30_000);

  test('standard input, in and out; two of one name', async () => {
    const packed = await json(['pack', '-', at('a.img'), at('a.img'), '-o', at('stdin.pack')], {
      stdin: pieces(imageB),
    });
    expect(packed.images.map(({ name }: { name: string }) => name)).toEqual(['standard input', 'a.img', 'a.img.2']);
    const stdin = pieces(readFileSync(at('stdin.pack')));
    await json(['unpack', '-', '-o', at('stdin')], { stdin });
    expect(readFileSync(at('stdin', 'standard input')).equals(imageB)).toBe(true);
    expect(readFileSync(at('stdin', 'a.img.2')).equals(imageA)).toBe(true);
  });

  test('the reports say what was done', async () => {
    const packed = await run(['pack', at('a.img'), at('b.img'), '-o', at('report.pack')]);
    expect(packed).toMatchObject({ status: 0, err: '' });
    expect(packed.out).toMatch(
      /^Packed with lz4: 2 images, 2,457,607 bytes \(2\.3 MiB\)\n {2}a\.img +300 pages +1\.2 MiB\n/,
    );
    expect(packed.out).toMatch(
      /report\.pack has [0-9,]+ bytes \(.*\), [0-9.]+ % of the images\.\nIt holds [0-9,]+ objects for 601 pages/,
    );
    const unpacked = await run(['unpack', at('report.pack'), '-o', at('reported')]);
    expect(unpacked.out).toMatch(/^Unpacked .*report\.pack: 2 images\n {2}.*a\.img +1,228,800 bytes/);
    expect(unpacked.err).toBe('');
  });

  test('files that are there are kept without --force', async () => {
    await json(['pack', at('a.img'), '-o', at('keep.pack')]);
    mkdirSync(at('keep'));
    writeFileSync(at('keep', 'a.img'), 'mine');
    const { status, err } = await run(['unpack', at('keep.pack'), '-o', at('keep')]);
    expect({ status, err }).toEqual({
      status: 1,
      err: `zram-wasm: '${at('keep', 'a.img')}' already exists; --force replaces it\n`,
    });
    expect(readFileSync(at('keep', 'a.img'), 'utf8')).toBe('mine');
  });

  test('a failure leaves what was there, and no part of a file', async () => {
    writeFileSync(at('old.pack'), 'old');
    writeFileSync(at('random'), randomBytes(6 * 2 ** 20));
    const { status, out, err } = await run(['pack', at('random'), '-o', at('old.pack')], { maxMemory: '4M' });
    expect({ status, out }).toEqual({ status: 1, out: '' });
    expect(err).toMatch(/^zram-wasm: out of memory for compressed pages after [0-9,]+ pages of '.*random'\n$/);
    expect(readFileSync(at('old.pack'), 'utf8')).toBe('old');
    expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
  });

  test('a damaged pack is refused before anything is written', async () => {
    await json(['pack', at('a.img'), '-o', at('damaged.pack')]);
    const bytes = readFileSync(at('damaged.pack'));
    bytes[bytes.length - 3000] ^= 1;
    writeFileSync(at('damaged.pack'), bytes);
    const { status, err } = await run(['unpack', at('damaged.pack'), '-o', at('never')]);
    expect(status).toBe(1);
    expect(err).toMatch(
      /^zram-wasm: cannot load '.*damaged\.pack': EINVAL: .* at byte \d+: the checksum of this section is wrong\.\n$/,
    );
    expect(existsSync(at('never'))).toBe(false);
  });

  (process.platform === 'win32' ? test.skip : test)('a backslash is a character of a name', async () => {
    const name = String.raw`a\b.img`;
    writeFileSync(at(name), 'an image');
    await json(['pack', at(name), '-o', at('backslash.pack')]);
    await json(['unpack', at('backslash.pack'), '-o', at('backslash')]);
    expect(readFileSync(join(at('backslash'), name), 'utf8')).toBe('an image');
  });

  test.each(['../evil', 'a/b', '..', '', 'a\0b'])('a name like %j does not lead out of the folder', async (name) => {
    using zram = await Zram.create({ disksize: '4K' });
    writeFileSync(at('evil.pack'), await savedAll({ [name]: zram }));
    const { status, err } = await run(['unpack', at('evil.pack'), '-o', at('evil')]);
    expect({ status, err }).toMatchObject({
      status: 1,
      err: expect.stringMatching(/no file can have that name here\n$/),
    });
  });

  test.each([
    [['pack', '/no/such/image', '-o', 'x'], "cannot read '/no/such/image': no such file"],
    [['unpack', '/no/such/pack'], "cannot read '/no/such/pack': no such file"],
    [['unpack', '/dev/null'], "cannot load '/dev/null': EINVAL"],
  ])('%j fails with one sentence', async (args, message) => {
    const { status, out, err } = await run(args);
    expect({ status, out }).toEqual({ status: 1, out: '' });
    expect(err).toMatch(/^zram-wasm: [^\n]+\n$/);
    expect(err).toContain(message);
  });

  test('where nothing can be written it says so', async () => {
    for (const output of [folder, at('no', 'such', 'folder')]) {
      const { status, err } = await run(['pack', at('a.img'), '-o', output]);
      expect({ status, err }).toMatchObject({ status: 1, err: expect.stringContaining(`cannot write '${output}': `) });
    }
  });

  (process.platform === 'win32' ? test.skip : test)('a pipe is written to at once', async () => {
    expect(spawnSync('mkfifo', [at('fifo')]).status).toBe(0);
    const { readFile } = await import('node:fs/promises');
    const [bytes] = await Promise.all([readFile(at('fifo')), json(['pack', at('a.img'), '-o', at('fifo')])]);
    using zram = await Zram.load(bytes);
    expect(Buffer.from(zram.read(0, imageA.length)).equals(imageA)).toBe(true);
  });
});

describe('diff', () => {
  /** Pages 3, 4, 10 and the last are others. */
  const changed = Buffer.from(imageA);
  for (const page of [3, 4, 10, 299]) changed[page * PAGE + 77] ^= 1;
  const ranges = [
    { index: 3, count: 2 },
    { index: 10, count: 1 },
    { index: 299, count: 1 },
  ];

  beforeAll(async () => {
    writeFileSync(at('changed.img'), changed);
    await json(['pack', at('a.img'), '-o', at('a.pack')]);
    await json(['pack', at('changed.img'), '-o', at('changed.pack'), '--algorithm', 'deflate']);
  });

  test.each([
    ['a.img', 'changed.img'],
    ['a.img', 'changed.pack'],
    ['a.pack', 'changed.img'],
    ['a.pack', 'changed.pack'],
  ])('%s and %s', async (a, b) => {
    const found = await json(['diff', at(a), at(b)]);
    expect(found).toMatchObject({ identical: false, onlyInA: [], onlyInB: [] });
    expect(found.images).toMatchObject([
      { a: { bytes: imageA.length }, b: { bytes: imageA.length }, pages: 4, ranges },
    ]);
    const { status, out } = await run(['diff', at(a), at(b)]);
    expect(status).toBe(0);
    expect(out.split('\n').slice(1, 5)).toEqual([
      '  pages 3 - 4  2 pages',
      '  page 10       1 page',
      '  page 299      1 page',
      '  4 of 300 pages differ',
    ]);
  });

  test('no difference', async () => {
    expect(await json(['diff', at('a.img'), at('a.pack')])).toMatchObject({ identical: true });
    expect((await run(['diff', at('a.img'), at('a.pack')])).out).toMatch(/\n {2}no difference\n$/);
    expect(await json(['diff', '-', at('a.img')], { stdin: pieces(imageA) })).toMatchObject({ identical: true });
  });

  test('the longer one differs where the other ends', async () => {
    const zeros = Buffer.concat([imageA, Buffer.alloc(2 * PAGE)]);
    const found = await json(['diff', at('a.img'), '-'], { stdin: pieces(zeros) });
    expect(found.images).toMatchObject([{ b: { bytes: zeros.length }, pages: 2, ranges: [{ index: 300, count: 2 }] }]);
    // Inside the last page only the lengths tell.
    writeFileSync(at('short'), 'abc');
    const inside = await run(['diff', at('short'), '-'], { stdin: pieces(Buffer.from('abc\0\0')) });
    expect(inside.out).toMatch(/3 bytes, and 5 bytes\n {2}all pages are equal: the longer one ends with zeros\n$/);
  });

  test('packs of several are compared by name', async () => {
    await json(['pack', at('a.img'), at('b.img'), at('empty'), '-o', at('one.pack')]);
    writeFileSync(at('out-b'), imageB);
    mkdirSync(at('other'));
    writeFileSync(at('other', 'a.img'), changed);
    await json(['pack', at('out-b'), at('other', 'a.img'), at('empty'), '-o', at('two.pack')]);
    const found = await json(['diff', at('one.pack'), at('two.pack')]);
    expect(found).toMatchObject({ identical: false, onlyInA: ['b.img'], onlyInB: ['out-b'] });
    expect(found.images).toMatchObject([
      { a: { name: 'a.img' }, pages: 4, ranges },
      { a: { name: 'empty' }, pages: 0 },
    ]);
    expect((await run(['diff', at('one.pack'), at('two.pack')])).out).toMatch(
      /\nonly in .*one\.pack: b\.img\nonly in .*two\.pack: out-b\n$/,
    );
    const one = await json(['diff', at('other', 'a.img'), at('one.pack')]);
    expect(one).toMatchObject({ images: [{ pages: 4, ranges }], onlyInA: [], onlyInB: ['b.img', 'empty'] });
    const { status, err } = await run(['diff', at('one.pack'), at('changed.img')]);
    expect({ status, err }).toMatchObject({ status: 1, err: expect.stringContaining('no name is in both') });
  });
});

test('analyze sets compressors side by side', async () => {
  const text = 'package-lock.json';
  const { status, out, err } = await run(['analyze', text, '--algorithm', 'lz4,deflate,zstd']);
  expect({ status, err }).toEqual({ status: 0, err: '' });
  const table = /Side by side, on the same pages\n([^]*?)\n\n/.exec(out)![1];
  expect(table).toMatch(/^ +lz4 +deflate +zstd\n/);
  const [lz4, deflate, zstd] = /compr_data_size +compressed objects +([0-9,]+) +([0-9,]+) +([0-9,]+)\n/
    .exec(table)!
    .slice(1)
    .map((text) => Number(text.replaceAll(',', '')));
  expect(deflate).toBeLessThan(lz4);
  expect(zstd).toBeLessThan(lz4);
  expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
  const found = await json(['analyze', text, '--algorithm', 'zstd,lz4']);
  expect(found.algorithms.map(({ algorithm }: { algorithm: string }) => algorithm)).toEqual(['zstd', 'lz4']);
  expect(found.algorithms[0].mm_stat.before.compr_data_size).toBe(zstd);
  expect((await run(['analyze', at('a.img')])).out).not.toContain('Side by side');
}, 60_000);
