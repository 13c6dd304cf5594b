/** Servers as processes of their own, each in one folder of the tests, and clients of them. */
import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';

import type { NbdServer } from '../../../integrations/nbd.js';
import { Command, CommandFlag } from '../../../integrations/nbd/protocol.js';
import { Client } from '../../integrations/nbd/client.js';
import { buildExecutable, type Executable } from '../executable.js';

export const PAGE = 4096;

export interface Ended {
  status: number | null;
  signal: string | null;
  out: string;
  err: string;
}

export interface Announced {
  pid: number;
  exports: { name: string; size: number; readOnly: boolean; from: string | null; uri: string }[];
}

/** A command of the executable that was started. */
export class Process {
  out = '';
  err = '';
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcessByStdio<null, Readable, Readable>;
  #heard: () => void = () => undefined;

  constructor(script: string, args: readonly string[], cwd: string) {
    this.#child = spawn(process.execPath, [script, ...args], { cwd, stdio: ['ignore', 'pipe', 'pipe'] });
    const hear = (name: 'out' | 'err') => (text: Buffer) => {
      this[name] += text.toString();
      this.#heard();
    };
    this.#child.stdout.on('data', hear('out'));
    this.#child.stderr.on('data', hear('err'));
    this.ended = once(this.#child, 'close').then(([status, signal]) => {
      this.#heard();
      return { status: status as number | null, signal: signal as string | null, out: this.out, err: this.err };
    });
  }

  get hasEnded(): boolean {
    return this.#child.exitCode !== null || this.#child.signalCode !== null;
  }

  /** Waits until it has said so. @throws it has ended without */
  async says(name: 'out' | 'err', what: RegExp): Promise<string> {
    for (;;) {
      const found = what.exec(this[name]);
      if (found) return found[0];
      if (this.hasEnded) throw new Error(`it ended without ${what.source}: ${this.out}${this.err}`);
      await new Promise<void>((resolve) => (this.#heard = resolve));
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Ends it, if it has not. */
  end(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    if (!this.hasEnded) this.kill(signal);
    return this.ended;
  }
}

export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'zram-serve-'));
  readonly #executable: Executable = buildExecutable();
  readonly #processes: Process[] = [];

  at(...names: string[]): string {
    return join(this.path, ...names);
  }

  start(...args: string[]): Process {
    const started = new Process(this.#executable.path, args, this.path);
    this.#processes.push(started);
    return started;
  }

  run(...args: string[]): Promise<Ended> {
    return this.start(...args).ended;
  }

  /** A server that listens. */
  async serve(...args: string[]): Promise<{ server: Process; announced: Announced }> {
    const server = this.start('serve', '--json', ...args);
    const line = await server.says('out', /^.*\n/);
    return { server, announced: JSON.parse(line) as Announced };
  }

  /** What a server answers over its control socket. @throws with what it refuses */
  async ctl(...args: string[]): Promise<any> {
    const { status, out, err } = await this.run('ctl', '--json', ...args);
    if (status !== 0) throw new Error(err);
    return JSON.parse(out);
  }

  /** Ends what a test has left. */
  async endAll(): Promise<void> {
    await Promise.all(this.#processes.splice(0).map((each) => each.end('SIGKILL')));
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
    this.#executable.remove();
  }
}

/** A client of an export. @param place a socket's path, or a port of 127.0.0.1 */
export async function clientOf(place: string | number, name = ''): Promise<Client> {
  const address = typeof place === 'string' ? place : { port: place, address: '127.0.0.1' };
  const client = await Client.to({ address: () => address } as unknown as NbdServer);
  await client.go(name, { structured: false });
  return client;
}

/** @returns the errno */
export async function writeTo(client: Client, offset: number, payload: Uint8Array, fua = true): Promise<number> {
  const flags = fua ? CommandFlag.FUA : 0;
  return (await client.request({ type: Command.WRITE, flags, offset, payload })).errno;
}

export async function readFrom(client: Client, offset: number, length: number): Promise<Buffer> {
  const { errno, data } = await client.request({ type: Command.READ, offset, length });
  if (errno !== 0) throw new Error(`a read failed with ${errno}`);
  return Buffer.concat(data.map(({ bytes }) => bytes));
}

/** Lines over a unix socket, as they are given. */
export async function talk(path: string, ...pieces: (string | Uint8Array)[]): Promise<string[]> {
  const socket = connect({ path, allowHalfOpen: true });
  socket.on('error', () => undefined); // it may be closed before all is sent
  for (const piece of pieces) socket.write(piece);
  socket.end();
  let text = '';
  for await (const piece of socket) text += String(piece);
  return text.split('\n').filter((line) => line !== '');
}
