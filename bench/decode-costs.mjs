/**
 * What decoding an LZ4 block takes, by what is in it: the nanoseconds that assembly/compressors/lz4opt-compress.ts weighs.
 * Blocks of lz4, of lz4hc, of several values of `favorDecSpeed`, and of liblz4 with its option of that name, over the same
 * pages are decoded in turn, from one place. What they take is then explained, by least squares, by their sequences, long
 * literals and long matches, and a constant for each kind of pages. It wants a quiet machine.
 *
 *   node bench/decode-costs.mjs [ROUNDS [PAGES]]     after `npm run build`; PAGES of each kind
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { BenchCore } from './support/core.mjs';
import { loadImage, makeImage } from './support/image.mjs';
import { startOrReason } from './support/native.mjs';
import { prepare } from './support/prepare.mjs';
import { HUGE_BYTES, PAGE_BYTES } from './support/settings.mjs';
import { summary } from './support/statistics.mjs';
import { markdownTable } from './support/table.mjs';

const [rounds = '15', pagesOfKind = '4096'] = process.argv.slice(2);

prepare();
const directory = mkdtempSync(path.join(tmpdir(), 'zram-wasm-bench-'));
process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
console.log(`Pages: ${await makeImage(directory, { files: [], pagesOfKind: Number(pagesOfKind) })}\n`);
const image = loadImage(directory);
const core = new BenchCore();

const abort = () => {
  throw new Error('a compressor aborted');
};

/** A module of compressors: a page in, a block out. */
function moduleOf(name) {
  const wasm = readFileSync(fileURLToPath(new URL(`../build/${name}-release.wasm`, import.meta.url)));
  const { exports: raw } = new WebAssembly.Instance(new WebAssembly.Module(wasm), { env: { abort } });
  const memory = new Uint8Array(raw.memory.buffer);
  return (compress) => (page) => {
    memory.set(page, raw.pageAddress());
    const length = compress(raw);
    return memory.slice(raw.blockAddress(), raw.blockAddress() + length);
  };
}
const [compressors, optimal] = ['compressors', 'optimal'].map(moduleOf);

/** Sequences, those with 15 literals or more, and those with a match of more than 16 bytes. */
function eventsOf(block) {
  const events = [0, 0, 0];
  for (let at = 0; ;) {
    const token = block[at++];
    const rest = (nibble) => {
      let length = nibble;
      if (nibble === 15) {
        let more;
        do length += more = block[at++];
        while (more === 255);
      }
      return length;
    };
    const literals = rest(token >> 4);
    at += literals;
    if (at === block.length) return events;
    at += 2;
    events[0]++;
    if (literals >= 15) events[1]++;
    if (rest(token & 15) + 4 > 16) events[2]++;
  }
}

const COMPRESSORS = [
  ...[3, 9].map((level) => [`lz4hc, level ${level}`, compressors((raw) => raw.lz4hcCompress(level))]),
  ...[1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 16].map((favor) => [
    `favorDecSpeed: ${favor}`,
    optimal((raw) => raw.lz4optCompress(0, favor)),
  ]),
];

/** The core's own blocks, and which pages it keeps compressed. */
function blocksOfCore(pages) {
  const count = pages.length / PAGE_BYTES;
  const [at, lengths, blocks] = [core.place(pages), core.room(count * 4), core.room(pages.length)];
  core.raw.benchPack(at, count, 1, HUGE_BYTES, lengths, blocks);
  let next = blocks;
  return [...new Uint32Array(core.bytes(lengths, count * 4).slice().buffer)].map((length) => {
    const block = length === 0 ? undefined : core.bytes(next, length).slice();
    next += length;
    return block;
  });
}

