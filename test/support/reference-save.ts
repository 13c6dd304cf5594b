import { inflateRawSync } from 'node:zlib';
import { referenceDecode } from './reference-lz4.js';
import { referenceLzo } from './reference-lzo.js';

/**
 * A reader of save files that is obviously right: written from `docs/format.md` alone, without a look at the library's
 * own reader, over a whole file in memory and with no thought of speed.
 */
export interface ReferenceDevice {
  readonly name: string;
  readonly snapshot: boolean;
  readonly diskPages: number;
  /** What each page holds. Pages that share an object share one array. */
  readonly pages: Map<number, Uint8Array>;
  readonly incompressible: Set<number>;
}

export interface ReferenceFile {
  readonly comment: string | undefined;
  readonly attachment: Uint8Array | undefined;
  readonly devices: readonly ReferenceDevice[];
}

/** Parts that may be left out, for tests that must see a difference. */
export type Blindness = 'checksums' | 'named twice' | 'same-filled objects' | 'pagesStored' | 'runs over groups';

export class Refused extends Error {}

function refuse(why: string): never {
  throw new Refused(why);
}

interface Codec {
  readonly name: string;
  readonly dictionary: Uint8Array | undefined;
}

interface Section {
  readonly type: string;
  readonly payload: Uint8Array;
}

const PAGE = 4096;
const GROUP = 512;
const PREAMBLE = [0x89, 0x5a, 0x52, 0x41, 0x4d, 0x0d, 0x0a, 0x1a, 1, 0, 0, 0];

