/** Where a runtime refuses random numbers, as workerd does while a program is loaded: a sentence, and no harm done. */
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { Engine } from '../bindings/index.js';
import { ParallelZram } from '../bindings/parallel.js';
import { codeOf } from './support/errors.js';

const SENTENCE = /^EOPNOTSUPP: merging and dedup need random numbers.*: not here\. .* inside a handler\.$/;

beforeEach(() => {
  jest.spyOn(crypto, 'getRandomValues').mockImplementation(() => {
    throw new Error('not here');
  });
});
afterEach(() => {
  jest.restoreAllMocks();
});

test('what merges or deduplicates: EOPNOTSUPP, and all goes well later', () => {
  using engine = Engine.createSync();
  const zram = engine.createZram({ disksize: '1M' });
  for (let n = 0; n < 20; n++) zram.writePage(n, new Uint8Array(4096).fill(n % 5, 0, 2000));
  const { used } = engine.memory;
  const calls = [
    () => zram.merge(),
    () => engine.createZram({ disksize: '1M', dedup: true }),
    () => engine.createPool({ dedup: true }),
    () => engine.createStateHistory(),
    () => engine.createStateHistory({ pool: engine.createPool() }),
  ];
  for (const call of calls) {
    expect(codeOf(call)).toBe('EOPNOTSUPP');
    expect(call).toThrow(SENTENCE);
  }
  jest.restoreAllMocks();
  expect(zram.merge().objectsMerged).toBeGreaterThan(0);
  for (let n = 0; n < 20; n++) expect(zram.readPage(n)[1999]).toBe(n % 5);
  expect(engine.memory.used).toBeLessThan(used + 2 ** 20);
});

test('ParallelZram, which hashes to choose a worker', async () => {
  await expect(ParallelZram.create({ workers: 1 })).rejects.toMatchObject({
    code: 'EOPNOTSUPP',
    message: expect.stringMatching(SENTENCE),
  });
});
