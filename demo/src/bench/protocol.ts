/** What the page and the worker of the benchmarks say to each other. */

export interface Contender {
  readonly name: string;
  /** Whether it is ours. */
  readonly ours: boolean;
  /** Median of the rounds: bytes of pages a second. */
  readonly bytesPerSecond: number;
  readonly note?: string;
}

export interface Benchmark {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  readonly contenders: readonly Contender[];
}

export interface BenchCalls {
  /** Measures all, one after the other. */
  run(): Promise<{ readonly pages: number; readonly milliseconds: number }>;
}

export interface BenchEvents {
  started: { readonly title: string; readonly done: number; readonly total: number };
  benchmark: Benchmark;
}