const CRC_TABLE = Array.from({ length: 256 }, (_, n) => {
  for (let bit = 0; bit < 8; bit++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n >>> 0;
});

export function crcOf(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 255] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** The sections of a file: its framing and checksums. */
function sectionsOf(file: Uint8Array, blind: ReadonlySet<Blindness>): Section[] {
  if (file.length < PREAMBLE.length || PREAMBLE.some((byte, at) => file[at] !== byte)) refuse('preamble');
  const words = new DataView(file.buffer, file.byteOffset, file.length);
  const sections: Section[] = [];
  let crc = crcOf(file.subarray(0, PREAMBLE.length));
  for (let at = PREAMBLE.length; at < file.length;) {
    if (at + 8 > file.length) refuse('cut in the head of a section');
    const length = words.getUint32(at + 4, true);
    if (length > 16 << 20) refuse('a section of more than 16 MiB');
    const end = at + 8 + length;
    if (end + 4 > file.length) refuse('cut in a section');
    crc = crcOf(file.subarray(at, end), crc);
    if (words.getUint32(end, true) !== crc && !blind.has('checksums')) refuse('checksum');
    const type = String.fromCharCode(...file.subarray(at, at + 4));
    sections.push({ type, payload: file.subarray(at + 8, end) });
    at = end + 4;
  }
  return sections;
}

function objectOf(bytes: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes));
  } catch {
    refuse('not JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) refuse('JSON that is no object');
  return value as Record<string, unknown>;
}

function whole(value: unknown, least: number, most: number, name: string): number {
  if (!Number.isInteger(value) || (value as number) < least || (value as number) > most) refuse(name);
  return value as number;
}

function flag(value: unknown, name: string): boolean {
  if (typeof value !== 'boolean') refuse(name);
  return value;
}

function text(value: unknown, name: string): string {
  if (typeof value !== 'string') refuse(name);
  return value;
}

/** Compressors that take none. */
const NO_DICTIONARY = ['lz4', 'lz4hc', 'lzo', 'lzo-rle'];

function codecOf(payload: Uint8Array): Codec {
  if (payload.length < 4) refuse('CODC without a length');
  const length = new DataView(payload.buffer, payload.byteOffset).getUint32(0, true);
  if (4 + length > payload.length) refuse('CODC: JSON longer than the section');
  const head = objectOf(payload.subarray(4, 4 + length));
  const rest = payload.subarray(4 + length);
  const name = text(head.name, 'name of a compressor');
  if (!NO_DICTIONARY.includes(name) && name !== 'deflate') refuse('a compressor that this reader does not have');
  if (head.level !== undefined) whole(head.level, -(2 ** 31), 2 ** 31 - 1, 'level');
  if (head.winbits !== undefined) whole(Math.abs(head.winbits as number), 9, 15, 'winbits');
  if (NO_DICTIONARY.includes(name) && head.dictionary !== undefined) refuse('a dictionary of LZ4 or LZO');
  if (head.dictionary === undefined ? rest.length > 0 : head.dictionary !== rest.length) refuse('dictionary');
  return { name, dictionary: head.dictionary === undefined ? undefined : rest };
}

function checkAlgorithms(value: unknown, codecs: readonly Codec[]): void {
  if (!Array.isArray(value)) refuse('algorithms');
  let next = 0;
  for (const one of value as Record<string, unknown>[]) {
    if (typeof one !== 'object' || one === null) refuse('algorithm');
    // The primary comes first: only 0 will do for it.
    next = whole(one.priority, next, next === 0 ? 0 : 3, 'priority') + 1;
    const codec = whole(one.codec, 1, codecs.length, 'codec of an algorithm');
    if (one.level !== undefined) whole(one.level, -(2 ** 31), 2 ** 31 - 1, 'level of an algorithm');
    const favored = one.favorDecSpeed === undefined ? 0 : whole(one.favorDecSpeed, 0, 16, 'favorDecSpeed');
    if (favored !== 0 && codecs[codec - 1].name !== 'lz4hc') refuse('favorDecSpeed');
  }
  if (next === 0) refuse('no primary compressor');
}

class Reader {
  private readonly codecs: Codec[] = [];
  private readonly devices: (ReferenceDevice & { pagesStored: number })[] = [];
  private readonly objects: Uint8Array[] = [];
  private device = 0;
  /** Of the first device. */
  private kernel: unknown;
  private page = 0;

  constructor(private readonly blind: ReadonlySet<Blindness>) {}

  read(file: Uint8Array): ReferenceFile {
    const sections = sectionsOf(file, this.blind);
    if (sections[0]?.type !== 'HEAD') refuse('no HEAD');
    if (sections.at(-1)!.type !== 'END ' || sections.at(-1)!.payload.length > 0) refuse('no END');
    const head = objectOf(sections[0].payload);
    const devices = whole(head.devices, 1, 2 ** 32 - 1, 'devices');
    const objects = whole(head.objects, 0, 2 ** 32 - 1, 'objects');
    const comment = head.comment === undefined ? undefined : text(head.comment, 'comment');
    let pages = false;
    const attached: Uint8Array[] = [];
    for (const { type, payload } of sections.slice(1, -1)) {
      if (type === 'CODC') this.codecs.push(codecOf(payload));
      else if (type === 'DEVC' && !pages) this.takeDevice(payload);
      else if (type === 'PAGE') {
        pages = true;
        if (this.devices.length !== devices) refuse('PAGE before the last DEVC');
        this.takeRecords(payload);
      } else if (type === 'ATCH') attached.push(payload);
      else refuse(`section ${type}`);
    }
    if (this.devices.length !== devices || this.objects.length !== objects) refuse('numbers of HEAD');
    for (const one of this.devices) {
      if (one.pages.size !== one.pagesStored && !this.blind.has('pagesStored')) refuse('pagesStored');
    }
    const attachment = attached.length === 0 ? undefined : Uint8Array.from(Buffer.concat(attached));
    return { comment, attachment, devices: this.devices };
  }

  private takeDevice(payload: Uint8Array): void {
    const head = objectOf(payload);
    const name = text(head.name, 'name');
    if (this.devices.some((one) => one.name === name)) refuse('a name that comes twice');
    const snapshot = flag(head.snapshot, 'snapshot');
    const diskPages = whole(head.diskPages, 1, 2 ** 32 - 1, 'diskPages');
    const pagesStored = whole(head.pagesStored, 0, diskPages, 'pagesStored');
    checkAlgorithms(head.algorithms, this.codecs);
    for (const key of ['dedup', 'verifyCompressors', 'trackEntryActime']) flag(head[key], key);
    whole(head.memLimit, 0, Number.MAX_SAFE_INTEGER, 'memLimit');
    const { kernel = '6.18', chainSize } = head;
    if (!['6.1', '6.12', '6.18', '7.1'].includes(kernel as string)) refuse('kernel');
    if (kernel !== (this.kernel ??= kernel)) refuse('a kernel that the first device does not have');
    const sizes = kernel === '6.1' ? [4] : [4, 8, 16];
    if (chainSize !== undefined && !sizes.includes(chainSize as number)) refuse('chainSize');
    if (head.shrinker !== undefined) flag(head.shrinker, 'shrinker');
    this.devices.push({ name, snapshot, diskPages, pagesStored, pages: new Map(), incompressible: new Set() });
  }

  private takeRecords(payload: Uint8Array): void {
    let at = 0;
    const bytes = (length: number): Uint8Array => {
      if (at + length > payload.length) refuse('a record that goes past its section');
      return payload.subarray(at, (at += length));
    };
    const number = (): number => {
      let value = 0;
      for (let scale = 1; ; scale *= 128) {
        const [byte] = bytes(1);
        value += (byte & 127) * scale;
        if (value >= 2 ** 32 || scale > 128 ** 4) refuse('a number of 2^32 or more');
        if (byte < 128) return value;
      }
    };
    while (at < payload.length) {
      const [kind] = bytes(1);
      if (kind === 1) {
        this.device = number();
        this.page = number();
        if (this.device >= this.devices.length) refuse('a device that there is not');
      } else if ((kind & 127) === 2) this.takeRun(number(), number(), kind > 128);
      else if (kind === 3) this.takeSameFilled(number(), bytes(8));
      else if ((kind & 127) === 4) {
        const object = this.objectOf(number(), bytes(number()));
        this.objects.push(object);
        this.takePage(object, kind > 128);
      } else if ((kind & 127) === 5) {
        this.takePage(this.objects[number()] ?? refuse('an object that did not come'), kind > 128);
      } else refuse('a record of an unknown kind');
    }
  }

  private takeRun(count: number, distance: number, marked: boolean): void {
    this.checkRun(count);
    if (distance === 0 || distance > this.device) refuse('a distance to no device');
    const from = this.devices[this.device - distance];
    for (; count > 0; count--) this.takePage(from.pages.get(this.page) ?? refuse('a copy of nothing'), marked);
  }

  private takeSameFilled(count: number, value: Uint8Array): void {
    this.checkRun(count);
    const page = new Uint8Array(PAGE);
    for (let at = 0; at < PAGE; at += 8) page.set(value, at);
    for (; count > 0; count--) this.takePage(page, false);
  }

  private checkRun(count: number): void {
    const room = GROUP - (this.page % GROUP);
    if (count === 0 || (count > room && !this.blind.has('runs over groups'))) refuse('the length of a run');
  }

  private takePage(content: Uint8Array, marked: boolean): void {
    const device = this.devices[this.device] ?? refuse('no device');
    if (this.page >= device.diskPages) refuse('a page past the end of its disk');
    if (device.pages.has(this.page) && !this.blind.has('named twice')) refuse('a page that is named twice');
    device.pages.set(this.page, content);
    if (marked) device.incompressible.add(this.page);
    this.page++;
  }

  private objectOf(number: number, payload: Uint8Array): Uint8Array {
    const page = this.decompressed(number, payload);
    if (page?.length !== PAGE) refuse('an object that is no page');
    const same = page.every((byte, at) => byte === page[at % 8]);
    if (same && !this.blind.has('same-filled objects')) refuse('an object that is same-filled');
    return page;
  }

  private decompressed(number: number, payload: Uint8Array): Uint8Array | undefined {
    if (number === 0) return payload;
    const codec = this.codecs[number - 1] ?? refuse('a compressor that did not come');
    if (codec.name === 'lz4' || codec.name === 'lz4hc') return referenceDecode(payload, PAGE);
    if (codec.name !== 'deflate') return referenceLzo(payload);
    try {
      const dictionary = codec.dictionary && { dictionary: codec.dictionary };
      // The zlib format: a header of two bytes, which no raw block begins with, and a checksum after the last block.
      const raw = (payload[0] & 15) === 8 ? payload.subarray(2) : payload;
      return inflateRawSync(raw, { maxOutputLength: PAGE, ...dictionary });
    } catch {
      return undefined;
    }
  }
}

/** Reads a whole file, or throws {@link Refused}. `blind` leaves checks out, for tests that must notice. */
export function referenceLoad(file: Uint8Array, blind: readonly Blindness[] = []): ReferenceFile {
  return new Reader(new Set(blind)).read(file);
}
