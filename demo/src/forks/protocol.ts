/** What the page and the worker of the forks say to each other. Sizes in bytes. */
import type { PageStates } from '../engine/protocol.js';

/** A database: the first, a fork, or a frozen snapshot. */
export interface Branch {
  readonly id: number;
  readonly name: string;
  readonly frozen: boolean;
  /** Bytes of the database. */
  readonly bytes: number;
  /** Compressed bytes of pages that no other branch has. */
  readonly ownBytes: number;
}

/** All branches, and what they take together. */
export interface Branches {
  readonly list: readonly Branch[];
  readonly heldBytes: number;
}

export interface Answer {
  readonly columns: readonly string[];
  /** The first rows, as texts. */
  readonly rows: readonly (readonly string[])[];
  readonly rowCount: number;
  readonly changes: number;
  readonly milliseconds: number;
}

export interface Made extends Branches {
  readonly id: number;
  readonly milliseconds: number;
}

export interface ForksCalls {
  /** Begins with one database. */
  start(): Promise<Branches>;
  run(what: { readonly branch: number; readonly sql: string }): Promise<Answer>;
  fork(what: { readonly branch: number; readonly frozen: boolean }): Promise<Made>;
  remove(branch: number): Promise<Branches>;
  branches(): Branches;
  /** The pages of a database: shared with another branch, its own, or same-filled. */
  pages(branch: number): PageStates;
}

export type ForksEvents = Record<never, never>;
