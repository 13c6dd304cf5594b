/** Every format that is read, by small files of it: the pages come out as they were, and figures are those of raw memory. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as zlib from 'node:zlib';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { dumpIn } from '../../../cli/dump-input.js';
import { analyzeJson, run, type Json } from '../run.js';
import { PAGE } from '../page-images.js';
import { elf, fixtures, kdump, lime, qemuStream } from './builders.js';
import { BytesSource, takeOut, takeOutOf } from './reading.js';
import type { Fixture } from './words.js';

let folder: string;
const at = (...parts: string[]): string => join(folder, ...parts);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'zram-wasm-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const ALL = fixtures(11).map((fixture) => [fixture.name, fixture] as const);

/** In pieces that end anywhere. */
async function* pieces(bytes: Buffer): AsyncGenerator<Uint8Array> {
  for (let from = 0; from < bytes.length; from += 10_007) yield bytes.subarray(from, from + 10_007);
}

async function json(args: string[], surroundings = {}): Promise<any> {
  const { status, out, err } = await run([...args, '--json'], surroundings);
  expect({ status, err }).toMatchObject({ status: 0 });
  return JSON.parse(out);
}

/** What the pages are, without what only their order tells. */
const figures = ({ inputs, algorithms: [{ mm_stat, merge }] }: Json) => ({
  pages: inputs[0].pages,
  before: { ...mm_stat.before, mem_used_total: 0, mem_used_max: 0 },
  merged: merge.objectsMerged,
});

