/** Sinks with a plain write(): files of Deno and of the browser, a `FileHandle`, callers' own objects. */
import { viewOf } from '../base/bytes.js';
import type { OwnBytes, Target, WriteSink } from './sink-target.js';

/** The meaning of the numbers that a sink returns; `unknown` while each equals the bytes that were passed. */
type Numbers = 'unknown' | 'counts' | 'lengths';

export function plainTarget(sink: WriteSink): Target {
  let numbers: Numbers = 'unknown';

  /** Bytes that were taken; undefined: all, or the sink does not report it. */
  async function taken(bytes: OwnBytes, length: number): Promise<number | undefined> {
    const answer = sink.write(bytes);
    // A plain number is examined at once: while it was awaited, another save could push to the same array.
    const result = isNumber(answer) ? answer : await answer;
    if (!isNumber(result)) return bytesWritten(result);
    if (numbers === 'unknown' && Number(result) !== length) numbers = await meaningOf(Number(result));
    return numbers === 'lengths' ? undefined : Number(result);
  }

  /** Array.push returns the array's length, which grows even with an empty piece; a count would be 0. */
  async function meaningOf(number: number): Promise<Numbers> {
    if (!(number > 0 && Number.isSafeInteger(number))) return 'counts';
    const probe = sink.write(new Uint8Array(0));
    const result = isNumber(probe) ? probe : await probe;
    const answer = isNumber(result) ? Number(result) : NaN;
    if (answer === 0) return 'counts';
    if (answer === number + 1) return 'lengths';
    throw new Error(
      `its write() must return the count of bytes that it took, not ${number} and then ${describeAnswer(result)} for no bytes.`,
    );
  }

  return {
    async write(bytes) {
      const { length } = bytes;
      for (let at = 0; at < length;) {
        const count = await taken(viewOf(bytes, at) as OwnBytes, length - at);
        if (count === undefined) return;
        if (!Number.isInteger(count) || count <= 0 || count > length - at) {
          throw new Error(`its write() must take 1 to ${length - at} bytes, not ${count}.`);
        }
        at += count;
      }
    },
    end: () => Promise.resolve(),
    abort: () => Promise.resolve(),
  };
}

function isNumber(value: unknown): value is number | bigint {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** The property `bytesWritten`, as a FileHandle returns it. */
function bytesWritten(result: unknown): number | undefined {
  if (typeof result !== 'object' || result === null) return undefined;
  const count = (result as { bytesWritten?: unknown }).bytesWritten;
  return isNumber(count) ? Number(count) : undefined;
}

function describeAnswer(result: unknown): string {
  return isNumber(result) ? String(result) : 'no number';
}
