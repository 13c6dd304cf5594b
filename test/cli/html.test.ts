/** `analyze --html`: the page as a file, and as Chromium shows it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  linkSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { analyze } from '../../cli/analyze.js';
import { layOut } from '../../cli/html/map.js';
import { toHtml } from '../../cli/report-html.js';
import { chromium, describeWithChromium } from '../package/chromium.js';
import { Random } from '../support/random.js';
import { facts, image, PAGE } from './page-images.js';
import { analyzeJson, run } from './run.js';

const DRIVER = fileURLToPath(new URL('html.mjs', import.meta.url));
const BROWSER_MS_MAX = 60_000;
/** A name that would be markup, end the script, and turn the direction of writing. */
const HOSTILE = '<img src=x onerror=alert(1)><b>&"\u202e<!--x.img';

let folder: string;
let plain: string;
let hostile: string;
const content = image(new Random(5), 900);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'zram-wasm-'));
  plain = join(folder, 'plain.img');
  hostile = join(folder, HOSTILE);
  writeFileSync(plain, content);
  writeFileSync(hostile, content.subarray(0, 100 * PAGE));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

const parts = (): string[] => readdirSync(folder).filter((name) => name.endsWith('.part'));

describe('--html', () => {
  test('writes one page beside the report, which is the same', async () => {
    const path = join(folder, 'report.html');
    const { status, out, err } = await run(['analyze', plain, '--html', path]);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    expect(out).toContain('what zram would make of 900 pages');
    const html = readFileSync(path, 'utf8');
    expect(html).toMatch(/^<!doctype html>/);
    expect(html).toContain(`default-src 'none'`);
    expect(html).not.toMatch(/(?:src|href)=/);
    expect(html).toContain('The above copyright notice and this permission notice shall be included');
    expect(html).toContain(out.split('\n')[0]);
    const [{ states }] = (await analyzeJson([plain, '--html', path])).algorithms as unknown as { states?: unknown }[];
    expect(states).toBeUndefined();
    expect(parts()).toEqual([]);
  });

  test('names of inputs are text in it', async () => {
    const path = join(folder, 'hostile.html');
    expect((await run(['analyze', hostile, '--html', path])).status).toBe(0);
    const html = readFileSync(path, 'utf8');
    expect(html).not.toMatch(/<img|<b>|<!--|\u202e/);
    expect(html.match(/<\/script>/g)).toHaveLength(2);
  });

  test('an input is never replaced, whatever it is called there', async () => {
    const other = join(folder, 'other-name.img');
    linkSync(plain, other);
    for (const output of [plain, other]) {
      const { status, out, err } = await run(['analyze', plain, '--html', output]);
      expect({ status, out }).toEqual({ status: 1, out: '' });
      expect(err).toBe(`zram-wasm: cannot write the report to '${output}': it is also the input '${plain}'\n`);
    }
    expect(readFileSync(plain).equals(content)).toBe(true);
  });

  test.each([
    ['', 2, /--html must name a file: /],
    ['-', 2, /--html must name a file, not standard output/],
    ['nowhere/report.html', 1, /cannot write '.*': no such file/],
  ])('%j is refused before anything is read', async (name, exitStatus, sentence) => {
    const { status, out, err } = await run(['analyze', plain, `--html=${name}`]);
    expect({ status, out }).toEqual({ status: exitStatus, out: '' });
    expect(err).toMatch(sentence);
  });

  test('a link is left alone, and a failure leaves what was there', async () => {
    const old = join(folder, 'old.html');
    writeFileSync(old, 'old');
    symlinkSync(old, join(folder, 'link.html'));
    expect((await run(['analyze', plain, '--html', join(folder, 'link.html')])).err).toContain('is a symbolic link to');
    expect((await run(['analyze', join(folder, 'missing'), '--html', old])).status).toBe(1);
    expect(readFileSync(old, 'utf8')).toBe('old');
    expect((await run(['analyze', join(folder, 'missing'), '--html', join(folder, 'new.html')])).status).toBe(1);
    expect(existsSync(join(folder, 'new.html'))).toBe(false);
    expect(parts()).toEqual([]);
  });

  test('cells are as large as fit, and each page is in one', () => {
    for (const pages of [0, 1, 100, 12_345, 1_000_000, 200_000_000]) {
      const { columns, rows, cell, pagesPerCell } = layOut(pages, 1000);
      expect(columns * rows * pagesPerCell).toBeGreaterThanOrEqual(pages);
      expect(columns * cell).toBeLessThanOrEqual(1000);
      expect(rows * cell).toBeLessThanOrEqual(8192);
      expect(pagesPerCell === 1).toBe(pages <= 8_192_000);
    }
  });
});

