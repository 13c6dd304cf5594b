/**
 * Files on compressed pages beside memfs and just-bash's file system in memory: a copy of a source tree, small reads and
 * writes, and what eight copies hold.
 *
 *   npm run build && node bench/fs.mjs [FOLDER]
 *
 * Times are processor time, the least of some rounds in which all take turns. The tree is a folder with at most 27 MB in
 * 3,000 files; by default that of this project's dependencies.
 */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { InMemoryFs } from 'just-bash';
import { Volume } from 'memfs';
import { PageFs } from '../dist/fs.js';

const ROUNDS = 5;
const CALLS = 10_000;
const COPIES = 8;
const FILES_MAX = 3000;
const BYTES_MAX = 27e6;
const SMALL_BYTES = 1000;

const folder = process.argv[2] ?? path.join(path.dirname(fileURLToPath(import.meta.url)), '../node_modules');

/** Paths from the folder, and contents: directories first. */
function readTree() {
  const directories = [];
  const files = [];
  let bytes = 0;
  const queue = [''];
  for (const at of queue) {
    for (const entry of readdirSync(path.join(folder, at), { withFileTypes: true })) {
      const name = `${at}/${entry.name}`;
      if (entry.isDirectory()) {
        directories.push(name);
        queue.push(name);
      } else if (entry.isFile()) {
        const content = readFileSync(path.join(folder, name));
        if (bytes + content.length > BYTES_MAX || content.length > BYTES_MAX / 20) continue;
        bytes += content.length;
        files.push({ name, content });
        if (files.length === FILES_MAX) return { directories, files, bytes };
      }
    }
  }
  return { directories, files, bytes };
}

const tree = readTree();

/** All with the same calls; just-bash's are asynchronous only. */
const RIVALS = [
  {
    name: 'PageFs',
    make: () => PageFs.create({ dedup: true }),
    fork: (fs) => fs.fork(),
    write: (fs, name, content) => fs.writeFileSync(name, content),
    mkdir: (fs, name) => fs.mkdirSync(name, { recursive: true }),
    read: (fs, name) => fs.readFileSync(name),
    end: (fs) => fs.destroy(),
  },
  {
    name: 'memfs',
    make: () => new Volume(),
    fork: () => filled(RIVALS[1], new Volume()),
    write: (fs, name, content) => fs.writeFileSync(name, content),
    mkdir: (fs, name) => fs.mkdirSync(name, { recursive: true }),
    read: (fs, name) => fs.readFileSync(name),
    end: () => undefined,
  },
  {
    name: 'just-bash',
    make: () => new InMemoryFs(),
    fork: () => filled(RIVALS[2], new InMemoryFs()),
    write: (fs, name, content) => fs.writeFile(name, content),
    mkdir: (fs, name) => fs.mkdir(name, { recursive: true }),
    read: (fs, name) => fs.readFileBuffer(name),
    end: () => undefined,
  },
];

async function filled(rival, fs) {
  for (const name of tree.directories) await rival.mkdir(fs, name);
  for (const { name, content } of tree.files) await rival.write(fs, name, content);
  return fs;
}

async function timed(run) {
  const start = process.cpuUsage();
  await run();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}

/** What the base holds, and what it holds with its forks: in a process of its own, where nothing else is freed meanwhile. */
async function held(rival) {
  const before = memory();
  const copies = [await filled(rival, await rival.make())];
  const one = memory() - before;
  for (let n = 0; n < COPIES; n++) copies.push(await rival.fork(copies[0]));
  const all = memory() - before;
  for (const copy of copies) rival.end(copy);
  return { one, all };
}

function memory() {
  for (let n = 0; n < 3; n++) globalThis.gc();
  const { heapUsed, external } = process.memoryUsage(); // external has array buffers and WebAssembly's memory
  return heapUsed + external;
}

if (process.argv[3] !== undefined) {
  const rival = RIVALS.find(({ name }) => name === process.argv[3]);
  console.log(JSON.stringify(await held(rival)));
  process.exit();
}

const small = tree.files.filter(({ content }) => content.length < 4096).map(({ name }) => name);
const text = Buffer.from('small file '.repeat(SMALL_BYTES)).subarray(0, SMALL_BYTES);
const least = new Map();
const note = (rival, row, value) => {
  const key = `${rival.name} ${row}`;
  least.set(key, Math.min(value, least.get(key) ?? Infinity));
};

const bases = new Map();
for (const rival of RIVALS) bases.set(rival, await filled(rival, await rival.make()));
for (let round = 0; round < ROUNDS; round++) {
  for (const rival of round % 2 === 0 ? RIVALS : RIVALS.toReversed()) {
    const base = bases.get(rival);
    let copy;
    note(rival, 'fork, ms', await timed(async () => (copy = await rival.fork(base))));
    note(
      rival,
      '10,000 small reads, ms',
      await timed(async () => {
        for (let n = 0; n < CALLS; n++) {
          const read = rival.read(copy, small[n % small.length]);
          if (read instanceof Promise) await read;
        }
      }),
    );
    note(
      rival,
      '10,000 small writes, ms',
      await timed(async () => {
        for (let n = 0; n < CALLS; n++) {
          const written = rival.write(copy, small[n % small.length], text);
          if (written instanceof Promise) await written;
        }
      }),
    );
    rival.end(copy);
  }
}
for (const rival of RIVALS) {
  const args = ['--expose-gc', fileURLToPath(import.meta.url), folder, rival.name];
  const { one, all } = JSON.parse(execFileSync(process.execPath, args, { encoding: 'utf8' }));
  note(rival, 'the tree holds, MB', one / 1e6);
  note(rival, `with ${COPIES} forks, MB`, all / 1e6);
}

console.log(`${tree.files.length} files, ${(tree.bytes / 1e6).toFixed(1)} MB, of ${folder}`);
const rows = [...new Set([...least.keys()].map((key) => key.slice(key.indexOf(' ') + 1)))];
for (const row of rows) {
  console.log(
    row.padEnd(26),
    ...RIVALS.map(({ name }) => `${name} ${least.get(`${name} ${row}`).toFixed(2)}`.padEnd(22)),
  );
}
