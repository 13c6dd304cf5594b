/**
 * Broken and hostile dumps: there is a sentence with the offset, or pages, in bounded memory and time.
 *
 * ZRAM_WASM_DUMPS=n changes n files of each format instead of hundreds; millions: npm run campaign -- dumps.
 */
import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import type { Reading } from '../../../cli/dump-input.js';
import { CliError } from '../../../cli/errors.js';
import { changedDumps, VARIANTS } from '../../campaigns/dumps/run.js';
import { Random, seedOfRun } from '../../support/random.js';
import { PAGE } from '../page-images.js';
import { analyzeJson, run } from '../run.js';
import { compressedLime, elfHead, fixtures, kdump, lime } from './builders.js';
import { v86 } from './builders-states.js';
import { AUTO, sparseFile, takeOutOf } from './reading.js';
import { u32, u64 } from './words.js';

const FILES = Number(process.env.ZRAM_WASM_DUMPS ?? 500);

let folder: string;
const at = (...parts: string[]): string => join(folder, ...parts);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'zram-wasm-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

const reason = async (bytes: Buffer, reading: Reading = AUTO): Promise<string> => {
  const failure = await takeOutOf(bytes, reading).then(
    () => undefined,
    (error: unknown) => error,
  );
  if (!(failure instanceof CliError)) throw new Error(`no CliError, but ${String(failure)}`);
  return failure.message;
};

test.each(VARIANTS.map((name, variant) => [name, variant] as const))(
  `%s, changed ${FILES} times`,
  async (_, variant) => {
    const { refused, read, truncated } = await changedDumps(variant, seedOfRun(), [0, FILES]);
    // Both happen, else nothing was tested.
    expect(refused).toBeGreaterThan(FILES / 100);
    expect(read + truncated).toBeGreaterThan(FILES / 100);
  },
  60_000 + FILES * 100,
);

describe('what begins like a dump and is none', () => {
  test.each([
    ['an executable', elfHead([], { type: 2 }), undefined],
    [
      'ELF with other entries',
      Buffer.from(elfHead([])).fill(9, 54, 56),
      /begins like an ELF core, but its program headers/,
    ],
    ['ELF with a table beyond its end', elfHead([], { count: 9 }), /lies beyond the end of the file/],
    [
      'kdump',
      Buffer.concat([Buffer.from('KDUMP   '), Buffer.alloc(PAGE)]),
      /kdump-compressed dump, but its blocks have 0/,
    ],
    [
      'LiME',
      Buffer.concat([u32(0x4c694d45), u32(2), Buffer.alloc(PAGE)]),
      /a dump of LiME, but its version is 2, not 1/,
    ],
    [
      'QEMU',
      Buffer.concat([Buffer.from('QEVM'), Buffer.alloc(PAGE)]),
      /migration stream of QEMU, but its version is 0/,
    ],
    ['v86', Buffer.concat([v86(1).file, Buffer.alloc(9)]), /a state of v86, but it says to have/],
    ['a WAL', Buffer.concat([Buffer.from('377f0682', 'hex'), Buffer.alloc(PAGE)]), /but its format is 0/],
    ['gzip', Buffer.from('1f8b08e000', 'hex'), /begins like what is compressed with gzip, but goes on otherwise/],
    ['zstd', Buffer.from('28b52ffd08', 'hex'), /compressed with zstd, but goes on otherwise/],
    ['LZ4', Buffer.from('04224d1800', 'hex'), /compressed with LZ4, but goes on otherwise/],
    ['qcow2', Buffer.from('QFI\xfb what', 'latin1'), /a qcow2 image, but goes on otherwise/],
    ['AVML', Buffer.from('AVML is a tool'), /a compressed dump of AVML, but goes on otherwise/],
    [
      'libvirt',
      Buffer.concat([Buffer.from('LibvirtQemudSave'), Buffer.alloc(PAGE)]),
      /libvirt, but the version of its/,
    ],
    ['text', Buffer.from('RASTATE is what it says'), /a state of RetroArch, but its version/],
  ])('%s is raw, with a note', async (_, bytes, note) => {
    writeFileSync(at('raw'), bytes);
    const { inputs } = await analyzeJson([at('raw')]);
    expect(inputs[0]).toMatchObject({ format: 'raw', bytes: bytes.length });
    if (note === undefined) expect(inputs[0].notes).toEqual([]);
    else expect(inputs[0].notes).toEqual([expect.stringMatching(note)]);
    const packed = await run(['pack', at('raw'), '-o', at('raw.zram')]);
    expect(packed.status).toBe(0);
    if (note !== undefined) expect(packed.err).toMatch(note);
  });
});

