/** Encoding of pages by the compressors of the bindings. */
import { PAGE_SIZE } from '../base/arguments.js';
import { copyOf } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import type { Encoder } from '../compressors/codecs.js';
import type { Device } from './device.js';

/** Encodes a page; with verifyCompressors the block is decoded and compared. @throws ZramError EIO */
export function encodeVerified(state: Device, encoder: Encoder, page: Uint8Array): Uint8Array {
  const { verifyCompressors, core } = state;
  // A copy, since a compressor may modify its input.
  const block = encoder.encode(copyOf(page));
  if (verifyCompressors && block.length < PAGE_SIZE && !core.codecs.holds(encoder.codec, block, page)) {
    throw new ZramError('EIO', `${encoder.name} must decompress its own output to the same page, and did not.`);
  }
  return block;
}
