/** Packs the package and installs it beside the runtimes of package.json, in build/runtimes. */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { npmPack, root } from '../../scripts/npm-pack.mjs';

export const run = promisify(execFile);
export const here = path.dirname(fileURLToPath(import.meta.url));
export const folder = path.join(root, 'build/runtimes');

export async function install() {
  mkdirSync(folder, { recursive: true });
  for (const name of ['package.json', 'checks'])
    cpSync(path.join(here, name), path.join(folder, name), { recursive: true });
  const npm = (...args) => run('npm', args, { cwd: folder });
  // Newer npm asks for each package's leave to run its scripts, older ones do not know the question.
  await npm('install', '--no-audit', '--no-fund', '--allow-scripts=all').catch(() =>
    npm('install', '--no-audit', '--no-fund'),
  );
  const { filename } = npmPack(folder);
  await npm('install', '--no-save', '--no-audit', '--no-fund', '--ignore-scripts', filename);
  return path.join(folder, filename);
}

/** The first of these files in the folder's node_modules that is there. */
export const found = (...names) => names.map((name) => path.join(folder, 'node_modules', name)).find(existsSync);
