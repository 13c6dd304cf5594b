/** Small dumps of every format (of machines and processes here), written by hand from the layouts: nothing here is the reader's. */
import { constants, deflateSync } from 'node:zlib';

import { Random } from '../../support/random.js';
import { image, PAGE } from '../page-images.js';
import { mixed, zlib } from './blocks.js';
import { journal, rastate, v86, wal } from './builders-states.js';
import { table, u16, u32, u64, type Fixture, type Sizes, type Table } from './words.js';

/** Pages at an address. */
export interface Part {
  readonly page: number;
  readonly bytes: Buffer;
}

/** Where parts begin, and how many pages they have: with gaps between them; the small ones also without. */
const PARTS = {
  large: [
    [1, 7],
    [20, 12],
    [40, 11],
  ],
  small: [
    [1, 1],
    [20, 2],
    [22, 1],
    [40, 1],
    [41, 1],
  ],
} as const;

export function partsOf(seed: number, { isSmall = false }: Sizes = {}): Part[] {
  const parts = PARTS[isSmall ? 'small' : 'large'];
  const bytes = image(
    new Random(seed, 'dump'),
    parts.reduce((sum, [, pages]) => sum + pages, 0),
  );
  let at = 0;
  return parts.map(([page, pages]) => ({ page, bytes: bytes.subarray(at, (at += pages * PAGE)) }));
}

const joined = (parts: readonly Part[]) => Buffer.concat(parts.map(({ bytes }) => bytes));
const placesOf = (parts: readonly Part[]) =>
  parts.flatMap(({ page, bytes }) => Array.from({ length: bytes.length / PAGE }, (_, i) => page + i));

export interface ElfSegment {
  readonly offset: number;
  readonly vaddr: number | bigint;
  readonly paddr?: number | bigint;
  readonly filesz: number;
  readonly memsz?: number;
  readonly type?: number;
}

export interface ElfOptions {
  readonly wide?: boolean;
  readonly big?: boolean;
  readonly type?: number;
  readonly phoff?: number;
  readonly shoff?: number;
  readonly count?: number;
}

