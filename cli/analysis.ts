/** What `analyze` finds: the shapes that it hands to the reports. Sizes are bytes, pages have 4096. */
import type { CompactReport, KernelVersion, MergeReport, MmStat, RecompressReport } from '../bindings/index.js';
import type { Contents } from './dumps/contents.js';
import type { Input } from './inputs.js';
import type { LiveComparison } from './live-facts.js';
import type { Step, StepTime } from './step-time.js';

export interface Analysis {
  /** Whose rules the devices had. */
  readonly kernel: KernelFacts;
  readonly inputs: readonly InputFacts[];
  readonly algorithms: readonly AlgorithmResult[];
  /** Of several inputs: who shares with whom. The same for all algorithms, as equal pages compress equally. */
  readonly sharing?: Sharing;
  /** Why and where storing stopped before the end of the inputs, as a sentence. */
  readonly stopped?: string;
  /** Of `--zram`: the device as it is now. */
  readonly zram?: LiveComparison;
  /** A remark on the choice of inputs. */
  readonly note?: string;
  /** Threads that stored, each with some of the algorithms. */
  readonly threads: number;
  /** Lines for zram-generator.conf, where `--algorithm` was given. */
  readonly configuration?: readonly string[];
  /** Memory that the analysis itself took. */
  readonly memory: { readonly engineUsed: number; readonly engineReserved: number; readonly peakRss: number };
}

/** What of the kernel's rules decides figures. */
export interface KernelFacts {
  readonly version: KernelVersion;
  /** Most 4 KiB pages of a zspage. */
  readonly chainSize: number;
  /** Pages that compress to so many bytes or more are stored as they are. */
  readonly hugeClassSize: number;
  readonly compressorDefault: string;
}

/** Of a file or pipe it has what its `contents` tell, too. */
export interface InputFacts extends Partial<Omit<Contents, 'bytesPadded' | 'truncated'>> {
  readonly kind: Input['kind'];
  readonly name: string;
  readonly bytes: number;
  readonly pages: number;
  /** Zeros that were added to fill pages. */
  readonly paddedBytes: number;
  /** Of a process: pages that were gone when their turn to be read came. */
  readonly pagesVanished: number;
  /** Of a process: pages that it has only read, where the kernel's one page of zeros stands; left out. */
  readonly pagesOnlyRead: number;
  /** Of this process: pages of the engine's own memory. */
  readonly pagesLeftOut: number;
}

export interface AlgorithmResult {
  /** The line of `--algorithm`. */
  readonly algorithm: string;
  /** Of its compressors that are not this package's own: whose code they are, as phrases. */
  readonly code: readonly string[];
  /** Why the figures may not be the kernel's to the byte, as a phrase; undefined: they were compared with that kernel's. */
  readonly computed: string | undefined;
  /** What the later compressors of the line made of the pages, before the merge. */
  readonly recompression?: Recompression;
  readonly inputs: readonly InputResult[];
  readonly mmStat: { readonly before: MmStat; readonly afterMerge: MmStat; readonly afterCompact: MmStat };
  readonly merge: MergeReport;
  readonly compact: CompactReport;
  /** Size classes in which the merge found something, smallest first. */
  readonly classes: readonly ClassResult[];
  /** Pages that are not same-filled, by compressed size. */
  readonly histogram: readonly { readonly from: number; readonly to: number; readonly pages: number }[];
  /** With `--html`: the state of each page after the merge, as html/data.ts has it. */
  readonly states?: Uint16Array;
  /** With `--dedup`. */
  readonly dedup?: DedupComparison;
  readonly steps: Readonly<Record<Step, StepTime>>;
}

/** Pages that were compressed once more. */
export interface Recompression {
  /** Of mm_stat, before. */
  readonly before: Pick<MmStat, 'comprDataSize' | 'memUsedTotal'>;
  /** By what was written to `recompress`. */
  readonly calls: readonly (RecompressReport & { readonly call: string })[];
}

/** What one algorithm made of one input, as it was stored. */
export interface InputResult {
  readonly samePages: number;
  readonly hugePages: number;
  readonly comprDataSize: number;
  /** Pages whose object also serves another page, of this or another input, after the merge. */
  pagesSharing: number;
}

/** What the merge did in one size class. */
export interface ClassResult {
  /** Bytes that an object takes. */
  readonly size: number;
  /** Objects that are left. */
  readonly objects: number;
  /** Pages without an object of their own. */
  readonly merged: number;
  readonly bytesSaved: number;
}

/** Same pages, stored twice: deduplicated while they are stored, and merged afterwards. */
export interface DedupComparison {
  readonly merging: DedupSide;
  readonly inline: DedupSide;
}

export interface DedupSide {
  readonly storeMilliseconds: number;
  /** Of merging and of compacting afterwards. */
  readonly mergeMilliseconds: number;
  /** At the end. `dupDataSize` is what sharing saves on both sides; mm_stat counts only inline deduplication. */
  readonly mmStat: MmStat;
}

/** Who shares with whom. Same-filled pages are left out: they have no object to share. */
export interface Sharing {
  /**
   * Row, then column, both in the order of the inputs: pages of the row's input whose content the column's input holds
   * too; where both are the same input, pages whose content occurs in it more than once. It covers the first 100 inputs.
   */
  readonly pages: readonly (readonly number[])[];
}