describe('what is known and not read', () => {
  test.each([
    ['AVML', Buffer.from('AVML\x02\0\0\0'), /AVML, which is not read: 'avml-convert IN OUT'/],
    ['RZIP', Buffer.from('#RZIPv\x01#'), /savestate_file_compression/],
    ['qcow2', Buffer.from('QFI\xfb\0\0\0\x03', 'latin1'), /migrate 'exec:cat > FILE' or dump-guest-memory instead/],
    ['gzip', gzipSync('text'), /'gzip -dc IN > OUT'/],
    ['xz', Buffer.from('fd377a585a00', 'hex'), /xz -dc/],
    ['zstd', Buffer.from('28b52ffd00', 'hex'), /zstd -dc/],
    ['LZ4', Buffer.from('04224d186440a7', 'hex'), /lz4 -dc/],
    ['Windows', Buffer.from('PAGEDU64'), /crash dump of Windows/],
    ['Windows of 32 bits', Buffer.from('PAGEDUMP'), /crash dump of Windows/],
    ['a minidump', Buffer.from('MDMP\x93\xa7', 'latin1'), /minidump/],
    ['CRIU', Buffer.from('1943565425400856', 'hex'), /name pages-\*\.img/],
    ['LiME, compressed', compressedLime(lime(1).file), /LiME with compress=1/],
  ])('%s: the way out, and --format raw', async (_, bytes, message) => {
    writeFileSync(at('known'), bytes);
    for (const args of [
      ['analyze', at('known')],
      ['pack', at('known'), '-o', at('known.zram')],
      ['diff', at('known'), at('known')],
    ]) {
      const { status, out, err } = await run(args);
      expect({ status, out }).toEqual({ status: 1, out: '' });
      expect(err).toMatch(message);
      expect(err).toMatch(/, or --format raw takes it as it is\n$/);
      expect((await run([...args, '--format', 'raw'])).status).toBe(0);
    }
  });

  test('kdump with another compressor', async () => {
    const bytes = Buffer.from(kdump(1).file);
    bytes.writeUInt32LE(0x80, 4 * PAGE + 12);
    expect(await reason(bytes)).toMatch(/unknown flags, 0x80/);
  });

  test('a core without contents', async () => {
    expect(await reason(Buffer.concat([elfHead([]), Buffer.alloc(PAGE)]))).toMatch(/no segments with contents/);
  });
});

