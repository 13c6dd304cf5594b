/** Compressing one page for a device, with LZ4 in the core or with a compressor of the bindings. */
import { PAGE_SIZE } from '../base/arguments.js';
import { copyOf } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { lz4Level, type Encoder } from '../compressors/codecs.js';
import { CODEC_LZ4 } from '../core/layout.js';
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

/**
 * Compresses a page, and leaves the block in the first staging page unless it is longer than a page.
 * @param page outside the staging pages
 * @returns the block's length
 * @throws ZramError EIO, as `encodeVerified`
 */
export function encodeStaged(state: Device, encoder: Encoder, page: Uint8Array): number {
  const { core } = state;
  if (encoder.codec === CODEC_LZ4) {
    core.page().set(page);
    const length = core.raw.lz4Compress(lz4Level(encoder.params));
    core.staging().copyWithin(0, PAGE_SIZE, PAGE_SIZE + Math.min(length, PAGE_SIZE));
    return length;
  }
  const block = encodeVerified(state, encoder, page);
  if (block.length <= PAGE_SIZE) core.page().set(block);
  return block.length;
}
