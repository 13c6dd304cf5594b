// Runs one of the campaigns of this folder, with the sources as they are: node test/campaigns/run.mjs NAME [options].
// What they do and how long they take: docs/testing.md. `npm run build` first.
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
const [name, ...rest] = process.argv.slice(2);
const NAMES = ['lz4', 'long', 'mutate', 'dumps', 'tar', 'saved-files', 'nbd', 'pglite', 'remote'];
if (!NAMES.includes(name)) {
  console.error(`usage: npm run campaign -- ${NAMES.join('|')} [options]`);
  process.exit(2);
}

// Two folders below the root, as the sources are: what they find by import.meta.url is found from there too.
const outfile = path.join(root, `build/campaigns/${name}.mjs`);
await esbuild.build({
  absWorkingDir: root,
  entryPoints: [`test/campaigns/${name}.ts`],
  outfile,
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  external: ['zram-wasm', 'zram-wasm/*', 'ioredis'],
  logLevel: 'warning',
});
process.argv = [process.argv[0], outfile, ...rest];
await import(pathToFileURL(outfile).href);
