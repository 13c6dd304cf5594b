/** Small dumps of programs, written by hand from the layouts: v86, SQLite, RetroArch. */
import { Random } from '../../support/random.js';
import { image, PAGE } from '../page-images.js';
import { table, u32, type Fixture, type Sizes } from './words.js';

const wholePages = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(-bytes.length & (PAGE - 1))]);

/** Memory without its pages of zeros, a bitmap, and a buffer beside it. */
export function v86(seed: number, { isSmall = false }: Sizes = {}): Fixture {
  const pages = isSmall ? 10 : 24;
  const memory = image(new Random(seed, 'v86'), pages);
  memory.fill(0, 6 * PAGE, 9 * PAGE);
  const bitmap = Buffer.alloc(Math.ceil(pages / 8));
  const stored: Buffer[] = [];
  for (let page = 0; page < pages; page++) {
    const bytes = memory.subarray(page * PAGE, (page + 1) * PAGE);
    if (bytes.every((byte) => byte === 0)) continue;
    bitmap[page >> 3] |= 1 << (page & 7);
    stored.push(bytes);
  }
  const packed = Buffer.concat(stored);
  const vga = image(new Random(seed, 'vga'), 2);
  const buffers = [Buffer.alloc(100), packed, bitmap, vga];
  let offset = 0;
  const infos = buffers.map(({ length }) => {
    const info = { offset, length };
    offset += Math.ceil(length / 4) * 4;
    return info;
  });
  const state: unknown[] = new Array(80).fill(0).map((_, i) => i * 7);
  state[0] = memory.length;
  state[77] = { __state_type__: 'Uint8Array', buffer_id: 1 };
  state[78] = { __state_type__: 'Uint8Array', buffer_id: 2 };
  const json = Buffer.from(JSON.stringify({ buffer_infos: infos, state }));
  const padded = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);
  const body = Buffer.concat([padded(Buffer.concat([Buffer.alloc(16), json])), ...buffers.map(padded)]);
  body.set(Buffer.concat([Buffer.from([0x76, 0x86, 0x76, 0x86]), u32(6), u32(body.length), u32(json.length)]));
  return {
    name: 'v86',
    format: 'v86',
    file: body,
    pages: Buffer.concat([memory, vga]),
    places: [...Array.from({ length: pages }, (_, page) => page), 0, 1],
    isPlain: true,
    tables: [table(0, 16), table(16, json.length)],
    text: { at: 16, bytes: json.length, lengthAt: 12, totalAt: 8 },
  };
}

/** Frames of a write-ahead log; two are left over from an earlier one. */
export function wal(seed: number, { pageBytes = PAGE, isSmall = false } = {}): Fixture {
  const [ours, all] = isSmall ? [3, 5] : [10, 12];
  const random = new Random(seed, 'wal');
  const head = Buffer.concat([
    u32(0x377f0682, true),
    u32(3007000, true),
    u32(pageBytes, true),
    u32(0, true),
    Buffer.from('saltsalt'),
    Buffer.alloc(8),
  ]);
  const pages: Buffer[] = [];
  const frames: Buffer[] = [];
  for (let frame = 0; frame < all; frame++) {
    const page = Buffer.from(random.fill(new Uint8Array(pageBytes)));
    const isOurs = frame < ours;
    frames.push(
      u32(frame + 1, true),
      u32(0, true),
      Buffer.from(isOurs ? 'saltsalt' : 'saltolds'),
      Buffer.alloc(8),
      page,
    );
    if (isOurs) pages.push(wholePages(page));
  }
  const file = Buffer.concat([head, ...frames]);
  const frame = 24 + pageBytes;
  const headers = Array.from({ length: all }, (_, i) => table(32 + i * frame, 24, { big: true }));
  const tables = [table(0, 32, { big: true }), ...headers];
  return { name: `wal ${pageBytes}`, format: 'sqlite', file, pages: Buffer.concat(pages), isPlain: true, tables };
}

/** Two parts of a journal, and one that is not synced. */
export function journal(seed: number, { pageBytes = PAGE, isSmall = false } = {}): Fixture {
  const random = new Random(seed, 'journal');
  const header = (records: number) =>
    Buffer.concat([
      Buffer.from('d9d505f920a163d7', 'hex'),
      ...[records, 77, 9, 512, pageBytes].map((n) => u32(n, true)),
      Buffer.alloc(512 - 28),
    ]);
  const page = () => Buffer.from(random.fill(new Uint8Array(pageBytes)));
  const record = (bytes: Buffer) => Buffer.concat([u32(1, true), bytes, u32(5, true)]);
  const toSector = (bytes: Buffer) => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 511)]);
  const [one, two] = (isSmall ? [2, 2] : [5, 3]).map((length) => Array.from({ length }, page));
  const first = toSector(Buffer.concat([header(one.length), ...one.map(record)]));
  const second = toSector(Buffer.concat([header(two.length), ...two.map(record)]));
  const unsynced = Buffer.concat([Buffer.alloc(512), record(page())]);
  return {
    name: `journal ${pageBytes}`,
    format: 'sqlite',
    file: Buffer.concat([first, second, unsynced]),
    pages: Buffer.concat([...one, ...two].map(wholePages)),
    isPlain: true,
    tables: [0, first.length, first.length + second.length].map((at) => table(at, 28, { big: true })),
  };
}

export function rastate(seed: number, { isSmall = false }: Sizes = {}): Fixture {
  const pages = isSmall ? 3 : 5;
  const memory = image(new Random(seed, 'rastate'), pages).subarray(0, pages * PAGE - 1001);
  const block = (name: string, bytes: Buffer) =>
    Buffer.concat([Buffer.from(name), u32(bytes.length), bytes, Buffer.alloc(-bytes.length & 7)]);
  const file = Buffer.concat([
    Buffer.from('RASTATE\x01'),
    block('MEM ', memory),
    block('ACHV', Buffer.from('achievements')),
    block('END ', Buffer.alloc(0)),
  ]);
  return {
    name: 'rastate',
    format: 'rastate',
    file,
    pages: wholePages(memory),
    isPlain: true,
    tables: [table(0, 16), table(file.length - 36, 36)],
  };
}
