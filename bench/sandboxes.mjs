// Sandboxes: a source tree of 27 MB, eight writable forks of it, and the same by memfs and just-bash's InMemoryFs, which have
// to copy. Processor time; memory after a collection of garbage, each in a process of its own.
//   node bench/sandboxes.mjs        after npm run build
import { execFileSync } from 'node:child_process';
import * as nodeFs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { InMemoryFs } from 'just-bash';
import { memfs } from 'memfs';
import { Engine } from '../dist/index.js';
import { PageFs } from '../dist/fs.js';

const modules = fileURLToPath(new URL('../node_modules', import.meta.url));
const BYTES = 27e6;
const FORKS = 8;
const CALLS = 10_000;

/** Packages in the order of their names, up to 27 MB: the same files wherever they are installed. */
function sourceTree() {
  const files = new Map();
  let bytes = 0;
  for (const name of ['typescript', 'prettier', 'esbuild', 'fast-check', 'typedoc', 'eslint', 'memfs']) {
    const root = path.join(modules, name);
    const names = nodeFs.readdirSync(root, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
    for (const entry of names.sort((a, b) => (`${a.parentPath}/${a.name}` < `${b.parentPath}/${b.name}` ? -1 : 1))) {
      const full = path.join(entry.parentPath, entry.name);
      if (full.includes('/node_modules/', root.length) || !/\.(?:[cm]?[jt]s|json|md|map)$/.test(full)) continue;
      const content = nodeFs.readFileSync(full);
      if (bytes + content.length > BYTES) continue;
      bytes += content.length;
      files.set(`/src/${path.relative(modules, full)}`, content);
    }
  }
  return { files, bytes };
}

const { files, bytes } = sourceTree();
const paths = [...files.keys()];
const engine = await Engine.create();
const held = () => {
  globalThis.gc?.();
  const { heapUsed, external, arrayBuffers } = process.memoryUsage();
  return heapUsed + Math.max(external, arrayBuffers);
};
async function cpu(call) {
  const started = process.cpuUsage();
  const result = await call();
  const { user, system } = process.cpuUsage(started);
  return { result, ms: (user + system) / 1000 };
}

const kinds = {
  'zram-wasm/fs': {
    make: () => PageFs.createSync({ engine }),
    fork: (fs) => fs.fork(),
    write: (fs, at, content) => fs.writeFileSync(at, content),
    read: (fs, at) => fs.readFileSync(at),
    mkdir: (fs, at) => fs.mkdirSync(at, { recursive: true }),
  },
  memfs: {
    make: () => memfs().fs,
    fork: (from) => copy(kinds.memfs, from),
    write: (fs, at, content) => fs.writeFileSync(at, content),
    read: (fs, at) => fs.readFileSync(at),
    mkdir: (fs, at) => fs.mkdirSync(at, { recursive: true }),
  },
  'just-bash InMemoryFs': {
    make: () => new InMemoryFs(),
    fork: (from) => copy(kinds['just-bash InMemoryFs'], from),
    // It keeps what it is given, so it is given a copy.
    write: (fs, at, content) => fs.writeFile(at, Uint8Array.from(content)),
    read: (fs, at) => fs.readFileBuffer(at),
    mkdir: () => undefined,
  },
};

async function fill(kind, fs) {
  for (const folder of new Set(paths.map((at) => path.posix.dirname(at)))) await kind.mkdir(fs, folder);
  for (const [at, content] of files) await kind.write(fs, at, content);
}
async function copy(kind, from) {
  const to = kind.make();
  for (const folder of new Set(paths.map((at) => path.posix.dirname(at)))) await kind.mkdir(to, folder);
  for (const at of paths) await kind.write(to, at, await kind.read(from, at));
  return to;
}

/** @returns a row of the table */
async function measure(name) {
  const kind = kinds[name];
  const memory = () => (name === 'zram-wasm/fs' ? engine.memory.used : 0) + held();
  const before = memory();
  const base = kind.make();
  const filled = await cpu(() => fill(kind, base));
  const one = memory() - before;
  const times = [];
  const forks = [];
  for (let n = 0; n < FORKS; n++) {
    const { result, ms } = await cpu(() => kind.fork(base));
    times.push(ms);
    forks.push(result);
  }
  // Each does something of its own.
  for (const [n, fork] of forks.entries()) await kind.write(fork, '/src/own', Buffer.from(`fork ${n}`));
  const all = memory() - before;
  const small = paths.filter((at) => files.get(at).length < 4096);
  const reads = await cpu(async () => {
    for (let n = 0; n < CALLS; n++) await kind.read(forks[n % FORKS], small[n % small.length]);
  });
  const writes = await cpu(async () => {
    for (let n = 0; n < CALLS; n++)
      await kind.write(forks[n % FORKS], `/src/w${n % 100}`, files.get(small[n % small.length]));
  });
  return {
    'import ms': Math.round(filled.ms),
    'fork ms': Number(times.sort((a, b) => a - b)[FORKS >> 1].toFixed(2)),
    [`${CALLS} reads ms`]: Math.round(reads.ms),
    [`${CALLS} writes ms`]: Math.round(writes.ms),
    'one MiB': Number((one / 2 ** 20).toFixed(1)),
    'with 8 forks MiB': Number((all / 2 ** 20).toFixed(1)),
    times: Number((all / one).toFixed(2)),
  };
}
const [, script, only] = process.argv;
if (only !== undefined) console.log(JSON.stringify(await measure(only)));
else {
  console.log(`${files.size} files, ${(bytes / 1e6).toFixed(1)} MB`);
  const row = (name) => JSON.parse(execFileSync(process.execPath, ['--expose-gc', script, name], { encoding: 'utf8' }));
  console.table(Object.fromEntries(Object.keys(kinds).map((name) => [name, row(name)])));
}