describe('hostile tables', () => {
  const segment = { offset: PAGE, vaddr: 0, filesz: PAGE };

  test('addresses and offsets beyond what there can be', async () => {
    const file = (one: object) => Buffer.concat([elfHead([{ ...segment, ...one }]), Buffer.alloc(3 * PAGE)]);
    expect(await reason(file({ vaddr: -4096n, memsz: 2 * PAGE }))).toMatch(/go beyond 2\^64/);
    expect(await reason(file({ offset: 2 ** 60 }))).toMatch(/beyond any file/);
    // The last page of the address space is one.
    const last = await takeOutOf(file({ vaddr: -4096n }));
    expect(last!.places).toEqual([2 ** 52 - 1]);
  });

  test('60,000 segments that name the same bytes take them once', async () => {
    const segments = Array.from({ length: 60_000 }, (_, i) => ({
      offset: 4_000_000,
      vaddr: i * PAGE,
      filesz: 40 * PAGE,
    }));
    const bytes = Buffer.concat([elfHead(segments), Buffer.alloc(1_000_000, 7)]);
    const taken = await takeOutOf(bytes);
    expect(taken!.pages.length).toBe(40 * PAGE);
    expect(taken!.input.dump.facts.pagesRepeated).toBe(40 * 59_999);
  });

  test('physical pages that two segments name at different offsets are taken once', async () => {
    const segments = [
      { offset: PAGE, vaddr: 0, paddr: 4 * PAGE, filesz: 2 * PAGE },
      { offset: 3 * PAGE, vaddr: 0, paddr: 3 * PAGE, filesz: 4 * PAGE },
    ];
    const head = elfHead(segments);
    const bytes = Buffer.concat([head, Buffer.alloc(PAGE - head.length), Buffer.alloc(6 * PAGE)]);
    for (let page = 1; page < 7; page++) bytes.fill(page, page * PAGE, (page + 1) * PAGE);
    const taken = await takeOutOf(bytes);
    expect(taken!.places).toEqual([3, 4, 5, 6]);
    expect(taken!.input.dump.facts).toMatchObject({ pagesRepeated: 2, bytesOutside: PAGE });
  });

  test('pages that several segments name and none has are counted once', async () => {
    const segments = [
      { offset: PAGE, vaddr: 0, filesz: 2 * PAGE, memsz: 10 * PAGE },
      { offset: 0, vaddr: 4 * PAGE, filesz: 0, memsz: 4 * PAGE },
      { offset: 3 * PAGE, vaddr: 5 * PAGE, filesz: PAGE },
      { offset: 0, vaddr: 9 * PAGE, filesz: 0, memsz: 3 * PAGE },
      { offset: 0, vaddr: 20 * PAGE, filesz: 0, memsz: 100 },
    ];
    const head = elfHead(segments);
    const taken = await takeOutOf(Buffer.concat([head, Buffer.alloc(4 * PAGE - head.length, 1)]));
    expect(taken!.places).toEqual([0, 1, 5]);
    // 2 to 4, 6 to 11, and a part of 20.
    expect(taken!.input.dump.facts.pagesNotInDump).toBe(3 + 6 + 1);
  });

  test('of /proc/kcore, what has a physical address is read', async () => {
    const all = 0xffff_ffff_ffff_ffffn;
    const segments = [
      { offset: 0, vaddr: 0, filesz: 10, type: 4 },
      { offset: PAGE + 2 ** 46, vaddr: 0xffff_c900_0000_0000n, paddr: all, filesz: 2 ** 45 },
      { offset: 3 * PAGE, vaddr: 0xffff_8880_0010_0000n, paddr: 0x10_0000, filesz: 2 * PAGE },
      { offset: 2 ** 41, vaddr: 0xffff_ffff_8000_0000n, paddr: 0x10_1000, filesz: PAGE },
      { offset: PAGE, vaddr: 0xffff_8880_0000_1000n, paddr: PAGE, filesz: PAGE },
    ];
    const head = elfHead(segments);
    const bytes = Buffer.concat([head, Buffer.alloc(PAGE - head.length), Buffer.alloc(4 * PAGE)]);
    for (let page = 1; page < 5; page++) bytes.fill(page, page * PAGE, (page + 1) * PAGE);
    const taken = await takeOutOf(bytes, AUTO, false);
    expect(taken!.places).toEqual([1, 0x100, 0x101]);
    expect([0, 1, 2].map((page) => taken!.pages[page * PAGE])).toEqual([1, 3, 4]);
    expect(taken!.input.dump.notes).toEqual(['1 segment without a physical address left out']);
    expect(taken!.input.dump.facts).toMatchObject({ pagesNotInDump: 0, pagesRepeated: 1 });
  });

  test('a kdump that ends early gives the pages that are whole, wherever they are', async () => {
    const { file, pages, places } = kdump(2);
    const bytes = Buffer.from(file);
    // The first page is as if it were written last, and is cut away.
    const [first, second] = [4 * PAGE, 4 * PAGE + 24];
    const size = bytes.readUInt32LE(first + 8);
    const moved = Buffer.concat([bytes, bytes.subarray(Number(bytes.readBigUInt64LE(first))).subarray(0, size)]);
    moved.writeBigUInt64LE(BigInt(bytes.length), first);
    expect((await takeOutOf(moved))!.pages.equals(pages)).toBe(true);
    const cut = await takeOutOf(moved.subarray(0, -1));
    expect(cut!.places).toEqual(places!.slice(1));
    expect(cut!.pages.equals(pages.subarray(PAGE))).toBe(true);
    expect(cut!.input.dump.truncated).toMatch(/is truncated: it ends at byte \d+, .*: 1 page of it is missing/);
    // makedumpfile had no room for the second one.
    moved.writeUInt32LE(8, 424);
    moved.fill(0, second, second + 12);
    const incomplete = await takeOutOf(moved);
    expect(incomplete!.places).toEqual([places![0], ...places!.slice(2)]);
    expect(incomplete!.input.dump).toMatchObject({
      truncated: undefined,
      notes: [expect.stringMatching(/incomplete/)],
    });
    expect(incomplete!.input.dump.facts.pagesNotInDump).toBe(3);
  });

  test('more program headers than 65,534 stand in section 0', async () => {
    const count = 65_600;
    const segments = Array.from({ length: count }, (_, i) => ({ offset: 0, vaddr: i, filesz: 0 }));
    segments[count - 1] = { offset: 64, vaddr: 0, filesz: PAGE };
    const section = Buffer.concat([Buffer.alloc(44), u32(count), Buffer.alloc(16)]);
    const shoff = 64 + 56 * count;
    const bytes = Buffer.concat([elfHead(segments, { shoff, count: 0xffff }), section]);
    expect((await takeOutOf(bytes))!.input.dump.facts).toMatchObject({ extents: 1, remainders: [64] });
    bytes.writeUInt32LE(2 ** 31, shoff + 44);
    expect(await reason(bytes)).toMatch(/2147483648 program headers are more than the 1048576/);
  });

  test('a table of a terabyte costs no memory', async () => {
    const head = Buffer.alloc(PAGE);
    head.write('KDUMP   ');
    head.writeInt32LE(6, 8);
    head.writeInt32LE(PAGE, 428);
    head.writeInt32LE(1, 432);
    head.writeUInt32LE(2 ** 26, 436);
    const sub = Buffer.concat([Buffer.alloc(96), u64(2n ** 39n), Buffer.alloc(PAGE - 104)]);
    sparseFile(at('sparse'), 2 ** 40, { at: 0, bytes: Buffer.concat([head, sub]) });
    const { status, err } = await run(['analyze', at('sparse')]);
    expect({ status, err }).toMatchObject({
      status: 1,
      err: expect.stringMatching(/page frames are more than its bitmaps/),
    });
  });

  test('a page that inflates to more or less, or has bytes behind it', async () => {
    const fixture = kdump(2);
    const descriptors = 4 * PAGE;
    for (let entry = 0; ; entry++) {
      const from = descriptors + entry * 24;
      if (fixture.file.readUInt32LE(from + 12) !== 1) continue;
      const longer = Buffer.from(fixture.file);
      longer.writeUInt32LE(longer.readUInt32LE(from + 8) + 1, from + 8);
      expect(await reason(longer)).toMatch(/a page cannot be decompressed: bytes follow its end/);
      const empty = Buffer.from(fixture.file);
      empty.writeUInt32LE(0, from + 8);
      expect(await reason(empty)).toMatch(/a page of 0 bytes cannot be/);
      break;
    }
  });

  test('buffers of v86 that overlap', async () => {
    const { file } = v86(1);
    const text = file.toString('latin1');
    const changed = Buffer.from(
      text.replace(
        /"offset":(\d+),"length":8192/,
        (_, n: string) => `"offset":${'1'.padStart(n.length)},"length":8192`,
      ),
      'latin1',
    );
    expect(changed.length).toBe(file.length);
    expect(await reason(changed)).toMatch(/two buffers overlap/);
  });
});