/** liblz4's blocks with its `favorDecSpeed`, by the number of the page. */
async function blocksOfLibrary() {
  const file = path.join(directory, 'favor.bin');
  const args = [image.file, String(image.distinct.length / PAGE_BYTES), file];
  const { program, reason } = await startOrReason('favor-dec-speed', { args, libraries: ['-llz4'], directory });
  if (!program) {
    console.log(`Without liblz4: ${reason}.\n`);
    return undefined;
  }
  await program.end();
  const bytes = readFileSync(file);
  const blocks = [];
  for (let at = 0; at < bytes.length;) {
    const length = bytes.readUInt32LE(at);
    blocks.push(bytes.subarray(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return { name: `${program.greeting}, level 12, favorDecSpeed`, blocks };
}

const library = await blocksOfLibrary();
const samples = image.kinds.flatMap(({ name: kind, from: first, count }) => {
  const pages = image.distinct.subarray(first * PAGE_BYTES, (first + count) * PAGE_BYTES);
  const own = blocksOfCore(pages);
  const kept = own.flatMap((block, n) => (block ? [n] : []));
  const ways = [
    ['lz4', (n) => own[n]],
    ...COMPRESSORS.map(([name, compress]) => [
      name,
      (n) => compress(pages.subarray(n * PAGE_BYTES, (n + 1) * PAGE_BYTES)),
    ]),
    ...(library ? [[library.name, (n) => library.blocks[first + n]]] : []),
  ];
  return ways.map(([name, blockOf]) => {
    const blocks = kept.map(blockOf);
    const events = [0, 0, 0];
    for (const block of blocks) eventsOf(block).forEach((number, n) => (events[n] += number));
    const pagesKept = blocks.length;
    return {
      ...{ kind, name, count: pagesKept, bytes: Buffer.concat(blocks), times: [] },
      lengths: new Uint8Array(Uint32Array.from(blocks, ({ length }) => length).buffer),
      events: events.map((sum) => sum / pagesKept),
    };
  });
});
const blocksAt = core.room(Math.max(...samples.map(({ bytes }) => bytes.length)));
const lengthsAt = core.room(Math.max(...samples.map(({ lengths }) => lengths.length)));
for (let round = 0; round < Number(rounds); round++) {
  for (let n = 0; n < samples.length; n++) {
    // In another order each time; where blocks lie in memory must not differ.
    const sample = samples[(n * 11 + round * 5) % samples.length];
    core.bytes(blocksAt, sample.bytes.length).set(sample.bytes);
    core.bytes(lengthsAt, sample.lengths.length).set(sample.lengths);
    core.raw.benchDecompress(blocksAt, lengthsAt, Math.min(100, sample.count));
    const start = performance.now();
    const bytes = core.raw.benchDecompress(blocksAt, lengthsAt, sample.count);
    sample.times.push(((performance.now() - start) / sample.count) * 1e6);
    if (bytes !== sample.count * PAGE_BYTES) throw new Error(`${sample.name} does not decompress`);
  }
}

/** Solves a set of linear equations by elimination. */
function solve(matrix) {
  const size = matrix.length;
  for (let n = 0; n < size; n++) {
    const pivot = matrix.slice(n).reduce((best, row) => (Math.abs(row[n]) > Math.abs(best[n]) ? row : best));
    matrix.splice(matrix.indexOf(pivot), 1);
    matrix.splice(n, 0, pivot);
    for (const row of matrix) {
      if (row === pivot) continue;
      const factor = row[n] / pivot[n];
      for (let k = n; k <= size; k++) row[k] -= factor * pivot[k];
    }
  }
  return matrix.map((row, n) => row[size] / row[n]);
}

const kinds = image.kinds.map(({ name }) => name);
const measured = samples.map((sample) => ({ ...sample, nanoseconds: summary(sample.times).low }));
const rows = measured.map(({ kind, events, nanoseconds }) => ({
  of: [...events, ...kinds.map((name) => Number(name === kind))],
  is: nanoseconds,
}));
const size = 3 + kinds.length;
const costs = solve(
  Array.from({ length: size }, (_, n) => [
    ...Array.from({ length: size }, (__, k) => rows.reduce((sum, { of }) => sum + of[n] * of[k], 0)),
    rows.reduce((sum, { of, is }) => sum + of[n] * is, 0),
  ]),
);
const off = rows.map(({ of, is }) => is - of.reduce((sum, value, n) => sum + value * costs[n], 0));

console.log(
  markdownTable(
    ['pages', 'blocks', 'bytes', 'of lz4', 'sequences', 'long literals', 'long matches', 'ns', 'lz4 / this'],
    measured.map(({ kind, name, bytes, count, events, nanoseconds }) => {
      const lz4 = measured.find((one) => one.kind === kind);
      return [
        ...[kind, name, (bytes.length / count).toFixed(0), (bytes.length / lz4.bytes.length).toFixed(3)],
        ...events.map((each) => each.toFixed(1)),
        ...[nanoseconds.toFixed(0), (lz4.nanoseconds / nanoseconds).toFixed(2)],
      ];
    }),
  ),
);
console.log(`\nNanoseconds: a sequence ${costs[0].toFixed(1)}, 15 literals or more ${costs[1].toFixed(1)}, a match of more than
16 bytes ${costs[2].toFixed(1)}; what is left of a page's time differs by ${Math.sqrt(off.reduce((sum, x) => sum + x * x, 0) / off.length).toFixed(0)}.`);
