/** A database's files on compressed pages: what PGlite takes as `fs`. */
import { PGlite } from '@electric-sql/pglite';
import { EmscriptenBuiltinFilesystem } from '@electric-sql/pglite/basefs';
import { ZramError } from '../../bindings/base/errors.js';
import { ZramFS } from '../emscripten.js';
import type { PageFs } from '../fs.js';
import { stopWhenAborted } from './abort.js';

type EmscriptenOptions = Parameters<EmscriptenBuiltinFilesystem['init']>[1];

/** Settings of a `PageFilesystem`. */
export interface PageFilesystemOptions {
  /** The directory of the database in the `PageFs`, made if it is not there; `/` without it. */
  directory?: string;
  /** Whether closing the database destroys the `PageFs` too: for a fork of its own. */
  destroyFiles?: boolean;
}

/** As far as it is called here: PGlite's declarations refer to types that it does not bring along. */
interface PGliteFS {
  mkdirTree(path: string): void;
  mount(type: ZramFS, options: object, path: string): void;
  /** Closes all open files. */
  quit(): void;
}

function emscriptenFS(module: { readonly FS: object }): PGliteFS {
  return module.FS as PGliteFS;
}

/** The directories that are in use: PostgreSQL's own lock cannot tell two databases of one process apart. */
const inUse = new WeakMap<PageFs, Set<string>>();

/**
 * A file system for PGlite, beside its own `MemoryFS`, `NodeFS` and `OpfsAhpFS`: `new PGlite({ fs: new PageFilesystem(files) })`.
 *
 * The database is in one directory of a `PageFs`. All is in memory: `relaxedDurability` has nothing to relax, and what shall
 * outlive the process is saved with `files.save()` or PGlite's `dumpDataDir()`. It serves one database at a time; another
 * one is opened on a fork.
 *
 * It mounts in PGlite as `NodeFS` does, not through PGlite's `BaseFilesystem`: that one writes other bytes than it is given
 * when they are part of a larger buffer, as those of most Node.js Buffers are, and keeps a name whose file it could not make.
 */
export class PageFilesystem extends EmscriptenBuiltinFilesystem {
  /** The files: the database is in `directory`. */
  readonly files: PageFs;
  /** The directory of the database. */
  readonly directory: string;
  readonly #destroyFiles: boolean;

  constructor(files: PageFs, { directory = '/', destroyFiles = false }: PageFilesystemOptions = {}) {
    super(directory);
    this.files = files;
    this.directory = directory;
    this.#destroyFiles = destroyFiles;
  }

  /**
   * @internal Called by PGlite.
   * @throws {ZramError} `EBUSY` if a database is open in the directory
   */
  override async init(pg: PGlite, options: EmscriptenOptions): Promise<{ emscriptenOpts: EmscriptenOptions }> {
    this.#claim();
    this.pg = pg;
    await Promise.resolve(); // PGlite's constructor has set waitReady now
    pg.waitReady.catch(() => this.#release()); // a database that did not open is not closed either
    this.files.mkdirSync(this.directory, { recursive: true });
    const { PGDATA } = PGlite.paths;
    return {
      emscriptenOpts: {
        ...options,
        preRun: [
          ...(options.preRun ?? []),
          (module) => {
            stopWhenAborted(module);
            const FS = emscriptenFS(module);
            FS.mkdirTree(PGDATA);
            FS.mount(new ZramFS(module, this.files), { root: this.directory }, PGDATA);
          },
        ],
      },
    };
  }

  /** @internal Called by PGlite when the database has written all it has. */
  override closeFs(): Promise<void> {
    if (this.pg) emscriptenFS(this.pg.Module).quit();
    this.#release();
    if (this.#destroyFiles) this.files.destroy();
    return Promise.resolve();
  }

  #claim(): void {
    const directories = inUse.get(this.files) ?? new Set();
    if (directories.has(this.directory)) {
      throw new ZramError('EBUSY', `a database is open in ${this.directory}; close it, or open another one on a fork`);
    }
    inUse.set(this.files, directories.add(this.directory));
  }

  #release(): void {
    inUse.get(this.files)?.delete(this.directory);
  }
}
