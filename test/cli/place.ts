/** A folder of its own to run the executable in, with what shells and other users do around it. */
import { spawn, spawnSync, type ChildProcessByStdio } from 'node:child_process';
import { accessSync, chmodSync, constants, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';

import { buildExecutable, type Executable } from './executable.js';

export interface Ended {
  status: number | null;
  stdout: string;
  stderr: string;
}

export class Place {
  readonly folder = mkdtempSync(join(tmpdir(), 'zram-wasm-'));
  readonly #executable: Executable = buildExecutable();

  constructor() {
    chmodSync(this.folder, 0o777);
  }

  at(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  cli(...args: string[]): Ended {
    return this.#ended(process.execPath, [this.#executable.path, ...args]);
  }

  /** A line of shell, in which $CLI is the command. */
  shell(line: string): Ended {
    return this.#ended('bash', ['-c', line]);
  }

  /** As another user, who can neither be root nor become it. */
  cliAs(user: number, ...args: string[]): Ended {
    const options = ['--reuid', `${user}`, '--regid', `${user}`, '--clear-groups'];
    return this.#ended('setpriv', [...options, process.execPath, this.#executable.path, ...args]);
  }

  start(...args: string[]): ChildProcessByStdio<Writable, Readable, Readable> {
    return spawn(process.execPath, [this.#executable.path, ...args], { cwd: this.folder, stdio: 'pipe' });
  }

  /** Temporary files that are there. */
  parts(folder = '.'): string[] {
    return readdirSync(this.at(folder)).filter((name) => name.endsWith('.part'));
  }

  remove(): void {
    rmSync(this.folder, { recursive: true });
    this.#executable.remove();
  }

  #ended(command: string, args: readonly string[]): Ended {
    const env = { ...process.env, CLI: `${process.execPath} ${this.#executable.path}` };
    const { status, stdout, stderr } = spawnSync(command, args, { cwd: this.folder, encoding: 'utf8', env });
    return { status, stdout, stderr };
  }
}

/** Whether this process is root, on a system where another user can run Node.js and these tests. */
export function canBeAnother(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  try {
    accessSync('/usr/bin/setpriv', constants.X_OK);
  } catch {
    return false;
  }
  const probe = ['--reuid', '65533', '--regid', '65533', '--clear-groups', process.execPath, '--version'];
  return spawnSync('setpriv', probe).status === 0;
}
