/** A tier on Redis or Valkey. Keys are a prefix and 16 bytes, values are strings with a time to live. */
import { ZramError } from '../../../bindings/base/errors.js';
import { checkOptions, checkType, TIMER_MILLISECONDS_MAX } from '../../base/options.js';
import { KEY_SIZE, type RemoteCallOptions, type RemoteTier } from '../tier.js';
import { batchesOf, inFlight } from './batches.js';
import { linkOf, type RedisClient } from './clients.js';
import { clusterCommands, SingleCommands, type Commands } from './commands.js';
import { asZramError, Refusal } from './errors.js';
import type { Command, Group, Link } from './link.js';
import { Patience, type Deadline } from './patience.js';
import { Presence } from './presence.js';

/** Options of {@link redisTier}. */
export interface RedisTierOptions {
  /** Before all keys; default `zram:`. Up to 12 bytes cost nothing, as keys of 28 bytes take the room of those of 16. */
  readonly prefix?: string | undefined;
  /** Milliseconds that a value stays after a machine last said that it needs it; default a day. */
  readonly leaseMilliseconds?: number | undefined;
  /**
   * Milliseconds that a call may take with all its retries; default 5000. A cluster that is to fail over within a call needs
   * more than its `cluster-node-timeout`.
   */
  readonly timeout?: number | undefined;
  /** For messages and `backing_dev`; default `redis`. */
  readonly name?: string | undefined;
}

const DAY_MILLISECONDS = 86_400_000;
const TIMEOUT_MILLISECONDS = 5000;
/** A time that the server can add to its own. */
const LEASE_MILLISECONDS_MAX = Number.MAX_SAFE_INTEGER;
/** Named values are not under keys of 16 bytes, so that no name is a key. */
const NAMES = 'name:';

/** A {@link RemoteTier} on Redis or Valkey, made by {@link redisTier}. */
export class RedisTier implements RemoteTier {
  readonly name: string;
  readonly leaseMilliseconds: number;
  readonly #link: Link;
  readonly #prefix: Buffer;
  readonly #commands: Commands;
  readonly #patience: Patience;
  readonly #presence = new Presence();
  #checked: Promise<void> | undefined;

