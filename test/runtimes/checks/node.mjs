/**
 * The checks in Node.js, Deno and Bun: those of every runtime, and those that need files, threads and processes. Prints
 * each result as a line of JSON. Arguments: `short` leaves out what takes gigabytes; another word runs the checks with
 * that word in their names.
 */
import { execFileSync } from 'node:child_process';
import { createReadStream, createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';

import * as zram from 'zram-wasm';
import * as external from 'zram-wasm/external';
import { PageFs } from 'zram-wasm/fs';
import { FileBacking } from 'zram-wasm/node';
import { ParallelZram } from 'zram-wasm/parallel';
import { PageStore } from 'zram-wasm/store';
import { CHECKS } from './every.mjs';
import { LARGE } from './large.mjs';
import { codeOf, equal, PAGE, page, runChecks, sameBytes, slope, useBacking } from './support.mjs';

const { Engine, Zram } = zram;
const folder = mkdtempSync(join(tmpdir(), 'zram-wasm-runtime-'));
const later = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

const MORE = {
  async 'require, external, a compiled module'() {
    const core = readFileSync(new URL(import.meta.resolve('zram-wasm/core.wasm')));
    const module = await WebAssembly.compile(core);
    for (const entry of [createRequire(import.meta.url)('zram-wasm'), external, zram]) {
      for (const source of [undefined, module, core]) {
        const engine = await entry.Engine.create({ module: source });
        const device = engine.createZram({ disksize: '1M' });
        device.writePage(1, page(1));
        equal(device.readPage(1)[5], page(1)[5]);
        engine.destroy();
      }
    }
  },

  'files: backings of a device and of zswap'() {
    useBacking(zram, (n) => new FileBacking(join(folder, `swap-${n}`), 256));
  },

  async 'files: streams, and what is missing'() {
    const device = Engine.createSync().createZram({ disksize: '16M' });
    for (let n = 0; n < 50; n++) device.writePage(n, page(n));
    const pieces = [];
    const sinks = [
      (file) => createWriteStream(file),
      (file) => Writable.toWeb(createWriteStream(file)),
      () => ({ write: (bytes) => void pieces.push(bytes.slice()) }),
    ];
    for (const [n, sink] of sinks.entries()) {
      const file = join(folder, `saved-${n}`);
      await device.save(sink(file));
      if (pieces.length > 0) writeFileSync(file, Buffer.concat(pieces));
      for (const source of [createReadStream(file), Readable.toWeb(createReadStream(file)), readFileSync(file)]) {
        const loaded = await Zram.load(source);
        for (let page_ = 0; page_ < 50; page_++) equal(sameBytes(loaded.readPage(page_), page(page_)), true);
        loaded.destroy();
      }
    }
    equal(await codeOf(() => Zram.load(createReadStream(join(folder, 'missing')))), 'EIO');
    device.destroy();
  },

  async 'threads: pages, errors, workers that end'() {
    const parallel = await ParallelZram.create({ disksize: '64M', workers: 2 });
    const bytes = slope(256);
    await parallel.writePages(0, bytes);
    equal(sameBytes(await parallel.readPages(0, 256), bytes), true);
    await parallel.destroy();
    equal(await codeOf(() => ParallelZram.create({ workers: 1, worker: 'file:///no/such.js' })), 'EIO');
    // A worker that is ended from outside: its pages are EIO, and nothing waits for ever.
    const workers = [];
    const worker = () => {
      workers.push(new Worker(new URL(import.meta.resolve('zram-wasm/parallel-worker.js'))));
      return workers.at(-1);
    };
    const other = await ParallelZram.create({ disksize: '64M', workers: 2, worker });
    await other.writePages(0, bytes);
    await workers[0].terminate();
    await later(200);
    equal(await Promise.race([codeOf(() => other.readPages(0, 256)), later(5000)]), 'EIO');
    await other.destroy();
  },

  'the command line'() {
    const image = join(folder, 'image');
    writeFileSync(image, Buffer.concat(Array.from({ length: 200 }, (_, n) => page(n % 50))));
    const script = fileURLToPath(new URL('cli.js', import.meta.resolve('zram-wasm')));
    const flags = 'Deno' in globalThis ? ['run', '-A'] : [];
    const run = (...args) => execFileSync(process.execPath, [...flags, script, ...args], { encoding: 'utf8' });
    const [{ mm_stat: stat }] = JSON.parse(run('analyze', '--json', image)).algorithms;
    equal([stat.before.orig_data_size, stat.afterMerge.pages_merged], [200 * PAGE, 150]);
  },
};

const [word] = process.argv.slice(2);
const { first, last } = word === 'short' ? {} : LARGE;
const all = { ...first, ...CHECKS, ...MORE, ...last };
const wanted = Object.entries(all).filter(([name]) => word === undefined || word === 'short' || name.includes(word));
const given = { Engine, Zram, MemoryBacking: zram.MemoryBacking, PageFs, PageStore };
let used = process.cpuUsage();
await runChecks(Object.fromEntries(wanted), given, (result) => {
  const { user, system } = process.cpuUsage(used);
  used = process.cpuUsage();
  console.log(JSON.stringify({ ...result, cpu: Math.round((user + system) / 1000) }));
});
rmSync(folder, { recursive: true });
// Idle workers keep no program alive: this one has to end by itself.
await ParallelZram.create({ disksize: '1M', workers: 1 });
