/** ioredis and iovalkey, which share their interface. */
import { ZramError } from '../../../bindings/base/errors.js';
import {
  everyIndex,
  groupsBy,
  settled,
  toError,
  type Argument,
  type Command,
  type Group,
  type Link,
  type State,
} from './link.js';
import { respSize, writeResp } from './resp.js';
import { slotOf } from './slots.js';

/** What is used of a `Redis` or `Cluster`. */
export interface IoredisClient {
  readonly status: string;
  readonly options?: {
    readonly enableAutoPipelining?: boolean;
    readonly keyPrefix?: string;
    readonly scaleReads?: unknown;
    readonly redisOptions?: { readonly keyPrefix?: string };
  };
  connect(): Promise<unknown>;
  callBuffer(name: string, ...rest: unknown[]): unknown;
  pipeline(): IoredisPipeline;
  multi(): IoredisPipeline;
  info(section: string): Promise<string>;
  /** The socket, once there is one. */
  readonly stream?: { cork(): void; uncork(): void } | undefined;
  sendCommand(command: IoredisCommand): Promise<unknown>;
}

interface IoredisCommand {
  args: readonly Argument[];
  /** Its place among commands that are sent together: after a connection was lost, all are sent again or none. */
  pipelineIndex?: number;
  toWritable(): Buffer;
  stringifyArguments(): void;
}

interface IoredisCluster extends IoredisClient {
  /** Of each slot the master and its replicas. */
  readonly slots: readonly (readonly string[] | undefined)[];
  nodes(role: 'master'): readonly IoredisClient[];
}

interface IoredisPipeline {
  callBuffer(name: string, ...rest: unknown[]): unknown;
  sendCommand(command: IoredisCommand): unknown;
  exec(): Promise<Replies>;
}

type Replies = readonly (readonly [Error | null | undefined, unknown?])[] | null;

/** The bytes of commands of more arguments are made here. */
const ARGUMENTS_MANY = 16;

const pipelinesItself = ({ options }: IoredisClient): boolean => options?.enableAutoPipelining === true;

/** Only commands without an answer and those of monitors do not end as promises. */
function call(client: IoredisClient, command: Command): Promise<unknown> {
  return pipelinesItself(client) ? alone(client, command) : (client.callBuffer(...command) as Promise<unknown>);
}

/** As many as a device has batches in flight; and more than any of them takes. */
const SPARE_BUFFERS = 8;
const SPARE_BYTES_MAX = 1024 * 1024;

/**
 * Sends commands, and writes the bytes of those of many arguments: ioredis makes two strings of each argument and copies each
 * twice, which takes longer than all that the socket does with them.
 */
class Sender {
  /** Of commands that were answered, to serve again: V8 collects garbage by the bytes of buffers. */
  readonly #spare: Buffer[] = [];
  /** Bytes of the largest command of those that are kept. */
  #largest = 0;
  /** Makes commands, and sends none. */
  #maker: IoredisPipeline | undefined;
  #made: IoredisCommand | undefined;

  constructor(readonly client: IoredisClient) {}

