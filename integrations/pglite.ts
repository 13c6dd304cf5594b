/// <reference lib="esnext.disposable" preserve="true" />
/**
 * PGlite databases on compressed pages, and forks of them.
 *
 * A database is migrated once, and every test, user or agent gets a fork of its own: a fork copies no data, and is written
 * without the others' seeing it.
 * @module zram-wasm/pglite
 */
import { PGlite, type Extensions, type PGliteInterfaceExtensions, type PGliteOptions } from '@electric-sql/pglite';
import { ZramError } from '../bindings/base/errors.js';
import { PageFs } from './fs.js';
import { PageFilesystem } from './pglite/filesystem.js';

export { PageFilesystem, type PageFilesystemOptions } from './pglite/filesystem.js';

/** A PGlite with the namespaces of its extensions. */
export type Database<E extends Extensions = Extensions> = PGlite & PGliteInterfaceExtensions<E>;

/** PGlite's own options, without those that say where the files are. */
export type ForkOptions<E extends Extensions = Extensions> = Omit<
  PGliteOptions<E>,
  'dataDir' | 'fs' | 'loadDataDir' | 'noInitDb' | 'initDbStartParams' | 'pgDataProxyFs'
>;

/** Options of `createBase`: PGlite's own, which also hold for the forks, and where the files are. */
export type BaseOptions<E extends Extensions = Extensions> = Omit<PGliteOptions<E>, 'dataDir' | 'fs' | 'noInitDb'> & {
  /** Files to put the database in; without it, a `PageFs` of its own. */
  files?: PageFs;
};

/**
 * PostgreSQL's cache of pages. PGlite's 128 MB are written with zeros at every start, which takes as long as the rest of it,
 * and stay resident with each open database; pages that are not in the cache are a few microseconds away here.
 */
const CACHE = ['-c', 'shared_buffers=16MB'];

/**
 * A database that is migrated and closed, and of which any number of forks are opened.
 *
 * `createBase` makes one. The constructor takes files that hold a database already, as from `PageFs.load`: in `/`, and closed
 * properly, since each fork would recover by itself otherwise. A base is not written by its forks, and must not be written
 * by others.
 */
export class DatabaseBase<E extends Extensions = Extensions> {
  /** The database's files: `files.save(sink)` keeps them for `PageFs.load`, `files.stats()` tells their size. */
  readonly files: PageFs;
  /** PGlite's options for each fork. */
  readonly options: ForkOptions<E>;

  constructor(files: PageFs, options: ForkOptions<E> = {}) {
    this.files = files;
    this.options = options;
  }

  /**
   * Opens a fork of its own. It takes as long as PGlite takes to start; the fork itself is made in well under a
   * millisecond, and holds what it writes. Closing the database gives that back.
   *
   * @param options PGlite's options, over those of the base
   * @throws whatever PGlite throws when it cannot open; the fork is gone then
   */
  fork(options: ForkOptions<E> = {}): Promise<Database<E>> {
    return openFork(this.files.fork(), '/', { ...this.options, ...options });
  }

  /** Gives the base's memory back. Forks that are open go on, and hold what they need of it. */
  destroy(): void {
    this.files.destroy();
  }

  /** The same as `destroy()`, for `using`. */
  [Symbol.dispose](): void {
    this.destroy();
  }
}

/**
 * Makes a database, calls `migrate` with it, and closes it for `fork()`.
 *
 * ```js
 * const base = await createBase(async (db) => { await db.exec(schema); });
 * const db = await base.fork(); // for each test
 * ```
 *
 * @param migrate what the base shall hold: tables, rows, extensions. It need not close the database
 * @param options PGlite's own options, such as `extensions`, which also hold for each fork, or `loadDataDir`, for the base
 *   alone; and `files`
 * @throws what PGlite or `migrate` throws; {@link ZramError} `EIO` if the database did not shut down, as when memory ended
 */
export async function createBase<E extends Extensions = Extensions>(
  migrate: (db: Database<E>) => unknown,
  options: BaseOptions<E> = {},
): Promise<DatabaseBase<E>> {
  const { files = await PageFs.create(), ...forBase } = options;
  const { loadDataDir: _, initDbStartParams: __, ...forForks } = forBase;
  try {
    const db = await open<E>(new PageFilesystem(files), forBase);
    try {
      await migrate(db);
    } finally {
      if (!db.closed) await db.close();
    }
    checkShutDown(files);
  } catch (error) {
    if (!options.files) files.destroy();
    throw error;
  }
  return new DatabaseBase<E>(files, forForks);
}

/**
 * Opens a fork: of a base, or of a database that is open on a `PageFilesystem`.
 *
 * The fork of an open database has all that was committed. It starts as after a crash: PostgreSQL recovers, from a checkpoint
 * that is made here; unlogged tables are empty then, which a base's are not. Transactions under way are not in it.
 *
 * @param from the base, or the open database
 * @param options PGlite's options: over those of a base; all of them, such as `extensions`, for an open database
 * @throws {ZramError} `EINVAL` for a database whose files are not in a `PageFilesystem`
 */
export async function forkDatabase<E extends Extensions = Extensions>(
  from: DatabaseBase<E> | PGlite,
  options: ForkOptions<E> = {},
): Promise<Database<E>> {
  if (from instanceof DatabaseBase) return from.fork(options);
  await from.waitReady;
  const { fs } = from;
  if (!(fs instanceof PageFilesystem)) {
    throw new ZramError('EINVAL', 'a fork needs a database that was opened with fs: new PageFilesystem(files)');
  }
  await checkpoint(from);
  const files = await from.runExclusive(() => Promise.resolve(fs.files.fork())); // no query is half done
  return openFork(files, fs.directory, options);
}

async function openFork<E extends Extensions>(
  files: PageFs,
  directory: string,
  options: ForkOptions<E>,
): Promise<Database<E>> {
  try {
    return await open(new PageFilesystem(files, { directory, destroyFiles: true }), options);
  } catch (error) {
    files.destroy();
    throw error;
  }
}

async function open<E extends Extensions>(fs: PageFilesystem, options: PGliteOptions<E>): Promise<Database<E>> {
  const startParams = options.startParams ?? [...PGlite.defaultStartParams, ...CACHE];
  return (await PGlite.create({ ...options, startParams, fs })) as Database<E>;
}

/** Shortens the recovery of a fork. Roles that may not do it need not. */
async function checkpoint(db: PGlite): Promise<void> {
  const DENIED = '42501';
  try {
    await db.exec('CHECKPOINT');
  } catch (error) {
    if ((error as { code?: string }).code !== DENIED) throw error;
  }
}

/** PGlite's close() keeps to itself what went wrong; PostgreSQL writes down the state it left. */
function checkShutDown(files: PageFs): void {
  const STATE_AT = 16;
  const SHUT_DOWN = 1;
  const control = files.readFileSync('/global/pg_control');
  if (new DataView(control.buffer, control.byteOffset).getUint32(STATE_AT, true) !== SHUT_DOWN) {
    throw new ZramError('EIO', 'the base did not shut down properly; see whether memory ended, and make it again');
  }
}
