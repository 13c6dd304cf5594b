/**
 * The checks in a web page: those of every runtime, and those of streams, files of the browser and workers. Each result
 * is sent to the server that the page came from. The query says what is left out, what
 * the browser lacks, and whether to run threads alone.
 */
import * as zram from 'zram-wasm';
import * as external from 'zram-wasm/external.js';
import { PageFs } from 'zram-wasm/fs.js';
import { ParallelZram } from 'zram-wasm/parallel.js';
import { CHECKS } from './every.mjs';
import { LARGE } from './large.mjs';
import { codeOf, equal, page, runChecks, sameBytes, slope } from './support.mjs';

const { Engine, Zram } = zram;
const PACKAGE = new URL('/node_modules/zram-wasm/dist/', location.href);
const query = new URLSearchParams(location.search);
const isolated = query.has('isolated');

const fetchCore = () => fetch(new URL('core.wasm', PACKAGE));

/** Asks the worker of page-worker.mjs. */
async function inWorker(task, data) {
  const worker = new Worker(new URL('./page-worker.mjs', import.meta.url), { type: 'module' });
  try {
    const { text, error } = await new Promise((resolve) => {
      worker.onmessage = (event) => resolve(event.data);
      worker.onerror = (event) => resolve({ error: `the worker: ${event.message}` });
      worker.postMessage({ task, data });
    });
    if (error) throw new Error(error);
    return text;
  } finally {
    worker.terminate();
  }
}

const MORE = {
  async 'external, a compiled module, a Response, bytes'() {
    const module = await WebAssembly.compileStreaming(fetchCore());
    const bytes = new Uint8Array(await (await fetchCore()).arrayBuffer());
    for (const entry of [external, zram]) {
      for (const source of [undefined, module, bytes, await fetchCore(), new URL('core.wasm', PACKAGE)]) {
        const engine = await entry.Engine.create({ module: source });
        const device = engine.createZram({ disksize: '1M' });
        device.writePage(1, page(1));
        equal(device.readPage(1)[5], page(1)[5]);
        engine.destroy();
      }
    }
    Engine.createSync().destroy(); // on the main thread, where browsers may limit a module's size
    await inWorker('module', module);
  },

  async 'streams: compressed, of a Blob, of a Response'() {
    const device = (await Engine.create()).createZram({ disksize: '16M' });
    for (let n = 0; n < 100; n++) device.writePage(n, page(n));
    const { readable, writable } = new CompressionStream('gzip');
    const packed = new Response(readable).blob();
    await device.save(writable);
    const unpacked = () => packed.then((blob) => blob.stream().pipeThrough(new DecompressionStream('gzip')));
    const plain = await new Response(await unpacked()).blob();
    for (const source of [
      await unpacked(),
      plain,
      plain.stream(),
      new Response(plain).body,
      new File([plain], 'file'),
    ]) {
      const loaded = await Zram.load(source);
      for (let n = 0; n < 100; n++) equal(sameBytes(loaded.readPage(n), page(n)), true);
      loaded.destroy();
    }
    const { body } = new Response(plain.slice(0, 5000));
    equal(await codeOf(() => Zram.load(body)), 'EINVAL');
    device.destroy();
  },

  async 'files of the browser'() {
    equal(await codeOf(() => zram.OpfsBacking.create('pages', 1)), 'EOPNOTSUPP');
    return inWorker(query.get('lacks') === 'files' ? 'noFiles' : 'files');
  },
};

const THREADS = {
  async 'threads: pages, errors'() {
    equal(globalThis.crossOriginIsolated, isolated);
    for (const sharedMemory of isolated ? [undefined, true, false] : [undefined, false]) {
      const parallel = await ParallelZram.create({ disksize: '64M', workers: 2, sharedMemory });
      const bytes = slope(256);
      await parallel.writePages(0, bytes);
      equal(sameBytes(await parallel.readPages(0, 256), bytes), true);
      await parallel.destroy();
    }
    if (!isolated) equal(await codeOf(() => ParallelZram.create({ workers: 1, sharedMemory: true })), 'EINVAL');
    const worker = new URL('no-such.js', PACKAGE);
    equal(await codeOf(() => ParallelZram.create({ workers: 1, worker })), 'EIO');
    return isolated ? 'memory shared' : 'buffers transferred';
  },

  async 'threads: a worker that fails'() {
    const url = new URL('./failing-worker.mjs', import.meta.url);
    const worker = () => new Worker(url, { type: 'module' });
    const parallel = await ParallelZram.create({ disksize: '64M', workers: 1, worker });
    await parallel.writePages(0, slope(16));
    const [thrown, read] = [fetch('/sleep'), parallel];
    await thrown;
    equal(await codeOf(() => read.readPages(0, 16)), 'EIO');
    await parallel.destroy();
  },
};

const send = (result) => fetch('/result', { method: 'POST', body: JSON.stringify(result) });
// What is reported by no check is a failure all the same.
for (const name of ['error', 'unhandledrejection']) {
  addEventListener(name, (event) => void send({ name, error: String(event.reason ?? event.message), milliseconds: 0 }));
}
const { first, last } = query.has('short') ? {} : LARGE;
const checks = isolated ? THREADS : { ...first, ...CHECKS, ...MORE, ...THREADS, ...last };
await fetch('/begin', { method: 'POST' });
await runChecks(checks, { Engine, Zram, MemoryBacking: zram.MemoryBacking, PageFs }, send);
await fetch('/done', { method: 'POST' });
