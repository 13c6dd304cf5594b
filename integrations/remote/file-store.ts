/** A directory as an object store, for Node.js: on one disk, or one that machines share. */
import { ZramError } from '../../bindings/base/errors.js';
import type { ByteRange, ListedObject, ObjectStore } from './object-store.js';

/** What is being written, and not there yet. */
const UNFINISHED = '.part';

/**
 * A directory as an {@link ObjectStore}. Each object is a file; it is written beside its place, flushed to the disk and
 * renamed, so that it is whole whenever the machine stops. Machines may share a directory by a network file system whose
 * renames and lists are seen by all at once.
 * @param directory is made when something is stored
 */
export function fileStore(directory: string): ObjectStore {
  return new FileStore(directory);
}

class FileStore implements ObjectStore {
  readonly name: string;
  #written = 0;

  constructor(private readonly directory: string) {
    if (typeof directory !== 'string' || directory === '')
      throw new ZramError('EINVAL', 'fileStore needs the path of a directory.');
    this.name = directory;
  }

  async get(key: string, range?: ByteRange): Promise<Uint8Array | undefined> {
    const { open } = await fs();
    return ifThere(async () => {
      const file = await open(this.#path(key), 'r');
      try {
        const { size } = await file.stat();
        const { start, end } = range ?? { start: 0, end: size };
        const bytes = new Uint8Array(Math.max(0, Math.min(end, size) - start));
        let done = 0;
        while (done < bytes.length) {
          const { bytesRead } = await file.read(bytes, done, bytes.length - done, start + done);
          if (bytesRead === 0) break;
          done += bytesRead;
        }
        return bytes.subarray(0, done);
      } finally {
        await file.close();
      }
    });
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    const { mkdir, open, rename, rm } = await fs();
    const path = this.#path(key);
    const unfinished = `${path}.${globalThis.process.pid}-${this.#written++}${UNFINISHED}`;
    await mkdir(path.slice(0, path.lastIndexOf('/')), { recursive: true });
    try {
      const file = await open(unfinished, 'wx');
      try {
        await file.writeFile(bytes);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(unfinished, path);
    } catch (error) {
      await rm(unfinished, { force: true });
      throw error;
    }
  }

  async list(prefix: string): Promise<readonly ListedObject[]> {
    const { readdir, stat } = await fs();
    const folder = prefix.slice(0, prefix.lastIndexOf('/') + 1);
    const names = (await ifThere(() => readdir(`${this.directory}/${folder}`, { withFileTypes: true }))) ?? [];
    const found: ListedObject[] = [];
    for (const entry of names) {
      const key = folder + entry.name;
      if (!entry.isFile() || entry.name.endsWith(UNFINISHED) || !key.startsWith(prefix)) continue;
      const seen = await ifThere(() => stat(this.#path(key))); // it may be deleted meanwhile
      if (seen) found.push({ key, size: seen.size });
    }
    return found;
  }

  async delete(key: string): Promise<void> {
    const { rm } = await fs();
    await rm(this.#path(key), { force: true });
  }

  #path(key: string): string {
    if (/^[\w%.-]+(\/[\w%.-]+)*$/.test(key) && !/(^|\/)\.\.?(\/|$)/.test(key)) return `${this.directory}/${key}`;
    throw new ZramError('EINVAL', `'${key}' is no key of an object here.`);
  }
}

/** Loaded when it is needed: the other stores are for browsers as well. */
function fs(): Promise<typeof import('node:fs/promises')> {
  return import('node:fs/promises');
}

async function ifThere<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ENOENT') return undefined;
    throw error;
  }
}
