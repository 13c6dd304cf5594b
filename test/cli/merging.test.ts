/** What `analyze` reports on merging: by size class, and beside inline deduplication. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { Random, seedOfRun } from '../support/random.js';
import { facts, image, PAGE } from './page-images.js';
import { analyzeJson, run, type Json } from './run.js';

let folder: string;
let path: string;
const seed = seedOfRun();
const bytes = image(new Random(seed, 'merging'), 800);
const expected = facts(bytes);

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'zram-wasm-'));
  path = join(folder, 'a.img');
  writeFileSync(path, bytes);
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

describe('by size class', () => {
  test('the rows add up to the whole', async () => {
    const { classes, merge, mm_stat } = (await analyzeJson([path])).algorithms[0];
    const sum = (field: 'merged' | 'bytesSaved') => classes.reduce((total, row) => total + row[field], 0);
    expect({ seed, merged: sum('merged') }).toEqual({ seed, merged: expected.merged });
    expect(sum('merged')).toBe(mm_stat.afterCompact.pages_merged);
    for (const { size, objects, merged, bytesSaved } of classes) {
      expect(merged).toBeGreaterThan(0);
      expect(objects).toBeGreaterThan(0);
      expect(bytesSaved).toBe(merged * size);
    }
    // What a class saves is the payload, with its header and the rounding up to the class.
    const payload = merge as unknown as { bytesMerged: number };
    expect(sum('bytesSaved')).toBeGreaterThanOrEqual(payload.bytesMerged);
    expect(sum('bytesSaved')).toBeLessThan(payload.bytesMerged + 200 * expected.merged);
    expect(classes.map(({ size }) => size)).toEqual(classes.map(({ size }) => size).sort((a, b) => a - b));
  });

  test('the report shows them, and says so when nothing merged', async () => {
    expect((await run(['analyze', path])).out).toMatch(
      /\nThe merge by size class: .*\n +size +objects +merged +bytes saved\n/,
    );
    const distinct = join(folder, 'distinct');
    writeFileSync(distinct, new Random(7).fill(new Uint8Array(10 * PAGE)));
    expect((await run(['analyze', distinct])).out).toContain('\n  Nothing was merged.\n');
    expect((await analyzeJson([distinct])).algorithms[0].classes).toEqual([]);
  });
});

describe('--dedup', () => {
  test('finds inline what merging finds afterwards', async () => {
    const { merging, inline } = (await analyzeJson([path, '--dedup'])).algorithms[0].dedup!;
    for (const side of [merging, inline]) {
      expect({ seed, merged: side.pages_merged }).toEqual({ seed, merged: expected.merged });
      expect(side.storeMilliseconds).toBeGreaterThan(0);
    }
    expect(Object.keys(inline)).toEqual(
      'storeMilliseconds mergeMilliseconds mem_used_max mem_used_total compr_data_size dup_data_size meta_data_size pages_merged'.split(
        ' ',
      ),
    );
    expect(Object.keys(merging)).toEqual(Object.keys(inline));
    expect(inline.compr_data_size).toBe(merging.compr_data_size);
    expect(inline.dup_data_size).toBe(merging.dup_data_size);
    expect(inline.dup_data_size).toBeGreaterThan(0);
    // Merging pays with the memory that it takes before, inline deduplication with an index that it keeps.
    expect(inline.mem_used_max).toBeLessThan(merging.mem_used_max);
    expect(merging.mem_used_total).toBeLessThan(merging.mem_used_max);
    expect(inline.meta_data_size).toBeGreaterThan(0);
    expect(merging.meta_data_size).toBe(0);
    expect(merging.mergeMilliseconds).toBeGreaterThan(0);
    expect(inline.mergeMilliseconds).toBe(0);
  });

  test('changes nothing else in what is told', async () => {
    const still = ({ inputs, mm_stat, classes, histogram, verified }: Json['algorithms'][0]) => ({
      inputs,
      mm_stat,
      classes,
      histogram,
      verified,
    });
    const plain = (await analyzeJson([path])).algorithms[0];
    const both = (await analyzeJson([path, '--dedup'])).algorithms[0];
    expect(still(both)).toEqual(still(plain));
    expect(plain.dedup).toBeUndefined();
  });

  test('stands side by side in the report', async () => {
    const { status, out } = await run(['analyze', path, '--dedup']);
    expect(status).toBe(0);
    const lines = out.split('\n');
    const at = lines.findIndex((line) => line.startsWith('Inline deduplication and merging afterwards'));
    const table = lines.slice(at + 1, at + 10);
    expect(table[0]).toMatch(/^ +merged afterwards +inline$/);
    expect(table[1]).toMatch(/^ {2}time +to store +[0-9.,]+ ms +[0-9.,]+ ms$/);
    expect(table[2]).toMatch(/^ +to merge and compact +[0-9.,]+ ms +-$/);
    expect(table.slice(3).map((line) => line.trim().split(' ')[0])).toEqual(
      'mem_used_max mem_used_total compr_data_size dup_data_size meta_data_size pages_merged'.split(' '),
    );
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100);
    expect((await run(['analyze', path])).out).not.toContain('Inline deduplication');
  });

  test('out of memory, both sides tell of the same pages', async () => {
    const noise = join(folder, 'noise');
    writeFileSync(noise, randomBytes(16 * 1024 * 1024));
    const { status, out, err } = await run(['analyze', '--json', '--dedup', noise, noise], { maxMemory: '16M' });
    expect(status).toBe(1);
    expect(err).toContain('out of memory for compressed pages after ');
    const { inputs, algorithms } = JSON.parse(out) as Json;
    const [{ mm_stat, dedup, verified }] = algorithms;
    expect(verified).toBe(true);
    expect(inputs[0].pages).toBeGreaterThan(1000);
    expect(mm_stat.before.orig_data_size).toBe(inputs[0].pages * PAGE);
    expect(dedup!.inline.compr_data_size).toBe(dedup!.merging.compr_data_size);
  });
});
