/** The checks in Node.js, Deno and Bun: those of every runtime, and those that need files, threads and processes. */
import { createReadStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';

import * as zram from 'zram-wasm';
import * as external from 'zram-wasm/external';
import { PageFs } from 'zram-wasm/fs';
import { FileBacking } from 'zram-wasm/node';
import { ParallelZram } from 'zram-wasm/parallel';
import { CHECKS, codeOf, equal, page } from './checks.mjs';

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

  async 'files: backings, streams, what is missing'() {
    const backing = new FileBacking(join(folder, 'swap'), 256);
    const device = Engine.createSync().createZram({ disksize: '16M', backing });
    for (let n = 0; n < 50; n++) device.writePage(n, page(n));
    device.idle('all');
    equal(device.writeback({ type: 'idle' }).pagesWritten, 50);
    equal(device.readPage(7)[9], page(7)[9]);
    const file = join(folder, 'saved');
    const pieces = [];
    await device.save({ write: (bytes) => void pieces.push(bytes.slice()) });
    writeFileSync(file, Buffer.concat(pieces));
    const loaded = await Zram.load(createReadStream(file));
    equal(loaded.readPage(7)[9], page(7)[9]);
    equal(await codeOf(() => Zram.load(createReadStream(join(folder, 'missing')))), 'EIO');
    device.destroy();
    loaded.destroy();
  },

  async 'threads: pages, errors, workers that end'() {
    const parallel = await ParallelZram.create({ disksize: '64M', workers: 2 });
    const bytes = new Uint8Array(256 * 4096).map((_, at) => (at * at) >> 9);
    await parallel.writePages(0, bytes);
    const read = await parallel.readPages(0, 256);
    equal(
      read.every((byte, at) => byte === bytes[at]),
      true,
    );
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
};

const only = process.argv[2];
for (const [name, check] of Object.entries({ ...CHECKS, ...MORE })) {
  if (only !== undefined && !name.includes(only)) continue;
  const start = performance.now();
  const result = { name };
  try {
    result.text = await check({ Engine, Zram, MemoryBacking: zram.MemoryBacking, PageFs });
  } catch (error) {
    result.error = String(error.stack ?? error);
  }
  console.log(JSON.stringify({ ...result, milliseconds: Math.round(performance.now() - start) }));
}
rmSync(folder, { recursive: true });
// Idle workers keep no program alive: this one has to end by itself.
await ParallelZram.create({ disksize: '1M', workers: 1 });
