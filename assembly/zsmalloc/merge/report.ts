/** What a merge did: counters that its steps add to. */

// What the steps since `merge_counters_reset` did; looks are counted in every round, objects in the first.
export let objectsLooked: u32 = 0;
export let objectsScanned: u32 = 0;
export let objectsHashed: u32 = 0;
export let objectsMerged: u32 = 0;
export let bytesMerged: u64 = 0;
export let framesFreed: u32 = 0;
export let hashCollisions: u32 = 0;

export function merge_counters_reset(): void {
  objectsLooked = 0;
  objectsScanned = 0;
  objectsHashed = 0;
  objectsMerged = 0;
  bytesMerged = 0;
  framesFreed = 0;
  hashCollisions = 0;
}