interface Look {
  map: { width: number; height: number; colours: Record<string, number> };
  note: string;
  legend: Record<string, number>;
  plots: Record<'sizes' | 'memory' | 'classes', number>;
  labels: string[];
  algorithms: string[];
  report: string;
  injected: number;
}

async function open(
  path: string,
): Promise<{ first: Look; last: Look; under: string; problems: string[]; others: string[] }> {
  const screenshot = process.env['ZRAM_WASM_SCREENSHOT'];
  const args = [DRIVER, chromium!, path, ...(screenshot === undefined ? [] : [screenshot])];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'pipe'] });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')]);
  if (out === '') throw new Error(err);
  return JSON.parse(out);
}

describeWithChromium('The HTML report', 'in Chromium', () => {
  test(
    'draws map and plots from its own data, and asks for nothing',
    async () => {
      const path = join(folder, 'shown.html');
      const { algorithms } = await analyzeJson([hostile, plain, '--algorithm', 'lz4,deflate', '--html', path]);
      const { first, last, under, problems, others } = await open(path);
      expect({ problems, others }).toEqual({ problems: [], others: [] });
      expect(first.algorithms).toEqual(['lz4', 'deflate']);
      const expected = facts(Buffer.concat([content.subarray(0, 100 * PAGE), content]));
      for (const [look, { mm_stat }] of [
        [first, algorithms[0]],
        [last, algorithms[1]],
      ] as const) {
        const { same = 0, merged = 0, huge = 0, compressed = 0 } = look.legend;
        expect({ same, merged }).toEqual({ same: mm_stat.before.same_pages, merged: expected.sharing });
        expect(same + merged + huge + compressed).toBe(expected.pages);
        // Every cell is drawn, those of one colour as large as their number.
        const pixels = Object.values(look.map.colours).reduce((sum, count) => sum + count, 0);
        expect(pixels).toBeGreaterThan(0);
        const perPage = pixels / expected.pages;
        expect(look.map.colours['170 180 192']).toBe(same * perPage);
        expect(look.map.colours['213 94 0'] ?? 0).toBe(huge * perPage);
        expect(Math.sqrt(perPage) % 1).toBe(0);
      }
      expect(last.map.colours).not.toEqual(first.map.colours);
      // A plot without lines or bars has the colours of its axes alone.
      for (const count of Object.values(first.plots)) expect(count).toBeGreaterThan(2);
      expect(first.labels).toEqual(expect.arrayContaining(['lz4', 'deflate', 'before', 'merged and compacted']));
      expect(first.note).toContain('1,000 pages');
      expect(under).toMatch(/^page 0 of .*<img src=x/);
      expect(first.report).toContain('Side by side');
      expect(first.injected).toBe(0);
    },
    BROWSER_MS_MAX,
  );

  test(
    'a million pages are drawn as well',
    async () => {
      const path = join(folder, 'million.html');
      const pages = 1_000_000;
      const options = { files: [plain], pids: [], reading: { format: 'raw', at: [] } as const, algorithms: [] };
      const settings = {
        kernel: undefined,
        dedup: false,
        states: true,
        threads: 1,
        output: undefined,
        zram: undefined,
      };
      const nothing = () => undefined;
      const said = { progress: nothing, remark: nothing, announce: nothing };
      const io = { stdin: Readable.from([]), maxMemory: undefined, ...said };
      const analysis = await analyze({ ...options, ...settings }, io);
      const states = Uint16Array.from({ length: pages }, (_, page) => page % (PAGE + 1));
      const many = { ...analysis, algorithms: [{ ...analysis.algorithms[0], states }] };
      writeFileSync(path, toHtml(many, '0.0.0'));
      const { first, problems } = await open(path);
      expect(problems).toEqual([]);
      // A page has a pixel, and the last row may end before the window does.
      expect(first.note).toBe('1,000,000 pages, row by row.');
      expect(first.map.height).toBe(Math.ceil(pages / first.map.width));
      const drawn = Object.values(first.map.colours).reduce((sum, count) => sum + count, 0);
      expect(drawn).toBe(pages);
    },
    BROWSER_MS_MAX,
  );
});
