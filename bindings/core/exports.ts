/** The types of the core's exports. */

/** The exports of assembly/index.ts, described there. Addresses are 32-bit words and may appear negative here. */
export interface CoreExports {
  readonly memory: { readonly buffer: ArrayBuffer; grow(wasmPages: number): number };
  init(limit: number): void;
  hashInit(seed0: number, seed1: number, seed2: number, seed3: number): void;
  stagingAddress(): number;
  stagingPages(): number;
  usedBytes(): number;
  lentBytes(): number;
  limitBytes(): number;
  poolMake(
    chainSize: number,
    byPercent: number,
    limitPages: number,
    dedup: number,
    shrinker: number,
    copies: number,
  ): number;
  poolEnd(pool: number): void;
  poolMalloc(pool: number, size: number): number;
  poolStore(pool: number, size: number): number;
  poolFree(pool: number, handle: number): number;
  poolRetain(pool: number, handle: number): number;
  poolSize(pool: number, handle: number): number;
  poolWrite(pool: number, handle: number, offset: number, length: number): number;
  poolRead(pool: number, handle: number): number;
  poolStorePage(pool: number): number;
  poolLoadPage(pool: number, handle: number): number;
  poolPayload(pool: number, handle: number): number;
  poolCompact(pool: number): number;
  poolObjectPlace(object: number): number;
  poolSwapObjects(a: number, b: number): void;
  poolMergeBegin(pool: number, dryRun: number, whole: number): void;
  poolMergeStep(pool: number, objectsMax: number, dryRun: number): number;
  poolMergeEnd(pool: number, dryRun: number): void;
  poolTotalPages(pool: number): number;
  poolStats(pool: number): void;
  poolClass(pool: number, n: number): void;
  poolMerged(pool: number): void;
  poolUnmerge(pool: number, handlesMax: number): number;
  poolCodecs(pool: number, wanted: number): number;
  poolSettleHuge(pool: number): void;
  poolClassIndex(pool: number, length: number): number;
  poolStoreEncoded(pool: number, length: number, codec: number): number;
  zramMake(pool: number, diskPages: number, level: number, dedup: number, tracksTime: number): number;
  zramFork(device: number, tracksTime: number, now: number): number;
  zramEnd(device: number): void;
  zramSetLimit(device: number, pages: number): void;
  zramSetLevel(device: number, level: number): void;
  zramResetMaxUsed(device: number): void;
  zramWritePage(device: number, index: number, now: number, asks: number): number;
  zramWritePages(device: number, index: number, count: number, now: number, asks: number): number;
  zramWriteRange(device: number, index: number, from: number, length: number, changed: number, now: number): number;
  zramReadRange(device: number, index: number, from: number, length: number, now: number): number;
  zramRangeStored(): number;
  zramWriteLike(device: number, index: number, count: number, like: number): number;
  zramCopyRange(device: number, index: number, count: number, from: number): number;
  zramAlikeRun(device: number, a: number, b: number, count: number, alike: number): number;
  zramWriteBegin(device: number, index: number, now: number): number;
  zramHash(): number;
  zramWriteCandidate(device: number, index: number, length: number, codec: number, hash: number, now: number): number;
  zramWriteEncoded(device: number, index: number, length: number, codec: number, hash: number, now: number): number;
  zramReadPage(device: number, index: number, now: number): number;
  zramPeekPage(device: number, index: number): number;
  zramReadBlock(): number;
  zramReadPages(device: number, index: number, count: number, now: number): number;
  zramReadListed(device: number, count: number, now: number): number;
  zramCountFailed(device: number, writing: number): void;
  zramDiscard(device: number, index: number, count: number): number;
  zramRestore(device: number, from: number, now: number): number;
  zramMemoryUse(device: number): void;
  zramStats(device: number): void;
  zramHeldBytes(device: number): number;
  zramSlots(device: number, index: number, count: number): void;
  zramNextSlot(device: number, from: number, all: number, none: number): number;
  zramChangeFlags(device: number, index: number, set: number, clear: number, picked: number): number;
  zramMarkIdle(device: number, age: number, now: number): number;
  zramSlotTime(device: number, index: number): number;
  zramRecompress(
    device: number,
    index: number,
    length: number,
    codec: number,
    threshold: number,
    sameClass: number,
  ): number;
  zramSetBacking(device: number, blocks: number): number;
  zramTakeBlock(device: number): number;
  zramFreedBlock(device: number, cell: number): number;
  zramBlockNumber(cell: number): number;
  zramDropBlock(device: number, cell: number): void;
  zramWriteBack(device: number, index: number, cell: number): number;
  zramShareObject(device: number, index: number): number;
  poolObject(pool: number, handle: number): number;
  zramNextDifference(a: number, b: number, from: number, most: number): number;
  zramExtents(device: number, from: number, end: number, most: number): number;
  zramPayload(device: number, index: number): number;
  zramSlotValues(device: number, index: number, count: number): void;
  zramLoadObject(device: number, index: number, length: number, codec: number, now: number): number;
  zramLoadedHash(): number;
  zramLoadShared(device: number, index: number, handle: number, hash: number, now: number): number;
  zramLoadUnited(device: number, index: number, from: number): void;
  zramLoadForked(device: number, index: number, count: number, from: number, now: number): number;
  lz4Compress(acceleration: number): number;
  lz4Decode(length: number): number;
  lz4Holds(src: number, srcLength: number, page: number): number;
  contentHash(data: number, length: number, codec: number): number;
  secondHash(data: number, length: number): number;
  pageSameFilled(page: number): number;
  contentCuts(length: number, ends: number): number;
  bytesEqual(a: number, b: number, length: number): number;
}