describe('a file that ends early', () => {
  test('is read as far as it goes, with status 1', async () => {
    const fixture = fixtures(4)[0];
    const cut = fixture.file.subarray(0, fixture.file.length - 5 * PAGE);
    writeFileSync(at('cut'), cut);
    const { status, out, err } = await run(['analyze', '--json', at('cut')]);
    expect(status).toBe(1);
    expect(err).toMatch(
      new RegExp(`is truncated: it ends at byte ${cut.length}, .*: 5 pages of it are missing; the report`),
    );
    const { complete, inputs } = JSON.parse(out);
    expect({ complete, inputs }).toMatchObject({ complete: false, inputs: [{ pages: 25, pagesNotInDump: 10 }] });
    const compared = await run(['diff', at('cut'), at('cut')]);
    expect(compared).toMatchObject({ status: 1, out: expect.stringContaining('no difference') });
    // As a file, it is whole.
    expect((await run(['pack', at('cut'), '-o', at('cut.zram')])).status).toBe(0);
  });
});

describe('pipes', () => {
  async function* endless(start: Buffer): AsyncGenerator<Uint8Array> {
    yield start;
    const random = new Random(1);
    for (;;) yield random.fill(new Uint8Array(65536));
  }

  test('a dump that does not fit in memory is told as that', async () => {
    const { status, out, err } = await run(['analyze', '-'], { stdin: endless(lime(1).file), maxMemory: '8M' });
    expect({ status, out }).toEqual({ status: 1, out: '' });
    expect(err).toMatch(/^zram-wasm: cannot hold 'standard input' in memory after \d+ MiB: dumps .*; name a file\n$/);
  });

  (process.platform === 'win32' ? test.skip : test)('named ones are looked at when their turn comes', async () => {
    // One writer for both, who opens the second after the first is read.
    expect(spawnSync('mkfifo', [at('first'), at('second')]).status).toBe(0);
    writeFileSync(at('content'), lime(1).file);
    const line = `cat '${at('content')}' > '${at('first')}'; cat '${at('content')}' > '${at('second')}'`;
    const writer = spawn('sh', ['-c', line]);
    const { inputs } = await analyzeJson([at('first'), at('second')]);
    expect(inputs).toMatchObject([{ format: 'lime' }, { format: 'lime', pages: inputs[0].pages }]);
    writer.kill();
  });
});

