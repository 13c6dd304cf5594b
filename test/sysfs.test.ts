/** The sysfs attributes: texts and errors of the kernel, from a table. */
import { afterAll, describe, expect, test } from '@jest/globals';
import { Engine, KERNELS, ZramError, type Zram } from '../bindings/index.js';
import { describeWithKernel } from './support/describe-with-kernel.js';
import { writeKernelAttributes } from './support/kernel.js';

const engine = Engine.createSync();
afterAll(() => engine.destroy());
const fresh = (): Zram => engine.createZram();
const initialised = (): Zram => engine.createZram({ disksize: '1M' });

test.each<[string, string]>([
  ['disksize', '0\n'],
  ['initstate', '0\n'],
  ['mm_stat', `${Array(10).fill('       0').join(' ')}\n`],
  ['io_stat', '       0        0 0        0\n'],
  ['debug_stat', 'version: 1\n0        0\n'],
  ['use_dedup', '0\n'],
])('%s of a device without a disk', (name, text) => {
  expect(fresh().sysfs.read(name)).toBe(text);
});

test('comp_algorithm lists the compressors that can be used at once, the chosen one in brackets', () => {
  const zram = fresh();
  const names = KERNELS['6.18'].compressors.filter((name) => engine.compressors.includes(name));
  const text = `${names.join(' ')} \n`;
  expect(zram.sysfs.read('comp_algorithm')).toBe(text.replace(/(?<!\S)lz4(?!\S)/, '[lz4]'));
  zram.sysfs.write('comp_algorithm', 'deflate\n');
  expect(zram.sysfs.read('comp_algorithm')).toBe(text.replace('deflate', '[deflate]'));
});

/** Attribute, text, result before and after initialisation ('' = done), and what is read after it was done before. */
const WRITES: [attribute: string, text: string, before: string, after: string, read: string][] = [
  ['disksize', '1M', '', 'EBUSY', '1048576\n'],
  ['disksize', '1m\n', '', 'EBUSY', '1048576\n'],
  ['disksize', '5000', '', 'EBUSY', '8192\n'],
  ['disksize', '0x10000\n', '', 'EBUSY', '65536\n'],
  ['disksize', '010', '', 'EBUSY', '4096\n'],
  ['disksize', '1Kfoo', '', 'EBUSY', '4096\n'],
  ['disksize', '1.5M', '', 'EBUSY', '4096\n'],
  ['disksize', '0', 'EINVAL', 'EINVAL', ''],
  ['disksize', '0K', 'EINVAL', 'EINVAL', ''],
  ['disksize', 'abc', 'EINVAL', 'EINVAL', ''],
  ['disksize', '-1', 'EINVAL', 'EINVAL', ''],
  ['disksize', '+1M', 'EINVAL', 'EINVAL', ''],
  ['disksize', ' 1M', 'EINVAL', 'EINVAL', ''],
  ['disksize', '\n', 'EINVAL', 'EINVAL', ''],
  ['comp_algorithm', 'lz4\n', '', 'EBUSY', ''],
  ['comp_algorithm', 'nope', 'EINVAL', 'EINVAL', ''],
  ['comp_algorithm', ' lz4', 'EINVAL', 'EINVAL', ''],
  ['comp_algorithm', 'lz4 ', 'EINVAL', 'EINVAL', ''],
  ['comp_algorithm', 'LZ4', 'EINVAL', 'EINVAL', ''],
  ['comp_algorithm', '\n', 'EINVAL', 'EINVAL', ''],
  ['comp_algorithm', 'x'.repeat(127), 'EINVAL', 'EINVAL', ''],
  ['comp_algorithm', `${'x'.repeat(127)}\n`, 'E2BIG', 'E2BIG', ''],
  ['comp_algorithm', 'x'.repeat(128), 'E2BIG', 'E2BIG', ''],
  ['algorithm_params', 'algo=lz4 level=4', '', '', ''],
  ['algorithm_params', 'level=-5', '', '', ''],
  ['algorithm_params', 'level=+4\n', '', '', ''],
  ['algorithm_params', 'priority=0 level=3', '', '', ''],
  ['algorithm_params', 'unknown=1', '', '', ''],
  ['algorithm_params', '\n', '', '', ''],
  ['algorithm_params', 'level', 'EINVAL', 'EINVAL', ''],
  ['algorithm_params', 'level=', 'EINVAL', 'EINVAL', ''],
  ['algorithm_params', 'level=x', 'EINVAL', 'EINVAL', ''],
  ['algorithm_params', 'level=0x10', 'EINVAL', 'EINVAL', ''],
  ['algorithm_params', 'level=4=5', 'EINVAL', 'EINVAL', ''],
  ['algorithm_params', 'level=3000000000', 'ERANGE', 'ERANGE', ''],
  ['algorithm_params', '=4', 'EINVAL', 'EINVAL', ''],
  ['algorithm_params', 'foo=', 'EINVAL', 'EINVAL', ''],
  ['algorithm_params', 'algo=zstd', 'EINVAL', 'EINVAL', ''],
  ['algorithm_params', 'algo=lz4 priority=1', '', '', ''],
  ['algorithm_params', 'priority=9 algo=lz4', '', '', ''],
  ['algorithm_params', 'priority=9', 'EINVAL', 'EINVAL', ''],
  ['algorithm_params', 'deflate.winbits=x', 'EINVAL', 'EINVAL', ''],
  ['algorithm_params', 'priority=-1', 'EINVAL', 'EINVAL', ''],
  ['mem_limit', '1K', '', '', ''],
  ['mem_limit', '4097\n', '', '', ''],
  ['mem_limit', '0x', '', '', ''],
  ['mem_limit', '0', '', '', ''],
  ['mem_limit', 'x', 'EINVAL', 'EINVAL', ''],
  ['mem_limit', '-1', 'EINVAL', 'EINVAL', ''],
  ['mem_limit', ' 1', 'EINVAL', 'EINVAL', ''],
  ['mem_used_max', '0', '', '', ''],
  ['mem_used_max', '+00\n', '', '', ''],
  ['mem_used_max', '1', 'EINVAL', 'EINVAL', ''],
  ['mem_used_max', '0x0', 'EINVAL', 'EINVAL', ''],
  ['mem_used_max', '0 ', 'EINVAL', 'EINVAL', ''],
  ['mem_used_max', '\n', 'EINVAL', 'EINVAL', ''],
  ['compact', '1', 'EINVAL', '', ''],
  ['compact', '\n', 'EINVAL', '', ''],
  ['compact', '', '', '', ''],
  ['reset', '1', '', '', ''],
  ['reset', '2\n', '', '', ''],
  ['reset', '+010', '', '', ''],
  ['reset', '65535', '', '', ''],
  ['reset', '0', 'EINVAL', 'EINVAL', ''],
  ['reset', '-1', 'EINVAL', 'EINVAL', ''],
  ['reset', '0x1', 'EINVAL', 'EINVAL', ''],
  ['reset', '1 ', 'EINVAL', 'EINVAL', ''],
  ['reset', 'x', 'EINVAL', 'EINVAL', ''],
  ['reset', '\n', 'EINVAL', 'EINVAL', ''],
  ['reset', '65536', 'ERANGE', 'ERANGE', ''],
  ['reset', '70000', 'ERANGE', 'ERANGE', ''],
];
/** What the kernel has otherwise: its tables end elsewhere, and merge and use_dedup are not in it. */
const WRITES_OF_OURS: typeof WRITES = [
  ['disksize', '16T', 'EINVAL', 'EBUSY', ''],
  ['disksize', '8E', 'EINVAL', 'EBUSY', ''],
  ['merge', 'x', 'EINVAL', '', ''],
  ['merge', '', '', '', ''],
  ['use_dedup', '1', '', 'EBUSY', '1\n'],
  ['use_dedup', '0\n', '', 'EBUSY', '0\n'],
  ['use_dedup', '2', 'EINVAL', 'EINVAL', ''],
  ['use_dedup', '', '', '', ''],
];

