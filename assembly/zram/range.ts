/**
 * Byte ranges of a device: pages of which a range covers only a part, and pages that hold already what is written.
 *
 * A range lies in the staging pages as it lies on the disk, so that its pages are pages there. Where it covers a part
 * of its first or last page, the page is decoded beside them, and what is around the part copied in: all pages of the
 * range in one call, and their bytes cross once.
 */
import { bytes_equal } from '../bytes/compare';
import { DEBUG, PAGE_MASK, PAGE_SHIFT, PAGE_SIZE } from '../common';
import { COMPRESSED, STAGING } from '../memory/staging';
import { read_page, write_page } from './device';
import { Device } from './structs';

/** Pages of the range that the last `write_range` has stored: all that are done, or with `changed` those that differed. */
export let rangeStored: u32 = 0;

/** `write_range`: the core cannot read the page that comes next. */
export const RANGE_UNREAD: u32 = 1 << 16;

/**
 * Writes the range that begins `from` bytes behind the start of the staging pages and of the page `index`.
 * @param changed leaves pages as they are that hold these bytes already; that counts as a read of them
 * @returns how many of its pages are done. Fewer than there are: -ENOMEM, the next page keeps its old content; with
 * RANGE_UNREAD, `read_page` says why
 */
export function write_range(device: Device, index: u32, from: u32, length: u32, changed: bool, now: u32): u32 {
  const last = from + length;
  const count = (last + PAGE_MASK) >> PAGE_SHIFT;
  if (DEBUG) assert(from < PAGE_SIZE && length > 0 && <u64>index + count <= device.diskPages); // the bindings check
  rangeStored = 0;
  for (let n: u32 = 0; n < count; n++) {
    const begin = n == 0 ? from : 0;
    const end = n == count - 1 ? last - (n << PAGE_SHIFT) : PAGE_SIZE;
    const page = STAGING + (n << PAGE_SHIFT);
    if (changed || begin != 0 || end != PAGE_SIZE) {
      // The compressor's output is not needed before the page is compressed.
      const old = COMPRESSED;
      if (read_page(device, index + n, old, now) != 0) return n | RANGE_UNREAD;
      if (changed && bytes_equal(old + begin, page + begin, end - begin)) continue;
      memory.copy(page, old, begin);
      memory.copy(page + end, old + end, PAGE_SIZE - end);
    }
    if (write_page(device, index + n, page, now) != 0) return n;
    rangeStored++;
  }
  return count;
}
