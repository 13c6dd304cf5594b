/**
 * How much less time `zram-wasm analyze` takes on two threads than on one, by the clock, start of Node.js included. The
 * runs alternate, so that what else the machine does meets both.
 *
 *   node bench/analyze-threads.mjs FILE [ALGORITHM,ALGORITHM… [ROUNDS]]     after `npm run build`
 */
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { summary } from './support/statistics.mjs';
import { spread } from './support/table.mjs';

const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
const JSON_BYTES_MAX = 64 * 1024 * 1024;
const [file, algorithms = 'lz4,lzo-rle,lzo', rounds = '5'] = process.argv.slice(2);
if (file === undefined) throw new Error('usage: node bench/analyze-threads.mjs FILE [ALGORITHM,ALGORITHM… [ROUNDS]]');

function seconds(threads) {
  const args = [CLI, 'analyze', '--json', '--algorithm', algorithms, '--threads', `${threads}`, file];
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { maxBuffer: JSON_BYTES_MAX });
  if (status !== 0) throw new Error(`analyze ended with ${status}: ${stderr}`);
  if (JSON.parse(stdout).threads !== threads) throw new Error(`analyze did not take ${threads} threads`);
  return (performance.now() - start) / 1000;
}

const times = { 1: [], 2: [] };
for (let round = 0; round < Number(rounds); round++)
  for (const threads of [1, 2]) times[threads].push(seconds(threads));
const ratios = times[1].map((one, round) => one / times[2][round]);
console.log(`${algorithms}, ${file}, ${rounds} rounds`);
console.log(`one thread:  ${spread(summary(times[1]))} s`);
console.log(`two threads: ${spread(summary(times[2]))} s`);
console.log(`times as fast: ${spread(summary(ratios))}`);
