/** The memory of callers that workers of ParallelZram read to. */
import { expect, test } from '@jest/globals';
import { Memories } from '../../bindings/parallel/fleet/memories.js';

test('shared memory is known again, until it has grown beyond what a place in it is sent as', () => {
  const memories = new Memories(() => undefined);
  const array = new Uint8Array(new SharedArrayBuffer(16), 8);
  const memory = memories.of(array);
  expect(memory).toMatchObject({ number: 0, buffer: array.buffer });
  expect(memories.of(new Uint8Array(array.buffer))).toBe(memory);
  expect(memories.of(new Uint8Array(16))).toBeUndefined();
  Object.defineProperty(array.buffer, 'byteLength', { value: 2 ** 32 + 1 });
  expect(memories.of(array)).toBeUndefined();
});
