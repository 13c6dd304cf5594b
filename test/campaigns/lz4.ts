/**
 * Hostile LZ4 blocks by the billion: `npm run campaign -- lz4 --help`.
 *
 * A seed is 1,024 blocks and is run by one build. Seeds are run in ranges, and each range that was finished is a line
 * of JSON in the file of results, so that a run goes on where an earlier one ended, and several can be summed.
 */
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';

import { BUILDS, bareCore, wasmBytes, type Build } from '../support/raw-core.js';
import type { Tally } from './lz4/arena.js';
import { CELLS, branchesOf, isPossible } from './lz4/decoder.js';
import { evolve } from './lz4/evolve.js';
import { recipes } from './lz4/recipes.js';
import { BLOCKS_A_SEED, Runner } from './lz4/run.js';

const USAGE = `Usage: npm run campaign -- lz4 [options]
  --seeds A..B      seeds A up to B - 1, of ${BLOCKS_A_SEED} blocks each (0..8192)
  --build NAME      release, debug, or both: ranges of seeds are run by the two in turn (both)
  --range N         seeds in a range (4096)
  --results FILE    ranges that were run, a line of JSON each; those in it are not run again (build/campaigns/lz4.jsonl)
  --fresh           not those of an earlier run: the file of results is begun anew
  --summary         only sums the results
  --evolve STEPS    only makes new recipes, and writes them to test/campaigns/lz4/recipes.ts`;

interface Result extends Tally {
  build: Build;
  /** Of the core and of the recipes, which together with the seeds say what was run. */
  sha256: string;
  first: number;
  end: number;
  seconds: number;
  cpuSeconds: number;
  cells: number[];
}

const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '0..8192' },
    build: { type: 'string', default: 'both' },
    range: { type: 'string', default: '4096' },
    results: { type: 'string', default: 'build/campaigns/lz4.jsonl' },
    summary: { type: 'boolean', default: false },
    fresh: { type: 'boolean', default: false },
    evolve: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

function whole(text: string | undefined): number {
  if (text === undefined || !/^\d+$/.test(text)) throw new Error(`an integer is needed, not ${text}\n${USAGE}`);
  return Number(text);
}

function resultsIn(file: string): Result[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Result);
}

function runRange(build: Build, sha256: string, first: number, end: number): Result {
  const runner = new Runner(bareCore(build), recipes);
  const started = performance.now();
  const cpu = process.cpuUsage();
  runner.run(first, end);
  const seconds = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const { cells, tally } = runner.arena;
  return { build, sha256, first, end, seconds, cpuSeconds: (user + system) / 1e6, ...tally, cells: Array.from(cells) };
}

function run(file: string): void {
  const [first, end] = values.seeds.split('..').map(whole);
  const size = whole(values.range);
  const builds = BUILDS.filter((build) => values.build === build || values.build === 'both');
  if (builds.length === 0 || end === undefined || size === 0) throw new Error(USAGE);
  const hashes = new Map(
    builds.map((build) => [
      build,
      createHash('sha256').update(wasmBytes(build)).update(JSON.stringify(recipes)).digest('hex'),
    ]),
  );
  if (values.fresh) rmSync(file, { force: true });
  const done = new Set(resultsIn(file).map((result) => `${result.sha256} ${result.first} ${result.end}`));
  mkdirSync(path.dirname(file), { recursive: true });
  for (let at = first, n = 0; at < end; at += size, n++) {
    const build = builds[n % builds.length];
    const sha256 = hashes.get(build)!;
    const stop = Math.min(at + size, end);
    if (done.has(`${sha256} ${at} ${stop}`)) continue;
    const result = runRange(build, sha256, at, stop);
    appendFileSync(file, `${JSON.stringify(result)}\n`);
    const rate = Math.round(result.blocks / result.seconds / 1000);
    console.log(`${build}, seeds ${at}..${stop}: ${result.blocks} blocks, ${rate}k a second, no difference`);
  }
}

function summarise(results: readonly Result[]): void {
  const sum = (of: readonly Result[], field: keyof Tally | 'seconds' | 'cpuSeconds'): number =>
    of.reduce((total, result) => total + result[field], 0);
  for (const build of BUILDS) {
    const of = results.filter((result) => result.build === build);
    if (of.length === 0) continue;
    const blocks = sum(of, 'blocks');
    const cores = new Set(of.map(({ sha256 }) => sha256)).size;
    console.log(
      `${build}: ${blocks} blocks of ${(sum(of, 'bytesIn') / blocks).toFixed(1)} bytes in ${of.length} ranges, ` +
        `${Math.round(blocks / sum(of, 'cpuSeconds') / 1000)}k a second of processor time ` +
        `(${Math.round(sum(of, 'seconds'))} s, ${Math.round(sum(of, 'cpuSeconds'))} s of the processor); ${cores} version(s) of the core or the recipes; ` +
        `lz4Holds: ${sum(of, 'held')} times yes, ${sum(of, 'notHeld') + sum(of, 'heldNotQuite')} times no`,
    );
  }
  const cells = new Float64Array(CELLS);
  for (const result of results) for (const [cell, count] of result.cells.entries()) cells[cell] += count;
  const possible = Array.from(cells).filter((_, cell) => isPossible(cell));
  const least = possible.reduce((low, count) => Math.min(low, count));
  console.log(
    `together: ${sum(results, 'blocks')} blocks; ${possible.filter((count) => count > 0).length} of ` +
      `${possible.length} kinds of sequences and ends, each at least ${least} times`,
  );
  for (const [name, count] of Object.entries(branchesOf(cells))) console.log(`  ${name}: ${count}`);
}

if (values.help) {
  console.log(USAGE);
} else if (values.evolve !== undefined) {
  const found = evolve(16, whole(values.evolve), 1, console.log);
  const text = found.map((recipe) => `  ${JSON.stringify(recipe)},\n`).join('');
  writeFileSync(
    'test/campaigns/lz4/recipes.ts',
    `// Made by \`npm run campaign -- lz4 --evolve ${values.evolve}\`.\n` +
      `import type { Recipe } from './generator.js';\n\nexport const recipes: readonly Recipe[] = [\n${text}];\n`,
  );
} else {
  if (!values.summary) run(values.results);
  summarise(resultsIn(values.results));
}