/** All that can be read. */
const readAll = ({ sysfs }: Zram): Record<string, string> =>
  Object.fromEntries(
    sysfs.list().flatMap(({ name, mode }) => (mode.includes('r') ? [[name, sysfs.read(name)] as const] : [])),
  );

/** The name of the error, '' for none. */
function writeTo(zram: Zram, name: string, text: string): string {
  try {
    zram.sysfs.write(name, text);
    return '';
  } catch (error) {
    expect(error).toBeInstanceOf(ZramError);
    const { code, message } = error as ZramError;
    expect(message).toMatch(/^[A-Z0-9]+: [^\n]+\.$/);
    return code;
  }
}

describe.each([...WRITES, ...WRITES_OF_OURS])('%s <- %j', (name, text, before, after, read) => {
  test.each([
    ['before', fresh, before],
    ['after', initialised, after],
  ] as const)(`%s initialisation`, (_when, make, code) => {
    const zram = make();
    const all = readAll(zram);
    expect(writeTo(zram, name, text)).toBe(code);
    if (code !== '') expect(readAll(zram)).toEqual(all);
    else if (make === fresh && read !== '') expect(zram.sysfs.read(name)).toBe(read);
    zram.destroy();
  });
});

describeWithKernel('attributes of the live kernel', () => {
  /** Texts that do not depend on what else the kernel was built with. */
  const both = ({ debug_stat, disksize, initstate, io_stat }: Record<string, string>) => ({
    texts: { debug_stat, disksize, initstate, io_stat },
  });

  test('every write of the table gives the same error, and leaves the same texts to be read', async () => {
    const writes = WRITES.flatMap(([name, text]) => [[name, text, ''] as const, [name, text, '1M'] as const]);
    const kernel = await writeKernelAttributes(writes);
    const ours = writes.map(([name, text, disksize]) => {
      const zram = engine.createZram(disksize === '' ? {} : { disksize });
      const code = writeTo(zram, name, text);
      const { mm_stat, ...texts } = readAll(zram);
      zram.destroy();
      return { name, text, disksize, code, ...both(texts), mm_stat: mm_stat?.slice(0, -' 12345678\n'.length) };
    });
    const theirs = kernel.map(([code, { mm_stat, ...texts }], n) => {
      const [name, text, disksize] = writes[n];
      return { name, text, disksize, code, ...both(texts), mm_stat: mm_stat?.trimEnd() };
    });
    expect(ours).toEqual(theirs);
  }, 300_000);
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
