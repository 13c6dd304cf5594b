/** The attributes that compressors, writeback and idle marks add, from a table: texts, errors, before and after the disk. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { Engine, KERNELS, MemoryBacking, ZramError, type Zram } from '../../bindings/index.js';

const PAGE_SIZE = 4096;
const folder = mkdtempSync(join(tmpdir(), 'zram-wasm-attributes-'));
const file = join(folder, 'a=b');
writeFileSync(file, new Uint8Array(4 * PAGE_SIZE));
writeFileSync(join(folder, 'small'), 'x');
const engine = Engine.createSync();
afterAll(() => {
  engine.destroy();
  rmSync(folder, { recursive: true });
});

function resultOf(call: () => unknown): unknown {
  try {
    call();
    return '';
  } catch (error) {
    if (error instanceof ZramError) return error.code;
    throw error;
  }
}

/** A line of the compressors' names, in the kernel's order. Newer versions of Node have zstd. */
const names = KERNELS['6.18'].compressors.filter((name) => engine.compressors.includes(name));
const line = (chosen: string) => `${names.map((n) => (n === chosen ? `[${n}] ` : `${n} `)).join('')}\n`;

/** With secondary compressors and a backing. */
const full = (): Zram => engine.createZram({ recompAlgorithms: ['deflate'], backing: new MemoryBacking(8) });
const bare = (): Zram => engine.createZram();

describe.each<[string, string, () => Zram, string, string, string?]>([
  // attribute, text, device, result before and after initialisation ('' = done), what is read afterwards
  ['algorithm_params', 'algo=deflate level=9', full, '', ''],
  ['algorithm_params', 'priority=1 level=9', full, '', ''],
  ['algorithm_params', 'priority=2 level=9', full, 'EINVAL', 'EINVAL'],
  ['algorithm_params', 'priority=4', full, 'EINVAL', 'EINVAL'],
  ['algorithm_params', 'priority=-1', full, 'EINVAL', 'EINVAL'],
  ['algorithm_params', `priority=1 dict=${file}`, full, '', ''],
  ['algorithm_params', `dict=${file}`, full, 'EOPNOTSUPP', 'EOPNOTSUPP'],
  ['algorithm_params', 'priority=1 dict=/does/not/exist', full, 'EINVAL', 'EINVAL'],
  ['algorithm_params', 'priority=1 deflate.winbits=12', full, '', ''],
  ['algorithm_params', 'priority=1 deflate.winbits=99', full, 'EINVAL', 'EINVAL'],
  ['backing_dev', file, bare, '', 'EBUSY', `${file}\n`],
  ['backing_dev', `${file}\n`, full, '', 'EBUSY', `${file}\n`],
  ['backing_dev', '/does/not/exist', bare, 'ENOENT', 'EBUSY', 'none\n'],
  ['backing_dev', folder, bare, 'EINVAL', 'EBUSY', 'none\n'],
  ['backing_dev', join(folder, 'small'), bare, 'EINVAL', 'EBUSY', 'none\n'],
  ['bd_stat', '0', full, 'EINVAL', 'EINVAL', '       0        0        0\n'],
  ['block_state', '0', full, 'EINVAL', 'EINVAL', ''],
  ['idle', 'all', full, 'EINVAL', ''],
  ['idle', 'all\n', full, 'EINVAL', ''],
  ['idle', '3600', full, 'EINVAL', ''],
  ['idle', 'some', full, 'EINVAL', 'EINVAL'],
  ['idle', '-1', full, 'EINVAL', 'EINVAL'],
  ['recomp_algorithm', 'algo=lz4 priority=2', full, '', 'EBUSY', `#1: ${line('deflate')}#2: ${line('lz4')}`],
  ['recomp_algorithm', 'algo=lz4', full, '', 'EBUSY', `#1: ${line('lz4')}`],
  ['recomp_algorithm', 'priority=1', full, 'EINVAL', 'EINVAL', `#1: ${line('deflate')}`],
  ['recomp_algorithm', 'algo=lz4 priority=0', full, 'EINVAL', 'EINVAL'],
  ['recomp_algorithm', 'algo=lz4 priority=4', full, 'EINVAL', 'EINVAL'],
  ['recomp_algorithm', 'algo=nope', full, 'EINVAL', 'EINVAL'],
  ['recomp_algorithm', `algo=${'x'.repeat(128)}`, full, 'E2BIG', 'E2BIG'],
  ['recompress', '\n', full, 'EINVAL', ''],
  ['recompress', 'type=idle threshold=3000 max_pages=7', full, 'EINVAL', ''],
  ['recompress', 'algo=deflate priority=1 unknown=1', full, 'EINVAL', ''],
  ['recompress', 'threshold=3625', full, 'EINVAL', 'EINVAL'],
  ['recompress', 'priority=3', full, 'EINVAL', 'EINVAL'],
  ['recompress', 'type=huge', bare, 'EINVAL', 'EINVAL'],
  ['writeback', 'huge', full, 'EINVAL', ''],
  ['writeback', 'huge', bare, 'EINVAL', 'ENODEV'],
  ['writeback', 'type=huge_idle', full, 'EINVAL', ''],
  ['writeback', 'incompressible', full, 'EINVAL', ''],
  ['writeback', 'page_index=255', full, 'EINVAL', ''],
  ['writeback', 'page_index=256', full, 'EINVAL', 'ERANGE'],
  ['writeback', 'page_indexes=1-100 page_indexes=4-4', full, 'EINVAL', ''],
  ['writeback', 'page_indexes=4', full, 'EINVAL', 'EINVAL'],
  ['writeback', 'all', full, 'EINVAL', 'EINVAL'],
  ['writeback_limit', '400\n', full, '', '', '400\n'],
  ['writeback_limit', '-1', full, 'EINVAL', 'EINVAL', '0\n'],
  ['writeback_limit', 'x', full, 'EINVAL', 'EINVAL', '0\n'],
  ['writeback_limit_enable', '1', full, '', '', '1\n'],
  ['writeback_limit_enable', 'y', full, 'EINVAL', 'EINVAL', '0\n'],
])('%s <- %j', (name, text, make, before, after, read) => {
  test.each([
    ['before', before],
    ['after', after],
  ])('%s there is a disk', (when, expected) => {
    const zram = make();
    if (when === 'after') zram.init('1M');
    expect(resultOf(() => zram.sysfs.write(name, text))).toBe(expected);
    if (read !== undefined && when === 'before') expect(zram.sysfs.read(name)).toBe(read);
    zram.destroy();
  });
});

