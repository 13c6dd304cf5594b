/** Pages that a compressor of the bindings encodes. */
import { PAGE_SIZE } from '../base/arguments.js';
import { ZramError } from '../base/errors.js';
import type { Encoder } from '../compressors/codecs.js';
import type { Device } from './device.js';

/** A page's block, as `Encoder.encode` has it. With verifyCompressors, it is known to be the page. @throws ZramError EIO */
export function encodeVerified(state: Device, encoder: Encoder, page: Uint8Array): Uint8Array {
  const { verifyCompressors, core } = state;
  const block = encoder.encode(page);
  if (verifyCompressors && block.length < PAGE_SIZE && !core.holds(encoder.codec, block, page)) {
    throw new ZramError('EIO', `${encoder.name} does not decompress what it compressed to the same page.`);
  }
  return block;
}
