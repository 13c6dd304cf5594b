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
const ENTRIES = {
  index: { specifier: 'zram-wasm', files: [] },
  // esbuild leaves `new URL('./core.wasm', import.meta.url)` as it is: the file has to be put beside the bundle.
  external: { specifier: 'zram-wasm/external', files: ['core.wasm'] },
  parallel: { specifier: 'zram-wasm/parallel', files: ['core.wasm', 'parallel-worker.js'] },
  fs: { specifier: 'zram-wasm/fs', files: [] },
};
/** The function of the consumer that uses an entry, and its file. */
const USES = { parallel: ['parallelRoundTrip', 'parallel-round-trip'], fs: ['fsRoundTrip', 'fs-round-trip'] };

for (const [entry, { specifier, files }] of Object.entries(ENTRIES)) {
  const [use, file] = USES[entry] ?? ['roundTrip', 'round-trip'];
  const code = `import * as library from '${specifier}';
import { ${use} } from '../${file}.js';

console.log(JSON.stringify(await ${use}(library)));
`;
  await mkdir(`src-${entry}`);
  await writeFile(`src-${entry}/main.js`, code);
  await writeFile(`src-${entry}/index.html`, PAGE('./main.js'));

  const outdir = `esbuild-${entry}`;
  await esbuild.build({
    entryPoints: [`src-${entry}/main.js`],
    bundle: true,
    minify: true,
    format: 'esm',
    // Only named by calls that Node.js alone serves.
    external: ['node:*'],
    outdir,
  });
  await writeFile(`${outdir}/index.html`, PAGE('./main.js'));
  for (const name of files) await copyFile(`node_modules/zram-wasm/dist/${name}`, `${outdir}/${name}`);

  await vite.build({
    root: `src-${entry}`,
    base: './',
    logLevel: 'warn',
    build: { outDir: `../vite-${entry}`, emptyOutDir: true },
  });
}

// As CommonJS, which has no import.meta.url: the core is looked for beside the bundle all the same.
for (const entry of ['index', 'external', 'parallel', 'node']) {
  await esbuild.build({
    entryPoints: [`node_modules/zram-wasm/dist/${entry}.js`],
    bundle: true,
    format: 'cjs',
    platform: 'node',
    logOverride: { 'empty-import-meta': 'silent' },
    outfile: `cjs/${entry}.cjs`,
  });
}
await copyFile('node_modules/zram-wasm/dist/core.wasm', 'cjs/core.wasm');
await copyFile('node_modules/zram-wasm/dist/parallel-worker.js', 'cjs/parallel-worker.js');

// One file for Node.js, which has no others beside it: with each condition that such a bundler may have.
await mkdir('src-parts');
await writeFile(
  'src-parts/main.js',
  `import * as library from 'zram-wasm';
import { everyPart } from '../every-part.js';

console.log(JSON.stringify(await everyPart(library)));
`,
);
const alone = { entryPoints: ['src-parts/main.js'], bundle: true, platform: 'node' };
await esbuild.build({ ...alone, format: 'esm', outfile: 'alone/esbuild.mjs' });
// Conditions of its own make esbuild leave out `module`.
await esbuild.build({ ...alone, format: 'esm', conditions: ['production'], outfile: 'alone/esbuild-node.mjs' });
await writeFile(
  'src-parts/main.cjs',
  `const { everyPart } = require('../every-part.js');
everyPart(require('zram-wasm')).then((seen) => console.log(JSON.stringify(seen)));
`,
);
const cjs = {
  ...alone,
  entryPoints: ['src-parts/main.cjs'],
  format: 'cjs',
  logOverride: { 'empty-import-meta': 'silent' },
};
await esbuild.build({ ...cjs, outfile: 'alone/esbuild.cjs' });
await esbuild.build({ ...cjs, conditions: ['production'], outfile: 'alone/esbuild-node.cjs' });
await vite.build({
  root: 'src-parts',
  logLevel: 'warn',
  ssr: { noExternal: true },
  build: { ssr: 'main.js', outDir: '../alone/vite', emptyOutDir: true },
});

// As one script, for realms that have no modules: exports in a global variable.
await esbuild.build({
  entryPoints: ['node_modules/zram-wasm/dist/index.js'],
  bundle: true,
  format: 'iife',
  globalName: 'library',
  outfile: 'script.js',
});