test.each(['algorithm_params', 'compact', 'idle', 'merge', 'recompress', 'reset', 'writeback'])(
  '%s cannot be read',
  (name) => {
    expect(resultOf(() => full().sysfs.read(name))).toBe('EINVAL');
  },
);

test('the list has every attribute of a kernel built with all options, and what can be done with it', () => {
  const { sysfs } = full();
  const list = sysfs.list();
  const modes = Object.fromEntries(list.map(({ name, mode }) => [name, mode]));
  expect(modes).toEqual({
    ...{ algorithm_params: 'w', backing_dev: 'rw', bd_stat: 'r', block_state: 'r', comp_algorithm: 'rw', compact: 'w' },
    ...{ debug_stat: 'r', disksize: 'rw', idle: 'w', initstate: 'r', io_stat: 'r', mem_limit: 'w', mem_used_max: 'w' },
    ...{ merge: 'w', mm_stat: 'r', recomp_algorithm: 'rw', recompress: 'w', reset: 'w', use_dedup: 'rw' },
    ...{ writeback: 'w', writeback_limit: 'rw', writeback_limit_enable: 'rw' },
  });
  expect(list.map(({ name }) => name)).toEqual(list.map(({ name }) => name).sort());
  for (const { help } of list) expect(help).toMatch(/^\S.{9,110}$/);
  for (const { name, mode } of list) if (mode !== 'w') expect(typeof sysfs.read(name)).toBe('string');
});

test('reset takes backing, secondary compressors, marks and limits away', () => {
  const zram = full();
  zram.init('1M');
  zram.sysfs.write('writeback_limit', '5');
  zram.sysfs.write('writeback_limit_enable', '1');
  zram.sysfs.write('reset', '1');
  const read = (name: string) => zram.sysfs.read(name);
  expect(['backing_dev', 'recomp_algorithm', 'writeback_limit', 'writeback_limit_enable'].map(read)).toEqual([
    ...['none\n', '', '0\n', '0\n'],
  ]);
});

test('a file as backing_dev: pages go there and come back, and it stays when the device ends', () => {
  const zram = engine.createZram();
  zram.sysfs.write('backing_dev', file);
  zram.init('1M');
  const page = crypto.getRandomValues(new Uint8Array(PAGE_SIZE));
  zram.writePage(9, page);
  zram.sysfs.write('writeback', 'huge');
  expect(zram.readPage(9)).toEqual(page);
  expect(zram.sysfs.read('bd_stat')).toBe('       1        1        1\n');
  zram.destroy();
  const again = engine.createZram();
  again.sysfs.write('backing_dev', file);
  again.destroy();
});
