/**
 * deflate with pako, and zstd 1.5.7, make the bytes that Linux makes: recorded lengths and checksums. What fflate makes
 * instead, which code an engine has, and the levels that a device takes.
 */
import { crc32, inflateRawSync, inflateSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { Engine, Zram, type Compressor } from '../../bindings/index.js';
import { deflateCompressor } from '../../bindings/compressors/deflate.js';
import { loadPako } from '../../bindings/compressors/pako.js';
import { loadZstd, zstdOfNode } from '../../bindings/compressors/zstd.js';
import { codeOf } from '../support/errors.js';
import { compressorPages, recordedOf } from '../support/compressor-pages.js';
import { PAGE_SIZE } from '../support/pages.js';

/** NAME:LEVEL, and of deflate the window bits if they are not the kernel's default. */
type Column = `deflate:${string}` | `zstd:${string}`;

const recorded = recordedOf<Column>('kernel-deflate-zstd.json');
const pages = compressorPages();
const ZSTD = '1.5.7';

const pako = await loadPako();
const zstdHere = await loadZstd();

function blocksOf(column: Column): Uint8Array[] {
  const [name, level, winbits] = column.split(':');
  const compressor =
    name === 'zstd' ? zstdHere : deflateCompressor(winbits === undefined ? undefined : Number(winbits), () => pako);
  return pages.map(({ page }) => compressor.compress(page, Number(level)));
}

test('every recorded page is made, and pako is here', () => {
  expect(pages.map(({ name }) => name)).toEqual(Object.keys(recorded.pages));
  expect(pako).toBeDefined();
});

describe('recorded', () => {
  const columns = recorded.columns.filter((column) => column.startsWith('deflate') || zstdHere.version === ZSTD);
  const others = recorded.columns.filter((column) => !columns.includes(column));
  if (others.length > 0) test.skip(`zstd is ${zstdHere.version} here, and not ${ZSTD}`, () => undefined);

  test.each(columns)('%s: the lengths', (column) => {
    const n = recorded.columns.indexOf(column);
    const expected = Object.values(recorded.pages).map(({ lengths }) => lengths[n]);
    expect(blocksOf(column).map(({ length }) => length)).toEqual(expected);
  });

  // Node.js has had it since 20.15 and 22.2.
  const testWithCrc32 = typeof crc32 === 'function' ? test : test.skip;
  testWithCrc32.each(recorded.crcColumns.filter((column) => columns.includes(column)))('%s: the bytes', (column) => {
    const n = recorded.crcColumns.indexOf(column);
    const expected = Object.values(recorded.pages).map(({ crcs }) => crcs.split(' ')[n]);
    const blocks = blocksOf(column);
    expect(blocks.map((block) => crc32(block).toString(16).padStart(8, '0'))).toEqual(expected);
  });
});

describe('deflate', () => {
  test.each(['pako', 'fflate'])('%s: every format and level decodes, by zlib as well', (code) => {
    for (const winbits of [undefined, -9, -15, 9, 12, 15]) {
      const compressor = deflateCompressor(winbits, () => (code === 'pako' ? pako : undefined));
      for (const level of [undefined, -1, 0, 1, 6, 9]) {
        for (const { page } of pages.slice(0, 40)) {
          const block = compressor.compress(page, level);
          const inflate = winbits !== undefined && winbits > 0 ? inflateSync : inflateRawSync;
          expect(Buffer.compare(inflate(block), page)).toBe(0);
          expect(Buffer.compare(compressor.decompress(block), page)).toBe(0);
        }
      }
    }
  });

  test('the zlib format is 6 bytes longer; no level and -1 are 6', () => {
    const [raw, zlib] = [-12, 12].map((winbits) => deflateCompressor(winbits, () => pako));
    for (const { page } of pages) {
      const block = raw.compress(page, undefined);
      expect(zlib.compress(page, undefined).subarray(2, -4)).toEqual(block);
      expect(raw.compress(page, -1)).toEqual(block);
      expect(raw.compress(page, 6)).toEqual(block);
    }
  });

  test('an engine uses fflate until pako is loaded, then its devices use pako; what is stored decodes as before', async () => {
    using engine = Engine.createSync();
    const zram = engine.createZram({ disksize: pages.length * PAGE_SIZE, compAlgorithm: 'deflate' });
    const sizes = (): number[] =>
      pages.map(({ page }, n) => {
        zram.writePage(n, page);
        return zram.blockState(n)?.comprSize ?? 0;
      });
    expect(engine.compressorInfo('deflate')).toEqual({ name: 'deflate', code: 'fflate', version: undefined });
    const before = sizes();
    await engine.loadCompressor('deflate');
    expect(engine.compressorInfo('deflate').code).toBe('pako');
    for (const [n, { page }] of pages.entries()) expect(Buffer.compare(zram.readPage(n), page)).toBe(0);
    const after = sizes();
    expect(after).not.toEqual(before);
    const column = recorded.columns.indexOf('deflate:6');
    for (const [n, { name }] of pages.entries()) {
      const length = recorded.pages[name].lengths[column];
      if (after[n] > 0 && !zram.blockState(n)?.same) expect(after[n]).toBe(length >= 3625 ? PAGE_SIZE : length);
    }
    for (const [n, { page }] of pages.entries()) expect(Buffer.compare(zram.readPage(n), page)).toBe(0);
  });

  test('Zram.create loads pako', async () => {
    const column = recorded.columns.indexOf('deflate:9');
    const zram = await Zram.create({ disksize: '1M', compAlgorithm: 'deflate', level: 9 });
    const found = pages.findIndex(({ name }) => name === 'base64');
    zram.writePage(0, pages[found].page);
    expect(zram.mmStat.comprDataSize).toBe(recorded.pages.base64.lengths[column]);
    zram.destroy();
  });

  test.each([-2, 10, 2 ** 31 - 1, -(2 ** 31)])('level %d: EINVAL, at the disksize and not before', (level) => {
    using engine = Engine.createSync();
    const zram = engine.createZram({ compAlgorithm: 'deflate', level });
    expect(codeOf(() => zram.init('1M'))).toBe('EINVAL');
    zram.sysfs.write('algorithm_params', 'level=-1');
    zram.init('1M');
    expect(codeOf(() => zram.sysfs.write('algorithm_params', `level=${level}`))).toBe('EINVAL');
    zram.writePage(0, pages[0].page);
    expect(zram.readPage(0)).toEqual(pages[0].page);
    expect(codeOf(() => engine.createZram({ disksize: '1M', recompAlgorithms: [{ algo: 'deflate', level }] }))).toBe(
      'EINVAL',
    );
  });
});

describe('levels of zstd', () => {
  const total = (zstd: Compressor, level: number | undefined): number =>
    pages.reduce((sum, { page }) => sum + zstd.compress(page, level).length, 0);

  test('0 is 3, beyond either end is the end, and each negative one is its own', () => {
    expect(total(zstdHere, 0)).toBe(total(zstdHere, 3));
    expect(total(zstdHere, undefined)).toBe(total(zstdHere, 3));
    expect(total(zstdHere, 1000)).toBe(total(zstdHere, 22));
    expect(total(zstdHere, -(2 ** 31))).toBe(total(zstdHere, -131072));
    expect(total(zstdHere, -1)).not.toBe(total(zstdHere, 3));
    expect(total(zstdHere, -1)).toBeLessThan(total(zstdHere, -20));
  });

  const own = zstdOfNode();
  const testWithOwn = own?.version === ZSTD ? test : test.skip;
  testWithOwn('those of Node.js are those of the package, -1 included', async () => {
    const { Zstd } = (await import('@hpcc-js/wasm-zstd')) as {
      Zstd: { load(): Promise<{ compress(page: Uint8Array, level: number): Uint8Array; version(): string }> };
    };
    const other = await Zstd.load();
    expect(other.version()).toBe(ZSTD);
    for (const level of [-131072, -20, -5, -2, -1, 1, 3, 15, 22]) {
      for (const { page } of pages) {
        expect(Buffer.compare(own!.compress(page, level), other.compress(page, level))).toBe(0);
      }
    }
  });
});

test('whose code each compressor is', async () => {
  using engine = Engine.createSync();
  await engine.loadCompressor('zstd');
  engine.registerCompressor({ name: 'own', compress: (page) => page, decompress: (page) => page });
  const codes = engine.compressors.map((name) => [name, engine.compressorInfo(name).code]);
  expect(Object.fromEntries(codes)).toEqual({
    ...{ 'lzo-rle': 'zram-wasm', lzo: 'zram-wasm', lz4: 'zram-wasm', lz4hc: 'zram-wasm', deflate: 'fflate' },
    ...{ zstd: zstdOfNode() ? 'Node.js' : '@hpcc-js/wasm-zstd', own: 'registered' },
  });
  expect(engine.compressorInfo('zstd').version).toMatch(/^1\.\d+\.\d+$/);
  expect(codeOf(() => engine.compressorInfo('zip'))).toBe('EINVAL');
  engine.destroy();
  expect(codeOf(() => engine.compressorInfo('lz4'))).toBe('EINVAL');
});
