/**
 * Growing linear memory beside a JavaScript heap of 85 MB, as a program has it: processor time to write 2 GiB of pages
 * that do not compress, beside the same with the memory reserved before; and the longest call. V8 before 13.7 collects
 * that heap at each growth of a large memory.
 *
 *   node bench/growing.mjs [MIB]     after `npm run build`; needs 5 GiB of free memory
 */
import { Engine } from '../dist/index.js';

const MIB = 2 ** 20;
const PIECE = 65_536;
const size = Number(process.argv[2] ?? 2048) * MIB;

globalThis.kept = Array.from({ length: 500_000 }, (_, i) => ({ a: i, b: [i, i + 1], c: `x${i}` }));
const piece = crypto.getRandomValues(new Uint8Array(PIECE));
const words = new Uint32Array(piece.buffer);

function fill(isReserved) {
  const engine = Engine.createSync();
  if (isReserved) engine.reserve(size + size / 64);
  const zram = engine.createZram({ disksize: size });
  let longest = 0;
  const before = process.cpuUsage();
  for (let at = 0; at < size; at += PIECE) {
    words[0] = at / PIECE;
    const start = performance.now();
    zram.write(at, piece);
    longest = Math.max(longest, performance.now() - start);
  }
  const { user, system } = process.cpuUsage(before);
  const { reserved, used } = engine.memory;
  engine.destroy();
  return { seconds: (user + system) / 1e6, longest, ratio: reserved / used };
}

fill(true); // code is compiled
const [reserved, growing] = [fill(true), fill(false)];
const line = ({ seconds, longest, ratio }) =>
  `${seconds.toFixed(2)} s, longest call ${longest.toFixed(0)} ms, reserved ${ratio.toFixed(2)} of used`;
console.log(`Node.js ${process.version}, ${size / MIB} MiB`);
console.log(`reserved before: ${line(reserved)}`);
console.log(`growing:         ${line(growing)}; ${(growing.seconds / reserved.seconds).toFixed(2)} times`);
