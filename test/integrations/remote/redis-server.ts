/** Servers of Redis, each in a folder of its own, on a unix socket and a port of loopback; ended by their process. */
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

import { afterAll, beforeAll } from '@jest/globals';

export const redisIsThere =
  spawnSync('redis-server', ['--version']).status === 0 && spawnSync('redis-cli', ['--version']).status === 0;

/** Ports that nobody has at the moment. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer().listen(0, '127.0.0.1');
      await once(server, 'listening');
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => once(server.close(), 'close')));
  return ports;
}

export class RedisServer {
  readonly socket: string;
  #child: ChildProcess | undefined;

  constructor(
    readonly folder: string,
    readonly port: number,
    readonly settings: readonly string[] = [],
  ) {
    this.socket = join(folder, `${port}.sock`);
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Starts it, or starts it again: empty, as nothing is saved. */
  async start(): Promise<void> {
    const place = [
      '--port',
      String(this.port),
      '--bind',
      '127.0.0.1',
      '--unixsocket',
      this.socket,
      '--dir',
      this.folder,
    ];
    const quick = ['--save', '', '--appendonly', 'no', '--repl-diskless-sync-delay', '0'];
    const child = spawn('redis-server', [...place, ...quick, ...this.settings], { stdio: 'ignore' });
    this.#child = child;
    for (let tries = 0; ; tries++) {
      if (this.cli('ping') === 'PONG') return;
      if (child.exitCode !== null || tries > 500) throw new Error('redis-server does not start.');
      await pause(20);
    }
  }

  async kill(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exit = once(child, 'exit');
    child.kill('SIGCONT');
    child.kill(signal);
    await exit;
  }

  /** Stops it where it is, or lets it go on: it keeps its connections. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#child?.kill(signal);
  }

  /** What `redis-cli` prints. */
  cli(...args: string[]): string {
    return spawnSync('redis-cli', ['-p', String(this.port), ...args], { encoding: 'utf8' }).stdout.trim();
  }

  /** Keys that begin with the tier's prefix and have 16 bytes more. */
  get keys(): number {
    return Number(this.cli('dbsize'));
  }
}

/** A folder for servers, to be called where tests are described. What was started in it is ended with it. */
export function servers(): {
  start(settings?: readonly string[]): Promise<RedisServer>;
  cluster(): Promise<RedisServer[]>;
} {
  let folder = '';
  const all: RedisServer[] = [];
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'zram-redis-'));
  });
  afterAll(async () => {
    await Promise.all(all.map((server) => server.kill()));
    rmSync(folder, { recursive: true, force: true });
  });
  const start = async (port: number, settings: readonly string[]): Promise<RedisServer> => {
    const server = new RedisServer(folder, port, settings);
    all.push(server);
    await server.start();
    return server;
  };
  return {
    start: async (settings = []) => start((await freePorts(1))[0], settings),
    cluster: async () => createCluster(start),
  };
}

/** Three masters, then a replica of each. */
async function createCluster(
  start: (port: number, settings: readonly string[]) => Promise<RedisServer>,
): Promise<RedisServer[]> {
  const ports = await freePorts(12);
  const nodes = await Promise.all(
    ports.slice(0, 6).map((port, i) => {
      const files = ['--cluster-config-file', `nodes-${port}.conf`, '--cluster-port', String(ports[i + 6])];
      return start(port, ['--cluster-enabled', 'yes', '--cluster-node-timeout', '1000', ...files]);
    }),
  );
  const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
  nodes[0].cli('--cluster', 'create', ...addresses, '--cluster-replicas', '1', '--cluster-yes');
  for (let tries = 0; !nodes.every(isSettled); tries++) {
    if (tries > 200) throw new Error('The cluster does not form.');
    await pause(50);
  }
  return nodes;
}

/** It knows of three masters that serve all slots, and of three replicas, and these have their data. */
function isSettled(node: RedisServer): boolean {
  const known = node.cli('cluster', 'nodes').split('\n');
  const replicas = known.filter((line) => / (myself,)?slave /.test(line)).length;
  const isReplicaInSync =
    !/role:slave/.test(node.cli('info', 'replication')) || /link_status:up/.test(node.cli('info', 'replication'));
  return node.cli('cluster', 'info').includes('cluster_state:ok') && replicas === 3 && isReplicaInSync;
}
