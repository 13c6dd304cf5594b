/** The calls of a tier as commands, for single servers and for clusters. */
import { everyIndex, type Command, type Group, type Link } from './link.js';

/** What becomes of a value that is stored: it is, or there was one already, whose lease was not extended. */
export type Stored = 'stored' | 'there';

export interface Commands {
  /** Null: absent. */
  get(keys: readonly Buffer[], retry: boolean): Group<Buffer | null>[];
  has(keys: readonly Buffer[], retry: boolean): Group<boolean>[];
  /** Extends leases; false: absent. */
  touch(keys: readonly Buffer[], retry: boolean): Group<boolean>[];
  /** Stores values with a lease. @param sampled whether some are asked for in passing, where the replies do not tell */
  put(keys: readonly Buffer[], values: readonly Buffer[], retry: boolean, sampled: boolean): Group<Stored>[];
}

/** What a batch that was sent without asking shows of how many of its values were there. */
export type Sampler = (present: number, of: number) => void;

/** Keys of a batch that are asked for, in passing, whether they are there. */
const SAMPLES = 4;

/**
 * A loop on the server costs 1.3 µs a key where a command costs 1.5 µs there and 8 in the client. All keys are one argument, as
 * arguments are what costs most in the clients; a single server does not ask for them apart. The text is sent each time, not
 * its hash: 200 bytes, and there is no script that the server may have forgotten.
 */
const TOUCH = `local keys, lease, size, absent = ARGV[1], ARGV[2], ARGV[3] + 0, {}
for i = 1, #keys / size do
  if redis.call('PEXPIRE', string.sub(keys, (i - 1) * size + 1, i * size), lease) == 0 then absent[#absent + 1] = i end
end
return absent`;

function mapped<T>(groups: Group<unknown>[], convert: (reply: unknown) => T): Group<T>[] {
  return groups.map((group) => ({
    at: group.at,
    route: group.route,
    send: async () => (await group.send()).map((reply) => (reply instanceof Error ? reply : convert(reply))),
  }));
}

const touchEach = (link: Link, keys: readonly Buffer[], lease: string, retry: boolean): Group<boolean>[] =>
  mapped(
    link.each(
      keys.map((key): Command => ['pexpire', key, lease]),
      retry,
    ),
    (reply) => Number(reply) === 1,
  );

const hasEach = (link: Link, keys: readonly Buffer[], retry: boolean): Group<boolean>[] =>
  mapped(
    link.each(
      keys.map((key): Command => ['exists', key]),
      retry,
    ),
    (reply) => Number(reply) === 1,
  );

/** In a cluster no command may have keys of two slots, so each key is a command. */
export function clusterCommands(link: Link, lease: string): Commands {
  return {
    get: (keys, retry) =>
      link.each(
        keys.map((key): Command => ['get', key]),
        retry,
      ) as Group<Buffer | null>[],
    has: (keys, retry) => hasEach(link, keys, retry),
    touch: (keys, retry) => touchEach(link, keys, lease, retry),
    // What is there is not replaced, and the reply tells it; sampling would be more commands.
    put: (keys, values, retry) =>
      mapped(
        link.each(
          keys.map((key, i): Command => ['set', key, values[i], 'PX', lease, 'NX']),
          retry,
        ),
        (reply) => (reply === null ? 'there' : 'stored'),
      ),
  };
}

/** The bytes of all keys. They lie one after the other if they were made together, as those of a batch are. */
function joined(keys: readonly Buffer[]): Buffer {
  const [first] = keys;
  if (first === undefined) return globalThis.Buffer.alloc(0);
  const apart = keys.some(
    (key, i) => key.buffer !== first.buffer || key.byteOffset !== first.byteOffset + i * first.length,
  );
  return apart
    ? globalThis.Buffer.concat(keys)
    : globalThis.Buffer.from(first.buffer, first.byteOffset, keys.length * first.length);
}

function mset(keys: readonly Buffer[], values: readonly Buffer[]): Command {
  const command: [string, ...Buffer[]] = ['mset'];
  for (let i = 0; i < keys.length; i++) command.push(keys[i], values[i]);
  return command;
}

/** One command for a batch: a reply for each page is what costs most in the clients. */
export class SingleCommands implements Commands {
  readonly #link: Link;
  readonly #lease: string;
  readonly #sampler: Sampler;
  /** Whether the server runs scripts for us; some do for nobody. */
  scripts = true;

  constructor(link: Link, lease: string, sampler: Sampler) {
    this.#link = link;
    this.#lease = lease;
    this.#sampler = sampler;
  }

  /** Finds out whether there are scripts. @throws what is no answer to that */
  async check(): Promise<void> {
    try {
      await this.#link.one(this.#touch([]));
    } catch (error) {
      if (!/^(NOPERM|ERR unknown command|NOSCRIPT)/i.test((error as Error).message)) throw error;
      this.scripts = false;
    }
  }

  #touch(keys: readonly Buffer[]): Command {
    return ['eval', TOUCH, '0', joined(keys), this.#lease, String(keys[0]?.length ?? 1)];
  }

  #group<T>(keys: readonly Buffer[], send: () => Promise<readonly T[]>): Group<T>[] {
    return [{ at: everyIndex(keys.length), route: '', send }];
  }

  get(keys: readonly Buffer[]): Group<Buffer | null>[] {
    return this.#group(keys, async () => (await this.#link.one(['mget', ...keys])) as (Buffer | null)[]);
  }

  has(keys: readonly Buffer[], retry: boolean): Group<boolean>[] {
    return hasEach(this.#link, keys, retry);
  }

  touch(keys: readonly Buffer[], retry: boolean): Group<boolean>[] {
    if (!this.scripts) return touchEach(this.#link, keys, this.#lease, retry);
    return this.#group(keys, async () => {
      const absent = new Set(((await this.#link.one(this.#touch(keys))) as unknown[]).map(Number));
      return keys.map((_, i) => !absent.has(i + 1));
    });
  }

  /** All at once, so that no value is left without a lease if the connection or the machine ends in the middle. */
  put(keys: readonly Buffer[], values: readonly Buffer[], retry: boolean, sampled: boolean): Group<Stored>[] {
    // A try before may have stored them.
    const samples = sampled && !retry ? keys.filter((_, i) => i % Math.ceil(keys.length / SAMPLES) === 0) : [];
    const asked: Command[] = samples.length > 0 ? [['exists', ...samples]] : [];
    return this.#group(keys, async () => {
      const leases = this.scripts ? [this.#touch(keys)] : keys.map((key): Command => ['pexpire', key, this.#lease]);
      const [present] = await this.#link.transaction([...asked, mset(keys, values), ...leases]);
      if (samples.length > 0) this.#sampler(Number(present), samples.length);
      return keys.map((): Stored => 'stored');
    });
  }
}
