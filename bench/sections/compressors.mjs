/**
 * lzo, lzo-rle and lz4hc: in wasm against liblzo2 and liblz4's high compression over the same pages, without leaving the
 * language on either side; and the whole path with lzo-rle against the kernel's zram, whose default that is.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { Engine } from '../../dist/index.js';
import { alternate } from '../support/alternate.mjs';
import { BenchCore } from '../support/core.mjs';
import { startOrReason } from '../support/native.mjs';
import { MIB, PAGE_BYTES } from '../support/settings.mjs';
import { addRounds, megabytesPerSecond, speedRatio } from '../support/statistics.mjs';
import { spread } from '../support/table.mjs';

const BATCH_PAGES = MIB / PAGE_BYTES;
const TOTAL = 'all';
/** The default, and one at which the search is short. */
const LEVELS = [9, 3];

/** Pages in linear memory, and their lzo streams. */
class Wasm {
  constructor(pages) {
    this.core = new BenchCore();
    this.pages = this.core.place(pages);
    this.count = pages.length / PAGE_BYTES;
    this.lengthsAddress = this.core.room(this.count * 4);
    this.blocksAddress = this.core.room(2 * pages.length);
    const { raw } = this.core;
    const bytes = raw.benchLzoPack(this.pages, this.count, 0, this.lengthsAddress, this.blocksAddress);
    this.lengths = this.core.bytes(this.lengthsAddress, this.count * 4).slice();
    this.blocks = Buffer.from(this.core.bytes(this.blocksAddress, bytes));
    this.starts = [0];
    for (const length of new Uint32Array(this.lengths.buffer)) this.starts.push(this.starts.at(-1) + length);
  }

  lzo({ from, count }) {
    this.core.raw.benchLzoCompress(this.pages + from * PAGE_BYTES, count, 0);
  }

  lz4hc({ from, count }, level) {
    this.core.raw.benchLz4hcCompress(this.pages + from * PAGE_BYTES, count, level);
  }

  unlzo({ from, count }) {
    const { blocksAddress, lengthsAddress, starts } = this;
    const bytes = this.core.raw.benchLzoDecompress(blocksAddress + starts[from], lengthsAddress + from * 4, count);
    if (bytes !== count * PAGE_BYTES) throw new Error('it does not decompress what it compressed');
  }
}

const VERBS = [
  { id: 'lzo-compress', verb: 'lzo', what: 'lzo, compress', run: (wasm, kind) => wasm.lzo(kind) },
  { id: 'lzo-decompress', verb: 'unlzo', what: 'lzo, decompress', run: (wasm, kind) => wasm.unlzo(kind) },
  ...LEVELS.map((level) => ({
    id: level === LEVELS[0] ? 'lz4hc-compress' : undefined,
    verb: `lz4hc:${level}`,
    what: `lz4hc ${level}, compress`,
    run: (wasm, kind) => wasm.lz4hc(kind, level),
  })),
];

