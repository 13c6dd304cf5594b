/**
 * LZ4 in wasm against native liblz4, over the same pages and, for decompression, the same blocks.
 *
 * Both sides loop without leaving their language, and both write each result to one buffer that stays in the cache.
 * Where there is no liblz4 or no C compiler, lz4-napi stands in; its figures include a call and an allocation a page.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { alternate } from '../support/alternate.mjs';
import { BenchCore } from '../support/core.mjs';
import { pageViews } from '../support/image.mjs';
import { library } from '../support/libraries.mjs';
import { startOrReason } from '../support/native.mjs';
import { HUGE_BYTES, PAGE_BYTES } from '../support/settings.mjs';
import { addRounds, megabytesPerSecond, speedRatio } from '../support/statistics.mjs';
import { spread } from '../support/table.mjs';

const ACCELERATION = 1;
const TOTAL = 'all';

/** Pages in linear memory, and their blocks. */
class Wasm {
  constructor(pages) {
    this.core = new BenchCore();
    this.pages = this.core.place(pages);
    const count = pages.length / PAGE_BYTES;
    const lengths = this.core.room(count * 4);
    const blocks = this.core.room(pages.length);
    const bytes = this.core.raw.benchPack(this.pages, count, ACCELERATION, HUGE_BYTES, lengths, blocks);
    this.lengths = new Uint32Array(this.core.bytes(lengths, count * 4).slice().buffer);
    this.blocks = Buffer.from(this.core.bytes(blocks, bytes));
    // Blocks that were left out have no length.
    this.kept = this.lengths.filter((length) => length > 0);
    this.keptAddress = this.core.place(new Uint8Array(this.kept.buffer));
    this.blocksAddress = blocks;
  }

  compress(from, count) {
    this.core.raw.benchCompress(this.pages + from * PAGE_BYTES, count, ACCELERATION);
  }

  decompress({ fromBlock, fromByte, blocks }) {
    const bytes = this.core.raw.benchDecompress(
      this.blocksAddress + fromByte,
      this.keptAddress + fromBlock * 4,
      blocks,
    );
    if (bytes !== blocks * PAGE_BYTES) throw new Error('the core does not decompress what it compressed');
  }
}

/** Each kind of page with its blocks: how many there are, and where they begin. */
function kindsWithBlocks(kinds, lengths) {
  let fromBlock = 0;
  let fromByte = 0;
  return kinds.map((kind) => {
    const own = lengths.subarray(kind.from, kind.from + kind.count);
    const part = { ...kind, fromBlock, fromByte, blocks: own.filter((length) => length > 0).length };
    fromBlock += part.blocks;
    fromByte += own.reduce((sum, length) => sum + length, 0);
    return part;
  });
}

async function nativeRival(wasm, image, directory) {
  const blocks = path.join(directory, 'blocks.bin');
  const lengths = path.join(directory, 'lengths.bin');
  writeFileSync(blocks, wasm.blocks);
  writeFileSync(lengths, new Uint8Array(wasm.kept.buffer));
  const options = { args: [image.file, blocks, lengths], libraries: ['-llz4'], directory };
  const { program, reason } = await startOrReason('lz4', options);
  if (!program) return { reason };
  return {
    name: `native ${program.greeting}`,
    isAsync: true,
    compress: ({ from, count }) => program.timed(`compress ${from} ${count}`),
    decompress: ({ fromBlock, blocks: count }) => program.timed(`decompress ${fromBlock} ${count}`),
    end: () => program.end(),
  };
}

/** lz4-napi in its place. It makes and takes blocks with their uncompressed length in front. */
async function napiRival(wasm, image, reason) {
  const { compressSync, uncompressSync } = await library('lz4-napi');
  const pages = pageViews(image.distinct).map((view) => Buffer.from(view.buffer, view.byteOffset, PAGE_BYTES));
  const blocks = [];
  let at = 0;
  for (const length of wasm.kept) {
    const block = Buffer.alloc(4 + length);
    block.writeUInt32LE(PAGE_BYTES);
    wasm.blocks.copy(block, 4, at, at + length);
    blocks.push(block);
    at += length;
  }
  return {
    name: 'lz4-napi',
    reason,
    isAsync: false,
    compress({ from, count }) {
      for (let n = from; n < from + count; n++) compressSync(pages[n]);
    },
    decompress({ fromBlock, blocks: count }) {
      for (let n = fromBlock; n < fromBlock + count; n++) uncompressSync(blocks[n]);
    },
    end() {},
  };
}

export async function run({ image, settings, directory }) {
  const wasm = new Wasm(image.distinct);
  const kinds = kindsWithBlocks(image.kinds, wasm.lengths);
  let rival = await nativeRival(wasm, image, directory);
  if (!rival.name) rival = await napiRival(wasm, image, rival.reason);

  const tasks = kinds.flatMap((kind) => [
    { name: `wasm compress ${kind.name}`, run: () => wasm.compress(kind.from, kind.count) },
    { name: `rival compress ${kind.name}`, run: () => rival.compress(kind), isAsync: rival.isAsync },
    { name: `wasm decompress ${kind.name}`, run: () => wasm.decompress(kind) },
    { name: `rival decompress ${kind.name}`, run: () => rival.decompress(kind), isAsync: rival.isAsync },
  ]);
  const times = await alternate(tasks, { rounds: settings.rounds, warmups: 2 });
  await rival.end();

  const rows = [];
  const ratios = {};
  for (const verb of ['compress', 'decompress']) {
    const bytesOf = (kind) => (verb === 'compress' ? kind.count : kind.blocks) * PAGE_BYTES;
    const line = (name, ours, theirs, bytes) => {
      ratios[`${verb} ${name}`] = speedRatio(ours, theirs);
      const speeds = [ours, theirs].map((rounds) => spread(megabytesPerSecond(rounds, bytes)));
      rows.push([verb, name, ...speeds, spread(ratios[`${verb} ${name}`])]);
    };
    const of = (side) => kinds.map(({ name }) => times[`${side} ${verb} ${name}`]);
    kinds.forEach((kind, n) => line(kind.name, of('wasm')[n], of('rival')[n], bytesOf(kind)));
    const bytes = kinds.reduce((sum, kind) => sum + bytesOf(kind), 0);
    line(TOTAL, addRounds(of('wasm')), addRounds(of('rival')), bytes);
  }
  const measure = (verb) =>
    rival.reason ? { reason: `no native liblz4: ${rival.reason}` } : { value: ratios[`${verb} ${TOTAL}`] };
  return {
    tables: [
      {
        title: `LZ4: wasm against ${rival.name}`,
        text: `Distinct pages that are not same-filled; the ${wasm.lengths.length - wasm.kept.length} that zram would store uncompressed are left out of decompression.${rival.reason ? ` ${rival.name} stands in: ${rival.reason}.` : ''}`,
        head: ['', 'pages', 'wasm MB/s', `${rival.name} MB/s`, 'wasm / rival'],
        rows,
      },
    ],
    measures: { 'lz4-compress': measure('compress'), 'lz4-decompress': measure('decompress') },
  };
}
