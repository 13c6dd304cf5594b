/**
 * Traces: random sequences of page operations, the same from the same seed.
 *
 * Independent random operations would keep a device near one steady state. A trace is made of phases instead, so that
 * it fills up, gets holes, is compacted while many zspages are partly empty, and fills again in another order.
 *
 * A record is three u32, in memory as in the file that test/kernel/kzram.py reads.
 */
import { Random } from './random.js';

export const RECORD_WORDS = 3;

export const Operation = {
  /** slot, page of the data set */
  Write: 0,
  /** first slot, number of slots */
  Discard: 1,
  Compact: 2,
  /** 0, mem_limit in pages (0: none) */
  Limit: 3,
} as const;

export type Trace = Uint32Array;

export function operationCount(trace: Trace): number {
  return trace.length / RECORD_WORDS;
}

/** As the file that test/kernel/kzram.py reads; every machine that runs the tests is little-endian. */
export function traceBytes(trace: Trace): Uint8Array {
  return new Uint8Array(trace.buffer, trace.byteOffset, trace.byteLength);
}

export function describeOperation(trace: Trace, index: number): string {
  const [operation, slot, argument] = trace.subarray(index * RECORD_WORDS, (index + 1) * RECORD_WORDS);
  switch (operation) {
    case Operation.Write:
      return `write page ${argument} of the data set to slot ${slot}`;
    case Operation.Discard:
      return `discard ${argument} slots from ${slot}`;
    case Operation.Compact:
      return 'compact';
    default:
      return `set mem_limit to ${argument} pages`;
  }
}

export interface TraceOptions {
  readonly seed: number;
  /** Different traces of one seed. */
  readonly stream: string;
  readonly operations: number;
  /** Pages of the disk. */
  readonly slots: number;
  /** Pages of the data set. */
  readonly pages: number;
  /** Change mem_limit from time to time, to a number of pages up to this. */
  readonly limitPagesMax?: number;
}

/** How often each phase comes, relative to the others. */
const PHASE_WEIGHTS = { fill: 3, overwrite: 3, punch: 3, sweep: 1, mixed: 3, compact: 2 } as const;
type Phase = keyof typeof PHASE_WEIGHTS;

const PHASES = (Object.keys(PHASE_WEIGHTS) as Phase[]).flatMap((phase) =>
  Array.from({ length: PHASE_WEIGHTS[phase] }, () => phase),
);

/** Phases that write few different pages crowd a few size classes, so that these have many zspages to compact. */
const PAGES_OF_PHASE = [1, 3, 10, 100, Infinity] as const;

class TraceWriter {
  readonly trace: Trace;
  private words = 0;
  private readonly random: Random;
  /** The pages of the data set that the current phase writes. */
  private pageFirst = 0;
  private pageCount = 1;

  constructor(private readonly options: TraceOptions) {
    this.trace = new Uint32Array(options.operations * RECORD_WORDS);
    this.random = new Random(options.seed, options.stream);
  }

  get full(): boolean {
    return this.words === this.trace.length;
  }

  /** A phase does not ask whether there is room: what does not fit any more is dropped. */
  private add(operation: number, slot: number, argument: number): void {
    if (this.full) return;
    this.trace[this.words++] = operation;
    this.trace[this.words++] = slot;
    this.trace[this.words++] = argument;
  }

  private write(slot: number): void {
    this.add(Operation.Write, slot, (this.pageFirst + this.random.below(this.pageCount)) % this.options.pages);
  }

  private discard(slot: number, count: number): void {
    this.add(Operation.Discard, slot, Math.min(count, this.options.slots - slot));
  }

  private slot(): number {
    return this.random.below(this.options.slots);
  }

  compact(): void {
    this.add(Operation.Compact, 0, 0);
  }

  /** A burst of writes in slot order. */
  fill(): void {
    const { slots } = this.options;
    const first = this.slot();
    const count = this.random.between(8, slots >> 1);
    for (let i = 0; i < count; i++) this.write((first + i) % slots);
  }

  overwrite(): void {
    for (let n = this.random.between(8, this.options.slots >> 2); n > 0; n--) this.write(this.slot());
  }

  /** Single discards all over the disk leave the zspages partly empty; then compaction has work. */
  punch(): void {
    for (let n = this.random.between(8, this.options.slots >> 1); n > 0; n--) this.discard(this.slot(), 1);
    if (this.random.chance(60)) this.compact();
  }

  sweep(): void {
    for (let n = this.random.between(1, 3); n > 0; n--) {
      this.discard(this.slot(), this.random.between(1, this.options.slots >> 2));
    }
  }

  mixed(): void {
    for (let n = this.random.between(8, this.options.slots >> 1); n > 0; n--) {
      const kind = this.random.below(1000);
      if (kind < 600) this.write(this.slot());
      else if (kind < 995) this.discard(this.slot(), this.random.between(1, 3));
      else this.compact();
    }
  }

  limit(limitPagesMax: number): void {
    this.add(Operation.Limit, 0, this.random.chance(20) ? 0 : this.random.between(1, limitPagesMax));
  }

  phase(): void {
    const { limitPagesMax } = this.options;
    if (limitPagesMax !== undefined && this.random.chance(50)) this.limit(limitPagesMax);
    this.pageFirst = this.random.below(this.options.pages);
    this.pageCount = Math.min(this.random.pick(PAGES_OF_PHASE), this.options.pages);
    this[this.random.pick(PHASES)]();
  }
}

export function randomTrace(options: TraceOptions): Trace {
  const writer = new TraceWriter(options);
  while (!writer.full) writer.phase();
  return writer.trace;
}
