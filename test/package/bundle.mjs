/**
 * Bundles a page for each entry with esbuild and with Vite, as their manuals say; run in the consumer's folder. A process
 * of its own, since both tools want a Node that jest has not touched.
 */
import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import * as esbuild from 'esbuild';
import * as vite from 'vite';

const PAGE = (script) => `<!doctype html>
<meta charset="utf-8">
<title>zram-wasm</title>
<link rel="icon" href="data:,">
<script type="module" src="${script}"></script>
`;
const ENTRIES = ['index', 'external'];

for (const entry of ENTRIES) {
  const specifier = entry === 'index' ? 'zram-wasm' : `zram-wasm/${entry}`;
  const code = `import * as library from '${specifier}';
import { roundTrip } from '../round-trip.js';

console.log(JSON.stringify(await roundTrip(library)));
`;
  await mkdir(`src-${entry}`);
  await writeFile(`src-${entry}/main.js`, code);
  await writeFile(`src-${entry}/index.html`, PAGE('./main.js'));

  const outdir = `esbuild-${entry}`;
  await esbuild.build({ entryPoints: [`src-${entry}/main.js`], bundle: true, minify: true, format: 'esm', outdir });
  await writeFile(`${outdir}/index.html`, PAGE('./main.js'));
  // esbuild leaves `new URL('./core.wasm', import.meta.url)` as it is: the file has to be put beside the bundle.
  if (entry === 'external') await copyFile('node_modules/zram-wasm/dist/core.wasm', `${outdir}/core.wasm`);

  await vite.build({
    root: `src-${entry}`,
    base: './',
    logLevel: 'warn',
    build: { outDir: `../vite-${entry}`, emptyOutDir: true },
  });
}

// As one script, for realms that have no modules: exports in a global variable.
await esbuild.build({
  entryPoints: ['node_modules/zram-wasm/dist/index.js'],
  bundle: true,
  format: 'iife',
  globalName: 'library',
  outfile: 'script.js',
});
