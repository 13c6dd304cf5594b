/**
 * ELF cores: of processes (the kernel's, gdb's gcore) and of machines (QEMU's dump-guest-memory, /proc/vmcore and
 * /proc/kcore). Their pages are what the program headers of type PT_LOAD name; notes are never looked at.
 *
 * Layout: the System V ABI, chapters 4 and 5; elf(5).
 */
import { plural } from '../format.js';
import { PAGE_BYTES } from '../page-list.js';
import { dumpOf, endsEarly, type Dump } from './dump.js';
import { Extents } from './extents.js';
import { safeOffset, type Reader } from './reader.js';
import { namedOnce, pagesMissing, type NamedSegment, type Segment } from './segments.js';

export const ELF_MAGIC = Buffer.from('\x7fELF', 'latin1');
const ET_CORE = 4;
const PT_LOAD = 1;
/** In place of a number of program headers that does not fit: it stands in section header 0. */
const PN_XNUM = 0xffff;
/** A process may have 65,530 mappings unless that was raised; a table of this size is 56 MiB. */
const HEADERS_MAX = 1_048_576;
const ADDRESSES_END = 1n << 64n;
/** In place of a physical address: what is mapped, as in /proc/kcore, and stands elsewhere in it, too. */
const NO_ADDRESS = { wide: ADDRESSES_END - 1n, narrow: 0xffffffffn };

/** Integers of a file by its class and byte order. */
class Fields {
  constructor(
    readonly wide: boolean,
    readonly big: boolean,
  ) {}

  u16(bytes: Buffer, at: number): number {
    return this.big ? bytes.readUInt16BE(at) : bytes.readUInt16LE(at);
  }

  u32(bytes: Buffer, at: number): number {
    return this.big ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at);
  }

  /** An address, offset or size: 8 bytes, or 4 in a file of class 32. */
  word(bytes: Buffer, at: number): bigint {
    if (!this.wide) return BigInt(this.u32(bytes, at));
    return this.big ? bytes.readBigUInt64BE(at) : bytes.readBigUInt64LE(at);
  }
}

interface ElfHeader {
  readonly fields: Fields;
  readonly tableOffset: bigint;
  readonly sectionsOffset: bigint;
  readonly entryBytes: number;
  readonly count: number;
}

/** Where the fields of a program header stand. */
const WIDE = { size: 56, offset: 8, vaddr: 16, paddr: 24, filesz: 32, memsz: 40 };
const NARROW = { size: 32, offset: 4, vaddr: 8, paddr: 12, filesz: 16, memsz: 20 };

/** Whether the file is a core at all; executables and libraries are not. */
export function isCore(head: Buffer): boolean {
  if (head.length < 52 || !head.subarray(0, 4).equals(ELF_MAGIC)) return false;
  return (head[5] === 2 ? head.readUInt16BE(16) : head.readUInt16LE(16)) === ET_CORE;
}

/** What does not fit in the header of a core; undefined if all does. */
export function elfMisfit(head: Buffer, size: number | undefined): string | undefined {
  const header = headerOf(head);
  if (typeof header === 'string') return header;
  const { tableOffset, count, entryBytes } = header;
  if (size !== undefined && tableOffset + BigInt(count === PN_XNUM ? 0 : count * entryBytes) > BigInt(size))
    return 'its table of program headers lies beyond the end of the file';
  return undefined;
}

function headerOf(head: Buffer): ElfHeader | string {
  const [kind, order] = [head[4], head[5]];
  if (!isCore(head)) return 'it is not an ELF core';
  if ((kind !== 1 && kind !== 2) || (order !== 1 && order !== 2)) return 'its class or byte order is unknown';
  const fields = new Fields(kind === 2, order === 2);
  if (fields.wide && head.length < 64) return 'it ends inside its header';
  const [tableAt, sectionsAt, entryAt, countAt] = fields.wide ? [32, 40, 54, 56] : [28, 32, 42, 44];
  const entryBytes = fields.u16(head, entryAt);
  const { size } = fields.wide ? WIDE : NARROW;
  if (entryBytes !== size) return `its program headers have ${entryBytes} bytes, not ${size}`;
  return {
    fields,
    tableOffset: fields.word(head, tableAt),
    sectionsOffset: fields.word(head, sectionsAt),
    entryBytes,
    count: fields.u16(head, countAt),
  };
}

/** @throws CliError */
export async function readElf(reader: Reader): Promise<Dump> {
  const header = headerOf(await reader.upTo(0, 64));
  if (typeof header === 'string') throw reader.wrong(0, header);
  const { segments, hasPhysical, pagesNotInDump, leftOut } = await readSegments(reader, header);
  if (segments.length === 0) {
    throw reader.wrong(
      0,
      'this core has no segments with contents (the cores of Xen keep their pages in sections); ' +
        'dump the memory in another format, or give --format raw',
    );
  }
  const { parts, bytesRepeated, bytesUnread } = namedOnce(segments);
  const extents = new Extents(reader.name);
  let missing = 0;
  for (const part of parts) missing += addWhole(reader, extents, part);
  const notes: string[] = [];
  if (!hasPhysical && header.fields.wide && isGcore(header, segments))
    notes.push(
      'it was made by gcore, which writes reserved memory as zeros; --pid shows what is resident of a process',
    );
  if (leftOut > 0) notes.push(`${plural(leftOut, 'segment')} without a physical address left out`);
  return dumpOf(reader, {
    format: 'elf',
    extents,
    pagesNotInDump: pagesNotInDump + missing,
    pagesRepeated: Math.floor(bytesRepeated / PAGE_BYTES),
    bytesRepeated: bytesUnread,
    notes,
    truncated: missing > 0 ? endsEarly(reader, reader.bytes ?? 0, missing) : undefined,
  });
}