describe.each(ALL)('%s', (name, fixture) => {
  const file = () => at(`${name}.dump`);
  beforeAll(() => {
    writeFileSync(file(), fixture.file);
    writeFileSync(at('pages.raw'), fixture.pages);
  });

  test.each([
    [1, true],
    [7, true],
    [256, false],
  ])('gives its pages, %d at a time', async (piece, knowsLength) => {
    // Without its length, as of a device; v86 says its own, and kdump ends where its tables do.
    const source = new BytesSource(fixture.file, knowsLength);
    const input = await dumpIn({ kind: 'file', name }, source, { format: 'auto', at: [] });
    const { pages, places } = await takeOut(input!, piece);
    expect(pages.equals(fixture.pages)).toBe(true);
    expect(input!.dump.pages).toBe(fixture.pages.length / PAGE);
    expect(input!.dump.truncated).toBeUndefined();
    if (fixture.places) expect(places).toEqual(fixture.places);
    expect(input!.dump.spaces.length > 0).toBe(fixture.places !== undefined);
  });

  test('its figures are those of its pages as a raw file', async () => {
    const found = await analyzeJson([file()]);
    expect(found.inputs[0]).toMatchObject({ format: fixture.format, holes: 0 });
    expect(figures(found)).toEqual(figures(await analyzeJson([at('pages.raw')])));
    const both = await analyzeJson([file(), at('pages.raw')]);
    const raw = both.sharing!.pages;
    // Each of its pages that is not same-filled is in the other file, too.
    expect(raw[0][1]).toBe(raw[1][0]);
    expect(raw[0][1]).toBe(both.inputs[0].pages - both.algorithms[0].inputs[0].samePages);
  });

  test('from a pipe it is the same', async () => {
    const { status, out, err } = await run(['analyze', '--json', '-'], { stdin: pieces(fixture.file) });
    expect({ status, err }).toEqual({ status: 0, err: '' });
    const piped = JSON.parse(out) as Json;
    expect(figures(piped)).toEqual(figures(await analyzeJson([file()])));
    expect(piped.inputs[0]).toMatchObject({ format: fixture.format, kind: 'stdin' });
  });

  test('with --format of its own it is the same, with raw it is not', async () => {
    const named = await analyzeJson([file(), '--format', fixture.format]);
    expect(figures(named)).toEqual(figures(await analyzeJson([file()])));
    const raw = await analyzeJson([file(), '--format', 'raw']);
    expect(raw.inputs[0]).toMatchObject({ format: 'raw', bytes: fixture.file.length });
  });

  test('a pack gives its file back, and its pages meet others', async () => {
    writeFileSync(at('pages.raw'), fixture.pages);
    const [one, two] = [at('one.zram'), at('two.zram')];
    const packed = await json(['pack', file(), at('pages.raw'), '-o', one]);
    expect(packed.images[0]).toMatchObject({ format: fixture.format, bytes: fixture.file.length });
    expect(packed.images[0].aligned).toBe(fixture.isPlain);
    await json(['pack', '-', '-o', two], { stdin: pieces(fixture.file) });
    for (const pack of [one, two]) await json(['unpack', pack, '-o', at('out'), '--force']);
    expect(readFileSync(at('out', `${name}.dump`)).equals(fixture.file)).toBe(true);
    expect(readFileSync(at('out', 'standard input')).equals(fixture.file)).toBe(true);
    // In the pack, too, it is a dump.
    expect(await json(['diff', file(), two])).toMatchObject({ identical: true, images: [{ pages: 0 }] });
    if (!fixture.isPlain) return;
    const alone = await json(['pack', at('pages.raw'), '-o', at('alone.zram')]);
    // Beside them there are headers, and of a stream pages that were sent again.
    expect(packed.objects - alone.objects).toBeLessThanOrEqual(5);
  });

  test('with --memory, the pack has its pages at their addresses', async () => {
    const args = ['pack', '--memory', file(), '-o', at('memory.zram')];
    if (!fixture.places) {
      const { status, err } = await run(args);
      expect({ status, err }).toEqual({
        status: 1,
        err: `zram-wasm: '${file()}' knows no addresses: pack it without --memory\n`,
      });
      return;
    }
    if (fixture.places[0] > 2 ** 32) {
      expect((await run(args)).err).toMatch(
        /^zram-wasm: the addresses of '.*' go beyond 16,777,215 MiB: pack it without/,
      );
      return;
    }
    await json(args);
    await json(['unpack', at('memory.zram'), '-o', at('memory'), '--force']);
    const image = readFileSync(at('memory', `${name}.dump`));
    const beside = fixture.format === 'v86' || fixture.format === 'qemu' ? 2 : 0;
    const memory = fixture.places.slice(0, fixture.places.length - beside);
    expect(image.length).toBe((memory.at(-1)! + 1) * PAGE);
    for (const [index, page] of memory.entries()) {
      const expected = fixture.pages.subarray(index * PAGE, (index + 1) * PAGE);
      expect(image.subarray(page * PAGE, (page + 1) * PAGE).equals(expected)).toBe(true);
    }
  }, 30_000);

  test('cut anywhere, it gives what is whole and says so, or is refused', async () => {
    let told = 0;
    for (let length = fixture.file.length - 1; length > 64; length -= 3001) {
      const cut = fixture.file.subarray(0, length);
      const taken = await takeOutOf(cut, { format: fixture.format as 'elf', at: [] }).catch((error: unknown) => {
        expect((error as Error).message).toMatch(/^cannot read 'bytes': at byte \d+: /);
        return undefined;
      });
      if (taken === undefined) continue;
      told += Number(taken.input.dump.truncated !== undefined);
      // Pages that it gives are those of the whole file, at the same addresses.
      const known = new Map(taken.places.map((place, i) => [place, i]));
      if (taken.input.dump.truncated === undefined || !fixture.places || fixture.format === 'qemu') continue;
      for (const [index, place] of fixture.places.entries()) {
        const page = known.get(place);
        if (page === undefined || fixture.format === 'v86') continue;
        const expected = fixture.pages.subarray(index * PAGE, (index + 1) * PAGE);
        expect(taken.pages.subarray(page * PAGE, (page + 1) * PAGE).equals(expected)).toBe(true);
      }
    }
    if (fixture.format !== 'v86') expect(told).toBeGreaterThan(0);
  });
});

test('what analyze tells of a dump', async () => {
  writeFileSync(at('told.elf'), elf(3).file);
  const found = await analyzeJson([at('told.elf')]);
  expect(found.inputs[0]).toMatchObject({
    bytes: 30 * PAGE,
    extents: 3,
    remainders: [64 + 5 * 56],
    bytesOutside: 64 + 5 * 56 + 4,
    pagesNotInDump: 5,
    pagesRepeated: 0,
  });
  const { out } = await run(['analyze', at('told.elf')]);
  expect(out.replace(/\n\s+/g, ' ')).toMatch(
    /told\.elf: read as elf: 3 extents, whose pages begin at 344 modulo 4096; 348 bytes outside of them .*told\.elf: 5 pages that it names are not in it, and not counted/,
  );
  expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(100);
});

