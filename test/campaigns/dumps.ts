/** Changed dumps by the million: `npm run campaign -- dumps --help`. */
import { appendFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';

import { changedDumps, Fault, VARIANTS, type Tally } from './dumps/run.js';
import { seedOfRun } from '../support/random.js';

const USAGE = `Usage: npm run campaign -- dumps [options]
  --count N        files of each variant (100000)
  --first N        number of the first file (0): with --count 1, one file again
  --seed N         repeats the choices of a run, and goes on where an earlier one ended
  --format REGEXP  only variants whose names it fits: ${VARIANTS.join(', ')}
  --range N        files of one variant after the other (50000)
  --results FILE   ranges that were run, a line of JSON each, not run again (build/campaigns/dumps.jsonl)
  --summary        only sums the results, with each sentence of refusal and how often it came`;

interface Result extends Omit<Tally, 'sentences'> {
  variant: string;
  seed: number;
  first: number;
  sentences: Record<string, number>;
  cpuSeconds: number;
}

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100000' },
    first: { type: 'string', default: '0' },
    seed: { type: 'string' },
    format: { type: 'string', default: '' },
    range: { type: 'string', default: '50000' },
    results: { type: 'string', default: 'build/campaigns/dumps.jsonl' },
    summary: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

function whole(text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`an integer is needed, not ${text}\n${USAGE}`);
  return Number(text);
}

/** Ends the process, and says at which file, if one is not done after so long: a loop without an end cannot be left. */
const SECONDS_A_FILE_MAX = 60;
const WATCHDOG = `
  const { workerData: { at, seconds, seed } } = require('node:worker_threads');
  for (let before = []; ; before = [...at]) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, seconds * 1000);
    if (at.some((number, i) => number !== before[i])) continue;
    require('node:fs').writeSync(2, \`seed \${seed}, variant and file \${at}: not done after \${seconds} s\n\`);
    process.kill(process.pid, 'SIGKILL');
  }`;

/** The numbers of the variant and of the file that is being read are set in what it returns. */
function watchdog(seed: number): Int32Array {
  const at = new Int32Array(new SharedArrayBuffer(8));
  new Worker(WATCHDOG, { eval: true, workerData: { at, seconds: SECONDS_A_FILE_MAX, seed } }).unref();
  return at;
}

function resultsIn(file: string): Result[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n');
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line) as Result);
}

/** Runs a range of a variant, and keeps what became of it; false if something did not hold. */
async function run(range: Pick<Result, 'seed' | 'variant' | 'first' | 'files'>, at: Int32Array): Promise<boolean> {
  const { seed, variant, first, files } = range;
  const number = VARIANTS.indexOf(variant);
  at[0] = number;
  const cpu = process.cpuUsage();
  try {
    const tally = await changedDumps(number, seed, [first, first + files], (file) => (at[1] = file));
    const { user, system } = process.cpuUsage(cpu);
    const sentences = Object.fromEntries(tally.sentences);
    const result: Result = { variant, seed, first, ...tally, sentences, cpuSeconds: (user + system) / 1e6 };
    appendFileSync(values.results, `${JSON.stringify(result)}\n`);
    console.log(told(result));
    return true;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const file = path.join(path.dirname(values.results), `dumps-fault-${number}-${first}.bin`);
    writeFileSync(file, error.bytes);
    console.error(`${error.message}\nThe file is ${file}\n`, error.cause);
    return false;
  }
}

function told({ variant, first, files, refused, read, truncated, raw, ...rest }: Result): string {
  const { sentences, millisecondsMax, bytesMax, cpuSeconds } = rest;
  const counts = `${refused} refused, ${read} read, ${truncated} read as far as they go, ${raw} taken for raw`;
  const most = `at most ${millisecondsMax.toFixed(0)} ms for 50, ${Math.round(bytesMax / 1024)} KiB for one`;
  const cost = `${((1e6 * cpuSeconds) / files).toFixed(0)} us a file, ${most}`;
  return `${variant}: ${files} files from ${first}: ${counts}; ${Object.keys(sentences).length} sentences; ${cost}`;
}

/** The results of each variant as one. */
function summary(results: readonly Result[]): void {
  for (const variant of VARIANTS) {
    const of = results.filter((result) => result.variant === variant);
    if (of.length === 0) continue;
    const sum = { ...of[0], sentences: {} as Record<string, number> };
    for (const one of of) {
      for (const [sentence, times] of Object.entries(one.sentences))
        sum.sentences[sentence] = (sum.sentences[sentence] ?? 0) + times;
      if (one === of[0]) continue;
      for (const field of ['files', 'refused', 'read', 'truncated', 'raw', 'cpuSeconds'] as const)
        sum[field] += one[field];
      for (const field of ['millisecondsMax', 'bytesMax'] as const) sum[field] = Math.max(sum[field], one[field]);
    }
    console.log(told(sum));
    for (const [sentence, times] of Object.entries(sum.sentences).sort((a, b) => b[1] - a[1]))
      console.log(`  ${times}  ${sentence}`);
  }
}

async function main(): Promise<void> {
  const seed = values.seed === undefined ? seedOfRun() : whole(values.seed);
  const [first, count, size] = [values.first, values.count, values.range].map(whole);
  console.log(`changed dumps, ${count} of each variant, seed ${seed}`);
  // A refusal is an error, and where it comes from is asked for only when a file is read again.
  if (count > 1) Error.stackTraceLimit = 0;
  mkdirSync(path.dirname(values.results), { recursive: true });
  const key = (result: Pick<Result, 'variant' | 'seed' | 'first' | 'files'>) =>
    [result.variant, result.seed, result.first, result.files].join();
  const done = new Set(resultsIn(values.results).map(key));
  const at = watchdog(seed);
  for (let from = first; from < first + count; from += size) {
    for (const variant of VARIANTS) {
      const range = { variant, seed, first: from, files: Math.min(size, first + count - from) };
      if (!new RegExp(values.format).test(variant) || done.has(key(range))) continue;
      if (!(await run(range, at))) process.exitCode = 1;
    }
  }
}

if (values.help) console.log(USAGE);
else if (values.summary) summary(resultsIn(values.results));
else await main();
