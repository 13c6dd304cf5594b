/**
 * Which format a file is in, by its first bytes. A magic alone is not enough, as raw memory may begin with one: a second
 * field must fit as well. Formats that are known and not read are refused with the way out, since their pages, cut as
 * if they were raw, would give figures about a container.
 */
import { constants, inflateSync } from 'node:zlib';

import { CliError } from '../errors.js';
import { elfMisfit, isCore, readElf } from './elf.js';
import type { Format } from './contents.js';
import type { Dump } from './dump.js';
import { FLATTENED_MAGIC, flattenedMisfit } from './flattened.js';
import { KDUMP_MAGICS, kdumpMisfit, readKdump } from './kdump.js';
import { LIME_MAGIC, limeMisfit, readLime } from './lime.js';
import { LIBVIRT_MAGIC, libvirtMisfit, QEMU_MAGIC, qemuMisfit, readQemuStream } from './qemu-stream.js';
import { RASTATE_MAGIC, rastateMisfit, readRastate } from './rastate.js';
import type { Reader } from './reader.js';
import { JOURNAL_MAGIC, journalMisfit, readSqlite, WAL_MAGICS, walMisfit } from './sqlite.js';
import { V86_MAGIC, v86Misfit, readV86 } from './v86.js';

/** As much of a file as is looked at. */
export const HEAD_BYTES = 4096;

type Readable = Exclude<Format, 'raw'>;

interface Known {
  readonly format: Readable;
  /** For people: "looks like ...". */
  readonly name: string;
  begins(head: Buffer): boolean;
  /** What does not fit; undefined if the second field does, too. */
  misfit(head: Buffer, size: number | undefined): string | undefined;
}

const startsWith = (magic: Buffer) => (head: Buffer) => head.subarray(0, magic.length).equals(magic);
const word = (head: Buffer): number => (head.length < 4 ? 0 : head.readUInt32BE(0));

/** In the order in which they are tried. */
const KNOWN: readonly Known[] = [
  {
    format: 'kdump',
    name: 'a kdump-compressed dump',
    begins: (head) => KDUMP_MAGICS.some((magic) => startsWith(magic)(head)),
    misfit: kdumpMisfit,
  },
  { format: 'kdump', name: 'a flattened dump', begins: startsWith(FLATTENED_MAGIC), misfit: flattenedMisfit },
  { format: 'elf', name: 'an ELF core', begins: isCore, misfit: elfMisfit },
  {
    format: 'lime',
    name: 'a dump of LiME',
    begins: (head) => head.length >= 4 && head.readUInt32LE(0) === LIME_MAGIC,
    misfit: limeMisfit,
  },
  { format: 'qemu', name: 'a migration stream of QEMU', begins: startsWith(QEMU_MAGIC), misfit: qemuMisfit },
  { format: 'qemu', name: 'a save file of libvirt', begins: startsWith(LIBVIRT_MAGIC), misfit: libvirtMisfit },
  { format: 'v86', name: 'a state of v86', begins: startsWith(V86_MAGIC), misfit: v86Misfit },
  {
    format: 'sqlite',
    name: 'a write-ahead log of SQLite',
    begins: (head) => WAL_MAGICS.includes(word(head)),
    misfit: walMisfit,
  },
  { format: 'sqlite', name: 'a rollback journal of SQLite', begins: startsWith(JOURNAL_MAGIC), misfit: journalMisfit },
  { format: 'rastate', name: 'a state of RetroArch', begins: startsWith(RASTATE_MAGIC), misfit: rastateMisfit },
];

const READERS: Readonly<Record<Readable, (reader: Reader) => Promise<Dump>>> = {
  elf: readElf,
  kdump: readKdump,
  lime: readLime,
  qemu: readQemuStream,
  v86: readV86,
  sqlite: readSqlite,
  rastate: readRastate,
};

const bytes = (...values: readonly number[]): Buffer => Buffer.from(values);
const text = (value: string): Buffer => Buffer.from(value, 'latin1');

