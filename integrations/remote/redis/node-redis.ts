/** node-redis, the package `redis`. It writes in one go what was sent in one turn, so nothing has to be put into pipelines. */
import { ZramError } from '../../../bindings/base/errors.js';
import { everyIndex, groupsBy, settled, type Command, type Group, type Link, type State } from './link.js';
import { slotOf } from './slots.js';

interface CommandOptions {
  readonly typeMapping: Readonly<Record<number, unknown>>;
}

/** What is used of what `createClient` makes. */
export interface NodeRedisClient {
  readonly isOpen: boolean;
  readonly isReady: boolean;
  sendCommand(args: readonly unknown[], options?: CommandOptions): Promise<unknown>;
  multi(): NodeRedisTransaction;
}

interface NodeRedisTransaction {
  addCommand(args: readonly unknown[]): NodeRedisTransaction;
  exec(): Promise<readonly unknown[]>;
}

/** What is used of what `createCluster` makes. */
export interface NodeRedisCluster {
  readonly isOpen: boolean;
  readonly slots: readonly ({ readonly master: { readonly address: string } } | undefined)[];
  readonly masters: readonly unknown[];
  nodeClient(node: unknown): Promise<NodeRedisClient> | NodeRedisClient;
  sendCommand(
    key: Buffer | undefined,
    isReadonly: boolean,
    args: readonly unknown[],
    options?: CommandOptions,
  ): Promise<unknown>;
}

/** The protocol's sign of strings of bytes, `$`: they are wanted as Buffers. No constant, as browsers have no Buffer. */
const bytes = (): CommandOptions => ({ typeMapping: { 36: globalThis.Buffer } });

/** Of `INFO`, whose reply may be bytes all the same if the client was made with a mapping of its own. */
const infoOf = async (client: NodeRedisClient): Promise<string> => String(await client.sendCommand(['INFO', 'memory']));

function stateOf(client: { readonly isOpen: boolean; readonly isReady?: boolean }): State {
  if (!client.isOpen) return 'closed';
  return client.isReady === false ? 'connecting' : 'ready';
}

export function nodeRedisLink(client: NodeRedisClient): Link {
  const options = bytes();
  const one = (command: Command): Promise<unknown> => client.sendCommand(command, options);
  return {
    cluster: false,
    state: () => stateOf(client),
    one,
    async transaction(commands) {
      const multi = client.multi();
      for (const command of commands) multi.addCommand(command);
      return multi.exec();
    },
    each: (commands) => [{ at: everyIndex(commands.length), route: '', send: () => settled(commands.map(one)) }],
    memory: async () => [await infoOf(client)],
  };
}

export function nodeRedisClusterLink(cluster: NodeRedisCluster): Link {
  const options = bytes();
  // Never read-only: those may go to replicas, which may not have the newest pages yet.
  const one = (command: Command): Promise<unknown> =>
    cluster.sendCommand(command[1] as Buffer, false, command, options);
  return {
    cluster: true,
    state: () => stateOf(cluster),
    one,
    transaction: () => Promise.reject(new ZramError('EINVAL', 'transactions are of single servers.')),
    each: (commands) => eachInCluster(cluster, commands, one),
    memory: () => Promise.all(cluster.masters.map(async (node) => infoOf(await cluster.nodeClient(node)))),
  };
}

/** It redirects each command by itself; the groups are for what is told of each server. */
function eachInCluster(
  cluster: NodeRedisCluster,
  commands: readonly Command[],
  one: (command: Command) => Promise<unknown>,
): Group<unknown>[] {
  const routes = groupsBy(
    commands.length,
    (i) => cluster.slots[slotOf(commands[i][1] as Buffer)]?.master.address ?? '',
  );
  return [...routes].map(([route, at]) => ({ at, route, send: () => settled(at.map((i) => one(commands[i]))) }));
}
