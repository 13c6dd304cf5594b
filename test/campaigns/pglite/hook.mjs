// PGlite as its own tests import it, with each database on compressed pages: one in memory on files of its own, one with a
// directory on files that stay for the next database with that name. Those that name their file system keep it.
import { existsSync, mkdirSync } from 'node:fs';
import * as pglite from '@electric-sql/pglite';
import { PageFs } from 'zram-wasm/fs';
import { PageFilesystem } from 'zram-wasm/pglite';

export * from '@electric-sql/pglite';

const empty = await PageFs.create();
const directories = new Map();

/** A directory is opened on a fork of what it was: some tests open it again without closing it, as after a crash. */
function filesOf(directory) {
  if (directory === undefined || directory.startsWith('memory://')) return empty.fork();
  // An empty directory stands for the files: tests remove it to begin anew.
  const place = directory.replace(/^file:\/\//, '');
  if (!existsSync(place)) directories.delete(place);
  mkdirSync(place, { recursive: true });
  const files = (directories.get(place) ?? empty).fork();
  directories.set(place, files);
  return files;
}

function placed(first, second) {
  const options = typeof first === 'string' ? { dataDir: first, ...second } : { ...first, ...second };
  return options.fs ? options : { ...options, fs: new PageFilesystem(filesOf(options.dataDir)) };
}

export class PGlite extends pglite.PGlite {
  constructor(first, second) {
    super(placed(first, second));
  }

  static async create(first, second) {
    const db = new PGlite(first, second);
    await db.waitReady;
    return db;
  }
}
