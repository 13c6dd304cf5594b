/** Snapshots of all files, by number, and the names by which SQLite opens files of them: `app.db?snapshot=3`. */
import { ZramError } from '../../bindings/base/errors.js';
import type { PageFs } from '../fs.js';
import { OPEN_MAIN_DB, OPEN_URI } from './codes.js';
import { Store } from './store.js';

/** A file by its store and path. */
export interface Found {
  readonly store: Store;
  /** null: a temporary file. */
  readonly path: string | null;
  /** It never changes and needs nothing but itself, so SQLite may leave out locks and the search for journals. */
  readonly immutable: boolean;
}

/** What follows a name: parameters of a URI, and SQLite's endings. */
const QUERY = /^(.*?)\?(.*?)(-journal|-wal)?$/s;

/** The path in a name, the number of its snapshot, and SQLite's ending behind it. */
function parse(name: string): { path: string; snapshot: number | undefined; ending: string } {
  const match = QUERY.exec(name);
  if (!match) return { path: name, snapshot: undefined, ending: '' };
  const [, path, query, ending = ''] = match;
  const value = new URLSearchParams(query).get('snapshot');
  return { path, snapshot: value === null ? undefined : Number(value), ending };
}

interface Taken {
  readonly fs: PageFs;
  readonly path: string;
}

export class Snapshots {
  readonly #taken = new Map<number, Taken>();
  #last = 0;

  has(id: number): boolean {
    return this.#taken.has(id);
  }

  /** Whether a name is that of a snapshot that is not there. */
  isUnknown(name: string): boolean {
    const { snapshot } = parse(name);
    return snapshot !== undefined && !this.has(snapshot);
  }

  ids(): number[] {
    return [...this.#taken.keys()];
  }

  /** @param path the file that is known to be between transactions */
  add(fs: PageFs, path: string): number {
    const id = ++this.#last;
    this.#taken.set(id, { fs: fs.snapshot(), path });
    return id;
  }

  /** @throws ZramError ENOENT */
  get(id: number): Taken {
    const taken = this.#taken.get(id);
    if (!taken) throw new ZramError('ENOENT', `there is no snapshot ${id}.`);
    return taken;
  }

  delete(id: number): void {
    const { fs } = this.get(id);
    for (const { path } of Store.of(fs).files) {
      throw new ZramError('EBUSY', `snapshot ${id} is open as ${path}?snapshot=${id}: close it first.`);
    }
    this.#taken.delete(id);
    fs.destroy();
  }

  clear(): void {
    for (const { fs } of this.#taken.values()) fs.destroy();
    this.#taken.clear();
  }

  /** @throws ZramError ENOENT: no such snapshot; EINVAL: it was not taken for this file */
  find(name: string | null, store: Store, flags: number): Found {
    if (name === null) return { store, path: null, immutable: false };
    const { path, snapshot, ending } = parse(name);
    if (snapshot === undefined) {
      return { store, path: (flags & OPEN_URI) !== 0 ? path : name, immutable: false };
    }
    const taken = this.get(snapshot);
    if (normal(taken.path) !== normal(path)) {
      throw new ZramError('EINVAL', `snapshot ${snapshot} is one of ${taken.path}, not of ${path}.`);
    }
    const { fs } = taken;
    const hasWal = fs.existsSync(`${path}-wal`) && fs.statSync(`${path}-wal`).size > 0;
    // SQLite asks for the WAL of a URI without its parameters, and would be given that of the live database.
    if (hasWal && (flags & OPEN_URI) !== 0) {
      throw new ZramError(
        'EINVAL',
        `snapshot ${snapshot} has a WAL: open it as '${path}?snapshot=${snapshot}', not by URI.`,
      );
    }
    const immutable = (flags & OPEN_MAIN_DB) !== 0 && !hasWal;
    return { store: Store.of(fs), path: path + ending, immutable };
  }
}

/** A path from the root, which may be given with or without a slash. */
export function normal(path: string): string {
  return path.startsWith('/') ? path : `/${path}`;
}