/** Adds what of a segment is in the file, in whole pages; returns the pages that are not. */
function addWhole(reader: Reader, extents: Extents, { offset, bytes, address }: Segment): number {
  const here = Math.max(0, Math.min(bytes, (reader.bytes ?? Infinity) - offset));
  const cut = here === bytes ? 0 : (Number(address % BigInt(PAGE_BYTES)) + here) % PAGE_BYTES;
  const whole = Math.max(0, here - cut);
  if (whole > 0) extents.addPlain(offset, whole, address);
  return Math.ceil((bytes - whole) / PAGE_BYTES);
}

/** gcore's contents begin right behind its headers and notes, on no page; the kernel's begin on one. */
function isGcore({ tableOffset, entryBytes, count }: ElfHeader, segments: readonly Segment[]): boolean {
  const first = segments.reduce((least, { offset }) => Math.min(least, offset), Infinity);
  return first % PAGE_BYTES !== 0 && first === Number(tableOffset) + entryBytes * count;
}

interface Loaded extends NamedSegment {
  readonly physical: bigint;
}

interface Segments {
  /** Those with contents. */
  readonly segments: Segment[];
  readonly hasPhysical: boolean;
  readonly pagesNotInDump: number;
  /** Segments without a physical address, where others have one. */
  readonly leftOut: number;
}

async function readSegments(reader: Reader, header: ElfHeader): Promise<Segments> {
  const { fields, entryBytes } = header;
  const { table, count } = await tableOf(reader, header);
  const loaded: Loaded[] = [];
  for (let index = 0; index < count; index++) {
    const at = table + index * entryBytes;
    const entry = await reader.exactly(at, entryBytes, 'the program headers');
    const segment = loadedOf(reader, fields, entry, at);
    if (segment !== undefined) loaded.push(segment);
  }
  const none = fields.wide ? NO_ADDRESS.wide : NO_ADDRESS.narrow;
  const hasPhysical = loaded.some(({ bytes, physical }) => bytes > 0 && physical !== 0n && physical !== none);
  const placed = hasPhysical
    ? loaded.filter(({ physical }) => physical !== none).map((one) => ({ ...one, address: one.physical }))
    : loaded;
  return {
    segments: placed.filter(({ bytes }) => bytes > 0),
    hasPhysical,
    pagesNotInDump: pagesMissing(placed),
    leftOut: loaded.length - placed.length,
  };
}

/** Where the table of program headers is, and how many it has. */
async function tableOf(
  reader: Reader,
  { fields, tableOffset, sectionsOffset, entryBytes, count: shortCount }: ElfHeader,
): Promise<{ table: number; count: number }> {
  const table = safeOffset(reader, 0, tableOffset, 'the offset of the program headers');
  let count = shortCount;
  if (count === PN_XNUM) {
    const at = safeOffset(reader, 0, sectionsOffset, 'the offset of the sections') + (fields.wide ? 44 : 28);
    count = fields.u32(await reader.exactly(at, 4, 'section header 0'), 0);
  }
  if (count > HEADERS_MAX)
    throw reader.wrong(0, `${count} program headers are more than the ${HEADERS_MAX} that are read`);
  if (!reader.reaches(table + count * entryBytes))
    throw reader.wrong(table, 'the table of program headers lies beyond the end of the file');
  return { table, count };
}

/** What a program header names; undefined if that is no memory. */
function loadedOf(reader: Reader, fields: Fields, entry: Buffer, at: number): Loaded | undefined {
  if (fields.u32(entry, 0) !== PT_LOAD) return undefined;
  const names = fields.wide ? WIDE : NARROW;
  const none = fields.wide ? NO_ADDRESS.wide : NO_ADDRESS.narrow;
  const [filesz, named] = [fields.word(entry, names.filesz), fields.word(entry, names.memsz)];
  const [address, physical] = [fields.word(entry, names.vaddr), fields.word(entry, names.paddr)];
  const length = named > filesz ? named : filesz;
  if (address + length > ADDRESSES_END || (physical !== none && physical + length > ADDRESSES_END))
    throw reader.wrong(at, 'the addresses of a segment go beyond 2^64');
  const offset = filesz === 0n ? 0n : fields.word(entry, names.offset);
  safeOffset(reader, at, offset + filesz, 'the end of a segment');
  return { offset: Number(offset), bytes: Number(filesz), address, physical, named };
}
