/** Byte compare and same-filled test against plain JavaScript. */
import { expect, test } from '@jest/globals';
import { Random } from './support/random.js';
import { BUILDS, bareCore, memoryOf } from './support/raw-core.js';

const PAGE_SIZE = 4096;

test.each(BUILDS)('bytes_equal sees a difference at each place, and none outside, %s build', (build) => {
  const raw = bareCore(build);
  const a = raw.stagingAddress() + 64;
  const b = raw.stagingAddress() + PAGE_SIZE + 64;
  const memory = memoryOf(raw);
  const random = new Random(2, 'compare');
  for (let length = 0; length <= 300; length++) {
    const shift = length % 16;
    random.fill(memory.subarray(a - 16, a + 400));
    memory.copyWithin(b + shift, a, a + length);
    memory[b + shift - 1] = memory[a - 1] ^ 1;
    memory[b + shift + length] = memory[a + length] ^ 1;
    expect(raw.bytesEqual(a, b + shift, length)).toBe(1);
    for (let at = 0; at < length; at++) {
      memory[b + shift + at] ^= 1 << (at % 8);
      if (raw.bytesEqual(a, b + shift, length) !== 0) throw new Error(`missed byte ${at} of ${length}`);
      memory[b + shift + at] ^= 1 << (at % 8);
    }
  }
});

test.each(BUILDS)('page_same_filled is true for repeats of 1, 2, 4 and 8 bytes only, %s build', (build) => {
  const raw = bareCore(build);
  const memory = memoryOf(raw);
  const page = raw.stagingAddress();
  const random = new Random(3, 'same');
  for (const unit of [1, 2, 4, 8, 16, 32]) {
    for (let round = 0; round < 20; round++) {
      const pattern = random.fill(new Uint8Array(unit));
      if (unit > 8) pattern[0] = pattern[unit / 2] ^ 1;
      for (let at = 0; at < PAGE_SIZE; at++) memory[page + at] = pattern[at % unit]!;
      expect(raw.pageSameFilled(page)).toBe(unit <= 8 ? 1 : 0);
    }
  }
  for (let at = 0; at < PAGE_SIZE; at++) {
    memory.fill(0x5a, page, page + PAGE_SIZE);
    memory[page + at] = 0x5b;
    if (raw.pageSameFilled(page) !== 0) throw new Error(`missed byte ${at}`);
  }
});