describe('--at', () => {
  const content = fixtures(8)[0].pages.subarray(0, 9 * PAGE);
  beforeAll(() =>
    writeFileSync(at('shifted'), Buffer.concat([Buffer.alloc(100, 1), content.subarray(0, 9 * PAGE - 5)])),
  );

  test('says where the pages begin', async () => {
    const { inputs } = await analyzeJson([at('shifted'), '--at', '100']);
    expect(inputs[0]).toMatchObject({ format: 'raw', pages: 9, bytesOutside: 100, paddedBytes: 5, remainders: [100] });
    const two = await analyzeJson([at('shifted'), '--at', '0x1064:4096', '--at', '100:4096']);
    expect(two.inputs[0]).toMatchObject({ pages: 2, extents: 2, remainders: [100] });
    const packed = await run(['pack', at('shifted'), '--at', '100', '-o', at('shifted.zram')]);
    expect(packed).toMatchObject({ status: 0, err: '' });
    await run(['unpack', at('shifted.zram'), '-o', at('restored')]);
    expect(await run(['diff', at('shifted'), at('restored', 'shifted')])).toMatchObject({
      out: expect.stringContaining('no difference'),
    });
  });

  test.each([
    [['--at', 'x'], 2, "must be OFFSET or OFFSET:BYTES, both whole numbers of bytes, not 'x'"],
    [['--at', '5:0'], 2, "not '5:0'"],
    [['--at', '5:9', '--at', '7'], 2, '--at names byte 13 twice'],
    [['--at', '1', '--format', 'elf'], 2, 'give one of them'],
    [['--format', 'zip'], 2, "unknown format 'zip'; --format takes auto, raw, elf"],
    [['--at', '999999'], 1, 'names bytes from 999999'],
    [['--format', 'elf'], 1, 'it is not an ELF core'],
  ])('%j', async (args, status, message) => {
    const outcome = await run(['analyze', at('shifted'), ...args]);
    expect(outcome).toMatchObject({ status, out: '', err: expect.stringContaining(message) });
  });
});

(process.platform === 'linux' ? test : test.skip)('holes are told', async () => {
  sparseFile(at('holes'), 2 ** 22, { at: 2 ** 21, bytes: Buffer.alloc(PAGE, 'memory') });
  const { inputs } = await analyzeJson([at('holes')]);
  expect(inputs[0].holes).toBeGreaterThan(2 ** 22 - 2 ** 17);
  const { out } = await run(['analyze', at('holes')]);
  expect(out.replace(/\n\s+/g, ' ')).toMatch(
    /4\.0 MiB of it are holes: up to 1,0\d\d same-filled pages more than anything holds/,
  );
});
