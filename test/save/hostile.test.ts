/** Files that are no save files, or no longer: refused as a whole, with the offset where that shows. */
import { randomBytes } from 'node:crypto';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Engine, MemoryBacking, Zram, ZramError, type ZramSnapshot } from '../../bindings/index.js';
import { crc32 } from '../../bindings/save/crc32.js';
import { PAGE_SIZE, generatedSets, sameBytes } from '../support/pages.js';
import { Random, seedOfRun } from '../support/random.js';
import { engineOf } from '../support/raw-core.js';
import { boundaries, saved, savedAll } from './support.js';

const SEED = seedOfRun();
const LONG = process.env.ZRAM_WASM_LONG === '1';
/** Mutated files: the whole number in long runs. */
const MUTATIONS = LONG ? 10_000 : 1000;
const DISK_PAGES = 600;

let engine: Engine;
let file: Uint8Array;
let images: Map<string, Uint8Array>;
let usedBefore: number;

const [blend] = generatedSets(20261125).filter(({ name }) => name === 'blend');

/** Small, and with every kind of record: same-filled, merged, huge, forked, recompressed, incompressible, deflate. */
async function everything(): Promise<Map<string, Zram | ZramSnapshot>> {
  const zram = engine.createZram({
    disksize: DISK_PAGES * PAGE_SIZE,
    recompAlgorithms: [{ algo: 'deflate', dictionary: blend.pages.slice(0, 500) }],
    backing: new MemoryBacking(100),
  });
  for (let n = 0; n < 24; n++)
    zram.writePages(23 * n, blend.pages.subarray(27 * n * PAGE_SIZE, (27 * n + 3) * PAGE_SIZE));
  zram.writePages(560, blend.pages.subarray(0, 12 * PAGE_SIZE));
  zram.merge();
  zram.recompress({ maxPages: 12 });
  zram.writeback({ pageIndexes: [[0, 25]] });
  const snapshot = zram.snapshot();
  zram.writePages(300, blend.pages.subarray(100 * PAGE_SIZE, 104 * PAGE_SIZE));
  return new Map<string, Zram | ZramSnapshot>([
    ['before', snapshot],
    ['now', zram],
  ]);
}

beforeAll(async () => {
  engine = engineOf('release', { maxMemory: '16M' });
  const things = await everything();
  file = await savedAll(things, { comment: 'a comment' });
  images = new Map([...things].map(([name, thing]) => [name, thing.readPages(0, DISK_PAGES)]));
  for (const thing of [...things.values()].reverse()) thing.destroy();
  usedBefore = engine.memory.used;
});
afterAll(() => engine.destroy());

/** The error that a file gives; or, when it is accepted, whether it holds what the original does. */
async function outcome(bytes: Uint8Array): Promise<ZramError | boolean> {
  try {
    const { devices } = await engine.loadAll(bytes);
    const same =
      [...devices.keys()].join() === [...images.keys()].join() &&
      [...devices].every(([name, device]) => {
        const image = images.get(name)!;
        return device instanceof Zram
          ? device.sysfs.read('disksize').trim() === `${image.length}` &&
              sameBytes(device.readPages(0, DISK_PAGES), image)
          : device.disksize === image.length && sameBytes(device.readPages(0, DISK_PAGES), image);
      });
    for (const device of devices.values()) device.destroy();
    return same;
  } catch (error) {
    if (error instanceof ZramError) return error;
    throw error;
  }
}

function expectRefused(result: ZramError | boolean, pattern: RegExp): void {
  expect(result).toBeInstanceOf(ZramError);
  expect((result as ZramError).code).toBe('EINVAL');
  expect((result as ZramError).message).toMatch(pattern);
  expect(engine.memory.used).toBe(usedBefore);
}

/** One change, of a kind that accidents have. */
function mutated(random: Random): Uint8Array {
  const bytes = file.slice();
  const at = random.below(bytes.length);
  const length = Math.min(random.pick([1, 2, 4, 100, 4096]), bytes.length - at);
  switch (random.below(8)) {
    case 0:
    case 1:
      bytes[at] ^= 1 << random.below(8);
      return bytes;
    case 2:
      return random.fill(bytes.subarray(at, at + length)) && bytes;
    case 3:
      return bytes.fill(random.pick([0, 255]), at, at + length);
    case 4:
      return bytes.slice(0, at);
    case 5: // bytes are missing
      return new Uint8Array(Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]));
    case 6: // bytes come twice
      return new Uint8Array(Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]));
    default: // a piece moves
      return bytes.copyWithin(random.below(bytes.length), at, at + length);
  }
}

