/** The command line as a process of its own, from today's sources, for what only a process has: signals, pipes, memory. */
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

export interface Executable {
  /** Of the script: run it with this Node. */
  readonly path: string;
  remove(): void;
}

/** Bundles cli/ with the library into a folder that looks like an installed package. */
export function buildExecutable(): Executable {
  const folder = mkdtempSync(join(tmpdir(), 'zram-wasm-bin-'));
  chmodSync(folder, 0o755); // other users may run it
  const path = join(folder, 'dist', 'cli.js');
  mkdirSync(join(folder, 'dist'));
  copyFileSync('package.json', join(folder, 'package.json'));
  const options = { entryPoints: ['cli/main.ts'], outfile: path, bundle: true, platform: 'node', format: 'esm' };
  // In a process of its own: esbuild does not take the globals that jest gives to tests.
  const script = `import { buildSync } from 'esbuild'; buildSync(${JSON.stringify(options)});`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
  });
  if (status !== 0) throw new Error(`cli/ could not be bundled: ${stderr}`);
  return { path, remove: () => rmSync(folder, { recursive: true }) };
}
