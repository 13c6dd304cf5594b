/** What the page and the worker of the engine say to each other. Sizes in bytes, times in milliseconds. */
import type {
  BdStat,
  CompactReport,
  EngineMemory,
  KsmdStats,
  MergeReport,
  MmStat,
  PageType,
  PoolStats,
  RecompressReport,
  SizeClassStats,
  WritebackReport,
} from 'zram-wasm';

export type Algorithm = 'lz4' | 'deflate';

/** What a device is made with; changing any of it makes a new device and stores everything again. */
export interface DeviceConfig {
  readonly algorithm: Algorithm;
  readonly chainSize: 4 | 8 | 16;
  readonly dedup: boolean;
}

/** Something that was stored: a file, or the memory of a program. It begins at a page of its own. */
export interface Source {
  readonly name: string;
  readonly bytes: number;
  readonly firstPage: number;
  readonly pages: number;
}

/** A source, and what of its pages also other sources have. */
export interface SourceSharing extends Source {
  readonly samePages: number;
  /** Pages whose object another page of the same source has as well, and no other source. */
  readonly sharedInside: number;
  /** Pages whose object a page of another source has. */
  readonly sharedOutside: number;
}

/** Bits of a page's state; the first six as the kernel's block_state has them. */
export const STORED = 1;
export const SAME = 2;
export const HUGE = 4;
export const MERGED = 8;
export const IDLE = 16;
export const RECOMPRESSED = 32;
export const WRITTEN_BACK = 64;
/** Of a history only: not what the state before had at this page. */
export const CHANGED = 128;

/** The states of some pages that follow each other. The arrays are the receiver's. */
export interface PageStates {
  readonly first: number;
  /** Pages of the whole map. */
  readonly total: number;
  readonly states: Uint8Array<ArrayBuffer>;
  /** Bytes of each page's object. */
  readonly sizes: Uint16Array<ArrayBuffer>;
  /** Equal for pages that share an object, 0 without one. */
  readonly objects: Uint32Array<ArrayBuffer>;
}

export interface Stats {
  readonly at: number;
  readonly mmStat: MmStat;
  readonly bdStat: BdStat;
  /** Pages that are on the backing device; those that share a block of it count each. */
  readonly writtenBack: number;
  readonly memory: EngineMemory;
  readonly pool: PoolStats;
  readonly ksmd: KsmdStats | undefined;
}

/** What takes longer to gather, and is gathered when a command has ended. */
export interface Details {
  /** What the device is made with: a loaded one brings its own. */
  readonly config: DeviceConfig;
  readonly sources: readonly SourceSharing[];
  readonly classes: readonly SizeClassStats[];
  /** The device's attributes, in the kernel's text. */
  readonly sysfs: readonly { readonly name: string; readonly help: string; readonly text: string }[];
}

export interface Progress {
  readonly what: string;
  readonly done: number;
  readonly total: number;
  /** Bytes a second. */
  readonly rate: number;
}

export interface StoreReport {
  readonly bytes: number;
  /** Until all was stored, reading the files included. */
  readonly milliseconds: number;
  /** Inside the engine alone. */
  readonly engineMilliseconds: number;
}

export interface LoadReport {
  readonly pages: number;
  readonly milliseconds: number;
}

export interface VerifyReport {
  readonly bytes: number;
  readonly milliseconds: number;
  /** Of the first byte that differs, else undefined. */
  readonly differsAt: { readonly source: string; readonly offset: number } | undefined;
  /** Sources that were not kept to compare with. */
  readonly skipped: readonly string[];
}

export interface KsmdSpeed {
  readonly pagesToScan: number;
  readonly sleepMillisecs: number;
}

export interface EngineCalls {
  /** Answers when the engine is there: tells why nothing can be written back, if so. */
  ready(): Promise<string | undefined>;
  configure(config: DeviceConfig): Promise<StoreReport>;
  store(files: readonly File[]): Promise<StoreReport>;
  merge(): Promise<MergeReport>;
  compact(): Promise<CompactReport>;
  /** Marks all pages as idle. */
  idle(): Promise<void>;
  /** Packs pages again with deflate. */
  recompress(): Promise<RecompressReport>;
  /** Moves pages to a file of the browser's private file system. */
  writeback(type: PageType): Promise<WritebackReport>;
  ksmd(speed: KsmdSpeed | undefined): Promise<void>;
  verify(): Promise<VerifyReport>;
  clear(): Promise<void>;
  /** The device as a file. */
  save(): Promise<File>;
  /** Takes the device that a file has in place of this one. */
  load(file: File): Promise<LoadReport>;
  /** Ends `store`, `verify`, `merge` or `recompress` at the next step. */
  cancel(): Promise<void>;
}

export interface EngineEvents {
  pages: PageStates;
  stats: Stats;
  details: Details;
  progress: Progress;
}
