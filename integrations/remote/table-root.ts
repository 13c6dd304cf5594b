/**
 * What stands under the name of a saved device: where its table begins.
 *
 * ```text
 * 0   8 bytes  89 5A 54 52 0D 0A 1A 0A
 * 8   4        version, 1
 * 12  4        pages of the disk, 1 to 2^32 - 1
 * 16  1        1: the key of the table's first node follows; 0: nothing is stored, and zeros follow
 * 17  16       the key
 * 33  4        CRC-32 of the bytes before this
 * ```
 *
 * Numbers are little-endian. The first node is of the lowest level that covers the disk: 0 for up to 128 pages, 1 for up to
 * 16,384, and so on.
 */
import { ZramError } from '../../bindings/base/errors.js';
import { crc32 } from '../store/crc32.js';
import { KEY_SIZE } from './tier.js';

const MAGIC = Uint8Array.of(0x89, 0x5a, 0x54, 0x52, 0x0d, 0x0a, 0x1a, 0x0a);
const VERSION = 1;
const CRC_AT = 17 + KEY_SIZE;
const ROOT_SIZE = CRC_AT + 4;

export interface TableRoot {
  /** Of the disk. */
  readonly pages: number;
  /** Of the first node; `undefined`: all pages are holes. */
  readonly key: Uint8Array | undefined;
}

export function encodeRoot({ pages, key }: TableRoot): Uint8Array {
  const bytes = new Uint8Array(ROOT_SIZE);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  view.setUint32(8, VERSION, true);
  view.setUint32(12, pages, true);
  bytes[16] = key ? 1 : 0;
  if (key) bytes.set(key, 17);
  view.setUint32(CRC_AT, crc32(bytes.subarray(0, CRC_AT)), true);
  return bytes;
}

/** @throws ZramError EIO: it is none, is damaged or of another version */
export function decodeRoot(name: string, bytes: Uint8Array): TableRoot {
  const wrong = (how: string): ZramError => new ZramError('EIO', `'${name}' is not the name of a device: ${how}.`);
  if (bytes.length < 12 || !MAGIC.every((byte, n) => bytes[n] === byte)) throw wrong('it is something else');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (view.getUint32(8, true) !== VERSION) throw wrong(`its version is ${view.getUint32(8, true)}`);
  if (bytes.length !== ROOT_SIZE) throw wrong(`it has ${bytes.length} bytes`);
  if (view.getUint32(CRC_AT, true) !== crc32(bytes.subarray(0, CRC_AT))) throw wrong('its checksum is wrong');
  const pages = view.getUint32(12, true);
  const has = bytes[16];
  if (pages === 0 || has > 1) throw wrong('it has wrong numbers');
  return { pages, key: has === 1 ? bytes.slice(17, 17 + KEY_SIZE) : undefined };
}

/** Whether it is not the tier that failed, but the caller: a name that this tier cannot have. */
export const isWrong = (error: unknown): error is ZramError => error instanceof ZramError && error.code === 'EINVAL';

/** @throws ZramError EINVAL */
export function checkName(name: unknown): void {
  if (typeof name !== 'string' || name === '')
    throw new ZramError('EINVAL', 'a name must be a text that is not empty.');
  // As UTF-8 all of them are the same.
  if (/\p{Surrogate}/u.test(name)) throw new ZramError('EINVAL', 'a name must not have half of a pair of surrogates.');
}