test(`${MUTATIONS} mutated files: none is accepted wrongly, none leaves anything behind`, async () => {
  const random = new Random(SEED, 'mutations');
  let refused = 0;
  for (let n = 0; n < MUTATIONS; n++) {
    const bytes = mutated(random);
    const result = await outcome(bytes);
    if (result === true) continue;
    // Only that which is not the file may be refused, and nothing else accepted.
    if (result === false || sameBytes(bytes, file)) throw new Error(`seed ${SEED}, mutation ${n}: ${String(result)}`);
    expectRefused(result, /at byte \d+/);
    refused++;
  }
  expect(refused).toBeGreaterThan(MUTATIONS * 0.9);
}, 600_000);

/** The file with all checksums made right again: what somebody writes who means harm. */
function resealed(bytes: Uint8Array): Uint8Array {
  const sealed = new Uint8Array(bytes); // a Buffer's slice is no copy
  const view = new DataView(sealed.buffer);
  let checksum = crc32(sealed.subarray(0, 12));
  for (let at = 12; at + 12 <= sealed.length;) {
    const end = at + 8 + view.getUint32(at + 4, true);
    if (end + 4 > sealed.length) break;
    checksum = crc32(sealed.subarray(at, end), checksum);
    view.setUint32(end, checksum, true);
    at = end + 4;
  }
  return sealed;
}

test(`${MUTATIONS} files changed with right checksums: refused, or a device that works and compresses`, async () => {
  const random = new Random(SEED, 'sealed');
  for (let n = 0; n < MUTATIONS; n++) {
    const result = await outcome(resealed(mutated(random)));
    if (typeof result === 'boolean') continue;
    expect(['EINVAL', 'EOPNOTSUPP', 'ENOMEM', 'ENOSPC']).toContain(result.code);
    expect(engine.memory.used).toBe(usedBefore);
  }
}, 600_000);

test('the file as it is, in pieces of any size', async () => {
  for (const size of [1, 7, 4096, 100_000]) {
    const pieces = Array.from({ length: Math.ceil(file.length / size) }, (_, n) =>
      file.slice(n * size, (n + 1) * size),
    );
    const { devices } = await engine.loadAll(pieces);
    expect(sameBytes(devices.get('before')!.readPages(0, DISK_PAGES), images.get('before')!)).toBe(true);
    for (const device of devices.values()) device.destroy();
  }
});

test('truncated at every section boundary, and around it', async () => {
  const ends = boundaries(file);
  expect(ends.length).toBeGreaterThan(7);
  expect(ends.at(-1)).toBe(file.length);
  for (const end of ends) {
    for (const length of [end - 1, end, end + 1, end + 8]) {
      if (length < 0 || length >= file.length) continue;
      expectRefused(await outcome(file.slice(0, length)), /fewer than 12 bytes|ends before its end|in the middle/);
    }
  }
  expectRefused(await outcome(new Uint8Array([...file, 0])), /bytes follow its end/);
});

test.each([
  ['nothing', new Uint8Array(0), /at byte 0: it has fewer than 12 bytes/],
  ['zeros', new Uint8Array(5000), /not a save file, at byte 0: its first bytes differ/],
  ['text', new TextEncoder().encode('Disk image, honestly.'), /its first bytes differ/],
])('%s is no save file', async (_name, bytes, pattern) => {
  expectRefused(await outcome(bytes), pattern);
});

test('a newer version says so', async () => {
  const newer = file.slice();
  newer[8] = 2;
  expectRefused(await outcome(resealed(newer)), /must have version 1 of the format, not 2, at byte 8/);
});

