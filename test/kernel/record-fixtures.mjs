/**
 * Records test/fixtures/*.json from the live kernel's zram. By hand, as root, on a machine with zram:
 *
 *     node test/kernel/record-fixtures.mjs
 *
 * Needed after a change to a generator of pages or traces, and wanted for a look at another kernel's figures.
 * The recorder shares the generators with the tests, which are TypeScript; plain Node.js 20 does not run that, so it
 * is bundled first, into this directory because its modules find each other's files by their own place.
 */
import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const bundle = new URL('.recorder.bundle.mjs', import.meta.url);
await build({
  entryPoints: [fileURLToPath(new URL('recorder.ts', import.meta.url))],
  outfile: fileURLToPath(bundle),
  bundle: true,
  packages: 'external',
  platform: 'node',
  format: 'esm',
});
try {
  const { recordAll } = await import(bundle.href);
  await recordAll();
} finally {
  rmSync(bundle);
}
