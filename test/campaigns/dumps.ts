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
  --format TEXT    only variants in whose names TEXT is: ${VARIANTS.join(', ')}
  --sentences      prints each sentence of refusal, and how often it came
  --results FILE   a line of JSON for each variant that was run (build/campaigns/dumps.jsonl)
  --threads N      not used; one process runs all variants, one after the other`;

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
  const { workerData: { file, seconds, variants, seed } } = require('node:worker_threads');
  for (;;) {
    const [variant, at] = file;
    if (Atomics.wait(file, 1, at, seconds * 1000) !== 'timed-out' || file[0] !== variant || file[1] !== at) {
      Atomics.wait(file, 2, 0, 1000);
      continue;
    }
    require('node:fs').writeSync(2, 'seed ' + seed + ', ' + variants[variant] + ', file ' + at + ' is not done after ' + seconds + ' s\\n');
    process.kill(process.pid, 'SIGKILL');
  }`;

function watchdog(seed: number): { file: Int32Array; end: () => Promise<number> } {
  const file = new Int32Array(new SharedArrayBuffer(12));
  const workerData = { file, seconds: SECONDS_A_FILE_MAX, variants: VARIANTS, seed };
  const worker = new Worker(WATCHDOG, { eval: true, workerData });
  worker.unref();
  return { file, end: () => worker.terminate() };
}

function told(name: string, tally: Tally, microseconds: number): string {
  const { files, refused, read, truncated, raw, sentences, millisecondsMax, bytesMax } = tally;
  const counts = `${refused} refused, ${read} read, ${truncated} read as far as they go, ${raw} taken for raw`;
  const most = `most for one file ${millisecondsMax.toFixed(1)} ms and ${Math.round(bytesMax / 1024)} KiB`;
  return `${name}: ${files} files, ${counts}; ${sentences.size} sentences; ${microseconds.toFixed(0)} us a file, ${most}`;
}

async function main(): Promise<void> {
  const seed = values.seed === undefined ? seedOfRun() : whole(values.seed);
  const [first, count] = [whole(values.first), whole(values.count)];
  console.log(`changed dumps, ${count} of each variant, seed ${seed}`);
  const { file, end } = watchdog(seed);
  mkdirSync(path.dirname(values.results), { recursive: true });
  for (const [variant, name] of VARIANTS.entries()) {
    if (!name.includes(values.format)) continue;
    file[0] = variant;
    const cpu = process.cpuUsage();
    const tally = await changedDumps(variant, seed, [first, first + count], (at) => (file[1] = at));
    const { user, system } = process.cpuUsage(cpu);
    console.log(told(name, tally, (user + system) / count));
    const sentences = [...tally.sentences].sort((a, b) => b[1] - a[1]);
    if (values.sentences) for (const [sentence, times] of sentences) console.log(`  ${times}  ${sentence}`);
    const result = { seed, first, variant: name, ...tally, sentences: Object.fromEntries(sentences) };
    appendFileSync(values.results, `${JSON.stringify({ ...result, cpuSeconds: (user + system) / 1e6 })}\n`);
  }
  await end();
}

if (values.help) console.log(USAGE);
else
  await main().catch((error: unknown) => {
    if (!(error instanceof Fault)) throw error;
    mkdirSync('build/campaigns', { recursive: true });
    writeFileSync('build/campaigns/dumps-fault.bin', error.bytes);
    console.error(`${error.message}\nThe file is build/campaigns/dumps-fault.bin`);
    console.error(error.cause);
    process.exit(1);
  });
