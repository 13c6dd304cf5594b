/** The checks in workerd, bundled as for an edge runtime: the core is a compiled module of the program. */
import { cpSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import * as esbuild from 'esbuild';
import { folder, found } from './install.mjs';

export async function startWorkerd() {
  const bundle = path.join(folder, 'bundle/workerd.js');
  await esbuild.build({
    entryPoints: [path.join(folder, 'checks/workerd.mjs')],
    outfile: bundle,
    bundle: true,
    format: 'esm',
    external: ['../core.wasm', 'node:*'],
    logLevel: 'error',
  });
  const core = path.join(folder, 'core.wasm');
  cpSync(found('zram-wasm/dist/core.wasm'), core);
  const { Miniflare } = await import(pathToFileURL(found('miniflare/dist/src/index.js')).href);
  return new Miniflare({
    modules: [
      { type: 'ESModule', path: bundle },
      { type: 'CompiledWasm', path: core },
    ],
    modulesRoot: folder,
    compatibilityDate: '2026-01-01',
  });
}

export async function inWorkerd() {
  const miniflare = await startWorkerd();
  try {
    return await (await miniflare.dispatchFetch('http://checks/')).json();
  } finally {
    await miniflare.dispose();
  }
}
