/** Maps of dumps in packs: every byte of the file has one place on the device, pages begin on pages, and no bad map is taken. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { Zram } from '../../../bindings/index.js';
import { Extents, NO_PAGE, PLAIN, ZEROS } from '../../../cli/dumps/extents.js';
import { ImageMap } from '../../../cli/image-map.js';
import { Random } from '../../support/random.js';
import { PAGE } from '../page-images.js';
import { run } from '../run.js';
import { elf } from './builders.js';

/** Extents with gaps between them, in any order; some overlap. */
const layouts = fc
  .array(
    fc.record({
      gap: fc.oneof(fc.constant(8), fc.integer({ min: -300, max: 9000 })),
      bytes: fc.oneof(fc.constant(PAGE), fc.integer({ min: 1, max: 20_000 })),
      shift: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: PAGE - 1 })),
      isZeros: fc.boolean(),
    }),
    { maxLength: 12 },
  )
  .map((list) => {
    const extents = new Extents();
    let [at, end] = [0, 0];
    for (const { gap, bytes, shift, isZeros } of list) {
      const offset = Math.max(0, at + gap);
      at = offset + bytes;
      end = Math.max(end, at);
      extents.add({ offset, bytes, shift, page: NO_PAGE, space: 0, encoding: PLAIN });
      if (isZeros) extents.add({ offset: -1, bytes: 99, shift: 0, page: 5, space: 0, encoding: ZEROS });
    }
    return { extents, end };
  });

describe('ImageMap', () => {
  test('has no more extents than a dump can have', () => {
    const numberBytes = (value: number): number[] =>
      value < 0x80 ? [value] : [(value % 0x80) + 0x80, ...numberBytes(Math.floor(value / 0x80))];
    const mapOf = (count: number): ImageMap | undefined => {
      const text = Buffer.from([0, 1, 0, ...numberBytes(count)]).toString('base64');
      return ImageMap.decode(text, count, count * PAGE);
    };
    expect(mapOf(2 ** 26)?.deviceBytes).toBe(2 ** 26 * PAGE);
    expect(mapOf(2 ** 26 + 1)).toBeUndefined();
  });

  test('lays out every byte once, and finds it there', () => {
    let maps = 0;
    fc.assert(
      fc.property(layouts, fc.nat(5000), fc.nat(), ({ extents, end }, tail, seed) => {
        const random = new Random(seed);
        if (!ImageMap.isNeeded(extents)) return;
        const made = ImageMap.of(extents, end + tail);
        maps += 1;
        const map = ImageMap.decode(made.encode(), end + tail, made.deviceBytes)!;
        const file = Buffer.from(Uint32Array.from({ length: Math.ceil(map.bytes / 4) }, (_, i) => i + 1).buffer);
        const device = Buffer.alloc(map.deviceBytes);
        let at = 0;
        for (const piece of map.layout()) {
          if (piece.at >= 0) file.copy(device, at, piece.at, piece.at + piece.length);
          at += piece.length;
        }
        expect(at).toBeLessThanOrEqual(map.deviceBytes);
        expect(map.deviceBytes % PAGE).toBe(0);
        const read = (from: number, to: number) =>
          Buffer.concat([...map.pieces(from, to)].map((piece) => device.subarray(piece.at, piece.at + piece.length)));
        expect(read(0, map.bytes).equals(file.subarray(0, map.bytes))).toBe(true);
        for (let from = 0; from < map.bytes; from += random.between(1, 30_000)) {
          const to = Math.min(map.bytes, from + random.below(30_000));
          expect(read(from, to).equals(file.subarray(from, to))).toBe(true);
        }
        // The first extent begins where its address says.
        const [first] = [...extents].filter(({ encoding }) => encoding === PLAIN).sort((a, b) => a.offset - b.offset);
        const [piece] = map.pieces(first.offset, first.offset + 1);
        expect(piece.at).toBe(first.shift);
      }),
      { numRuns: 300 },
    );
    expect(maps).toBeGreaterThan(100);
  });

  test('of pages that are aligned anyway none is needed', () => {
    const extents = new Extents();
    extents.addPlain(PAGE, 5 * PAGE, 0n);
    expect(ImageMap.isNeeded(extents)).toBe(false);
  });

  test('a million pages alike take a few bytes', () => {
    const extents = new Extents();
    for (let page = 0; page < 1_000_000; page++) extents.addPlain(100 + page * 4104, PAGE);
    const map = ImageMap.of(extents, 100 + 1_000_000 * 4104);
    expect(map.encode().length).toBeLessThan(40);
    expect([...map.pieces(4104 * 999_999 + 100, 4104 * 999_999 + 101)]).toEqual([{ at: 999_999 * PAGE, length: 1 }]);
  });

  test('of more runs than its text can hold none is made', () => {
    const extents = new Extents();
    for (let page = 0; page < 1000; page++) extents.addPlain(page * 9000 + (page % 2), PAGE);
    const { length } = ImageMap.of(extents, 10_000_000).encode();
    expect(ImageMap.fits(extents, length)).toBe(true);
    expect(ImageMap.fits(extents, 5000)).toBe(false);
    expect(ImageMap.fits(new Extents(), 0)).toBe(true);
  });

  test('no text but a map that fits makes one', () => {
    const map = ImageMap.of(new ExtentsOf([100, 2 * PAGE]), 10_000);
    const text = map.encode();
    expect(ImageMap.decode(text, 10_000, map.deviceBytes)).toBeDefined();
    for (const wrong of [undefined, 7, '', `${text}AA`, 'gICAgICAgICAgIA=', text.slice(2)])
      expect(ImageMap.decode(wrong, 10_000, map.deviceBytes)).toBeUndefined();
    expect(ImageMap.decode(text, 8291, map.deviceBytes)).toBeUndefined();
    expect(ImageMap.decode(text, 10_000, map.deviceBytes + PAGE)).toBeUndefined();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 30 }), (bytes) => {
        const any = ImageMap.decode(Buffer.from(bytes).toString('base64'), 10_000, 4 * PAGE);
        if (any !== undefined) expect(any.deviceBytes).toBe(4 * PAGE);
      }),
    );
  });
});

/** One extent. */
class ExtentsOf extends Extents {
  constructor([offset, bytes]: [number, number]) {
    super();
    this.addPlain(offset, bytes);
  }
}

describe('a pack with a map', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'zram-wasm-'));
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('that does not fit is refused', async () => {
    const [file, pack] = [join(folder, 'core'), join(folder, 'core.zram')];
    writeFileSync(file, elf(1).file);
    expect((await run(['pack', file, '-o', pack])).status).toBe(0);
    const { devices, comment } = await Zram.loadAll(readFileSync(pack));
    const { bytes, maps } = JSON.parse(comment!) as { bytes: Record<string, number>; maps: Record<string, string> };
    expect(Object.keys(maps)).toEqual(['core']);
    for (const changed of [{ bytes, maps: { core: 'AAAA' } }, { bytes: { core: 100 }, maps }, { maps }]) {
      const parts: Uint8Array[] = [];
      const sink = { write: (part: Uint8Array) => void parts.push(part.slice()) };
      await Zram.saveAll(sink, devices, { comment: JSON.stringify(changed) });
      writeFileSync(pack, Buffer.concat(parts));
      const { status, err } = await run(['unpack', pack, '-o', join(folder, 'out')]);
      expect({ status, err }).toEqual({
        status: 1,
        err: `zram-wasm: cannot load '${pack}': EINVAL: the map of image 'core' does not fit its device.\n`,
      });
    }
  });
});
