/**
 * Page compares in 128-bit steps: the byte compare that verifies every merge, and zram's same-filled test.
 */
import { PAGE_SIZE } from '../common';

/** Whether `length` bytes at `a` and `b` agree. Reads no byte outside the two ranges. */
export function bytes_equal(a: usize, b: usize, length: u32): bool {
  const aEnd = a + length;
  // The first bytes tell most different objects apart.
  while (a + 64 <= aEnd) {
    const d0 = v128.xor(v128.load(a), v128.load(b));
    const d1 = v128.xor(v128.load(a, 16), v128.load(b, 16));
    const d2 = v128.xor(v128.load(a, 32), v128.load(b, 32));
    const d3 = v128.xor(v128.load(a, 48), v128.load(b, 48));
    if (v128.any_true(v128.or(v128.or(d0, d1), v128.or(d2, d3)))) return false;
    a += 64;
    b += 64;
  }
  while (a + 8 <= aEnd) {
    if (load<u64>(a) != load<u64>(b)) return false;
    a += 8;
    b += 8;
  }
  while (a < aEnd) {
    if (load<u8>(a) != load<u8>(b)) return false;
    a++;
    b++;
  }
  return true;
}

/** zram's same-filled test (`page_same_filled`): whether all 512 64-bit words of the page are equal. */
export function page_same_filled(page: usize): bool {
  const value = load<u64>(page);
  // The last word first: it refutes most pages with one load, as the kernel does it.
  if (load<u64>(page, PAGE_SIZE - 8) != value) return false;
  const pattern = i64x2.splat(value);
  const pageEnd = page + PAGE_SIZE;
  do {
    const d0 = v128.xor(v128.load(page), pattern);
    const d1 = v128.xor(v128.load(page, 16), pattern);
    const d2 = v128.xor(v128.load(page, 32), pattern);
    const d3 = v128.xor(v128.load(page, 48), pattern);
    if (v128.any_true(v128.or(v128.or(d0, d1), v128.or(d2, d3)))) return false;
    page += 64;
  } while (page < pageEnd);
  return true;
}

/** Fills a page with one 64-bit value. */
export function page_fill(page: usize, value: u64): void {
  const pattern = i64x2.splat(value);
  const pageEnd = page + PAGE_SIZE;
  do {
    v128.store(page, pattern);
    v128.store(page, pattern, 16);
    v128.store(page, pattern, 32);
    v128.store(page, pattern, 48);
    page += 64;
  } while (page < pageEnd);
}
