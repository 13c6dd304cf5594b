import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { sha256 } from '../../../integrations/remote/sha256.js';
import { keyOf, keysOf } from '../../../integrations/remote/tier.js';
import { Random, seedOfRun } from '../../support/random.js';

const expected = (value: Uint8Array): Buffer => createHash('sha256').update(value).digest();
const seed = seedOfRun();

describe('keys', () => {
  test(`are the first 16 bytes of the SHA-256 (seed ${seed})`, () => {
    const random = new Random(seed, 'keys');
    const values = [0, 1, 1500, 4096].map((size) => random.fill(new Uint8Array(size)));
    const keys = values.map((value) => expected(value).subarray(0, 16).toString('hex'));
    expect(values.map((value) => Buffer.from(keyOf(value)).toString('hex'))).toEqual(keys);
    expect(keysOf(values).map((key) => Buffer.from(key).toString('hex'))).toEqual(keys);
  });

  test(`the SHA-256 of browsers is that of Node.js, for each length up to 300 (seed ${seed})`, () => {
    const random = new Random(seed, 'sha256');
    for (let size = 0; size <= 300; size++) {
      // Not at the start of its buffer, nor at a multiple of a word.
      const value = random.fill(new Uint8Array(size + 3)).subarray(3);
      expect(Buffer.from(sha256(value)).toString('hex')).toBe(expected(value).toString('hex'));
    }
  });
});