describe('made by hand, with right checksums', () => {
  const HEAD = { devices: 1, objects: 1 };
  const CODEC = { name: 'lz4' };
  const DEVICE = {
    name: 'x',
    snapshot: false,
    diskPages: 1000,
    pagesStored: 1,
    algorithms: [{ priority: 0, codec: 1 }],
    dedup: false,
    memLimit: 0,
    verifyCompressors: false,
    trackEntryActime: true,
  };
  const raw = new Random(1).fill(new Uint8Array(PAGE_SIZE));
  /** Object records: as it is, and as LZ4 would have it. */
  const OBJECT = [4, 0, 0x80, 0x20, ...raw];

  function section(type: string, payload: ArrayLike<number>): Uint8Array {
    const bytes = new Uint8Array(12 + payload.length);
    bytes.set(new TextEncoder().encode(type));
    new DataView(bytes.buffer).setUint32(4, payload.length, true);
    bytes.set(payload, 8);
    return bytes;
  }
  const text = (json: object): Uint8Array => new TextEncoder().encode(JSON.stringify(json));
  const codec = (json: object, dictionary: number[] = []): Uint8Array => {
    const bytes = text(json);
    return section('CODC', [bytes.length & 255, bytes.length >> 8, 0, 0, ...bytes, ...dictionary]);
  };
  const made = (...sections: Uint8Array[]): Uint8Array => resealed(Buffer.concat([file.slice(0, 12), ...sections]));
  /** A whole file around records. */
  const pages = (records: ArrayLike<number>, device = DEVICE, head = HEAD): Uint8Array =>
    made(
      section('HEAD', text(head)),
      codec(CODEC),
      section('DEVC', text(device)),
      section('PAGE', records),
      section('END ', []),
    );

  test('is accepted where nothing is wrong', async () => {
    const loaded = await engine.loadZram(pages(OBJECT));
    expect(loaded.readPage(0)).toEqual(raw);
    loaded.destroy();
  });

  test('a level that a new device could not have is taken, and the device works', async () => {
    const sections = [section('HEAD', text({ ...HEAD })), codec({ name: 'deflate', level: 99 })];
    const rest = [section('DEVC', text(DEVICE)), section('PAGE', OBJECT), section('END ', [])];
    const loaded = await engine.loadZram(made(...sections, ...rest));
    loaded.writePage(
      1,
      new Uint8Array(PAGE_SIZE).map((_, n) => n >> 4),
    );
    expect(loaded.readPage(1)[PAGE_SIZE - 1]).toBe(255);
    expect(loaded.readPage(0)).toEqual(raw);
    loaded.destroy();
  });

  const wrong: [string, () => Uint8Array, RegExp][] = [
    ['an object of no bytes', () => pages([4, 0, 0]), /an object must have 1 to 4096 bytes, not 0/],
    ['an object of too many', () => pages([4, 0, 0x81, 0x20, ...raw, 0]), /not 4097/],
    ['an object past its section', () => pages([4, 0, 0x80, 0x20, 1, 2]), /past its section/],
    ['a raw object that is no page', () => pages([4, 0, 3, 1, 2, 3]), /does not decode to a page/],
    ['a block that does not decompress', () => pages([4, 1, 3, 1, 2, 3]), /does not decode to a page/],
    [
      'a same-filled page as an object',
      () => pages([4, 0, 0x80, 0x20, ...new Uint8Array(PAGE_SIZE)]),
      /does not decode to a page/,
    ],
    ['a compressor that is not there', () => pages([4, 2, 3, 1, 2, 3]), /compressor 2 does not exist/],
    ['a page twice', () => pages([...OBJECT, 1, 0, 0, 5, 0]), /already loaded/],
    ['a page twice, same-filled', () => pages([...OBJECT, 1, 0, 0, 3, 1, 1, 2, 3, 4, 5, 6, 7, 8]), /is loaded twice/],
    ['an object before it comes', () => pages([5, 0]), /object 0 is used before it is defined/],
    ['another device', () => pages([1, 1, 0]), /device 1 does not exist/],
    ['a page outside', () => pages([1, 0, 0xe8, 0x07, ...OBJECT]), /page 1000 is out of range/],
    ['a page far outside', () => pages([1, 0, 0xff, 0xff, 0xff, 0xff, 0x0f, ...OBJECT]), /is out of range/],
    ['a number of 33 bits', () => pages([1, 0, 0xff, 0xff, 0xff, 0xff, 0x1f]), /more than 32 bits/],
    ['a number without end', () => pages([1, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff]), /more than 32 bits/],
    ['a run of no pages', () => pages([3, 0, 1, 2, 3, 4, 5, 6, 7, 8]), /a run of 0 pages/],
    ['a run past its group', () => pages([3, 0x81, 0x04, 1, 2, 3, 4, 5, 6, 7, 8]), /a run of 513 pages/],
    ['a fork of itself', () => pages([2, 1, 0]), /no device 0 before/],
    ['a fork of nobody', () => pages([2, 1, 1]), /no device 1 before/],
    ['an unknown record', () => pages([9, 1]), /record type is unknown/],
    ['half a record', () => pages([3, 1, 1, 2]), /past its section/],
    ['too few pages', () => pages(OBJECT, { ...DEVICE, pagesStored: 2 }), /1 of the 2 pages of 'x'/],
    ['too few objects', () => pages(OBJECT, DEVICE, { devices: 1, objects: 2 }), /1 of 2 objects/],
    ['a disk of no pages', () => pages(OBJECT, { ...DEVICE, diskPages: 0 }), /a device setting/],
    ['a disk too large', () => pages(OBJECT, { ...DEVICE, diskPages: 2 ** 33 }), /a device setting/],
    ['no primary compressor', () => pages(OBJECT, { ...DEVICE, algorithms: [] }), /a device setting/],
    [
      'a priority twice',
      () => pages(OBJECT, { ...DEVICE, algorithms: [0, 0].map((priority) => ({ priority, codec: 1 })) }),
      /device setting/,
    ],
    [
      'a compressor of a device that is missing',
      () => pages(OBJECT, { ...DEVICE, algorithms: [{ priority: 0, codec: 2 }] }),
      /compressor 2/,
    ],
    [
      'a wrong level',
      () =>
        pages(OBJECT, {
          ...DEVICE,
          algorithms: [{ priority: 0, codec: 1, level: 2 ** 40 } as object as { priority: number; codec: number }],
        }),
      /level must be/,
    ],
    ['a device too few', () => pages(OBJECT, DEVICE, { devices: 2, objects: 1 }), /2 devices/],
    [
      'a device too many',
      () =>
        made(
          section('HEAD', text(HEAD)),
          codec(CODEC),
          section('DEVC', text(DEVICE)),
          section('DEVC', text({ ...DEVICE, name: 'y' })),
        ),
      /more than the 1 devices/,
    ],
    [
      'a device twice',
      () =>
        made(
          section('HEAD', text({ ...HEAD, devices: 2 })),
          codec(CODEC),
          section('DEVC', text(DEVICE)),
          section('DEVC', text(DEVICE)),
        ),
      /two devices named/,
    ],
    ['no head', () => made(codec(CODEC)), /does not begin with one HEAD/],
    ['two heads', () => made(section('HEAD', text(HEAD)), section('HEAD', text(HEAD))), /does not begin with one HEAD/],
    ['a head that is no JSON', () => made(section('HEAD', [1, 2, 3])), /is not JSON/],
    ['a head that is a list', () => made(section('HEAD', text([]))), /is not a JSON object/],
    ['a head without numbers', () => made(section('HEAD', text({}))), /number of devices/],
    ['an unknown section', () => made(section('HEAD', text(HEAD)), section('MORE', [])), /unknown type 'MORE'/],
    ['an end with content', () => made(section('HEAD', text(HEAD)), section('END ', [1])), /end section is not empty/],
    ['an end too soon', () => made(section('HEAD', text(HEAD)), section('END ', [])), /0 of 1 devices/],
    ['a compressor without a name', () => made(section('HEAD', text(HEAD)), codec({})), /has no name/],
    [
      'a dictionary of another length',
      () => made(section('HEAD', text(HEAD)), codec({ name: 'deflate', dictionary: 5 }, [1])),
      /dictionary/,
    ],
    [
      'a description past its section',
      () => made(section('HEAD', text(HEAD)), section('CODC', [9, 0, 0, 0])),
      /does not fit/,
    ],
    [
      'a level that is a text',
      () => made(section('HEAD', text(HEAD)), codec({ name: 'deflate', level: 'x' })),
      /not an integer/,
    ],
  ];
  test.each(wrong)('%s is refused', async (_name, bytes, pattern) => {
    const result = await outcome(bytes());
    expectRefused(result, pattern);
    if (!/use loadAll/.test(String(result))) expect(String(result)).toMatch(/at byte \d+/);
  });

  test('a section longer than any is refused before memory is taken', async () => {
    const bytes = made(section('HEAD', text(HEAD)));
    new DataView(bytes.buffer).setUint32(16, 2 ** 31, true);
    expectRefused(await outcome(bytes), /section length 2147483648 exceeds the limit/);
  });

  test('a compressor that is not here is EOPNOTSUPP, with its name', async () => {
    const result = await outcome(made(section('HEAD', text(HEAD)), codec({ name: 'brotli' })));
    expect(result).toMatchObject({ code: 'EOPNOTSUPP' });
    expect(String(result)).toMatch(/no compressor 'brotli'/);
    expect(engine.memory.used).toBe(usedBefore);
  });
});

test('what does not fit is ENOMEM, and nothing is left', async () => {
  const zram = engine.createZram({ disksize: '4M', memLimit: '2M' });
  zram.writePages(0, randomBytes(400 * PAGE_SIZE));
  const bytes = await saved(zram);
  zram.destroy();
  const used = engine.memory.used;
  await expect(engine.loadZram(bytes, { memLimit: '1M' })).rejects.toMatchObject({ code: 'ENOMEM' });
  expect(engine.memory.used).toBe(used);
  await expect(Zram.load(bytes, { maxMemory: '1M' })).rejects.toMatchObject({ code: 'ENOMEM' });
  const loaded = await engine.loadZram(bytes, { memLimit: 0 });
  expect(loaded.mmStat).toMatchObject({ memLimit: 0, hugePages: 400 });
  loaded.destroy();
}, 30_000);
