/**
 * The format of save files, which docs/format.md describes: what writer and reader have in common.
 *
 * A file is its magic bytes and version, and sections: type, length, payload, checksum. Numbers are little-endian; those in
 * records are LEB128.
 */
import { ZramError } from '../base/errors.js';
import type { KernelVersion } from '../base/kernel.js';

/** As PNG's: a byte above 127, then what transfers that rewrite line ends would change. */
export const MAGIC = Uint8Array.of(0x89, 0x5a, 0x52, 0x41, 0x4d, 0x0d, 0x0a, 0x1a);
export const VERSION = 1;
export const PREAMBLE_BYTES = MAGIC.length + 4;

export const SECTION_HEAD_BYTES = 8;
export const CHECKSUM_BYTES = 4;
/** Most bytes of a section's payload: what a reader may have to hold at once. */
export const SECTION_BYTES_MAX = 16 * 1024 * 1024;

/** What is saved: counts, and the caller's comment. The first section. */
export const HEAD = 'HEAD';
/** A compressor with its parameters. */
export const CODEC = 'CODC';
/** A device or snapshot. */
export const DEVICE = 'DEVC';
/** Records of pages. */
export const PAGES = 'PAGE';
/** The file is complete. */
export const END = 'END ';

/** Runs of pages end here: no record stands for more pages than a group has. */
export const GROUP_PAGES = 512;

/** Where the next page goes: a device, a page. */
export const RECORD_AT = 1;
/** Pages that hold, by the same handles, what an earlier device holds there: how many, how many devices earlier. */
export const RECORD_FORK = 2;
/** Same-filled pages: how many, 8 bytes. */
export const RECORD_FILL = 3;
/** A page with an object that comes here for the first time: codec, length, payload. */
export const RECORD_OBJECT = 4;
/** A page that shares an object: its number in the file, from 0. */
export const RECORD_SHARE = 5;
/** Added to a record's kind: its pages are marked as incompressible. */
export const INCOMPRESSIBLE = 0x80;

/** The codec of a page as it is; others are numbers of CODEC sections, from 1. */
export const FILE_CODEC_PAGE = 0;

export interface HeadJson {
  readonly devices: number;
  /** Distinct objects. */
  readonly objects: number;
  readonly comment?: string | undefined;
}

export interface CodecJson {
  readonly name: string;
  readonly level?: number | undefined;
  readonly winbits?: number | undefined;
  /** Bytes of the dictionary, which follow the text. */
  readonly dictionary?: number | undefined;
}

export interface DeviceJson {
  readonly name: string;
  readonly snapshot: boolean;
  readonly diskPages: number;
  /** Pages that hold something. */
  readonly pagesStored: number;
  readonly algorithms: readonly AlgorithmJson[];
  readonly dedup: boolean;
  readonly memLimit: number;
  readonly verifyCompressors: boolean;
  readonly trackEntryActime: boolean;
  /** Absent: 6.18. */
  readonly kernel?: KernelVersion | undefined;
  readonly chainSize?: 4 | 8 | 16 | undefined;
  readonly shrinker?: boolean | undefined;
}

export interface AlgorithmJson {
  readonly priority: number;
  readonly codec: number;
  /** LZ4's, which is no matter of the codec. */
  readonly level?: number | undefined;
}

/** The error for a damaged or incomplete file. */
export function damaged(offset: number, what: string): ZramError {
  return new ZramError('EINVAL', `the save file is damaged or incomplete, at byte ${offset}: ${what}.`);
}
