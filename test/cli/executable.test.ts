import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readSync, statSync } from 'node:fs';
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

(process.platform === 'linux' ? describe : describe.skip)('what stands at standard input', () => {
  /** @param skipped bytes that another program has read from it before */
  const runFrom = (path: string, skipped = 0) => {
    const stdin = openSync(path, 'r');
    readSync(stdin, Buffer.alloc(skipped));
    const args = [executable.path, 'analyze', '--json', '-'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, {
      stdio: [stdin, 'pipe', 'pipe'],
      encoding: 'utf8',
    });
    closeSync(stdin);
    return { status, stderr, stdout };
  };

  test('a file, from where its reader stands', () => {
    const { stdout } = runFrom('package-lock.json', 4096);
    expect(JSON.parse(stdout)).toMatchObject({ inputs: [{ bytes: statSync('package-lock.json').size - 4096 }] });
  });

  test('nothing', () => {
    const { status, stdout } = runFrom('/dev/null');
    expect(status).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ inputs: [{ kind: 'stdin', bytes: 0, pages: 0 }] });
  });

  test('a folder is a failure', () => {
    expect(runFrom('.')).toEqual({
      status: 1,
      stderr: 'zram-wasm: cannot read standard input: it is a directory; name the files in it\n',
      stdout: '',
    });
  });

  test('what cannot be read is a failure', () => {
    const { status, stderr, stdout } = runFrom('/proc/self/mem');
    expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
    expect(stderr).toMatch(/^zram-wasm: cannot read standard input: [^\n]+\n$/);
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

  test('a reader that closes its pipe early is not a failure', async () => {
    const child = start('analyze', '--json', 'package.json');
    const { stdout, stderr } = child as unknown as Record<'stdout' | 'stderr', NodeJS.ReadableStream>;
    const err = text(stderr);
    (stdout as unknown as { destroy(): void }).destroy();
    expect(await end(child)).toEqual([0, null]);
    expect(await err).toBe('');
  });

  test('the exit status reports a failure even if the report is not read', async () => {
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
