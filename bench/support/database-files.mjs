/** Directories of databases, between a disk and a PageFs. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** Copies all that is in a directory of the disk into the root of a PageFs. */
export function importTree(directory, files, to = '/') {
  for (const entry of readdirSync(directory, { withFileTypes: true })) {
    const [from, target] = [path.join(directory, entry.name), path.posix.join(to, entry.name)];
    if (entry.isDirectory()) {
      files.mkdirSync(target);
      importTree(from, files, target);
    } else files.writeFileSync(target, readFileSync(from));
  }
}

/** Copies all that is in a PageFs into a directory of the disk, which it makes. */
export function exportTree(files, directory, from = '/') {
  mkdirSync(directory, { recursive: true });
  for (const entry of files.readdirSync(from, { withFileTypes: true })) {
    const [source, target] = [path.posix.join(from, entry.name), path.join(directory, entry.name)];
    if (entry.isDirectory()) exportTree(files, target, source);
    else writeFileSync(target, files.readFileSync(source));
  }
}
