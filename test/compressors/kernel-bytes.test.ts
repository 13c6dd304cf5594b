/**
 * lzo, lzo-rle and lz4hc make the bytes that Linux makes: recorded lengths and checksums, and what other programs of the machine say.
 */
import { crc32 } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { Zram } from '../../bindings/index.js';
import { compressorPages, recordedOf } from '../support/compressor-pages.js';
import { BareCompressors, type Algorithm } from '../support/compressors.js';
import { BUILDS } from '../support/raw-core.js';
import { PAGE_SIZE } from '../support/pages.js';
import { referenceDecode } from '../support/reference-lz4.js';
import { referenceLzo } from '../support/reference-lzo.js';

const recorded = recordedOf<Algorithm>('kernel-compressors.json');
const pages = compressorPages();

test('every recorded page is made', () => {
  expect(pages.map(({ name }) => name)).toEqual(Object.keys(recorded.pages));
});

describe.each(BUILDS)('the %s build', (build) => {
  const module = new BareCompressors(build);
  const blocks = (algorithm: Algorithm): Uint8Array[] => pages.map(({ page }) => module.compress(algorithm, page));

  test.each(recorded.columns)('%s: the lengths', (algorithm) => {
    const column = recorded.columns.indexOf(algorithm);
    const expected = Object.values(recorded.pages).map(({ lengths }) => lengths[column]);
    expect(blocks(algorithm).map(({ length }) => length)).toEqual(expected);
  });

  // Node.js has had it since 20.15 and 22.2.
  const testWithCrc32 = typeof crc32 === 'function' ? test : test.skip;
  testWithCrc32.each(recorded.crcColumns)('%s: the bytes', (algorithm) => {
    const column = recorded.crcColumns.indexOf(algorithm);
    const expected = Object.values(recorded.pages).map(({ crcs }) => crcs.split(' ')[column]);
    expect(blocks(algorithm).map((block) => crc32(block).toString(16).padStart(8, '0'))).toEqual(expected);
  });

  test.each(recorded.columns)('%s: decoders written from the formats make the pages of them', (algorithm) => {
    for (const [n, block] of blocks(algorithm).entries()) {
      const { page } = pages[n];
      const decoded = algorithm.startsWith('lzo') ? referenceLzo(block) : referenceDecode(block, PAGE_SIZE);
      expect(Buffer.compare(decoded!, page)).toBe(0);
      if (algorithm.startsWith('lzo')) expect(Buffer.compare(module.decodeLzo(block)!, page)).toBe(0);
    }
  });

  test('levels of lz4hc: below 1 is 9, above 16 is 16', () => {
    for (const { page } of pages.slice(0, 60)) {
      const lengths = [-(2 ** 31), -1, 0, 9, 16, 17, 2 ** 31 - 1].map(
        (level) => module.compress(`lz4hc:${level}`, page).length,
      );
      expect(new Set(lengths.slice(0, 4)).size).toBe(1);
      expect(new Set(lengths.slice(4)).size).toBe(1);
    }
  });
});

test('a device counts them: a huge page where the length is 3625 or more, nothing for one that is the same throughout', async () => {
  for (const algorithm of ['lzo', 'lzo-rle', 'lz4hc:3'] as const) {
    const [compAlgorithm, level] = algorithm.split(':');
    const zram = await Zram.create({
      ...{ disksize: pages.length * PAGE_SIZE, compAlgorithm, level: level === undefined ? undefined : Number(level) },
    });
    const column = recorded.columns.indexOf(algorithm);
    let [size, huge, same] = [0, 0, 0];
    for (const [n, { name, page }] of pages.entries()) {
      zram.writePage(n, page);
      const length = recorded.pages[name].lengths[column];
      if (page.every((byte, at) => byte === page[at % 8])) same++;
      else if (length >= 3625) huge++;
      else size += length;
      expect([name, zram.mmStat.comprDataSize]).toEqual([name, size + huge * PAGE_SIZE]);
    }
    expect(zram.mmStat).toMatchObject({ samePages: same, hugePages: huge });
    for (const [n, { page }] of pages.entries()) expect(Buffer.compare(zram.readPage(n), page)).toBe(0);
    zram.destroy();
  }
});
