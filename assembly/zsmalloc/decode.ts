/** Objects as pages: decoding one, and comparing one with a page without decoding it where that can be. */
import { bytes_equal } from '../bytes/compare';
import { lz4_decompress } from '../bytes/lz4-decompress';
import { lz4_holds } from '../bytes/lz4-holds';
import { CODEC_FOREIGN, CODEC_LZ4, EIO, PAGE_SIZE } from '../common';
import { SCRATCH_A } from '../memory/staging';
import { header_codec, header_length, is_plain, object_bytes, object_bytes_inline, object_header } from './object';

/**
 * Decodes the page that an object holds.
 * @returns 0; -EIO when it holds none: what is stored is damaged; above 0 what only the bindings can decode: codec <<
 * 16 | length of the payload, which is at `page`
 */
export function object_to_page(location: u32, page: usize): i32 {
  const header = object_header(location);
  const length = header_length(header);
  const payload = object_bytes_inline(location, length, SCRATCH_A);
  const codec = header_codec(header);
  if (codec == CODEC_LZ4) return lz4_decompress(payload, length, page, PAGE_SIZE) == <i32>PAGE_SIZE ? 0 : EIO;
  memory.copy(page, payload, length);
  if (codec >= CODEC_FOREIGN) return <i32>((codec << 16) | length);
  return length == PAGE_SIZE ? 0 : EIO;
}

/** Instead of a codec, for `find`: whatever the core can decode; whatever it cannot. */
export const AS_PAGE: u32 = 16;
export const ANY_FOREIGN: u32 = 17;

/**
 * Whether an object holds these bytes: as its payload in the wanted codec, or (`AS_PAGE`) as a page that it decodes to.
 */
export function holds(location: u32, bytes: usize, length: u32, wanted: u32): bool {
  const header = object_header(location);
  const stored = header_length(header);
  const codec = header_codec(header);
  if (wanted == ANY_FOREIGN) return codec >= CODEC_FOREIGN;
  const payload = object_bytes(location, stored, SCRATCH_A);
  const same = wanted == codec || (is_plain(codec) && (wanted == AS_PAGE || is_plain(wanted)));
  if (same) return stored == length && bytes_equal(payload, bytes, length);
  if (wanted != AS_PAGE) return false;
  return codec == CODEC_LZ4 && lz4_holds(payload, stored, bytes);
}

/** Whether an object holds this page, as far as the core can decode it. */
export function object_holds_page(location: u32, page: usize): bool {
  return holds(location, page, PAGE_SIZE, AS_PAGE);
}
