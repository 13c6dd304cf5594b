import type { Engine, EngineOptions, Zram } from '../../../bindings/index.js';

export interface Seen {
  readonly same: boolean;
  readonly objectsMerged: number;
  readonly mmStat: string;
}

export declare function roundTrip(library: { Zram: typeof Zram }, options?: EngineOptions): Promise<Seen>;
export declare function roundTripIn(engine: Engine): Seen;
