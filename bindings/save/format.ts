/**
 * The format of save files, shared by writer and reader; docs/format.md describes it.
 *
 * A file consists of magic bytes, a version and sections: type, length, payload, checksum. Numbers are little-endian;
 * those in records are LEB128.
 */
import { ZramError } from '../base/errors.js';
import type { KernelVersion } from '../base/kernel.js';

/** As in PNG: a byte above 127, and bytes that a transfer with line-end conversion would change. */
export const MAGIC = Uint8Array.of(0x89, 0x5a, 0x52, 0x41, 0x4d, 0x0d, 0x0a, 0x1a);
export const VERSION = 1;
export const PREAMBLE_BYTES = MAGIC.length + 4;

export const SECTION_HEAD_BYTES = 8;
export const CHECKSUM_BYTES = 4;
/** Most bytes of a section's payload, which a reader holds in memory. */
export const SECTION_BYTES_MAX = 16 * 1024 * 1024;

/** The first section: counts, and the caller's comment. */
export const HEAD = 'HEAD';
/** A compressor with its parameters. */
export const CODEC = 'CODC';
/** A device or snapshot. */
export const DEVICE = 'DEVC';
/** Bytes of the caller's. */
export const ATTACHMENT = 'ATCH';
/** Records of pages. */
export const PAGES = 'PAGE';
/** The last section: the file is complete. */
export const END = 'END ';

/** Pages of a group. A run of pages does not cross the end of its group. */
export const GROUP_PAGES = 512;

/** Sets the position of the next page: device, page. */
export const RECORD_AT = 1;
/** Pages that have the same handles as an earlier device at the same place: count, distance in devices. */
export const RECORD_FORK = 2;
/** Same-filled pages: count, 8 bytes. */
export const RECORD_FILL = 3;
/** A page with a new object: codec, length, payload. */
export const RECORD_OBJECT = 4;
/** A page that shares an earlier object: the object's number in the file, from 0. */
export const RECORD_SHARE = 5;
/** Added to a record's kind: its pages are marked as incompressible. */
export const INCOMPRESSIBLE = 0x80;

/** The codec of an uncompressed page; others are numbers of CODEC sections, from 1. */
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
  /** Length of the dictionary in bytes, which follows the JSON. */
  readonly dictionary?: number | undefined;
}

export interface DeviceJson {
  readonly name: string;
  readonly snapshot: boolean;
  readonly diskPages: number;
  /** Number of stored pages. */
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
  /** The device's: that of lz4, lz4hc, lzo and lzo-rle is not part of the codec. */
  readonly level?: number | undefined;
  /** Of lz4hc. */
  readonly favorDecSpeed?: number | undefined;
}

/** The error for a damaged or incomplete file. */
export function damaged(offset: number, what: string): ZramError {
  return new ZramError('EINVAL', `the save file is damaged or incomplete, at byte ${offset}: ${what}.`);
}
