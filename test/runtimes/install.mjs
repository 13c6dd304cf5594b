/**
 * Packs the package and installs it beside the runtimes of package.json, in build/runtimes. As a program it only brings
 * the runtimes there.
 */
import { execFile } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { npmPack, root } from '../../scripts/npm-pack.mjs';

export const run = promisify(execFile);
export const here = path.dirname(fileURLToPath(import.meta.url));
export const folder = path.join(root, 'build/runtimes');

/** What the registry has, which can be done while the package is built. Without a registry, nothing is there. */
async function download() {
  mkdirSync(folder, { recursive: true });
  cpSync(path.join(here, 'package.json'), path.join(folder, 'package.json'));
  const npm = (...args) => run('npm', ['install', '--no-audit', '--no-fund', ...args], { cwd: folder });
  try {
    // Newer npm asks for each package's leave to run its scripts, older ones do not know the question.
    await npm('--allow-scripts=all').catch(() => npm());
  } catch (error) {
    console.log(`The runtimes could not be installed: ${error.stderr || error}`);
  }
}

export async function install() {
  await download();
  cpSync(path.join(here, 'checks'), path.join(folder, 'checks'), { recursive: true });
  const { filename } = npmPack(folder);
  // Not by npm, which would ask the registry for all the rest again: how npm installs it is tested in test/package.
  const place = path.join(folder, 'node_modules/zram-wasm');
  rmSync(place, { recursive: true, force: true });
  mkdirSync(place, { recursive: true });
  await run('tar', ['-xzf', path.join(folder, filename), '-C', place, '--strip-components=1']);
}

/** The first of these files in the folder's node_modules that is there. */
export const found = (...names) => names.map((name) => path.join(folder, 'node_modules', name)).find(existsSync);

if (process.argv[1] === fileURLToPath(import.meta.url)) await download();
