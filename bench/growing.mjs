/**
 * Growing linear memory beside a JavaScript heap of 85 MB, as a program has it: processor time to write 2 GiB of pages
 * that do not compress, beside the same with the memory reserved before; and the longest calls. V8 before 13.7 collects
 * that heap at each growth of a memory above half of the old space's limit: what one collection takes is printed, too.
 *
 *   node bench/growing.mjs [MIB]     after `npm run build`; needs 5 GiB of free memory
 */
import v8 from 'node:v8';
import vm from 'node:vm';
import { Engine } from '../dist/index.js';

v8.setFlagsFromString('--expose-gc');
const collect = vm.runInNewContext('gc');

const MIB = 2 ** 20;
const PIECE = 65_536;
const size = Number(process.argv[2] ?? 2048) * MIB;

globalThis.kept = Array.from({ length: 500_000 }, (_, i) => ({ a: i, b: [i, i + 1], c: `x${i}` }));
const piece = crypto.getRandomValues(new Uint8Array(PIECE));
const words = new Uint32Array(piece.buffer);

function fill(isReserved) {
  collect(); // the engine before this one goes now
  const engine = Engine.createSync();
  if (isReserved) engine.reserve(size + size / 64);
  const zram = engine.createZram({ disksize: size });
  const slow = [];
  let longest = 0;
  const before = process.cpuUsage();
  for (let at = 0; at < size; at += PIECE) {
    words[0] = at / PIECE;
    const start = performance.now();
    zram.write(at, piece);
    const took = performance.now() - start;
    longest = Math.max(longest, took);
    if (took > 50) slow.push(`${took.toFixed(0)} ms at ${(at / MIB).toFixed(0)} MiB`);
  }
  const { user, system } = process.cpuUsage(before);
  const { reserved, used } = engine.memory;
  engine.destroy();
  return { seconds: (user + system) / 1e6, longest, slow, ratio: reserved / used };
}

fill(true); // code is compiled
const [reserved, growing] = [fill(true), fill(false)];
const line = ({ seconds, longest, slow, ratio }) =>
  `${seconds.toFixed(2)} s, longest call ${longest.toFixed(0)} ms, ` +
  `above 50 ms: ${slow.join(', ') || 'none'}, reserved ${ratio.toFixed(2)} of used`;
const start = performance.now();
collect();
const collection = performance.now() - start;
const limit = (v8.getHeapStatistics().heap_size_limit / MIB).toFixed(0);
console.log(`Node.js ${process.version}, ${size / MIB} MiB; limit of the heap ${limit} MiB`);
console.log(`one collection:  ${collection.toFixed(0)} ms`);
console.log(`reserved before: ${line(reserved)}`);
console.log(`growing:         ${line(growing)}; ${(growing.seconds / reserved.seconds).toFixed(2)} times`);
