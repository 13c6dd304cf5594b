import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync } from 'node:fs';
import { text } from 'node:stream/consumers';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { buildExecutable, type Executable } from './executable.js';

let executable: Executable;
beforeAll(() => {
  executable = buildExecutable();
});
afterAll(() => executable.remove());

const run = (...args: string[]) => spawnSync(process.execPath, [executable.path, ...args], { encoding: 'utf8' });
const start = (...args: string[]): ChildProcess & { stdin: object; stdout: object; stderr: object } =>
  spawn(process.execPath, [executable.path, ...args], { stdio: 'pipe' });

/** [exit status, signal] of a process. */
const end = (child: ChildProcess): Promise<unknown[]> => once(child, 'exit');

const ONE_MEBIBYTE = Buffer.alloc(1024 * 1024, 'a page is not same-filled ');

describe('exit status', () => {
  test.each([
    ['done', ['--version'], 0],
    ['done', ['analyze', 'package.json'], 0],
    ['failed', ['analyze', 'no-such-file'], 1],
    ['wrong usage', ['analyze', '--no-such-option'], 2],
    ['wrong usage', [], 2],
  ])('%s: %j', (_, args, status) => {
    const result = run(...args);
    expect(result.status).toBe(status);
    expect(result.stdout === '').toBe(status !== 0);
    expect(result.stderr === '').toBe(status === 0);
  });
});

// Windows has neither these signals nor these ends of pipes.
(process.platform === 'win32' ? describe.skip : describe)('pipes and signals', () => {
  test('Ctrl-C ends it at once, in the midst of an input, and prints nothing', async () => {
    const child = start('analyze', '-');
    const out = text(child.stdout as NodeJS.ReadableStream);
    const err = text(child.stderr as NodeJS.ReadableStream);
    const { stdin } = child as unknown as { stdin: NodeJS.WritableStream };
    stdin.on('error', () => undefined);
    // As much as goes in: what it has taken, it is at work on.
    for (let i = 0; i < 8; i++) if (!stdin.write(ONE_MEBIBYTE)) await once(stdin, 'drain');
    child.kill('SIGINT');
    expect(await end(child)).toEqual([null, 'SIGINT']);
    expect([await out, await err]).toEqual(['', '']);
  });

  test('a reader that closes its pipe early is no failure', async () => {
    const child = start('analyze', '--json', 'package.json');
    const { stdout, stderr } = child as unknown as Record<'stdout' | 'stderr', NodeJS.ReadableStream>;
    const err = text(stderr);
    (stdout as unknown as { destroy(): void }).destroy();
    expect(await end(child)).toEqual([0, null]);
    expect(await err).toBe('');
  });

  test('what was wrong still tells when nobody reads the report', async () => {
    const child = start('analyze', 'no-such-file');
    const { stdout, stderr } = child as unknown as Record<'stdout' | 'stderr', { destroy(): void }>;
    stdout.destroy();
    stderr.destroy();
    expect(await end(child)).toEqual([1, null]);
  });

  (process.platform === 'linux' ? test : test.skip)('a report that finds no room is a failure', () => {
    const full = openSync('/dev/full', 'w');
    const { status, stderr } = spawnSync(process.execPath, [executable.path, 'analyze', 'package.json'], {
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    });
    closeSync(full);
    expect(status).toBe(1);
    expect(stderr).toMatch(/^zram-wasm: cannot write the report: .*no space left/);
  });
});
