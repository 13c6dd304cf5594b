// Budgets for what is downloaded. A budget is a tenth or so above what is needed today: growth is to be decided, not noticed.
//
// dist/ is readable and not minified, but for what Node.js imports (parts.mjs), as fflate's modules are: every bundler minifies again, so nothing would be gained
// there, while readable code gives stack traces, can be stepped through and read before it is trusted. What counts for
// the web is therefore measured as a bundler leaves it: minified, then gzip.
//
// as-bind's runtime is in it whole (11 KB minified, 4 KB gzip): one function with everything in its closure, which no
// bundler can shake. It is published minified and the notices cover it (THIRD-PARTY-NOTICES.md). Of fflate only deflate and
// inflate are in it; bundled, since pages without a bundler could not resolve its name.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';
import { INTEGRATIONS } from './integrations.mjs';
import { root } from './npm-pack.mjs';

const KIB = 1024;

/** The core as it is: compiled at every start, and a third more in base64. An engine starts within 5 ms (`npm run bench -- --only startup`). */
const CORE_BYTES_MAX = 40 * KIB;
/** The core as a server sends it. */
const CORE_GZIP_BYTES_MAX = 17.5 * KIB;
/** lzo, lzo-rle and lz4hc, and lz4hc with `favorDecSpeed`, compiled at their first use: up to here older browsers compile a module at once on a page's main thread. */
const COMPRESSORS_BYTES_MAX = 4 * KIB;
/**
 * `zram-wasm`: a quarter of it is the core in base64. A fifth came with asynchronous writes and differences, signals,
 * backings that are checked and locked, slices of time in save and load, and a zswap whose cost does not grow. 6 KiB are
 * lzo, lzo-rle and lz4hc, here and in the next two; 4 are tables that forks share, and ranges that the core completes; 10 are
 * histories that compare with a copy, take ranges, tell differences, and cut by content; 10 are writeback in flight, objects on
 * backings and how they are checked, and prefetch; 3 are blocks that are made for reading, and objects in page order; 2 a
 * compressor that knows sooner, and copies for deduplication.
 */
const INDEX_MINIFIED_BYTES_MAX = 259 * KIB;
const INDEX_GZIP_BYTES_MAX = 98 * KIB;
/** `zram-wasm` as Node.js imports it, before any part: V8 reads all of it at every start. `npm run bench -- --only startup`. */
const INDEX_NODE_BYTES_MAX = 170 * KIB;
/** `zram-wasm/external` without the core: the bindings, fflate, and as-bind's runtime. */
const EXTERNAL_MINIFIED_BYTES_MAX = 206 * KIB;
const EXTERNAL_GZIP_BYTES_MAX = 74 * KIB;
/**
 * `zram-wasm/parallel` and the script of its workers, both without the core. 3 KiB of it are the mailboxes, and reads that
 * workers do in the caller's memory. Workers have the whole library of devices, reads of whole batches included; with 1 KiB of
 * it they help each other.
 */
const PARALLEL_MINIFIED_BYTES_MAX = 48 * KIB;
const PARALLEL_GZIP_BYTES_MAX = 17 * KIB;
const WORKER_MINIFIED_BYTES_MAX = 198 * KIB;
const WORKER_GZIP_BYTES_MAX = 72 * KIB;
/**
 * What `npm install` downloads: five bundles, the core twice, declarations with their documentation, notices. 28 KiB are
 * the HTML report, 190 KiB what stands on the library: `zram-wasm/fs`, stores, block devices, remote tiers and adapters, with
 * declarations; 85 KiB the library once more, for Node.js, divided.
 */
const TARBALL_BYTES_MAX = 920 * KIB;

const gzipSize = (bytes) => gzipSync(bytes, { level: 9 }).length;

/** @param external what is counted elsewhere, or is a package of the user's */
async function minified(entry, ...external) {
  const { outputFiles } = await esbuild.build({
    entryPoints: [path.join(root, 'dist', entry)],
    external: ['node:*', ...external],
    bundle: true,
    minify: true,
    format: 'esm',
    write: false,
  });
  return outputFiles[0].contents;
}

/** Prints each size beside its budget. Returns whether all are kept. */
export async function checkSizes(tarballBytes) {
  const { peerDependencies } = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
  const core = await readFile(path.join(root, 'dist/core.wasm'));
  const compressors = await readFile(path.join(root, 'build/compressors-release.wasm'));
  const optimal = await readFile(path.join(root, 'build/optimal-release.wasm'));
  const index = await minified('index.js');
  const indexNode = await readFile(path.join(root, 'dist/index.node.js'));
  const external = await minified('external.js');
  const parallel = await minified('parallel.js');
  const worker = await minified('parallel-worker.js');
  const rows = [
    ['core.wasm', core.length, CORE_BYTES_MAX],
    ['core.wasm, gzip', gzipSize(core), CORE_GZIP_BYTES_MAX],
    ['lzo, lzo-rle and lz4hc', compressors.length, COMPRESSORS_BYTES_MAX],
    ['lz4hc with favorDecSpeed', optimal.length, COMPRESSORS_BYTES_MAX],
    ['zram-wasm, minified', index.length, INDEX_MINIFIED_BYTES_MAX],
    ['zram-wasm, minified, gzip', gzipSize(index), INDEX_GZIP_BYTES_MAX],
    ['zram-wasm, imported by Node.js', indexNode.length, INDEX_NODE_BYTES_MAX],
    ['zram-wasm/external, minified', external.length, EXTERNAL_MINIFIED_BYTES_MAX],
    ['zram-wasm/external, minified, gzip', gzipSize(external), EXTERNAL_GZIP_BYTES_MAX],
    ['zram-wasm/parallel, minified', parallel.length, PARALLEL_MINIFIED_BYTES_MAX],
    ['zram-wasm/parallel, minified, gzip', gzipSize(parallel), PARALLEL_GZIP_BYTES_MAX],
    ['its worker, minified', worker.length, WORKER_MINIFIED_BYTES_MAX],
    ['its worker, minified, gzip', gzipSize(worker), WORKER_GZIP_BYTES_MAX],
    ['tarball', tarballBytes, TARBALL_BYTES_MAX],
  ];
  const entries = INTEGRATIONS.map(({ name }) => `./${name}.js`);
  for (const { name, minified: most, gzip } of INTEGRATIONS) {
    const bytes = await minified(`${name}.js`, 'zram-wasm', './index.js', ...entries, ...Object.keys(peerDependencies));
    rows.push([`zram-wasm/${name}, minified`, bytes.length, most * KIB]);
    rows.push([`zram-wasm/${name}, minified, gzip`, gzipSize(bytes), gzip * KIB]);
  }
  const kib = (bytes) => `${(bytes / KIB).toFixed(1).padStart(6)} KiB`;
  for (const [name, bytes, budget] of rows) {
    const verdict = bytes > budget ? '  TOO LARGE' : '';
    console.log(`size: ${kib(bytes)} of ${kib(budget)}  ${name}${verdict}`);
  }
  return rows.every(([, bytes, budget]) => bytes <= budget);
}
