/** Files that every machine with Node has: programs, libraries and the text of the modules installed with it. */
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

/** All regular files under some directories whose names match, in an order that is the same each time. */
export function* filesUnder(directories, pattern) {
  for (const directory of directories) {
    if (!existsSync(directory)) continue;
    const entries = readdirSync(directory, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1));
    for (const entry of entries) {
      const full = path.join(directory, entry.name);
      if (entry.isDirectory()) yield* filesUnder([full], pattern);
      else if (entry.isFile() && pattern.test(entry.name)) yield full;
    }
  }
}

/** Where Node's own modules and headers are, on each system, and what this package has installed. */
export function textDirectories() {
  const beside = path.dirname(process.execPath);
  return [
    path.join(beside, '../lib/node_modules'),
    path.join(beside, 'node_modules'),
    path.join(beside, '../include/node'),
    path.join(ROOT, 'node_modules'),
  ];
}

/** The running program and the shared objects that it has loaded. */
export function programFiles() {
  const files = [process.execPath];
  if (process.platform === 'linux') {
    for (const line of readFileSync('/proc/self/maps', 'utf8').split('\n')) {
      const file = /(\/\S+\.so[.\d]*)$/.exec(line)?.[1];
      if (file && existsSync(file)) files.push(file);
    }
  }
  // Programs that come with the development dependencies, for where Node is one small program and a large library.
  const addOns = filesUnder([path.join(ROOT, 'node_modules')], /^esbuild(?:\.exe)?$|\.(?:node|so|dylib|dll)$/);
  return [...new Set([...files, ...addOns])];
}
