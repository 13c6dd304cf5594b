/**
 * Images larger than memory stream: the process takes no more than what its report names, and what is stored.
 *
 * ZRAM_WASM_LONG=1 takes 8 GiB of zeros and 2 GiB of noise instead of small ones.
 */
import { spawnSync } from 'node:child_process';
import { createCipheriv } from 'node:crypto';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

import { afterAll, beforeAll, expect, test } from '@jest/globals';

import { buildExecutable, type Executable } from './executable.js';
import type { Json } from './run.js';

const LONG = process.env.ZRAM_WASM_LONG === '1';
const MEBIBYTE = 1024 ** 2;
const SPARSE_BYTES = (LONG ? 8192 : 256) * MEBIBYTE;
const NOISE_BYTES = (LONG ? 2048 : 64) * MEBIBYTE;
const TIMEOUT_MILLISECONDS = LONG ? 600_000 : 60_000;
/** By how much the process may go beyond the memory that its report names. */
const MEMORY_RATIO_MAX = 1.2;
/** What an empty analysis takes at most: Node, and the core's own memory. */
const NODE_BYTES_MAX = 110 * MEBIBYTE;

let folder: string;
let executable: Executable;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'zram-wasm-'));
  executable = buildExecutable();
});
afterAll(() => {
  rmSync(folder, { recursive: true });
  executable.remove();
});

/** Analyses a file in a process, and has the process say in the end how much memory it took at its peak. */
function analyze(path: string): { report: Json; peakRss: number } {
  const wrapper = `
    import { readFileSync } from 'node:fs';
    process.argv.splice(1, 0, ${JSON.stringify(executable.path)});
    process.on('exit', () => {
      const bytes = process.platform === 'linux'
        ? /VmHWM:\\s+(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1] * 1024
        : process.resourceUsage().maxRSS * 1024;
      console.error(bytes);
    });
    await import(${JSON.stringify(pathToFileURL(executable.path).href)});`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--input-type=module', '--eval', wrapper, 'analyze', '--json', path],
    { encoding: 'utf8' },
  );
  expect(status).toBe(0);
  return { report: JSON.parse(stdout) as Json, peakRss: Number(stderr) };
}

function write(name: string, fill: (file: number) => void): string {
  const path = join(folder, name);
  const file = openSync(path, 'w');
  fill(file);
  closeSync(file);
  return path;
}

(process.platform === 'linux' ? test : test.skip)('the report names its own memory, not that of who started it', () => {
  const held = Buffer.alloc(256 * MEBIBYTE, 1);
  const { report } = analyze('package.json');
  expect(report.memory.peakRss).toBeLessThan(held.length / 2);
  expect(report.memory.peakRss).toBeGreaterThan(report.memory.engineUsed);
});

test(
  'a sparse file',
  () => {
    const path = write('sparse', (file) => ftruncateSync(file, SPARSE_BYTES));
    const { report, peakRss } = analyze(path);
    const [{ inputs, mm_stat, verified }] = report.algorithms;
    expect(report.inputs).toMatchObject([{ bytes: SPARSE_BYTES, pages: SPARSE_BYTES / 4096 }]);
    expect(inputs[0].samePages).toBe(SPARSE_BYTES / 4096);
    expect(mm_stat.before.mem_used_total).toBe(0);
    expect(verified).toBe(true);
    expect(peakRss).toBeLessThan(report.memory.peakRss * MEMORY_RATIO_MAX);
    expect(peakRss).toBeLessThan((report.memory.engineUsed + NODE_BYTES_MAX) * MEMORY_RATIO_MAX);
    // 8 bytes a page, and what the core itself takes.
    expect(report.memory.engineUsed).toBeLessThan((SPARSE_BYTES / 4096) * 8 * 1.1 + 8 * MEBIBYTE);
  },
  TIMEOUT_MILLISECONDS,
);

test(
  'noise, which does not compress',
  () => {
    const path = write('noise', (file) => {
      const noise = createCipheriv('aes-128-ctr', Buffer.alloc(16, 1), Buffer.alloc(16));
      const zeros = Buffer.alloc(MEBIBYTE);
      for (let bytes = 0; bytes < NOISE_BYTES; bytes += MEBIBYTE) writeSync(file, noise.update(zeros));
    });
    const { report, peakRss } = analyze(path);
    const [{ mm_stat, verified }] = report.algorithms;
    expect(mm_stat.before).toMatchObject({ huge_pages: NOISE_BYTES / 4096, mem_used_total: NOISE_BYTES });
    expect(verified).toBe(true);
    expect(peakRss).toBeLessThan(report.memory.peakRss * MEMORY_RATIO_MAX);
    expect(peakRss).toBeLessThan((report.memory.engineUsed + NODE_BYTES_MAX) * MEMORY_RATIO_MAX);
    expect(report.memory.engineUsed).toBeLessThan(NOISE_BYTES * 1.1 + 8 * MEBIBYTE);
  },
  TIMEOUT_MILLISECONDS,
);
