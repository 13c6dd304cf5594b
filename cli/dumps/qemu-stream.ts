/**
 * QEMU's migration stream (`migrate exec:`) and libvirt's save files, which have a header of their own before it. Numbers
 * are big-endian. Each page stands behind a word of its address and flags, a page that repeats one byte as that byte. A
 * machine that runs on sends pages again: the last one of an address counts.
 *
 * Layout: QEMU's docs/devel/migration (main.rst), migration/ram.c names the flags.
 */
import { PAGE_BYTES } from '../page-list.js';
import { dumpOf, endsEarly, type Dump } from './dump.js';
import { compareSpaces, Extents, FILL, PLAIN } from './extents.js';
import { safeOffset, type Reader } from './reader.js';

export const QEMU_MAGIC = Buffer.from('QEVM', 'latin1');
export const LIBVIRT_MAGIC = Buffer.from('LibvirtQemud', 'latin1');
const VERSION = 3;
const LIBVIRT_FINISHED = Buffer.from('LibvirtQemudSave', 'latin1');
const LIBVIRT_HEADER_BYTES = 92;
const LIBVIRT_VERSION = 2;

/** Sections, by their first byte. */
const END = 0;
const START = 1;
const PART = 2;
const LAST_PART = 3;
const FULL = 4;
const CONFIGURATION = 7;
const COMMAND = 8;
const FOOTER = 0x7e;

/** Flags in the low 12 bits of a word of `ram`. */
const ZERO = 0x02;
const MEM_SIZE = 0x04;
const PAGE = 0x08;
const EOS = 0x10;
const CONTINUE = 0x20;
const KNOWN = ZERO | MEM_SIZE | PAGE | EOS | CONTINUE;
const UNREADABLE: readonly (readonly [flag: number, name: string])[] = [
  [0x40, 'XBZRLE'],
  [0x100, 'compressed pages'],
  [0x200, 'multifd'],
];

const WORD_BYTES = 8;
/** Of a machine: dozens, as each of its devices with memory has one. */
const BLOCKS_MAX = 65_536;

export function qemuMisfit(head: Buffer): string | undefined {
  const version = head.length < 8 ? 0 : head.readUInt32BE(4);
  return version === VERSION ? undefined : `its version is ${version}, not ${VERSION}`;
}

/** Of a save file of libvirt, finished or not. */
export function libvirtMisfit(head: Buffer): string | undefined {
  if (head.length < LIBVIRT_HEADER_BYTES) return 'it ends inside its header';
  const version = head.readUInt32LE(16);
  return version === LIBVIRT_VERSION ? undefined : `the version of its header is ${version}, not ${LIBVIRT_VERSION}`;
}

interface Block {
  readonly space: number;
  readonly bytes: number;
}

/** Thrown where the file ends, to end the walk: what came before is whole. */
class Ended extends Error {
  constructor(readonly at: number) {
    super();
  }
}

/** @throws CliError */
export async function readQemuStream(reader: Reader): Promise<Dump> {
  const head = await reader.upTo(0, LIBVIRT_HEADER_BYTES);
  const start = head.subarray(0, LIBVIRT_MAGIC.length).equals(LIBVIRT_MAGIC) ? libvirtStream(reader, head) : 0;
  const stream = await reader.exactly(start, 8, 'the header of the migration stream');
  if (!stream.subarray(0, 4).equals(QEMU_MAGIC)) throw reader.wrong(start, 'there is no migration stream');
  const misfit = qemuMisfit(stream);
  if (misfit !== undefined) throw reader.wrong(start + 4, misfit);
  return new Walk(reader, start + 8).read();
}

