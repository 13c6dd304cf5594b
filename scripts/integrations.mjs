/**
 * The entries that stand on the library: `integrations/NAME.ts` is `zram-wasm/NAME`. A new one is a line here, an export in
 * package.json, its layer in lint/layers.mjs and, if it serves a package, that as an optional peer.
 *
 * Budgets in KiB, as check-size.mjs has them: minified, and that with gzip.
 */
export const INTEGRATIONS = [
  // No part of the library is in it, and no core: it imports that when it makes an engine of its own. 12 KiB are saving and
  // loading, most of it what a list of inodes is checked for.
  { name: 'fs', minified: 94, gzip: 33 },
  // What stands on fs.js, which is beside it, not in it.
  { name: 'store', minified: 30, gzip: 12 },
  // Adapters: likewise.
  { name: 'just-bash', minified: 8, gzip: 3 },
  { name: 'zenfs', minified: 6, gzip: 3 },
  { name: 'sqlite', minified: 28, gzip: 10 },
  { name: 'emscripten', minified: 6, gzip: 3 },
  { name: 'pglite', minified: 4, gzip: 2 },
  { name: 'nbd', minified: 24, gzip: 9 },
  { name: 'remote', minified: 66, gzip: 24 },
];
