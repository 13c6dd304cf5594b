import { describe, expect, test } from '@jest/globals';

import { findResident, isSwappable, PageRuns, parseSmaps, SharedPages } from '../../cli/page-list.js';

/** Lines of smaps: mappings, and below each the bytes that were written and the size of its pages. */
const smaps = (...mappings: [line: string, anonymous: number, pageSize?: number][]): string =>
  mappings
    .map(
      ([line, anonymous, pageSize = 4]) =>
        `${line}\nSize:            1234 kB\nKernelPageSize:  ${pageSize} kB\nMMUPageSize:     4 kB\nRss:   8 kB\n` +
        `Anonymous:      ${anonymous} kB\nAnonHugePages:      0 kB\nVmFlags: rd mr mw me ac sd \n`,
    )
    .join('');

const SMAPS = smaps(
  ['55d0c8a00000-55d0c8a02000 r--p 00000000 fe:00 260131                     /usr/bin/with space', 0],
  ['55d0c8c00000-55d0c8c21000 rw-p 00000000 00:00 0                          [heap]', 132],
  ['7f0000000000-7f0000400000 rw-s 00002000 00:01 1024                       /dev/zero (deleted)', 0],
  ['7f1000000000-7f1000001000 rw-p 00000000 00:00 0 ', 4],
  ['7f1000001000-7f1000002000 ---p 00000000 00:00 0 ', 0],
  ['7f2000000000-7f2000001000 r--p 00000000 00:00 0                          [anon:v8]', 4],
  ['7f3000000000-7f3000001000 rw-p 00001000 fe:00 99                         /usr/lib/libc.so.6', 4],
  ['7f4000000000-7f4000200000 rw-p 00000000 00:00 0                          /anon_hugepage (deleted)', 2048, 2048],
  ['7f5000000000-7f5000001000 rw-s 00000000 fe:00 77                         /var/lib/file', 0],
  ['7ffd00000000-7ffd00021000 rw-p 00000000 00:00 0                          [stack]', 20],
  ['7ffd00030000-7ffd00034000 r--p 00000000 00:00 0                          [vvar]', 0],
  ['ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0                  [vsyscall]', 0],
);

describe('parseSmaps', () => {
  test('reads every mapping, with spaces in a path and without a path', () => {
    const mappings = parseSmaps(SMAPS);
    expect(mappings).toHaveLength(12);
    expect(mappings[0]).toEqual({
      start: 0x55d0c8a00000,
      end: 0x55d0c8a02000,
      permissions: 'r--p',
      offset: 0,
      object: 'fe:00 260131',
      path: '/usr/bin/with space',
      anonymousBytes: 0,
      pageBytes: 4096,
    });
    expect(mappings[2]).toMatchObject({ offset: 0x2000, object: '00:01 1024' });
    expect(mappings[3]).toMatchObject({ permissions: 'rw-p', path: '', anonymousBytes: 4096 });
    expect(mappings[7]).toMatchObject({ pageBytes: 2 ** 21 });
  });

  test('a process without mappings has none', () => {
    expect(parseSmaps('')).toEqual([]);
  });
});

test('isSwappable takes what was written to privately, and shared memory without a file', () => {
  const taken = parseSmaps(SMAPS).filter((mapping) => isSwappable(mapping, 4096));
  expect(taken.map(({ start }) => start.toString(16))).toEqual([
    '55d0c8c00000',
    '7f0000000000',
    '7f1000000000',
    '7f2000000000',
    '7f3000000000',
    '7ffd00000000',
  ]);
});

test('SharedPages lists each page of each object once', () => {
  const shared = new SharedPages();
  const pages = [0, 7, 8, 4095, 4096, 2 ** 40];
  for (const page of pages) expect(shared.take('00:01 5', page)).toBe(true);
  for (const page of pages) expect(shared.take('00:01 5', page)).toBe(false);
  expect(shared.take('00:01 6', 7)).toBe(true);
  expect(shared.take('00:01 5', 9)).toBe(true);
});

describe('findResident', () => {
  const PRESENT = 1n << 63n;
  const SWAPPED = 1n << 62n;
  const SHARED = 1n << 61n;
  const SOFT_DIRTY = 1n << 55n;

  function runs(...entries: bigint[]): [number, number][] {
    return runsOf(false, ...entries);
  }

  function runsOf(shared: boolean, ...entries: bigint[]): [number, number][] {
    const bytes = new Uint8Array(BigUint64Array.from(entries).buffer);
    const found: [number, number][] = [];
    findResident(bytes, entries.length, shared, (first, count) => found.push([first, count]));
    return found;
  }

  test('finds runs of pages that are present and anonymous', () => {
    expect(runs(0n, PRESENT, PRESENT | SOFT_DIRTY | 0x1234n, 0n, PRESENT)).toEqual([
      [1, 2],
      [4, 1],
    ]);
  });

  test('leaves out swapped pages, and pages of files or shared memory', () => {
    expect(runs(SWAPPED, PRESENT | SHARED, PRESENT, SWAPPED | SHARED)).toEqual([[2, 1]]);
  });

  test('of shared memory, finds those alone', () => {
    expect(runsOf(true, PRESENT, PRESENT | SHARED, PRESENT | SHARED, SWAPPED | SHARED)).toEqual([[1, 2]]);
  });

  test('a run may take in the first and the last entry', () => {
    expect(runs(PRESENT, PRESENT)).toEqual([[0, 2]]);
    expect(runs()).toEqual([]);
  });
});

describe('PageRuns', () => {
  const PAGE = 4096;

  test('joins pages that follow each other', () => {
    const runs = new PageRuns();
    runs.add(10 * PAGE, 2);
    runs.add(12 * PAGE, 3);
    runs.add(20 * PAGE, 1);
    expect(runs.length).toBe(2);
    expect([runs.addressAt(0), runs.pagesAt(0)]).toEqual([10 * PAGE, 5]);
    expect(runs.pageCount).toBe(6);
  });

  test('does not join over the border of two mappings, so that one of them can be taken back', () => {
    const runs = new PageRuns();
    runs.add(10 * PAGE, 2);
    const border = runs.startMapping();
    runs.add(12 * PAGE, 3);
    runs.add(15 * PAGE, 1);
    runs.truncate(border);
    expect(runs.length).toBe(1);
    expect(runs.pageCount).toBe(2);
  });

  test('holds many runs, and addresses near the end of the address space exactly', () => {
    const runs = new PageRuns();
    const base = 2 ** 47 - 2 ** 33;
    for (let i = 0; i < 1000; i++) runs.add(base + i * 2 * PAGE, 1);
    expect(runs.length).toBe(1000);
    expect(runs.addressAt(999)).toBe(base + 1998 * PAGE);
  });
});
