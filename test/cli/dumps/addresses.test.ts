/**
 * Dumps that name a page in parts, the same addresses again, or the same bytes for other addresses: each page is one,
 * has all its bytes, and comes in the order of addresses. And files whose fields lead far beyond their ends.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { Reader } from '../../../cli/dumps/reader.js';
import { CliError } from '../../../cli/errors.js';
import { Random } from '../../support/random.js';
import { image, PAGE } from '../page-images.js';
import { run } from '../run.js';
import { elfHead, kdump, type ElfSegment } from './builders.js';
import { BytesSource, takeOutOf, type Taken } from './reading.js';
import { u32, u64 } from './words.js';

let folder: string;
const at = (...parts: string[]): string => join(folder, ...parts);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'zram-wasm-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const MEMORY = image(new Random(3, 'addresses'), 12);

/** Parts of the memory: where each begins and ends. */
type Parts = readonly (readonly [from: number, to: number])[];

const limeOf = (parts: Parts): Buffer =>
  Buffer.concat(
    parts.flatMap(([from, to]) => [
      ...[0x4c694d45, 1].map((n) => u32(n)),
      ...[from, to - 1, 0].map((n) => u64(n)),
      MEMORY.subarray(from, to),
    ]),
  );

/** A machine's, by physical addresses. */
function elfOf(parts: Parts): Buffer {
  let offset = 64 + 56 * parts.length;
  const segments: ElfSegment[] = parts.map(([from, to]) => {
    const segment = { offset, vaddr: 0, paddr: from, filesz: to - from };
    offset += to - from;
    return segment;
  });
  return Buffer.concat([elfHead(segments), ...parts.map(([from, to]) => MEMORY.subarray(from, to))]);
}

const CASES: readonly (readonly [string, Parts])[] = [
  [
    'two ranges have a page together',
    [
      [PAGE, 3 * PAGE + 1000],
      [3 * PAGE + 1000, 12 * PAGE],
    ],
  ],
  [
    'four ranges have a page together, and one of them none else',
    [
      [PAGE + 7, 2 * PAGE + 100],
      [2 * PAGE + 100, 2 * PAGE + 300],
      [2 * PAGE + 2000, 2 * PAGE + 3000],
      [2 * PAGE + 3500, 4 * PAGE],
    ],
  ],
  [
    'ranges overlap, and one lies in another',
    [
      [6 * PAGE, 9 * PAGE],
      [PAGE, 5 * PAGE],
      [3 * PAGE, 7 * PAGE + 50],
      [2 * PAGE, 3 * PAGE],
    ],
  ],
  [
    'a range comes twice',
    [
      [0, 3 * PAGE],
      [0, 3 * PAGE],
    ],
  ],
];

describe.each([
  ['lime', limeOf],
  ['elf', elfOf],
])('%s', (format, fileOf) => {
  test.each(CASES)('%s', async (_, parts) => {
    const expected = Buffer.alloc(MEMORY.length);
    const named = new Set<number>();
    for (const [from, to] of parts) {
      MEMORY.copy(expected, from, from, to);
      for (let page = Math.floor(from / PAGE); page * PAGE < to; page++) named.add(page);
    }
    const file = fileOf(parts);
    const { input, pages, places } = (await takeOutOf(file)) as Taken;
    expect(places).toEqual([...named].sort((a, b) => a - b));
    for (const [index, page] of places.entries())
      expect(
        pages.subarray(index * PAGE, (index + 1) * PAGE).equals(expected.subarray(page * PAGE, (page + 1) * PAGE)),
      ).toBe(true);
    const { dump } = input;
    expect(dump.pages).toBe(places.length);
    const bytes = parts.reduce((sum, [from, to]) => sum + to - from, 0);
    expect(dump.facts).toMatchObject({ format, bytesOutside: file.length - bytes });
    const there = places.length * PAGE - dump.bytesPadded;
    expect(dump.facts.pagesRepeated).toBe(Math.floor((bytes - there) / PAGE));

    writeFileSync(at('dump'), file);
    writeFileSync(at('raw'), expected.subarray(0, (places.at(-1)! + 1) * PAGE));
    const compared = JSON.parse((await run(['diff', at('dump'), at('raw'), '--json'])).out);
    // Of a raw image, there are also the pages that no range names.
    const onlyRaw = places.at(-1)! + 1 - places.length;
    expect(compared.images[0]).toMatchObject({ by: 'address', pages: onlyRaw, pagesOnlyInA: 0, pagesOnlyInB: onlyRaw });
    expect((await run(['pack', '--memory', at('dump'), '-o', at('memory.zram')])).status).toBe(0);
    expect((await run(['pack', at('dump'), '-o', at('dump.zram')])).status).toBe(0);
    expect((await run(['unpack', at('memory.zram'), '-o', at('memory'), '--force'])).status).toBe(0);
    expect((await run(['unpack', at('dump.zram'), '-o', at('file'), '--force'])).status).toBe(0);
    expect(readFileSync(at('memory', 'dump')).equals(readFileSync(at('raw')))).toBe(true);
    expect(readFileSync(at('file', 'dump')).equals(file)).toBe(true);
  });
});

