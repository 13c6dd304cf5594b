/* global Worker, location */
/** A page that loads the package's files as they are. The query says how; what was seen is logged. */
import { fsRoundTrip } from './fs-round-trip.js';
import { parallelRoundTrip } from './parallel-round-trip.js';
import { roundTrip, roundTripIn } from './round-trip.js';

const DIST = new URL('./node_modules/zram-wasm/dist/', import.meta.url);
const load = (name) => import(new URL(name, DIST).href);
const fetchCore = () => fetch(new URL('core.wasm', DIST));

const WAYS = {
  index: async () => roundTrip(await load('index.js')),
  external: async () => roundTrip(await load('external.js')),
  sync: async () => roundTripIn((await load('index.js')).Engine.createSync()),
  response: async () => roundTrip(await load('external.js'), { module: await fetchCore() }),
  module: async () => roundTrip(await load('external.js'), { module: await WebAssembly.compileStreaming(fetchCore()) }),
  worker: () =>
    new Promise((resolve) => {
      const worker = new Worker(new URL('./unbundled-worker.js', import.meta.url), { type: 'module' });
      worker.onmessage = ({ data }) => resolve(data);
      void WebAssembly.compileStreaming(fetchCore()).then((module) => worker.postMessage(module));
    }),
  opfs: async () => {
    const { OpfsBacking } = await load('index.js');
    const inPage = await OpfsBacking.create('pages', 1).catch(({ code }) => code);
    const worker = new Worker(new URL('./opfs-worker.js', import.meta.url), { type: 'module' });
    return new Promise((resolve) => {
      worker.onmessage = ({ data }) => resolve({ inPage, ...data });
    });
  },
  fs: async () => fsRoundTrip(await load('fs.js')),
  store: async () => {
    const again = sessionStorage.getItem('again') !== null;
    const seen = {};
    for (const library of ['wa-sqlite 2', 'wa-sqlite 1', 'sqlite-wasm']) {
      const worker = new Worker(new URL('./store-worker.js', import.meta.url), { type: 'module' });
      seen[library] = await new Promise((resolve) => {
        worker.onmessage = ({ data }) => resolve(data);
        worker.onerror = ({ message }) => resolve({ error: message ?? 'the worker did not start' });
        worker.postMessage({ library, again });
      });
    }
    if (again) return { before: JSON.parse(sessionStorage.getItem('again')), after: seen };
    sessionStorage.setItem('again', JSON.stringify(seen));
    location.reload();
    return new Promise(() => {});
  },
  parallel: async () => parallelRoundTrip(await load('parallel.js')),
  transfers: async () => parallelRoundTrip(await load('parallel.js'), { sharedMemory: false }),
  shares: async () =>
    parallelRoundTrip(await load('parallel.js'), { sharedMemory: true }).catch(({ message }) => message),
  factory: async () => {
    const url = new URL('parallel-worker.js', DIST);
    return parallelRoundTrip(await load('parallel.js'), { worker: () => new Worker(url, { type: 'module' }) });
  },
  'no-script': async () =>
    parallelRoundTrip(await load('parallel.js'), { worker: new URL('no-such.js', DIST) }).catch(
      ({ message }) => message,
    ),
  failure: async () => roundTrip(await load('index.js')).catch(({ message }) => message),
};

const seen = await WAYS[location.search.slice(1)]();
console.log(typeof seen === 'string' ? seen : JSON.stringify(seen));
