/** What the adapters of the clients have in common. */

export type Argument = string | Buffer;
/** Its name in lower case, then its arguments; the first is the key where there is one. */
export type Command = readonly [name: string, ...rest: Argument[]];

/** Commands that go to one server, together. */
export interface Group<T> {
  /** Which elements of the batch. */
  readonly at: readonly number[];
  /** The server, if known: while it owes an answer for too long, it is sent nothing. */
  readonly route: string;
  /** Sends them. @returns one result for each of `at`; a rejection means that all failed */
  send(): Promise<readonly (T | Error)[]>;
}

export type State = 'ready' | 'connecting' | 'closed';

/** A client of the user's. Bytes in replies are Buffers. */
export interface Link {
  readonly cluster: boolean;
  state(): State;
  /** One command with one key, or of a single server. */
  one(command: Command): Promise<unknown>;
  /** All or none, of a single server. @returns the replies. @throws an error of any of them */
  transaction(commands: readonly Command[]): Promise<readonly unknown[]>;
  /**
   * Commands with one key each, grouped by the server that has it.
   * @param retry whether the groups of the last time were wrong: each command is then redirected by itself
   */
  each(commands: readonly Command[], retry: boolean): Group<unknown>[];
  /** `INFO memory` of each master. */
  memory(): Promise<readonly string[]>;
}

export function everyIndex(count: number): number[] {
  const indices = new Array<number>(count);
  for (let i = 0; i < count; i++) indices[i] = i;
  return indices;
}

/** A result for each promise. */
export async function settled(promises: readonly Promise<unknown>[]): Promise<unknown[]> {
  return Promise.all(promises.map((promise) => promise.catch(toError)));
}

export const toError = (reason: unknown): Error => (reason instanceof Error ? reason : new Error(String(reason)));

/** Indices of the keys by a name that each has. */
export function groupsBy(count: number, nameOf: (index: number) => string): Map<string, number[]> {
  const groups = new Map<string, number[]>();
  for (let i = 0; i < count; i++) {
    const name = nameOf(i);
    const group = groups.get(name);
    if (group === undefined) groups.set(name, [i]);
    else group.push(i);
  }
  return groups;
}
