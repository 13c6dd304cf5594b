/** Reads values out of segments, near ones of a segment with one request. */
import { ZramError } from '../../bindings/base/errors.js';
import type { Limit } from './group.js';
import type { ObjectStore } from './object-store.js';
import { SEGMENTS, type Found } from './segment-catalogue.js';

/** No request is for more: it would be in memory at once. */
const REQUEST_BYTES_MAX = 8 * 2 ** 20;

/** A value that is to be read, and its place in the results. */
export interface Wanted extends Found {
  readonly n: number;
}

/**
 * Puts values into `values`, or an Error for those that cannot be read; those of a segment that is gone are left out.
 * @param gapBytes what lies between two values is read along if it is no more than this
 */
export async function readPlaces(
  store: ObjectStore,
  limit: Limit,
  wanted: Wanted[],
  gapBytes: number,
  values: (Uint8Array | undefined | Error)[],
  signal: AbortSignal | undefined,
): Promise<void> {
  await Promise.all(
    runsOf(wanted, gapBytes).map(async (run) => {
      const first = run[0];
      const { id } = first.segment;
      const start = first.offset;
      const end = run.reduce((most, { offset, length }) => Math.max(most, offset + length), 0);
      let bytes: Uint8Array | undefined;
      try {
        bytes = await limit.run(() => {
          signal?.throwIfAborted();
          return store.get(SEGMENTS + id, { start, end }, { signal });
        });
      } catch (cause) {
        signal?.throwIfAborted();
        const text = cause instanceof Error ? cause.message : String(cause);
        for (const { n } of run)
          values[n] = new ZramError('EIO', `cannot read segment ${id}: ${text}.`, undefined, { cause });
        return;
      }
      if (bytes === undefined) return;
      for (const { n, offset, length } of run) {
        // A copy, or one value would keep all that was read with it.
        const value = new Uint8Array(bytes.subarray(offset - start, offset - start + length));
        values[n] = value.length === length ? value : new ZramError('EIO', `segment ${id} ends too early.`);
      }
    }),
  );
}

/** Values that are read with one request each. */
function runsOf(wanted: Wanted[], gapBytes: number): Wanted[][] {
  wanted.sort((a, b) => a.segment.number - b.segment.number || a.offset - b.offset);
  const runs: Wanted[][] = [];
  let run: Wanted[] = [];
  let end = 0;
  for (const one of wanted) {
    const [first] = run;
    const isNear =
      first?.segment === one.segment &&
      one.offset - end <= gapBytes &&
      one.offset + one.length - first.offset <= REQUEST_BYTES_MAX;
    if (!isNear) runs.push((run = []));
    run.push(one);
    end = one.offset + one.length;
  }
  return runs;
}
