/** The device of one algorithm, on a pool of its own, and what is measured while it is filled. */
import {
  KERNELS,
  Zram,
  ZramError,
  type Engine,
  type MmStat,
  type PoolOptions,
  type ZsPool,
} from '../bindings/index.js';
import { recompressCalls, textOfWords, type AlgorithmLine } from './algorithm-line.js';
import type { InputResult, Recompression } from './analysis.js';
import { UsageError } from './errors.js';
import { PAGE_BYTES } from './page-list.js';
import { noTime, timed } from './step-time.js';

/** A device is sparse and its size costs nothing, so it is larger than any input of unknown length. */
export const DISK_BYTES = 1024 ** 4;

/** Whose size classes a device has; undefined: the library's default, and the kernel's. */
export type Rules = Pick<PoolOptions, 'kernel' | 'chainSize'>;

export class Device {
  /** For what the device does not report: the savings by sharing, and the size classes. */
  readonly pool: ZsPool;
  readonly zram: Zram;
  readonly store = noTime();
  readonly inputs: InputResult[] = [];
  #last: MmStat;

  /**
   * @param options whose rules it has, and whether it deduplicates inline
   * @throws UsageError what its kernel refuses of the line
   */
  constructor(
    engine: Engine,
    readonly line: AlgorithmLine,
    { dedup = false, ...rules }: Rules & { dedup?: boolean } = {},
  ) {
    this.pool = engine.createPool(rules);
    this.zram = engine.createZram({ compAlgorithm: line.stages[0]?.name, dedup, pool: this.pool });
    try {
      this.#configure();
    } catch (error) {
      if (!(error instanceof ZramError) || error.code === 'ENOMEM') throw error;
      throw new UsageError(`--algorithm '${line.text}': ${error.message.replace(/\.$/, '')}`);
    }
    this.#last = this.zram.mmStat;
  }

  get algorithm(): string {
    return this.line.text;
  }

  /** What zram-generator writes to the attributes, and a first recompression, of nothing, which checks its words. */
  #configure(): void {
    const { zram, line } = this;
    const { version, attributesAbsent } = KERNELS[zram.kernel];
    const write = (attribute: string, text: string): void => {
      if (attributesAbsent.includes(attribute))
        throw new UsageError(`--algorithm '${line.text}': kernel ${version} has no ${attribute}`);
      zram.sysfs.write(attribute, text);
    };
    for (const [priority, { name, params }] of line.stages.entries()) {
      if (priority > 0) write('recomp_algorithm', `algo=${name} priority=${priority}`);
      if (params.size > 0) write('algorithm_params', `priority=${priority} ${textOfWords(params)}`);
    }
    zram.init(DISK_BYTES);
    for (const call of recompressCalls(line, version)) zram.recompress(call);
  }

  /** Stores whole pages and returns how many fitted. */
  write(index: number, pages: Uint8Array): number {
    try {
      timed(this.store, pages.length, () => this.zram.writePages(index, pages));
      return pages.length / PAGE_BYTES;
    } catch (error) {
      if (error instanceof ZramError && error.code === 'ENOMEM') return error.pagesDone ?? 0;
      throw error;
    }
  }

  /**
   * Stores pages that another thread has compressed, and returns how many fitted. Its time is not that of a write, and not
   * counted. That the blocks hold the pages shows when all are read back.
   */
  writeCompressed(index: number, bytes: Uint8Array, blockOf: (page: number) => Uint8Array): number {
    const pages = bytes.length / PAGE_BYTES;
    for (let page = 0; page < pages; page++) {
      const content = bytes.subarray(page * PAGE_BYTES, (page + 1) * PAGE_BYTES);
      try {
        Zram.writeBlockOf(this.zram, index + page, content, blockOf(page));
      } catch (error) {
        if (error instanceof ZramError && error.code === 'ENOMEM') return page;
        throw error;
      }
    }
    return pages;
  }

  /** Ends the row of one input: how much the columns have grown since the previous one. */
  endInput(): void {
    const now = this.zram.mmStat;
    this.inputs.push({
      samePages: now.samePages - this.#last.samePages,
      hugePages: now.hugePages - this.#last.hugePages,
      comprDataSize: now.comprDataSize - this.#last.comprDataSize,
      pagesSharing: 0,
    });
    this.#last = now;
  }
  /** Compresses again what the line says, as if every page were idle; undefined where it has one compressor. */
  recompress(): Recompression | undefined {
    const { zram, line } = this;
    const calls = recompressCalls(line, zram.kernel);
    if (calls.length === 0) return undefined;
    const { comprDataSize, memUsedTotal } = zram.mmStat;
    zram.idle('all');
    const reports = calls.map((call) => ({ call, ...zram.recompress(call) }));
    return { before: { comprDataSize, memUsedTotal }, calls: reports };
  }
}