test('segments that name the same bytes for other physical addresses take them once', async () => {
  const segments = Array.from({ length: 20_000 }, (_, i) => ({
    offset: 2_000_000,
    vaddr: 0,
    paddr: (i + 1) * 50 * PAGE,
    filesz: 40 * PAGE,
  }));
  const { input, pages } = (await takeOutOf(Buffer.concat([elfHead(segments), Buffer.alloc(1_100_000, 7)])))!;
  expect(pages.length).toBe(40 * PAGE);
  expect(input.dump.facts.pagesRepeated).toBe(40 * 19_999);
});

describe('fields that lead beyond the end', () => {
  const far = (name: string): Buffer =>
    name === 'elf'
      ? Buffer.concat([elfHead([], { shoff: 2 ** 52, count: 0xffff }), Buffer.alloc(2 * PAGE)])
      : Buffer.concat([Buffer.from('QEVM'), u32(3, true), Buffer.from([7]), u32(0xfffffff0, true), Buffer.alloc(PAGE)]);

  test.each([
    ['elf', /^at byte 4503599627370540: the file ends inside section header 0\n$/],
    ['qemu', /^at byte 4294967293: the stream has no section of memory\n$/],
  ])('%s: the same is told of a file, a pipe and an image of a pack', async (name, told) => {
    const file = far(name);
    writeFileSync(at('far'), file);
    writeFileSync(at('other'), 'other');
    const reasonOf = ({ status, err }: { status: number; err: string }) => {
      expect(status).toBe(1);
      return err.replace(/^zram-wasm: cannot read '[^']*': /, '');
    };
    expect(reasonOf(await run(['analyze', at('far')]))).toMatch(told);
    async function* stdin(): AsyncGenerator<Uint8Array> {
      yield file;
    }
    expect(reasonOf(await run(['analyze', '-'], { stdin: stdin() }))).toMatch(told);
    expect((await run(['pack', at('far'), '--format', 'raw', '-o', at('far.zram')])).status).toBe(0);
    expect(reasonOf(await run(['diff', at('other'), at('far.zram')]))).toMatch(told);
  });
});

test('a dump of LiME on a device ends where its ranges do', async () => {
  const file = Buffer.concat([limeOf([[0, 3 * PAGE]]), Buffer.alloc(5 * PAGE, 1)]);
  const { input, pages } = (await takeOutOf(file, { format: 'auto', at: [] }, false))!;
  expect(pages.equals(MEMORY.subarray(0, 3 * PAGE))).toBe(true);
  expect(input.dump.truncated).toBeUndefined();
  await expect(takeOutOf(file)).rejects.toThrow(CliError);
});

(process.platform === 'linux' ? test : test.skip)('a diff that fails leaves no file open', async () => {
  const { file } = kdump(5);
  const broken = Buffer.from(file);
  // Of the first page: its place is in its descriptor.
  broken.fill(0xff, Number(file.readBigUInt64LE(4 * PAGE)), Number(file.readBigUInt64LE(4 * PAGE)) + 4);
  broken.writeUInt32LE(1, 4 * PAGE + 12);
  broken.writeUInt32LE(100, 4 * PAGE + 8);
  writeFileSync(at('broken'), broken);
  writeFileSync(at('whole'), file);
  expect((await run(['pack', at('broken'), '-o', at('broken.zram')])).status).toBe(0);
  const open = () => readdirSync('/proc/self/fd').length;
  const before = open();
  for (let n = 0; n < 5; n++) {
    const { err } = await run(['diff', at('broken.zram'), at('whole')]);
    expect(err).toMatch(/a page cannot be decompressed/);
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
  expect(open()).toBe(before);
});

test('pages in no order do not cost a window each, and those in order few reads', async () => {
  const source = new BytesSource(Buffer.alloc(2000 * 4104, 1));
  let [bytes, reads] = [0, 0];
  const counting = {
    name: 'counting',
    bytes: source.bytes,
    read: async (offset: number, out: Uint8Array) => {
      bytes += out.length;
      reads += 1;
      return source.read(offset, out);
    },
    close: () => source.close(),
  };
  const reader = new Reader(counting);
  for (let page = 1999; page >= 0; page--) await reader.exactly(page * 4104 + 8, PAGE, 'a page');
  expect(bytes).toBeLessThan(2000 * 3 * PAGE);
  reads = 0;
  for (let page = 0; page < 2000; page++) await reader.exactly(page * 4104 + 8, PAGE, 'a page');
  expect(reads).toBeLessThan(60);
});

test('kdump with 32-bit words, whose number of page frames looks like the size of a block', async () => {
  const { file, pages } = kdump(6);
  const narrow = Buffer.from(file);
  file.copy(narrow, 412, 424, 444);
  narrow.fill(0, 432, 444);
  narrow.writeUInt32LE(8192, 428);
  expect((await takeOutOf(narrow))!.pages.equals(pages)).toBe(true);
});
