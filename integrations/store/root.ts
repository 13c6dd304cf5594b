/**
 * The two roots at the start of the file. The newest valid one says where the checkpoint is, which has everything, and the
 * log, which has what changed since. They are written in turn, so that one is whole at any time.
 */
import { crc32 } from './crc32.js';
import { Input, Output } from './encoding.js';
import { UNIT } from './space.js';

/** As that of a PNG and of save files: a transfer that rewrites line ends shows. */
const MAGIC = Uint8Array.of(0x89, 0x5a, 0x53, 0x54, 0x0d, 0x0a, 0x1a, 0x0a); // "\x89ZST\r\n\x1a\n"
/** The version of the format. */
export const VERSION = 1;
/** Bytes between the two roots: no disk writes more at a time. */
export const ROOT_BYTES = 4096;
/** Bytes of a root. */
export const ROOT_ENCODED = 128;
const NAME_MAX = 64;

export const ROOTS_UNITS = (2 * ROOT_BYTES) / UNIT;

export interface Root {
  /** Counts the checkpoints. */
  readonly generation: number;
  /** Random: marks the records of this root's log. */
  readonly salt: number;
  readonly checkpointUnit: number;
  readonly checkpointBytes: number;
  readonly checkpointCrc: number;
  readonly logUnit: number;
  readonly logUnits: number;
  /** Checksum of the compressor's dictionary; 0: none. */
  readonly dictionary: number;
  /** The compressor of all blocks. */
  readonly algorithm: string;
}

export function encodeRoot(root: Root): Uint8Array<ArrayBuffer> {
  const out = new Output();
  out.raw(MAGIC);
  out.u32(VERSION);
  out.u32(root.generation);
  out.u32(root.salt);
  out.u32(root.checkpointUnit);
  out.u32(root.checkpointBytes);
  out.u32(root.checkpointCrc);
  out.u32(root.logUnit);
  out.u32(root.logUnits);
  out.u32(root.dictionary);
  out.text(root.algorithm);
  out.raw(new Uint8Array(ROOT_ENCODED - 4 - out.length));
  out.u32(crc32(out.bytes()));
  return out.bytes();
}

/** Undefined: it is no root, or one that was not written whole. A number: the version of one that is not known. */
export function decodeRoot(bytes: Uint8Array<ArrayBuffer>): Root | number | undefined {
  if (bytes.length < ROOT_ENCODED || !MAGIC.every((byte, n) => bytes[n] === byte)) return undefined;
  const input = new Input(bytes.subarray(0, ROOT_ENCODED));
  input.raw(MAGIC.length);
  const version = input.u32();
  if (
    crc32(bytes.subarray(0, ROOT_ENCODED - 4)) !==
    new DataView(bytes.buffer, bytes.byteOffset).getUint32(ROOT_ENCODED - 4, true)
  )
    return undefined;
  if (version !== VERSION) return version;
  return {
    generation: input.u32(),
    salt: input.u32(),
    checkpointUnit: input.u32(),
    checkpointBytes: input.u32(),
    checkpointCrc: input.u32(),
    logUnit: input.u32(),
    logUnits: input.u32(),
    dictionary: input.u32(),
    algorithm: input.text(),
  };
}

/**
 * Whether the start of a file is that of a new store whose first root was not written, or not whole: zeros, or a part of it.
 * The second kind is longer than both roots, since a root is written when its checkpoint is there.
 */
export function isUnfinished(start: Uint8Array): boolean {
  const other = start.findIndex((byte, n) => byte !== (n < MAGIC.length ? MAGIC[n] : 0));
  const isPart = other < 0 || other >= MAGIC.length || start.subarray(other).every((byte) => byte === 0);
  return isPart && (other === 0 || start.length === 0 || start.length === 2 * ROOT_BYTES);
}

/** @returns whether a compressor's name fits a root */
export function fitsRoot(algorithm: string): boolean {
  return new TextEncoder().encode(algorithm).length <= NAME_MAX;
}
