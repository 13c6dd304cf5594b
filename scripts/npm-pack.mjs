// Packs what is in dist/, without building it first.
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');

/** Writes the tarball into `folder` and returns npm's account of it: `filename`, `size`, `files` and more. */
export function npmPack(folder) {
  const args = ['pack', '--json', '--ignore-scripts', '--pack-destination', folder];
  // npm is a shell script or a batch file; where npm runs us it tells where its own JavaScript is.
  const { npm_execpath: npm } = process.env;
  const [command, first] = npm?.endsWith('.js') ? [process.execPath, [npm]] : ['npm', []];
  const output = execFileSync(command, [...first, ...args], {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return JSON.parse(output)[0];
}
