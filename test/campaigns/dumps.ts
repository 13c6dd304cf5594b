/** Changed dumps by the million: `npm run campaign -- dumps --help`. */
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';

import { changedDumps, Fault, VARIANTS, type Tally } from './dumps/run.js';
import { seedOfRun } from '../support/random.js';

const USAGE = `Usage: npm run campaign -- dumps [options]
  --count N        files of each variant (100000)
  --first N        number of the first file (0): with --count 1, one file again
  --seed N         repeats the choices of a run
  --format REGEXP  only variants whose names it fits: ${VARIANTS.join(', ')}
  --sentences      prints each sentence of refusal, and how often it came
  --results FILE   a line of JSON for each variant that was run (build/campaigns/dumps.jsonl)`;

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100000' },
    first: { type: 'string', default: '0' },
    seed: { type: 'string' },
    format: { type: 'string', default: '' },
    sentences: { type: 'boolean', default: false },
    results: { type: 'string', default: 'build/campaigns/dumps.jsonl' },
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

function told(name: string, tally: Tally, microseconds: number): string {
  const { files, refused, read, truncated, raw, sentences, millisecondsMax, bytesMax } = tally;
  const counts = `${refused} refused, ${read} read, ${truncated} read as far as they go, ${raw} taken for raw`;
  const most = `most ${millisecondsMax.toFixed(1)} ms for 200 files, ${Math.round(bytesMax / 1024)} KiB for one`;
  return `${name}: ${files} files, ${counts}; ${sentences.size} sentences; ${microseconds.toFixed(0)} us a file, ${most}`;
}

/** Runs a variant; false if something did not hold. */
async function run(variant: number, seed: number, watch: (file: number) => void): Promise<boolean> {
  const name = VARIANTS[variant];
  const [first, count] = [whole(values.first), whole(values.count)];
  const cpu = process.cpuUsage();
  try {
    const tally = await changedDumps(variant, seed, [first, first + count], watch);
    const { user, system } = process.cpuUsage(cpu);
    console.log(told(name, tally, (user + system) / count));
    const sentences = [...tally.sentences].sort((a, b) => b[1] - a[1]);
    if (values.sentences) for (const [sentence, times] of sentences) console.log(`  ${times}  ${sentence}`);
    const result = { seed, first, variant: name, ...tally, sentences: Object.fromEntries(sentences) };
    appendFileSync(values.results, `${JSON.stringify({ ...result, cpuSeconds: (user + system) / 1e6 })}\n`);
    return true;
  } catch (error) {
    if (!(error instanceof Fault)) throw error;
    const file = path.join(path.dirname(values.results), `dumps-fault-${variant}.bin`);
    writeFileSync(file, error.bytes);
    console.error(`${error.message}\nThe file is ${file}\n`, error.cause);
    return false;
  }
}

async function main(): Promise<void> {
  const seed = values.seed === undefined ? seedOfRun() : whole(values.seed);
  // A refusal is an error, and where it comes from is asked for only when a file is read again.
  if (whole(values.count) > 1) Error.stackTraceLimit = 0;
  console.log(`changed dumps, ${values.count} of each variant, seed ${seed}`);
  const at = watchdog(seed);
  mkdirSync(path.dirname(values.results), { recursive: true });
  for (const [variant, name] of VARIANTS.entries()) {
    if (!new RegExp(values.format).test(name)) continue;
    at[0] = variant;
    if (!(await run(variant, seed, (file) => (at[1] = file)))) process.exitCode = 1;
  }
}

if (values.help) console.log(USAGE);
else await main();