/** The header and the table of program headers. */
export function elfHead(
  segments: readonly ElfSegment[],
  { wide = true, big = false, type = 4, phoff = wide ? 64 : 52, shoff = 0, count = segments.length }: ElfOptions = {},
): Buffer {
  const [half, word] = [(v: number) => u16(v, big), (v: number | bigint) => (wide ? u64(v, big) : u32(Number(v), big))];
  const header = Buffer.concat([
    Buffer.from([0x7f, 0x45, 0x4c, 0x46, wide ? 2 : 1, big ? 2 : 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
    half(type),
    half(62),
    u32(1, big),
    word(0),
    word(phoff),
    word(shoff),
    u32(0, big),
    half(wide ? 64 : 52),
    half(wide ? 56 : 32),
    half(count),
    half(wide ? 64 : 40),
    half(shoff === 0 ? 0 : 1),
    half(0),
  ]);
  const table = segments.map(({ offset, vaddr, paddr = 0, filesz, memsz = filesz, type = 1 }) =>
    wide
      ? Buffer.concat([u32(type, big), u32(6, big), ...[offset, vaddr, paddr, filesz, memsz, 1].map(word)])
      : Buffer.concat([u32(type, big), ...[offset, vaddr, paddr, filesz, memsz, 6, 1].map(word)]),
  );
  return Buffer.concat([header, Buffer.alloc(Math.max(0, phoff - header.length)), ...table]);
}

/** As gcore writes: contents right behind the table, and a note at the end. */
export function elf(seed: number, { wide = true, big = false, physical = false, isSmall = false } = {}): Fixture {
  const parts = partsOf(seed, { isSmall });
  const base = physical ? 0 : wide ? 0x7f_f000_0000 : 0x1000;
  const place = (page: number) => BigInt(base + page) * BigInt(PAGE);
  let offset = (wide ? 64 : 52) + (wide ? 56 : 32) * (parts.length + 2);
  const segments: ElfSegment[] = [{ offset: 0, vaddr: 0, filesz: 4, type: 4 }];
  for (const { page, bytes } of parts) {
    const paddr = physical ? place(page) : 0;
    segments.push({ offset, vaddr: physical ? 0 : place(page), paddr, filesz: bytes.length });
    offset += bytes.length;
  }
  segments.push({ offset, vaddr: place(100), paddr: physical ? place(100) : 0, filesz: 0, memsz: 5 * PAGE });
  const head = elfHead(segments, { wide, big });
  return {
    name: `elf ${wide ? 64 : 32} ${big ? 'BE' : 'LE'}${physical ? ' of a machine' : ''}`,
    format: 'elf',
    file: Buffer.concat([head, joined(parts), Buffer.from('note')]),
    pages: joined(parts),
    places: placesOf(parts).map((page) => page + base),
    isPlain: true,
    tables: [
      table(0, wide ? 64 : 52, { word: 2, big }),
      table(wide ? 64 : 52, (wide ? 56 : 32) * segments.length, {
        entryBytes: wide ? 56 : 32,
        word: wide ? 8 : 4,
        big,
      }),
    ],
  };
}

/** Of LiME; the second range begins and ends inside a page. */
export function lime(seed: number, sizes: Sizes = {}): Fixture {
  const parts = partsOf(seed, sizes);
  const contents = parts.map(({ bytes }) => Buffer.from(bytes));
  const second = contents[1];
  const cut = second.subarray(100, second.length - 300);
  const range = (at: number, bytes: Buffer) =>
    Buffer.concat([u32(0x4c694d45), u32(1), u64(at), u64(at + bytes.length - 1), u64(0), bytes]);
  const files = parts.map(({ page }, i) => (i === 1 ? range(page * PAGE + 100, cut) : range(page * PAGE, contents[i])));
  second.fill(0, 0, 100).fill(0, second.length - 300);
  let at = 0;
  const starts = files.map(({ length }) => (at += length) - length);
  return {
    name: 'lime',
    format: 'lime',
    file: Buffer.concat(files),
    pages: Buffer.concat(contents),
    places: placesOf(parts),
    isPlain: true,
    tables: starts.map((start) => table(start, 32, { word: 8 })),
  };
}

const named = (name: string) => Buffer.concat([Buffer.from([name.length]), Buffer.from(name)]);

/** A stream of a machine that sends some pages again; blocks out of the order of their names. */
export function qemuStream(seed: number, { libvirt = false, isSmall = false } = {}): Fixture {
  const random = new Random(seed, 'stream');
  // So many pages; the first of them are sent twice, and from `last` on they are sent in the last part.
  const [pages, twice, last] = isSmall ? [7, 2, 5] : [24, 4, 20];
  const ram = image(random, pages);
  const rom = image(random, 2);
  const xml = Buffer.from('<domain/>\0');
  const header = libvirt
    ? Buffer.concat([
        Buffer.from('LibvirtQemudSave'),
        ...[2, xml.length, 1, 0, 0].map((n) => u32(n)),
        Buffer.alloc(56),
        xml,
      ])
    : Buffer.alloc(0);
  const sections: Buffer[] = [header];
  let length = header.length;
  const tables = [table(0, header.length + 120, { big: !libvirt })];
  const add = (...bytes: Buffer[]) => {
    sections.push(...bytes);
    for (const one of bytes) length += one.length;
  };
  const footer = () => add(u64(0x10, true), Buffer.from([0x7e]), u32(2, true));
  add(Buffer.from('QEVM'), u32(3, true), Buffer.from([7]), u32(3, true), Buffer.from('pc3'));
  add(Buffer.from([1]), u32(2, true), named('ram'), u32(0, true), u32(4, true));
  add(u64((ram.length + rom.length) | 4, true), named('pc.rom'), u64(rom.length, true));
  add(named('pc.ram'), u64(ram.length, true));
  footer();
  const sent = (bytes: Buffer, at: number, name?: string) => {
    const page = bytes.subarray(at, at + PAGE);
    const isFill = page.every((byte) => byte === page[0]);
    tables.push(table(length, name === undefined ? 8 : 9 + name.length, { word: 8, big: true }));
    add(u64(at + (isFill ? 2 : 8) + (name === undefined ? 0x20 : 0), true));
    if (name !== undefined) add(named(name));
    add(isFill ? page.subarray(0, 1) : page);
  };
  add(Buffer.from([2]), u32(2, true));
  // What is sent first is another content: the later one counts.
  const old = image(new Random(seed + 1), twice);
  for (let page = 0; page < twice; page++) sent(old, page * PAGE, page === 0 ? 'pc.ram' : undefined);
  for (let page = twice; page < last; page++) sent(ram, page * PAGE);
  footer();
  tables.push(table(length - 13, 26, { big: true }));
  add(Buffer.from([3]), u32(2, true));
  for (let page = 0; page < 2; page++) sent(rom, page * PAGE, 'pc.rom');
  for (let page = 0; page < twice; page++) sent(ram, page * PAGE, page === 0 ? 'pc.ram' : undefined);
  for (let page = last; page < pages; page++) sent(ram, page * PAGE);
  footer();
  add(Buffer.from([4]), u32(9, true), named('timer'), Buffer.from('rest'));
  return {
    name: libvirt ? 'libvirt' : 'qemu stream',
    format: 'qemu',
    file: Buffer.concat(sections),
    pages: Buffer.concat([ram, rom]),
    places: [...Array.from({ length: pages }, (_, page) => page), 0, 1],
    isPlain: true,
    tables,
  };
}

/** Version 6, of a machine with 64 or 32 bits; page frames 3 and 5 exist and are excluded. */
export function kdump(
  seed: number,
  { blockBytes = PAGE, flattened = false, compress = zlib, wide = true, isSmall = false } = {},
): Fixture {
  const ratio = blockBytes / PAGE;
  const frames = isSmall ? 9 : 40;
  const memory = image(new Random(seed, 'kdump'), frames * ratio);
  const random = new Random(seed, 'exclusion');
  const isThere = Array.from({ length: frames }, (_, frame) => ![3, 5].includes(frame) && random.below(4) > 0);
  const bitmap = (has: (frame: number) => boolean) => {
    const bytes = Buffer.alloc(blockBytes);
    for (let frame = 0; frame < frames; frame++) if (has(frame)) bytes[frame >> 3] |= 1 << (frame & 7);
    return bytes;
  };
  const header = Buffer.alloc(blockBytes);
  header.write('KDUMP   ');
  header.writeInt32LE(6, 8);
  const status = wide ? 424 : 412;
  for (const [n, value] of [blockBytes, 1, 2, frames].entries()) header.writeInt32LE(value, status + 4 + 4 * n);
  const sub = Buffer.alloc(blockBytes);
  if (wide) sub.writeBigUInt64LE(BigInt(frames), 96);
  const there = isThere.flatMap((is, frame) => (is ? [frame] : []));
  const descriptors: Buffer[] = [];
  const data: Buffer[] = [];
  let at = 4 * blockBytes + there.length * 24;
  for (const frame of there) {
    const page = memory.subarray(frame * blockBytes, (frame + 1) * blockBytes);
    const packed = compress(page);
    const { flag, bytes } = packed.bytes.length < blockBytes ? packed : { flag: 0, bytes: page };
    descriptors.push(Buffer.concat([u64(at), u32(bytes.length), u32(flag), u64(0)]));
    data.push(bytes);
    at += bytes.length;
  }
  const bitmaps = [bitmap((frame) => isThere[frame] || frame === 3 || frame === 5), bitmap((frame) => isThere[frame])];
  const plain = Buffer.concat([header, sub, ...bitmaps, ...descriptors, ...data]);
  const tables = [
    table(0, 12),
    table(status, 20),
    table(blockBytes, 104),
    table(2 * blockBytes, 8),
    table(3 * blockBytes, 8),
    table(4 * blockBytes, there.length * 24, { entryBytes: 24 }),
  ];
  const flat = flattened ? flatten(plain, tables, random, isSmall ? 2500 : 9000) : undefined;
  return {
    name: `kdump ${wide ? '' : '32 '}${flattened ? 'flattened' : 'plain'}${ratio > 1 ? ` ${blockBytes}` : ''}`,
    format: 'kdump',
    pages: Buffer.concat(there.map((frame) => memory.subarray(frame * blockBytes, (frame + 1) * blockBytes))),
    places: there.flatMap((frame) => Array.from({ length: ratio }, (_, i) => frame * ratio + i)),
    isPlain: false,
    ...(flat ?? { file: plain, tables }),
  };
}

/** In records that are out of order; with its own tables, and those of the file it stands for. */
function flatten(
  plain: Buffer,
  tables: readonly Table[],
  random: Random,
  most: number,
): { file: Buffer; tables: Table[] } {
  const head = Buffer.alloc(PAGE);
  head.write('makedumpfile');
  head.writeBigInt64BE(1n, 16);
  head.writeBigInt64BE(1n, 24);
  const pieces: { at: number; bytes: Buffer }[] = [];
  for (let at = 0; at < plain.length;) {
    const bytes = plain.subarray(at, at + random.between(1, most));
    pieces.push({ at, bytes });
    at += bytes.length;
  }
  pieces.sort((a, b) => (a.at % 7) - (b.at % 7));
  const found = [table(0, 40, { word: 8, big: true })];
  let length = head.length;
  for (const { at, bytes } of pieces) {
    found.push(table(length, 16, { word: 8, big: true }));
    for (const inner of tables) {
      const [from, to] = [Math.max(at, inner.at), Math.min(at + bytes.length, inner.at + inner.bytes)];
      if (from < to) found.push({ ...inner, at: length + 16 + from - at, bytes: to - from });
    }
    length += 16 + bytes.length;
  }
  const records = pieces.flatMap(({ at, bytes }) => [u64(at, true), u64(bytes.length, true), bytes]);
  return { file: Buffer.concat([head, ...records, u64(-1, true), u64(-1, true)]), tables: found };
}

/** One of each. */
export const builders: readonly ((seed: number, sizes?: Sizes) => Fixture)[] = [
  elf,
  (seed, sizes) => elf(seed, { ...sizes, wide: false, big: true }),
  (seed, sizes) => elf(seed, { ...sizes, physical: true }),
  kdump,
  (seed, sizes) => kdump(seed, { ...sizes, flattened: true }),
  (seed, sizes) => kdump(seed, { ...sizes, blockBytes: 4 * PAGE }),
  (seed, sizes) => kdump(seed, { ...sizes, wide: false, compress: mixed }),
  lime,
  qemuStream,
  (seed, sizes) => qemuStream(seed, { ...sizes, libvirt: true }),
  v86,
  wal,
  (seed, sizes) => wal(seed, { ...sizes, pageBytes: 1024 }),
  journal,
  (seed, sizes) => journal(seed, { ...sizes, pageBytes: 2 * PAGE }),
  rastate,
];

export const fixtures = (seed: number, sizes: Sizes = {}): Fixture[] => builders.map((build) => build(seed, sizes));

/** zlib around a dump, as LiME's compress=1 makes it. */
export const compressedLime = (bytes: Buffer): Buffer =>
  deflateSync(bytes, { windowBits: 11, level: constants.Z_DEFAULT_COMPRESSION });