/** What is known and not read: how it begins, what it is, what to do, and of a short magic whether what follows fits. */
const REFUSED: readonly (readonly [magic: Buffer, what: string, wayOut: string, fits?: (head: Buffer) => boolean])[] = [
  [text('AVML'), 'a compressed dump of AVML', "'avml-convert IN OUT' makes a dump of LiME", (head) => head[4] === 2],
  [text('#RZIPv'), 'a compressed state of RetroArch', 'switch savestate_file_compression off, and save again'],
  [
    text('QFI\xfb'),
    'a qcow2 image',
    "use migrate 'exec:cat > FILE' or dump-guest-memory instead",
    (head) => head.length >= 8 && [1, 2, 3].includes(head.readUInt32BE(4)),
  ],
  [
    bytes(0x1f, 0x8b, 0x08),
    'compressed with gzip',
    "'gzip -dc IN > OUT' decompresses it",
    (head) => (head[3] & 0xe0) === 0,
  ],
  [bytes(0xfd, 0x37, 0x7a, 0x58, 0x5a), 'compressed with xz', "'xz -dc IN > OUT' decompresses it"],
  [
    bytes(0x28, 0xb5, 0x2f, 0xfd),
    'compressed with zstd',
    "'zstd -dc IN > OUT' decompresses it",
    (head) => (head[4] & 0x08) === 0,
  ],
  [
    bytes(0x04, 0x22, 0x4d, 0x18),
    'compressed with LZ4',
    "'lz4 -dc IN > OUT' decompresses it",
    (head) => (head[4] & 0xc2) === 0x40 && (head[5] & 0x8f) === 0,
  ],
  [
    text('PAGEDU64'),
    'a crash dump of Windows',
    'convert it to raw memory, with Volatility (windows.layerwriter) for example',
  ],
  [
    text('PAGEDUMP'),
    'a crash dump of Windows',
    'convert it to raw memory, with Volatility (windows.layerwriter) for example',
  ],
  [text('MDMP\x93\xa7'), 'a minidump of Windows', 'dump the memory in another format'],
  [bytes(0x19, 0x43, 0x56, 0x54, 0x25, 0x40, 0x08, 0x56), "CRIU's list of pages", 'name pages-*.img'],
];

const COMPRESSED_LIME = [
  text(''),
  'a dump of LiME with compress=1',
  'make one without that, or decompress it as zlib',
] as const;

/** Two bytes are no magic: what they decompress to is one. */
function isCompressedLime(head: Buffer): boolean {
  if (!startsWith(bytes(0x38, 0x8d))(head)) return false;
  try {
    return inflateSync(head, { finishFlush: constants.Z_SYNC_FLUSH }).readUInt32LE(0) === LIME_MAGIC;
  } catch {
    return false;
  }
}

/** What a file is found to be. */
export interface Detected {
  readonly format: Format;
  /** Of a raw file: what it looked like, in a sentence. */
  readonly note?: string;
}

/**
 * @param head the first bytes of the file
 * @param size its length, if it is known
 * @throws CliError for what is known and not read
 */
export function detect(name: string, head: Buffer, size: number | undefined): Detected {
  const known = KNOWN.find((one) => one.begins(head));
  if (known !== undefined) {
    const misfit = known.misfit(head, size);
    if (misfit === undefined) return { format: known.format };
    return {
      format: 'raw',
      note:
        `it begins like ${known.name}, but ${misfit}: it was taken for raw memory; ` +
        'if its pages begin elsewhere than at multiples of 4096, --at says where',
    };
  }
  const refused = REFUSED.find(([magic]) => startsWith(magic)(head));
  if (refused === undefined && !isCompressedLime(head)) return { format: 'raw' };
  const [, what, wayOut, fits] = refused ?? COMPRESSED_LIME;
  if (fits?.(head) === false)
    return {
      format: 'raw',
      note: `it begins like what is ${what}, but goes on otherwise: it was taken for raw memory`,
    };
  throw new CliError(`'${name}' is ${what}, which is not read: ${wayOut}, or --format raw takes it as it is`);
}

/** @throws CliError */
export async function readDump(reader: Reader, format: Readable): Promise<Dump> {
  return READERS[format](reader);
}