async function againstLibraries(image, settings, directory) {
  const wasm = new Wasm(image.distinct);
  const [blocks, lengths] = ['lzo-blocks.bin', 'lzo-lengths.bin'].map((name) => path.join(directory, name));
  writeFileSync(blocks, wasm.blocks);
  writeFileSync(lengths, wasm.lengths);
  const options = { args: [image.file, blocks, lengths], libraries: ['-llzo2', '-llz4'], directory };
  const { program, reason } = await startOrReason('compressors', options);
  // lz4hc takes its time: a part of each kind says as much.
  const kinds = image.kinds.map((kind) => ({ ...kind, count: Math.min(kind.count, settings.libraryPages / 3) }));
  const tasks = VERBS.flatMap(({ verb, run }) =>
    kinds.flatMap((kind) => {
      const own = { name: `wasm ${verb} ${kind.name}`, run: () => run(wasm, kind) };
      if (!program) return [own];
      const rival = () => program.timed(`${verb} ${kind.from} ${kind.count}`);
      return [own, { name: `rival ${verb} ${kind.name}`, run: rival, isAsync: true }];
    }),
  );
  const times = await alternate(tasks, { rounds: settings.rounds, warmups: 2 });
  await program?.end();

  const rows = [];
  const measures = {};
  for (const { id, verb, what } of VERBS) {
    const of = (side, names) => addRounds(names.map((name) => times[`${side} ${verb} ${name}`]));
    for (const [name, members] of [...kinds.map((kind) => [kind.name, [kind]]), [TOTAL, kinds]]) {
      const bytes = members.reduce((sum, { count }) => sum + count, 0) * PAGE_BYTES;
      const names = members.map((member) => member.name);
      const ours = of('wasm', names);
      const ratio = program && speedRatio(ours, of('rival', names));
      const theirs = program ? [spread(megabytesPerSecond(of('rival', names), bytes)), spread(ratio)] : ['', ''];
      rows.push([what, name, spread(megabytesPerSecond(ours, bytes)), ...theirs]);
      if (id && name === TOTAL) measures[id] = program ? { value: ratio } : { reason };
    }
  }
  const rival = program ? program.greeting : 'no native library';
  const table = {
    title: `lzo and lz4hc: wasm against ${rival}`,
    text: `Distinct pages that are not same-filled.${reason ? ` Not compared: ${reason}.` : ''}`,
    head: ['', 'pages', 'wasm MB/s', 'native MB/s', 'wasm / native'],
    rows,
  };
  return { table, measures };
}

async function againstKernel(image, settings, directory) {
  const pages = image.distinct;
  const args = [image.file, String(pages.length / PAGE_BYTES), 'lzo-rle'];
  const { program: kernel, reason } = await startOrReason('kzram', { args, directory });
  const engine = Engine.createSync();
  const options = { disksize: pages.length, compAlgorithm: 'lzo-rle', trackEntryActime: false };
  let zram = engine.createZram(options);
  const batches = [];
  for (let at = 0; at < pages.length; at += MIB) batches.push(pages.subarray(at, at + MIB));
  const out = new Uint8Array(MIB);
  const ways = [
    {
      name: 'writePages',
      command: `write ${MIB}`,
      run: () => batches.forEach((batch, n) => zram.writePages(n * BATCH_PAGES, batch)),
      // An empty device in memory that has grown already.
      before: () => {
        zram.destroy();
        zram = engine.createZram(options);
      },
      kernelBefore: () => kernel.ask('reset'),
    },
    {
      name: 'readPages',
      command: `read ${MIB}`,
      run: () => batches.forEach((batch, n) => zram.readPages(n * BATCH_PAGES, batch.length / PAGE_BYTES, out)),
    },
  ];
  const tasks = ways.flatMap(({ name, command, run, before, kernelBefore }) => [
    { name, run, before },
    ...(kernel ? [{ name: command, run: () => kernel.timed(command), before: kernelBefore, isAsync: true }] : []),
  ]);
  const times = await alternate(tasks, { rounds: settings.rounds, warmups: 2 });
  batches.forEach((batch, n) => {
    const count = batch.length / PAGE_BYTES;
    if (Buffer.compare(zram.readPages(n * BATCH_PAGES, count), batch) !== 0) throw new Error('read back different');
  });
  await kernel?.end();
  engine.destroy();
  const speed = (name) => spread(megabytesPerSecond(times[name], pages.length));
  const ratios = ways.map(({ name, command }) => kernel && speedRatio(times[name], times[command]));
  const table = {
    title: 'Whole path with lzo-rle: the public API against the kernel’s zram',
    text: kernel ? 'As the table of lz4 below.' : `The kernel’s zram was not measured: ${reason}.`,
    head: ['', 'MB/s', 'kernel’s zram MB/s', 'ours / kernel’s'],
    rows: ways.map(({ name, command }, n) => [
      `\`${name}\``,
      speed(name),
      ...(kernel ? [speed(command), spread(ratios[n])] : ['not measured', '']),
    ]),
  };
  return { table, measures: { 'lzo-rle-write-pages': kernel ? { value: ratios[0] } : { reason } } };
}

export async function run({ image, settings, directory }) {
  const libraries = await againstLibraries(image, settings, directory);
  const kernel = await againstKernel(image, settings, directory);
  return { tables: [libraries.table, kernel.table], measures: { ...libraries.measures, ...kernel.measures } };
}