  /** @internal Made by {@link redisTier}. */
  constructor(link: Link, options: RedisTierOptions) {
    const { prefix = 'zram:', leaseMilliseconds = DAY_MILLISECONDS, timeout = TIMEOUT_MILLISECONDS } = options;
    this.name = options.name ?? 'redis';
    this.leaseMilliseconds = leaseMilliseconds;
    this.#link = link;
    this.#prefix = globalThis.Buffer.from(prefix);
    this.#patience = new Patience(link, timeout);
    const lease = String(Math.ceil(leaseMilliseconds));
    this.#commands = link.cluster
      ? clusterCommands(link, lease)
      : new SingleCommands(link, lease, (present, of) => this.#presence.saw(present, of));
  }

  /**
   * Looks at the settings of the server, or of each master: it must not evict. Done by itself before the first value is stored;
   * `CONFIG` is not called, as servers for hire forbid it.
   * @throws ZramError EINVAL: a server may evict values; EIO: it cannot be asked
   */
  check(): Promise<void> {
    this.#checked ??= this.#check().catch((error: unknown) => {
      this.#checked = undefined;
      throw error;
    });
    return this.#checked;
  }

  async #check(): Promise<void> {
    const infos = await this.#one(async () => {
      if (this.#commands instanceof SingleCommands) await this.#commands.check();
      return this.#link.memory();
    });
    for (const info of infos) checkEviction(info, this.name);
  }

  /** As `check`, which calls share, within the time of one of them. */
  async #checkWithin(deadline: Deadline): Promise<void> {
    try {
      await this.#patience.shared(this.check(), deadline);
    } catch (error) {
      throw asZramError(error as Error, this.name);
    }
  }

  /** See {@link RemoteTier.getMany}. */
  async getMany(
    keys: readonly Uint8Array[],
    options?: RemoteCallOptions,
  ): Promise<readonly (Uint8Array | undefined | Error)[]> {
    const values = await this.#many(keys, options, (some, deadline) =>
      this.#run(some, (those, retry) => this.#commands.get(those, retry), deadline),
    );
    return values.map((value) => value ?? undefined);
  }

  /** See {@link RemoteTier.hasMany}. */
  async hasMany(keys: readonly Uint8Array[], options?: RemoteCallOptions): Promise<readonly (boolean | Error)[]> {
    return this.#many(keys, options, (some, deadline) =>
      this.#run(some, (those, retry) => this.#commands.has(those, retry), deadline),
    );
  }

  /** See {@link RemoteTier.touchMany}. */
  async touchMany(keys: readonly Uint8Array[], options?: RemoteCallOptions): Promise<readonly (boolean | Error)[]> {
    return this.#many(keys, options, (some, deadline) => this.#touch(some, deadline));
  }

  /**
   * See {@link RemoteTier.putMany}. If many of the values of late were there, the servers are asked first, by extending the
   * leases, and sent what they lack; otherwise all is sent at once.
   * @returns for each value undefined, or a ZramError: ENOSPC: the server has reached its `maxmemory`; EIO
   * @throws ZramError as `check`; ECANCELED
   */
  async putMany(
    keys: readonly Uint8Array[],
    values: readonly Uint8Array[],
    options?: RemoteCallOptions,
  ): Promise<readonly (Error | undefined)[]> {
    const size = (index: number): number => values[index].length;
    const put = (some: readonly Buffer[], deadline: Deadline, from: number): Promise<(Error | undefined)[]> =>
      this.#put(some, values.slice(from, from + some.length).map(asBuffer), deadline);
    return this.#many(keys, options, put, size, (deadline) => this.#checkWithin(deadline));
  }

  /** See {@link RemoteTier.getNamed}. */
  async getNamed(name: string): Promise<Uint8Array | undefined> {
    return ((await this.#send(['get', this.#keyOfName(name)])) as Buffer | null) ?? undefined;
  }

  /** See {@link RemoteTier.putNamed}. @throws ZramError as `check`; ENOSPC; EIO */
  async putNamed(name: string, value: Uint8Array): Promise<void> {
    await this.#send(['set', this.#keyOfName(name), asBuffer(value)], (deadline) => this.#checkWithin(deadline));
  }

  /** See {@link RemoteTier.removeNamed}. */
  async removeNamed(name: string): Promise<void> {
    await this.#send(['del', this.#keyOfName(name)]);
  }

  #keyOfName(name: string): Buffer {
    return globalThis.Buffer.concat([this.#prefix, globalThis.Buffer.from(NAMES + name)]);
  }

  #send(command: Command, before?: (deadline: Deadline) => Promise<void>): Promise<unknown> {
    return this.#one(() => this.#link.one(command), before);
  }

  /** @param before what has to be done first, in the same time */
  async #one<T>(send: () => Promise<T>, before?: (deadline: Deadline) => Promise<void>): Promise<T> {
    try {
      return (await this.#patience.call(undefined, async (deadline) => {
        await before?.(deadline);
        return this.#patience.one(send, deadline);
      })) as T;
    } catch (error) {
      throw asZramError(error as Error, this.name);
    }
  }

  /**
   * Runs a call in batches, in which errors are as the servers gave them.
   * @param before what has to be done first, in the same time
   */
  #many<T>(
    keys: readonly Uint8Array[],
    options: RemoteCallOptions | undefined,
    work: (keys: readonly Buffer[], deadline: Deadline, from: number) => Promise<readonly (T | Error)[]>,
    size?: (index: number) => number,
    before?: (deadline: Deadline) => Promise<void>,
  ): Promise<(T | ZramError)[]> {
    const named = this.#redisKeys(keys);
    return this.#patience.call(options?.signal, async (deadline) => {
      if (before) await before(deadline);
      const batches = batchesOf(keys.length, size);
      const results = await inFlight(batches, (from, to) => work(named.slice(from, to), deadline, from));
      return results.map((result) => (result instanceof Error ? asZramError(result, this.name) : result));
    });
  }

  /** Copies of the keys with the prefix, in one buffer. */
  #redisKeys(keys: readonly Uint8Array[]): Buffer[] {
    const size = this.#prefix.length + KEY_SIZE;
    const bytes = globalThis.Buffer.allocUnsafe(size * keys.length);
    return keys.map((key, i) => {
      bytes.set(this.#prefix, i * size);
      bytes.set(key, i * size + this.#prefix.length);
      return bytes.subarray(i * size, (i + 1) * size);
    });
  }

  #run<T>(
    keys: readonly Buffer[],
    groupsOf: (keys: readonly Buffer[], retry: boolean) => Group<T>[],
    deadline: Deadline,
  ): Promise<(T | Error)[]> {
    return this.#patience.run(keys.length, (at, retry) => within(at, groupsOf(pick(keys, at), retry)), deadline);
  }

  #touch(keys: readonly Buffer[], deadline: Deadline): Promise<(boolean | Error)[]> {
    return this.#run(keys, (those, retry) => this.#commands.touch(those, retry), deadline);
  }

  async #put(keys: readonly Buffer[], values: readonly Buffer[], deadline: Deadline): Promise<(Error | undefined)[]> {
    const results = new Array<Error | undefined>(keys.length).fill(undefined); // `flat` leaves holes out
    const asked = this.#presence.asksFirst;
    const absent = asked ? await this.#ask(keys, results, deadline) : keys.map((_, i) => i);
    if (absent.length === 0) return results;
    const stored = await this.#patience.run(
      absent.length,
      (at, retry) => {
        const those = pick(absent, at);
        // Of what is known to be absent there is nothing to learn.
        return within(at, this.#commands.put(pick(keys, those), pick(values, those), retry, !asked));
      },
      deadline,
    );
    const doubtful = absent.filter((index, i) => {
      const result = stored[i];
      if (result instanceof Error) results[index] = result;
      // What a full server has already needs no room.
      return result === 'there' || (result instanceof Error && asZramError(result, '').code === 'ENOSPC');
    });
    if (this.#link.cluster && !asked) this.#presence.saw(doubtful.length, keys.length);
    await this.#settleDoubts(doubtful, keys, results, deadline);
    return results;
  }

  /** @returns the elements whose values are absent */
  async #ask(keys: readonly Buffer[], results: (Error | undefined)[], deadline: Deadline): Promise<number[]> {
    const there = await this.#touch(keys, deadline);
    const absent = [];
    let present = 0;
    for (let i = 0; i < keys.length; i++) {
      const one = there[i];
      if (one instanceof Error) results[i] = one;
      else if (one) present++;
      else absent.push(i);
    }
    this.#presence.saw(present, present + absent.length);
    return absent;
  }

  /** Extends the leases of values that were there when they were to be stored, or that there was no room for. */
  async #settleDoubts(
    doubtful: readonly number[],
    keys: readonly Buffer[],
    results: (Error | undefined)[],
    deadline: Deadline,
  ): Promise<void> {
    if (doubtful.length === 0) return;
    const there = await this.#touch(pick(keys, doubtful), deadline);
    doubtful.forEach((index, i) => {
      const one = there[i];
      if (one === true) results[index] = undefined;
      else results[index] ??= one instanceof Error ? one : new Refusal('a value ended while it was stored.');
    });
  }
}

