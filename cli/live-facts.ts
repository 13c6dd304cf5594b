/** A live zram device as `analyze --zram` shows it: the shapes that are handed to the reports. Sizes are bytes. */
import type { KernelVersion } from '../bindings/index.js';
import type { ChainSize } from './chain-size.js';
import type { LiveMmStat, Recompressor } from './zram-attributes.js';

/** What the kernel says of the device. */
export interface LiveFacts {
  readonly path: string;
  /** Of the running kernel, by `uname -r`. */
  readonly release: string;
  /** Whose rules the computed figures have. */
  readonly kernel: KernelVersion;
  readonly chain: ChainSize;
  readonly disksize: number;
  readonly algorithm: string;
  readonly recompressors: readonly Recompressor[];
  readonly pagesWrittenBack: number;
  /** Before the first page was read. */
  readonly mmStat: LiveMmStat;
}

/** The columns of mm_stat that follow from the pages alone. mem_used_total depends on the device's past, too. */
export const COMPUTED = ['origDataSize', 'comprDataSize', 'samePages', 'hugePages'] as const;
export type Computed = Readonly<Record<(typeof COMPUTED)[number], number>>;

export interface LiveComparison extends LiveFacts {
  /** Whether it is known of each slot whether it holds a page, or only how many do. */
  readonly slotsFrom: 'block_state' | 'orig_data_size';
  /** Slots of the disk that hold nothing. */
  readonly slotsEmpty: number;
  /** Its mm_stat was another after reading, or something was written to it meanwhile. */
  readonly changed: boolean;
  /** By the device's own compressor; undefined where that could not be used. */
  readonly computed: Computed | undefined;
  /** Whether the computed columns are those of mm_stat. */
  readonly equal: boolean | undefined;
  /** What its figures count otherwise than the computed ones, and what is assumed; sentences. */
  readonly notes: readonly string[];
}
