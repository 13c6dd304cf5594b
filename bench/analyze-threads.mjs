/**
 * How much less time `zram-wasm analyze` takes on two threads than on one, by the clock, start of Node.js included; and
 * how much two processors of this machine do at all: two analyses on one thread each, at the same time, against one
 * alone. The runs alternate, so that what else the machine does meets all.
 *
 *   node bench/analyze-threads.mjs FILE [ALGORITHM,ALGORITHM… [ROUNDS]]     after `npm run build`
 */
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { summary } from './support/statistics.mjs';
import { spread } from './support/table.mjs';

const CLI = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
const [file, algorithms = 'lz4,lzo-rle,lzo', rounds = '5'] = process.argv.slice(2);
if (file === undefined) throw new Error('usage: node bench/analyze-threads.mjs FILE [ALGORITHM,ALGORITHM… [ROUNDS]]');

async function analyze(threads) {
  const args = [CLI, 'analyze', '--json', '--algorithm', algorithms, '--threads', `${threads}`, file];
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const pieces = [];
  child.stdout.on('data', (piece) => pieces.push(piece));
  const status = await new Promise((resolve) => child.on('close', resolve));
  if (status !== 0) throw new Error(`analyze ended with ${status}`);
  if (JSON.parse(Buffer.concat(pieces).toString()).threads !== threads)
    throw new Error(`analyze did not take ${threads} threads`);
}

async function secondsOf(...threads) {
  const start = performance.now();
  await Promise.all(threads.map(analyze));
  return (performance.now() - start) / 1000;
}

const times = { one: [], two: [], pair: [] };
for (let round = 0; round < Number(rounds); round++) {
  times.one.push(await secondsOf(1));
  times.two.push(await secondsOf(2));
  times.pair.push(await secondsOf(1, 1));
}
const ratios = (scale, rival) => times.one.map((one, round) => (scale * one) / times[rival][round]);
console.log(`${algorithms}, ${file}, ${rounds} rounds`);
console.log(`one thread:  ${spread(summary(times.one))} s`);
console.log(`two threads: ${spread(summary(times.two))} s, ${spread(summary(ratios(1, 'two')))} times as fast`);
console.log(`two at once: ${spread(summary(times.pair))} s, ${spread(summary(ratios(2, 'pair')))} times as much work`);