function libvirtStream(reader: Reader, head: Buffer): number {
  if (head.length < LIBVIRT_HEADER_BYTES) throw reader.wrong(0, 'the file ends inside the header of libvirt');
  if (!head.subarray(0, 16).equals(LIBVIRT_FINISHED)) throw reader.wrong(0, 'libvirt has not finished this save file');
  const version = head.readUInt32LE(16);
  if (version !== LIBVIRT_VERSION) throw reader.wrong(16, `the version of libvirt's header is ${version}, not 2`);
  if (head.readUInt32LE(28) !== 0)
    throw reader.wrong(28, 'the stream is compressed; set save_image_format = "raw" in qemu.conf, and save again');
  return LIBVIRT_HEADER_BYTES + head.readUInt32LE(20);
}

/** One way through the stream, by its sections. */
class Walk {
  readonly #extents: Extents;
  readonly #blocks = new Map<string, Block>();
  /** The block that was named last: pages that continue it may be in a later part. */
  #block: Block | undefined;
  #ramId: number | undefined;

  constructor(
    readonly reader: Reader,
    public at: number,
  ) {
    this.#extents = new Extents(reader.name);
  }

  async read(): Promise<Dump> {
    let truncated: string | undefined;
    try {
      while (await this.#section());
    } catch (error) {
      if (!(error instanceof Ended)) throw error;
      // What was skipped may lie behind the end.
      truncated = endsEarly(this.reader, Math.min(error.at, this.reader.bytes ?? Infinity));
    }
    if (this.#blocks.size === 0) throw this.reader.wrong(this.at, 'the stream has no section of memory');
    this.#extents.sortByAddress();
    const pagesRepeated = this.#extents.keepLast();
    return dumpOf(this.reader, {
      format: 'qemu',
      extents: this.#extents,
      pagesRepeated,
      bytesRepeated: this.#bytesRead - this.#bytesKept(),
      truncated,
    });
  }

  /** Bytes of pages in the file, those that are sent again included. */
  #bytesRead = 0;

  #bytesKept(): number {
    let bytes = 0;
    for (const { encoding } of this.#extents) bytes += encoding === PLAIN ? PAGE_BYTES : 1;
    return bytes;
  }

  /** Reads a section; false at the end of the memory. */
  async #section(): Promise<boolean> {
    const at = this.at;
    const type = (await this.#take(1))[0];
    switch (type) {
      case CONFIGURATION:
        this.#skip((await this.#take(4)).readUInt32BE(0));
        return true;
      case COMMAND:
        this.#skip((await this.#take(4)).readUInt16BE(2));
        return true;
      case FOOTER:
        await this.#take(4);
        return true;
      case START:
      case FULL:
        return this.#startOf(at, type);
      case PART:
      case LAST_PART: {
        const id = (await this.#take(4)).readUInt32BE(0);
        if (id !== this.#ramId) throw this.#unread(at, `section ${id}`);
        await this.#ram();
        return type === PART;
      }
      case END:
        if (this.#blocks.size === 0) return false;
        throw this.reader.wrong(at, 'the stream ends before the last part of its memory');
      default:
        throw this.reader.wrong(at, `there is no section of type ${type}`);
    }
  }

  async #startOf(at: number, type: number): Promise<boolean> {
    const id = (await this.#take(4)).readUInt32BE(0);
    const name = await this.#name();
    await this.#take(8); // instance and version
    if (name !== 'ram') throw this.#unread(at, `section '${name}'`);
    if (this.#ramId !== undefined) throw this.reader.wrong(at, "section 'ram' begins twice");
    this.#ramId = id;
    await this.#ram();
    return type === START;
  }

  /** The lengths of other sections' contents are not in the stream, so nothing behind them can be found. */
  #unread(at: number, what: string): Error {
    return this.reader.wrong(
      at,
      `${what} stands before the end of the memory and cannot be read; stop the machine, remove what migrates ` +
        'in parts beside its memory (dirty bitmaps, multifd), or use dump-guest-memory',
    );
  }

  /** Words of a part of `ram`, to its end. */
  async #ram(): Promise<void> {
    for (;;) {
      const at = this.at;
      const word = (await this.#take(WORD_BYTES)).readBigUInt64BE(0);
      const flags = Number(word & 0xfffn);
      const address = word - BigInt(flags);
      this.#checkFlags(at, flags);
      if (flags === EOS) return;
      if (flags & MEM_SIZE) {
        await this.#readBlocks(at, address);
        continue;
      }
      if ((flags & CONTINUE) === 0) this.#block = await this.#blockNamed(at);
      const block = this.#block;
      if (block === undefined) throw this.reader.wrong(at, 'a page continues a block, and none was named');
      if (address >= BigInt(block.bytes)) throw this.reader.wrong(at, `a page lies at ${address}, beyond its block`);
      const bytes = flags & PAGE ? PAGE_BYTES : 1;
      const offset = this.at;
      await this.#take(bytes);
      this.#bytesRead += bytes;
      const page = Number(address) / PAGE_BYTES;
      const encoding = flags & PAGE ? PLAIN : FILL;
      this.#extents.add({ offset, bytes: PAGE_BYTES, page, shift: 0, space: block.space, encoding });
    }
  }

  #checkFlags(at: number, flags: number): void {
    const unreadable = UNREADABLE.find(([flag]) => (flags & flag) !== 0);
    if (unreadable !== undefined) {
      throw this.reader.wrong(
        at,
        `the stream uses ${unreadable[1]}, which is not read; turn that capability off, or use dump-guest-memory`,
      );
    }
    const kind = flags & ~CONTINUE;
    if ((flags & ~KNOWN) !== 0 || ![ZERO, MEM_SIZE, PAGE, EOS].includes(kind) || (flags !== kind && kind >= EOS))
      throw this.reader.wrong(at, `a word has unknown flags, 0x${flags.toString(16)}`);
  }

  /** The list of blocks, which stands before all pages. */
  async #readBlocks(at: number, total: bigint): Promise<void> {
    if (this.#blocks.size > 0) throw this.reader.wrong(at, 'the list of blocks comes twice');
    const named = new Map<string, number>();
    let sum = 0n;
    do {
      const name = await this.#name();
      const bytes = (await this.#take(8)).readBigUInt64BE(0);
      sum += bytes;
      if (sum > total || bytes === 0n)
        throw this.reader.wrong(
          at,
          `the blocks have ${sum} bytes, and ${total} were announced (mapped-ram is not read)`,
        );
      if (name === '') throw this.reader.wrong(at, 'a block has no name');
      if (named.size === BLOCKS_MAX) throw this.reader.wrong(at, `there are more than ${BLOCKS_MAX} blocks`);
      if (named.has(name)) throw this.reader.wrong(at, `two blocks are called '${name}'`);
      named.set(name, safeOffset(this.reader, at, bytes, 'a block'));
    } while (sum < total);
    this.#nameSpaces(named);
  }

  async #blockNamed(at: number): Promise<Block> {
    const name = await this.#name();
    const block = this.#blocks.get(name);
    if (block === undefined) throw this.reader.wrong(at, `a page is of block '${name}', which was not announced`);
    return block;
  }

  /** The largest block is the machine's memory: 'pc.ram', or the id of a backend. */
  #nameSpaces(named: ReadonlyMap<string, number>): void {
    const largest = [...named].reduce((most, block) => (block[1] > most[1] ? block : most))[0];
    const others = [...named.keys()].filter((name) => name !== largest).sort(compareSpaces);
    this.#extents.spaces.push(...others);
    for (const [space, name] of [largest, ...others].entries())
      this.#blocks.set(name, { space, bytes: named.get(name) ?? 0 });
  }

  async #name(): Promise<string> {
    const length = (await this.#take(1))[0];
    return (await this.#take(length)).toString('latin1');
  }

  #skip(length: number): void {
    this.at += length;
  }

  /** The next bytes, at most a page. */
  async #take(length: number): Promise<Buffer> {
    const bytes = await this.reader.upTo(this.at, length);
    if (bytes.length < length) throw new Ended(this.at + bytes.length);
    this.at += length;
    return bytes;
  }
}
