import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { describe, expect, test } from '@jest/globals';

import { Random } from '../support/random.js';
import { image } from './page-images.js';
import { run } from './run.js';

const VERSION = (JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version;

describe('the command line', () => {
  test.each([
    [['--help'], 'COMMAND'],
    [['-h'], 'COMMAND'],
    [['nonsense', '--help'], 'COMMAND'],
    ...['analyze', 'pack', 'unpack', 'diff', 'serve', 'ctl'].map((command) => [[command, '--help'], command] as const),
  ] as const)('%j is refused with the usage', async (args, of) => {
    const { status, out, err } = await run([...args]);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(out).toMatch(new RegExp(`^Usage: zram-wasm ${of} `));
    expect(Math.max(...out.split('\n').map((line) => line.length))).toBeLessThanOrEqual(120);
  });

  test.each([['--version'], ['analyze', '--version']])('%s %s prints the version', async (...args) => {
    expect(await run(args)).toEqual({ status: 0, out: `${VERSION}\n`, err: '' });
  });

  test.each([
    [[], 'no command given'],
    [['explode'], "unknown command 'explode'"],
    [['analyze', '--frobnicate'], "Unknown option '--frobnicate'"],
    [['analyze', '--pid'], 'argument missing'],
    [['analyze', '--pid', '1,x'], "--pid must be a process number, a whole number from 1, not 'x'"],
    [['analyze', '--pid', '0'], "--pid must be a process number, a whole number from 1, not '0'"],
    [['analyze', '--pid', '1,'], '--pid has an empty value'],
    [['analyze', '--algorithm', 'zip'], "unknown algorithm 'zip'; available: lzo-rle, lzo, lz4, lz4hc, deflate"],
    [['analyze', '-', '-'], 'only once'],
    [['analyze', 'a', '-o', 'b'], "analyze has no option '--output'"],
    [['pack'], 'pack needs at least one image'],
    [['pack', 'a'], 'pack needs an output file'],
    [['pack', 'a', '-o', 'b', '--algorithm', 'lz4,deflate'], 'pack takes only one --algorithm'],
    [['pack', 'a', '-o', 'b', '--algorithm', 'zip'], "unknown algorithm 'zip'"],
    [['pack', 'a', '-o', 'b', '--pid', '1'], "pack has no option '--pid'"],
    [['unpack'], 'unpack takes one file'],
    [['unpack', 'a', 'b'], 'unpack takes one file'],
    [['diff', 'a'], 'diff takes two'],
    [['diff', '-', '-'], 'only once'],
  ])('%j is wrong usage', async (args, message) => {
    const { status, out, err } = await run(args);
    expect({ status, out }).toEqual({ status: 2, out: '' });
    expect(err).toContain(message);
    expect(err).toMatch(/^zram-wasm: [^\n]+\n$/);
  });

  test.each([
    [['analyze', '/no/such/file'], "cannot read '/no/such/file': no such file"],
    [['analyze', '.'], "cannot read '.': it is a directory"],
    ...(process.platform === 'linux' ? [[['analyze', '--pid', '4194305'], 'process 4194305 does not exist']] : []),
  ] as [string[], string][])('%j fails with one sentence', async (args, message) => {
    const { status, out, err } = await run(args);
    expect({ status, out }).toEqual({ status: 1, out: '' });
    expect(err).toMatch(/^zram-wasm: [^\n]+\n$/);
    expect(err).toContain(message);
  });
});

test('progress shows on a terminal only, and is wiped in the end', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'zram-wasm-'));
  const path = join(folder, 'a\x1b[2J.img');
  writeFileSync(path, image(new Random(1), 300));
  const { err } = await run(['analyze', path], { isTTY: true });
  expect(err).toContain('storing ');
  // A name cannot move the cursor; only the line itself is written over.
  expect(err.replaceAll('\r\x1b[K', '')).not.toMatch(/\p{Cc}/u);
  expect(err.endsWith('\r\x1b[K')).toBe(true);
  expect((await run(['analyze', path])).err).toBe('');
  rmSync(folder, { recursive: true });
});
