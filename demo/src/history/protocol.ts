/** What the page and the worker of the history say to each other. Sizes in bytes. */
import type { PageStates } from '../engine/protocol.js';

/** How equal pages of different states are found. */
export type Finding = 'dedup' | 'merge' | 'none';

export interface HistoryConfig {
  /** How many SQLite programs run. */
  readonly programs: number;
  readonly finding: Finding;
}

/** A state: the memory of all programs at one time. */
export interface StateSummary {
  readonly id: number;
  /** Bytes of this state's memory. */
  readonly bytes: number;
  /** Of all states so far. */
  readonly rawBytes: number;
  /** What the engine holds for them, tables and indexes included. */
  readonly heldBytes: number;
  /** Pages that differ from the state before; of the first state, all that are not zero. */
  readonly changedPages: number;
  readonly pages: number;
  /** How long taking the state held the worker, in milliseconds. */
  readonly milliseconds: number;
  /** What each program did before it. */
  readonly work: readonly string[];
  readonly rows: number;
}

export interface SelectedState {
  readonly id: number;
  readonly pages: PageStates;
  /** Where the memory of each program begins, in pages of the state. */
  readonly programs: readonly { readonly name: string; readonly firstPage: number; readonly pages: number }[];
  /** Whether the SHA-256 of what is read back is the one that the memory had. */
  readonly identical: boolean;
  /** Undefined where the browser does not grant it. */
  readonly sha256: string | undefined;
  readonly milliseconds: number;
}

export interface HistoryCalls {
  /** Begins again from nothing, and takes a state every second. */
  start(config: HistoryConfig): Promise<void>;
  pause(): void;
  resume(): void;
  select(id: number): Promise<SelectedState>;
  /** Gives the programs the memory that they had, and lets them run on from there. Tells how many rows they see. */
  rewind(id: number): Promise<{ readonly rows: number }>;
  /** The memory of fresh programs, before and after some work, as files. */
  sample(programs: number): Promise<File[]>;
}

export interface HistoryEvents {
  state: StateSummary;
  /** The history ended by itself: out of memory. */
  ended: { readonly reason: string };
}