test('facts of the other formats', async () => {
  const facts = async (fixture: Fixture) => (await takeOutOf(fixture.file))!.input.dump.facts;
  // Behind 12 whole pages less 400 bytes, and 11 pages of the third range.
  const third = 3 * 32 + 19 * PAGE - 400;
  expect(await facts(lime(1))).toMatchObject({ extents: 3, remainders: [(64 - 100) & (PAGE - 1), third % PAGE, 32] });
  expect(await facts(qemuStream(1))).toMatchObject({ pagesRepeated: 4 });
  expect(await facts(kdump(1))).toMatchObject({ pagesNotInDump: 2, remainders: [] });
  expect(await facts(kdump(1, { blockBytes: 4 * PAGE }))).toMatchObject({ pagesNotInDump: 8 });
});

/** Node.js has it from 22.15 on; its types of Node 20 do not know it. */
const { zstdCompressSync } = zlib as { zstdCompressSync?: (bytes: Buffer) => Buffer };

(zstdCompressSync ? test : test.skip)('kdump with zstd, where Node.js has it', async () => {
  const fixture = kdump(3, { compress: (page) => ({ flag: 0x20, bytes: zstdCompressSync!(page) }) });
  expect((await takeOutOf(fixture.file))!.pages.equals(fixture.pages)).toBe(true);
});

(zstdCompressSync ? test.skip : test)('without zstd, kdump with it is refused', async () => {
  const fixture = kdump(3, { compress: (page) => ({ flag: 0x20, bytes: page.subarray(0, 100) }) });
  await expect(takeOutOf(fixture.file)).rejects.toThrow(/compressed with zstd, which Node.js has from 22\.15 on$/);
});

test('several packs of dumps leave no part of a file', () => {
  expect(readdirSync(folder).filter((name) => name.endsWith('.part'))).toEqual([]);
});

describe('diff by address', () => {
  test('finds the pages that changed though all have moved', async () => {
    const one = elf(5);
    writeFileSync(at('a.elf'), one.file);
    const pages = Buffer.from(one.pages);
    pages[8 * PAGE + 5] ^= 1;
    const moved = lime(5);
    writeFileSync(at('a.lime'), moved.file);
    const physical = elf(5, { physical: true });
    const changed = Buffer.from(physical.file);
    changed[changed.indexOf(one.pages.subarray(8 * PAGE, 9 * PAGE)) + 5] ^= 1;
    writeFileSync(at('b.elf'), physical.file);
    writeFileSync(at('c.elf'), changed);
    const found = await json(['diff', at('b.elf'), at('c.elf')]);
    expect(found).toMatchObject({
      identical: false,
      images: [{ by: 'address', pages: 1, pagesTotal: 30, ranges: [{ index: 21, count: 1 }] }],
    });
    // LiME has two pages of it in part only.
    const other = await json(['diff', at('b.elf'), at('a.lime')]);
    expect(other.images[0]).toMatchObject({ by: 'address', pages: 2, pagesOnlyInA: 0, pagesOnlyInB: 0 });
    const apart = await json(['diff', at('a.elf'), at('b.elf')]);
    expect(apart.images[0]).toMatchObject({ pages: 60, pagesOnlyInA: 30, pagesOnlyInB: 30, pagesTotal: 60 });
    const { out } = await run(['diff', at('b.elf'), at('c.elf')]);
    expect(out).toMatch(/\(elf, by address\)\n {2}page at 0x15000 {2}1 page\n {2}1 of 30 pages differ\n$/);
  });

  test('a raw image stands at its offsets', async () => {
    const fixture = elf(6, { physical: true });
    const raw = Buffer.alloc(51 * PAGE);
    for (const [index, page] of fixture.places!.entries())
      fixture.pages.copy(raw, page * PAGE, index * PAGE, (index + 1) * PAGE);
    writeFileSync(at('d.elf'), fixture.file);
    writeFileSync(at('d.raw'), raw);
    const found = await json(['diff', at('d.elf'), at('d.raw')]);
    expect(found.images[0]).toMatchObject({ by: 'address', pages: 21, pagesOnlyInA: 0, pagesOnlyInB: 21 });
  });
});
