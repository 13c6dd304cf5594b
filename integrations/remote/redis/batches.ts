/** Large calls in parts, several of which are under way at once, so that the round trip of one hides that of another. */

/** More keys make no call cheaper. */
const BATCH_KEYS = 128;
/** So that a server is not kept from others for long, nor a small reply behind a large one. */
const BATCH_BYTES = 512 * 1024;
const IN_FLIGHT = 8;

/** Ranges of elements. @param size bytes of each element, if it has many */
export function batchesOf(count: number, size?: (index: number) => number): (readonly [from: number, to: number])[] {
  const batches: (readonly [number, number])[] = [];
  for (let from = 0, to = 0; from < count; from = to) {
    let bytes = 0;
    do bytes += size?.(to++) ?? Number(to++ < 0);
    while (to < count && to - from < BATCH_KEYS && bytes < BATCH_BYTES);
    batches.push([from, to]);
  }
  return batches;
}

/** The results of all batches, in order. */
export async function inFlight<T>(
  batches: readonly (readonly [from: number, to: number])[],
  work: (from: number, to: number) => Promise<readonly T[]>,
): Promise<T[]> {
  if (batches.length === 1) return [...(await work(...batches[0]))];
  const results = new Array<readonly T[]>(batches.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < batches.length) {
      const index = next++;
      results[index] = await work(...batches[index]);
    }
  };
  await Promise.all(Array.from({ length: Math.min(IN_FLIGHT, batches.length) }, worker));
  return results.flat();
}
