/** Commands as bytes: as the client libraries write them. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Command as IoredisCommand } from 'ioredis';
import { Command as IovalkeyCommand } from 'iovalkey';

import type { Argument, Command } from '../../../integrations/remote/redis/link.js';
import { respSize, writeResp } from '../../../integrations/remote/redis/resp.js';
import { seedOfRun } from '../../support/random.js';

const seed = seedOfRun();

const bytes = fc
  .oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc
      .constantFrom(9, 10, 31, 32, 33, 99, 100, 999, 1000, 4096, 10_000)
      .map((length) => new Uint8Array(length).fill(13)),
  )
  .map((array) => Buffer.from(array));
const argument: fc.Arbitrary<Argument> = fc.oneof(bytes, fc.string({ unit: 'binary', maxLength: 40 }));
const command = fc
  .tuple(fc.constantFrom('mget', 'eval', 'exists'), fc.array(argument, { maxLength: 300 }))
  .map(([name, rest]): Command => [name, ...rest]);

describe.each([
  ['ioredis', IoredisCommand],
  ['iovalkey', IovalkeyCommand],
])('%s', (_, Made) => {
  test(`the same bytes (seed ${seed})`, () => {
    const check = (given: Command): void => {
      const [name, ...rest] = given;
      const room = Buffer.alloc(respSize(given));
      const written = room.subarray(0, writeResp(given, room));
      const made = new Made(name, rest);
      expect(Buffer.from(made.toWritable({})).equals(written)).toBe(true);
      made.resolve(null);
    };
    fc.assert(fc.property(command, check), { seed, numRuns: 300 });
  });
});