/** Elements by rising indices. */
const pick = <T>(elements: readonly T[], at: readonly number[]): readonly T[] =>
  at.length === elements.length ? elements : at.map((index) => elements[index]);

/** Groups of a part, as groups of the whole. */
function within<T>(at: readonly number[], groups: Group<T>[]): Group<T>[] {
  return groups.map((group) => ({ at: pick(at, group.at), route: group.route, send: () => group.send() }));
}

/** The clients take nothing else for bytes: ioredis stores a plain Uint8Array as decimal text, and answers OK. */
const asBuffer = (bytes: Uint8Array): Buffer =>
  globalThis.Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function checkEviction(info: string, name: string): void {
  const field = (key: string): string | undefined => new RegExp(`^${key}:(.*?)\\r?$`, 'm').exec(info)?.[1];
  const policy = field('maxmemory_policy');
  if (policy === 'noeviction' || field('maxmemory') === '0') return;
  throw new ZramError(
    'EINVAL',
    `${name} may evict pages when it is full (maxmemory-policy ${policy ?? 'unknown'}): set it to noeviction.`,
  );
}

/**
 * A tier on Redis or Valkey, through a client that the caller has and goes on to own: a `Redis` or `Cluster` of ioredis or
 * iovalkey, or a connected client or cluster of node-redis. It sends `MGET`, `MSET`, `EVAL`, `PEXPIRE`, `EXISTS`, `INFO` and
 * `MULTI` to a single server; `GET`, `SET`, `PEXPIRE`, `EXISTS` and `INFO` to a cluster; `GET`, `SET` and `DEL` for names.
 *
 * Nothing is sent before it is used.
 * @throws ZramError EINVAL: a client that is none of these, that has a prefix of its own or reads from replicas; wrong options
 */
export function redisTier(client: RedisClient, options: RedisTierOptions = {}): RedisTier {
  const positive = (name: 'leaseMilliseconds' | 'timeout', most: number): void => {
    const value = options[name];
    if (value !== undefined && !(Number.isFinite(value) && value > 0 && value <= most))
      throw new ZramError('EINVAL', `${name} must be a number of milliseconds above 0, at most ${most}.`);
  };
  checkOptions(options);
  positive('leaseMilliseconds', LEASE_MILLISECONDS_MAX);
  positive('timeout', TIMER_MILLISECONDS_MAX);
  checkType(options.prefix, 'prefix', 'string');
  checkType(options.name, 'name', 'string');
  return new RedisTier(linkOf(client), options);
}
