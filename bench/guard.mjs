/**
 * A guard against slowness that creeps in: writing, reading and merging, as ratios to what Node's own zlib does in the
 * same process on the same pages, so that the machine's speed falls out. It fails where a ratio is under its bound.
 *
 *   npm run check:speed
 *
 * The bounds leave room for noise and for other machines: they are a quarter to a third under the least that was measured
 * on a machine with five times as much to do as it has processors. A busy machine may still spoil a round, so only what fails in each of several attempts has failed.
 * For figures that can be quoted, see run.mjs.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { Engine } from '../dist/index.js';
import { alternate } from './support/alternate.mjs';
import { loadImage, makeImage } from './support/image.mjs';
import { MIB, PAGE_BYTES } from './support/settings.mjs';

/** A program and text: files that are there wherever this runs. */
const FILES = [process.execPath, createRequire(import.meta.url).resolve('typescript')];
/** A third of the pages taken: enough that no branch predictor learns them. */
const PAGES_THIRD = 1280;
const ROUNDS = 7;
const ATTEMPTS = 3;
/** zlib is slow, and a part of the pages tells how slow. */
const RIVAL_BYTES = 4 * MIB;
const ZLIB_LEVEL = 1;

const BOUNDS = [
  { name: 'writePages / zlib, deflate', ours: 'write', theirs: 'deflate', bound: 3.2 },
  { name: 'readPages / zlib, inflate', ours: 'read', theirs: 'inflate', bound: 3.2 },
  { name: 'merge, first pass / zlib, inflate', ours: 'merge', theirs: 'inflate', bound: 13 },
];

function ownImage() {
  const directory = mkdtempSync(path.join(tmpdir(), 'zram-wasm-guard-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  return makeImage(directory, { files: FILES, pagesOfKind: PAGES_THIRD }).then(() => loadImage(directory).distinct);
}

/** What a task costs in processor time, however often another process came between. */
function timed(task) {
  const start = process.cpuUsage();
  task();
  const { user, system } = process.cpuUsage(start);
  return { overriddenDuration: (user + system) / 1e3 };
}

/** @returns how many times as fast we are, byte for byte, in the order of BOUNDS */
async function measure(pages) {
  const count = pages.length / PAGE_BYTES;
  const engine = Engine.createSync();
  const out = new Uint8Array(pages.length);
  // Parts from all over, so that they are of the kind that all are.
  const parts = Array.from({ length: RIVAL_BYTES / MIB }, (_, n) => {
    const from = Math.floor(((pages.length - MIB) * n) / (RIVAL_BYTES / MIB - 1));
    return pages.subarray(from, from + MIB);
  });
  const deflated = parts.map((part) => deflateRawSync(part, { level: ZLIB_LEVEL }));
  let zram;
  const renew = () => {
    zram?.destroy();
    zram = engine.createZram({ disksize: 2 * pages.length });
  };
  const tasks = [
    { name: 'write', before: renew, task: () => zram.writePages(0, pages) },
    { name: 'deflate', task: () => parts.forEach((part) => deflateRawSync(part, { level: ZLIB_LEVEL })) },
    { name: 'read', task: () => zram.readPages(0, count, out) },
    { name: 'inflate', task: () => deflated.forEach((part) => inflateRawSync(part)) },
    { name: 'merge', before: () => zram.writePages(count, pages), task: () => zram.merge() },
  ].map(({ task, ...rest }) => ({ ...rest, run: () => timed(task) }));
  const bytes = { write: pages.length, read: pages.length, merge: 2 * pages.length };
  const times = await alternate(tasks, { rounds: ROUNDS, warmups: 3, inOrder: true });
  if (Buffer.compare(out, pages) !== 0) throw new Error('what was read is not what was written');
  if (zram.mmStat.pagesMerged !== count)
    throw new Error(`${zram.mmStat.pagesMerged} of ${count} duplicates were merged`);
  engine.destroy();
  // The least is what was disturbed least.
  const speed = (task) => (bytes[task] ?? RIVAL_BYTES) / Math.min(...times[task]);
  return BOUNDS.map(({ ours, theirs }) => speed(ours) / speed(theirs));
}

const pages = await ownImage();
const best = BOUNDS.map(() => 0);
const slow = () => BOUNDS.filter(({ bound }, n) => best[n] < bound);
for (let attempt = 0; attempt === 0 || (attempt < ATTEMPTS && slow().length > 0); attempt++) {
  const ratios = await measure(pages);
  ratios.forEach((ratio, n) => (best[n] = Math.max(best[n], ratio)));
}
BOUNDS.forEach(({ name, bound }, n) => {
  console.log(
    `speed: ${best[n].toFixed(1).padStart(5)}, at least ${bound}  ${name}${best[n] < bound ? '  TOO SLOW' : ''}`,
  );
});
if (slow().length > 0) process.exitCode = 1;
