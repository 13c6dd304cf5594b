/** The sysfs attributes: texts and errors of the kernel, from a table. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { Engine, type Zram } from '../bindings/index.js';

const engine = Engine.createSync();
afterAll(() => engine.destroy());
const fresh = (): Zram => engine.createZram();
const initialised = (): Zram => engine.createZram({ disksize: '1M' });

test.each<[string, string]>([
  ['disksize', '0\n'],
  ['initstate', '0\n'],
  ['comp_algorithm', '[lz4] deflate \n'],
  ['mm_stat', `${Array(10).fill('       0').join(' ')}\n`],
  ['io_stat', '       0        0 0        0\n'],
  ['debug_stat', 'version: 1\n0        0\n'],
  ['use_dedup', '0\n'],
])('%s of a device without a disk', (name, text) => {
  expect(fresh().sysfs.read(name)).toBe(text);
});

describe.each<[string, string, string, string, string]>([
  // attribute, text, result before and after initialisation ('' = done), what is read afterwards
  ['disksize', '1M', '', 'EBUSY', '1048576\n'],
  ['disksize', '5000', '', 'EBUSY', '8192\n'],
  ['disksize', '0x10000\n', '', 'EBUSY', '65536\n'],
  ['disksize', '1Kfoo', '', 'EBUSY', '4096\n'],
  ['disksize', '0', 'EINVAL', 'EINVAL', ''],
  ['disksize', 'abc', 'EINVAL', 'EINVAL', ''],
  ['disksize', '-1', 'EINVAL', 'EINVAL', ''],
  ['comp_algorithm', 'lz4\n', '', 'EBUSY', '[lz4] deflate \n'],
  ['comp_algorithm', 'nope', 'EINVAL', 'EINVAL', ''],
  ['comp_algorithm', ' lz4', 'EINVAL', 'EINVAL', ''],
  ['comp_algorithm', 'x'.repeat(128), 'E2BIG', 'E2BIG', ''],
  ['algorithm_params', 'algo=lz4 level=4', '', '', ''],
  ['algorithm_params', 'level=-5', '', '', ''],
  ['algorithm_params', 'unknown=1', '', '', ''],
  ['algorithm_params', 'level=', 'EINVAL', 'EINVAL', ''],
  ['algorithm_params', 'level=x', 'EINVAL', 'EINVAL', ''],
  ['algorithm_params', 'algo=zstd', 'EINVAL', 'EINVAL', ''],
  ['algorithm_params', 'priority=1', 'EINVAL', 'EINVAL', ''],
  ['mem_limit', '1K', '', '', ''],
  ['mem_limit', '0', '', '', ''],
  ['mem_limit', 'x', 'EINVAL', 'EINVAL', ''],
  ['mem_used_max', '0', '', '', ''],
  ['mem_used_max', '1', 'EINVAL', 'EINVAL', ''],
  ['mem_used_max', '0x0', 'EINVAL', 'EINVAL', ''],
  ['compact', '1', 'EINVAL', '', ''],
  ['compact', '', '', '', ''],
  ['merge', 'x', 'EINVAL', '', ''],
  ['reset', '1', '', '', ''],
  ['reset', '2\n', '', '', ''],
  ['reset', '0', 'EINVAL', 'EINVAL', ''],
  ['reset', 'x', 'EINVAL', 'EINVAL', ''],
  ['reset', '70000', 'ERANGE', 'ERANGE', ''],
  ['use_dedup', '1', '', 'EBUSY', '1\n'],
  ['use_dedup', '2', 'EINVAL', 'EINVAL', ''],
])('%s <- %j', (name, text, before, after, read) => {
  test.each([
    ['before', fresh, before],
    ['after', initialised, after],
  ] as const)(`%s initialisation`, (_when, make, code) => {
    const zram = make();
    const write = (): void => zram.sysfs.write(name, text);
    if (code !== '') expect(write).toThrow(expect.objectContaining({ code }));
    else expect(write).not.toThrow();
    if (make === fresh && read !== '') expect(zram.sysfs.read(name)).toBe(read);
    zram.destroy();
  });
});

test('reading what can only be written, writing what can only be read, and no such attribute', () => {
  const { sysfs } = initialised();
  for (const name of ['mem_limit', 'mem_used_max', 'compact', 'merge', 'reset', 'algorithm_params']) {
    expect(() => sysfs.read(name)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  }
  for (const name of ['mm_stat', 'io_stat', 'debug_stat', 'initstate']) {
    expect(() => sysfs.write(name, '1')).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  }
  for (const name of ['nothing', '', 'toString', '__proto__']) {
    expect(() => sysfs.read(name)).toThrow(expect.objectContaining({ code: 'ENOENT' }));
    expect(() => sysfs.write(name, '1')).toThrow(expect.objectContaining({ code: 'ENOENT' }));
  }
  expect(() => sysfs.write('reset', 1 as unknown as string)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
});

test('list() names every attribute with its mode and a line of help', () => {
  const { sysfs } = fresh();
  const names = sysfs.list().map(({ name }) => name);
  expect(names).toEqual([...names].sort());
  for (const { name, mode, help } of sysfs.list()) {
    expect(help).not.toBe('');
    if (mode.includes('r')) expect(sysfs.read(name)).toMatch(/^$|\n$/); // empty: nothing to list
  }
});

test('limit, merge and mm_stat through sysfs alone', () => {
  const zram = fresh();
  const { sysfs } = zram;
  sysfs.write('mem_limit', '65537');
  sysfs.write('disksize', '64K');
  const page = Uint8Array.from({ length: 4096 }, (_, n) => (n < 1000 ? (n * n) >> 3 : 0));
  zram.writePage(0, page);
  zram.writePage(1, page);
  sysfs.write('merge', '1');
  const columns = sysfs.read('mm_stat').trim().split(/\s+/).map(Number);
  expect(columns).toEqual(Object.values(zram.mmStat).slice(0, 10));
  expect(columns[3]).toBe(65536 + 4096);
  expect(columns[9]).toBe(1);
  sysfs.write('reset', '1');
  expect(sysfs.read('initstate')).toBe('0\n');
});