  /** @param place its place among commands of which all are sent again or none */
  async send(command: Command, place?: number): Promise<unknown> {
    const [name, ...rest] = command;
    if (command.length <= ARGUMENTS_MANY) return this.client.sendCommand(this.#make(place, name, ...rest));
    const bytes = this.#take(respSize(command));
    const written = bytes.subarray(0, writeResp(command, bytes));
    const made = this.#make(place, name);
    made.args = rest;
    made.stringifyArguments();
    made.toWritable = () => written;
    const reply = await this.client.sendCommand(made);
    // The server has read it all. What has failed may still be sent.
    if (this.#spare.length < SPARE_BUFFERS && bytes.length <= SPARE_BYTES_MAX) this.#spare.push(bytes);
    return reply;
  }

  /** A command as the client makes them: of the class that it has, with its options. */
  #make(place: number | undefined, ...command: Command): IoredisCommand {
    if (!this.#maker) {
      this.#maker = this.client.pipeline();
      this.#maker.sendCommand = (command) => (this.#made = command);
    }
    this.#maker.callBuffer(...command);
    const made = this.#made as IoredisCommand;
    if (place !== undefined) made.pipelineIndex = place;
    return made;
  }

  #take(size: number): Buffer {
    if (size > SPARE_BYTES_MAX) return globalThis.Buffer.allocUnsafeSlow(size);
    this.#largest = Math.max(this.#largest, size);
    const spare = this.#spare.pop();
    return spare !== undefined && spare.length >= size ? spare : globalThis.Buffer.allocUnsafeSlow(this.#largest);
  }
}

/** Automatic pipelines lose the name of what is sent by `callBuffer`; a pipeline that one has made does not. */
async function alone(client: IoredisClient, command: Command): Promise<unknown> {
  const [reply] = await pipelined(client, [command]);
  if (reply instanceof Error) throw reply;
  return reply;
}

function stateOf(client: IoredisClient): State {
  // Nothing has been asked of it yet; later errors of its connection are its events.
  if (client.status === 'wait') void client.connect().catch(() => undefined);
  if (client.status === 'ready') return 'ready';
  return client.status === 'end' ? 'closed' : 'connecting';
}

function checkOptions({ options }: IoredisClient): void {
  if (options?.keyPrefix !== undefined && options.keyPrefix !== '')
    throw new ZramError('EINVAL', 'the client has a keyPrefix; give it to redisTier as prefix instead.');
  if (options?.redisOptions?.keyPrefix)
    throw new ZramError('EINVAL', 'the client has a keyPrefix; give it to redisTier as prefix instead.');
  if (options?.scaleReads !== undefined && options.scaleReads !== 'master')
    throw new ZramError(
      'EINVAL',
      'the client reads from replicas (scaleReads), which may not have the newest pages yet.',
    );
}

const results = (replies: Replies): unknown[] =>
  (replies ?? []).map(([error, value]) => (error === null || error === undefined ? value : toError(error)));

function filled(pipeline: IoredisPipeline, commands: readonly Command[]): IoredisPipeline {
  for (const command of commands) pipeline.callBuffer(...command);
  return pipeline;
}

async function pipelined(client: IoredisClient, commands: readonly Command[]): Promise<unknown[]> {
  return results(await filled(client.pipeline(), commands).exec());
}

export function ioredisLink(client: IoredisClient): Link {
  checkOptions(client);
  const sender = new Sender(client);
  return {
    cluster: false,
    state: () => stateOf(client),
    one: (command) => (pipelinesItself(client) ? alone(client, command) : sender.send(command)),
    transaction: (commands) => transaction(client, commands, sender),
    each: (commands) => [{ at: everyIndex(commands.length), route: '', send: () => pipelined(client, commands) }],
    memory: async () => [await client.info('memory')],
  };
}

/**
 * Written command by command, without a pipeline, which copies everything twice more. All are written in this turn, so no other
 * command comes between. If the connection breaks after some were answered, the others are rejected: by their places ioredis
 * takes them for a pipeline. Sent again alone they would be no transaction.
 */
async function transaction(
  client: IoredisClient,
  commands: readonly Command[],
  sender: Sender,
): Promise<readonly unknown[]> {
  if (pipelinesItself(client)) return transactionPipelined(client, commands);
  const all: readonly Command[] = [['multi'], ...commands, ['exec']];
  const replies = await settled(together(client, () => all.map((command, place) => sender.send(command, place))));
  const refusal = replies.find((reply) => reply instanceof Error);
  if (refusal !== undefined) throw refusal;
  return checkedReplies((replies.at(-1) ?? []) as unknown[]);
}

/** What is written in `work` goes to the socket in one call of the system. */
function together<T>({ stream }: IoredisClient, work: () => T): T {
  stream?.cork();
  try {
    return work();
  } finally {
    stream?.uncork();
  }
}

async function transactionPipelined(client: IoredisClient, commands: readonly Command[]): Promise<readonly unknown[]> {
  const pipeline = filled(client.multi(), commands);
  const replies = await pipeline.exec().catch((error: unknown) => {
    // What a command was refused for says more than that the transaction was.
    throw (error as { previousErrors?: readonly Error[] }).previousErrors?.[0] ?? error;
  });
  return checkedReplies(results(replies));
}

/** @throws the first error among them */
function checkedReplies(replies: readonly unknown[]): readonly unknown[] {
  const error = replies.find((reply) => reply instanceof Error);
  if (error !== undefined) throw error;
  return replies;
}

export function ioredisClusterLink(client: IoredisClient): Link {
  checkOptions(client);
  const cluster = client as IoredisCluster;
  return {
    cluster: true,
    state: () => stateOf(cluster),
    one: (command) => call(cluster, command),
    transaction: () => Promise.reject(new Error('Transactions are of single servers.')),
    each: (commands, retry) => eachInCluster(cluster, commands, retry),
    memory: () => Promise.all(cluster.nodes('master').map((node) => node.info('memory'))),
  };
}

/**
 * A pipeline for each server: ioredis refuses one over several. It follows a redirection of a pipeline only if all of it is
 * redirected in the same way, so after a failure each command goes by itself.
 */
function eachInCluster(cluster: IoredisCluster, commands: readonly Command[], retry: boolean): Group<unknown>[] {
  const routes = groupsBy(commands.length, (i) => cluster.slots[slotOf(commands[i][1] as Buffer)]?.join(';') ?? '');
  return [...routes].map(([route, at]) => {
    const those = at.map((i) => commands[i]);
    const singly = retry || route === '';
    return {
      at,
      route,
      send: () => (singly ? settled(those.map((one) => call(cluster, one))) : pipelined(cluster, those)),
    };
  });
}
