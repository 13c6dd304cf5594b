/** Files of `PageFs.save`, what is in them, and whether what was loaded works. */
import { createHash } from 'node:crypto';
import type { Engine } from '../../../bindings/index.js';
import { PageFs, type FsError, type SavedFileSystems } from '../../../integrations/fs.js';
import { Random } from '../../support/random.js';
import { MemorySink } from '../../save/support.js';

const PAGE_SIZE = 4096;
/** Sizes up to which files are read whole. */
const READ_MAX = 2 ** 20;

export async function savedFiles(what: SavedFileSystems): Promise<Uint8Array<ArrayBuffer>> {
  const sink = new MemorySink();
  await PageFs.saveAll(sink, what);
  return new Uint8Array(sink.bytes);
}

/** A small tree with everything that there is, a fork in which some of it differs, and a snapshot of that. */
export function sampleFiles(engine: Engine): { base: PageFs; fork: PageFs; then: PageFs } {
  const base = PageFs.createSync({ engine });
  const noise = new Random(7, 'sample').fill(new Uint8Array(3 * PAGE_SIZE));
  base.mkdirSync('/d/e', { recursive: true });
  base.writeFileSync('/d/small', 'a few bytes');
  base.writeFileSync('/d/two', noise.subarray(0, 5000));
  base.writeFileSync('/empty', '');
  base.linkSync('/d/two', '/d/e/again');
  base.symlinkSync('d/small', '/link');
  base.symlinkSync('/nowhere/é', '/d/broken');
  const fd = base.openSync('/sparse', 'w+');
  base.writeSync(fd, noise.subarray(0, 100), 0, 100, 40 * PAGE_SIZE);
  base.writeSync(fd, 'x', 90 * PAGE_SIZE);
  base.ftruncateSync(fd, 200 * PAGE_SIZE + 5);
  base.closeSync(fd);
  base.writeFileSync('/gone', noise);
  base.writeFileSync('/modes', 'é', { mode: 0o640 });
  base.chmodSync('/modes', 0o4751);
  base.lchownSync('/link', 7, 2 ** 32 - 1);
  base.chownSync('/d/e', 1000, 100);
  base.utimesSync('/d/small', 1.5, new Date(-86_400_000));
  base.lutimesSync('/link', 0, 4e9);
  base.unlinkSync('/gone');
  const fork = base.fork();
  fork.writeFileSync('/d/small', 'other bytes');
  fork.mkdirSync('/new');
  fork.renameSync('/d/e', '/new/e');
  fork.truncateSync('/d/two', 4500);
  const then = fork.snapshot();
  fork.rmSync('/new', { recursive: true });
  return { base, fork, then };
}

/** Everything that calls tell about a file system, path by path. */
export function listingOf(fs: PageFs): string[] {
  const all = ['', ...fs.readdirSync('/', { recursive: true })].sort();
  return all.map((path) => {
    const stats = fs.lstatSync(`/${path}`);
    const { mode, uid, gid, nlink, ino, size, blocks, atimeMs, mtimeMs, ctimeMs, birthtimeMs } = stats;
    const numbers = [mode, uid, gid, nlink, ino, size, blocks, atimeMs, mtimeMs, ctimeMs, birthtimeMs];
    const content = stats.isFile() ? hashOf(fs, path, size) : stats.isSymbolicLink() ? fs.readlinkSync(`/${path}`) : '';
    return `/${path} ${numbers.join()} ${content}`;
  });
}

function hashOf(fs: PageFs, path: string, size: number): string {
  if (size <= READ_MAX)
    return createHash('sha1')
      .update(fs.readFileSync(`/${path}`))
      .digest('hex');
  const hash = createHash('sha1');
  const bytes = new Uint8Array(64 * PAGE_SIZE);
  const fd = fs.openSync(`/${path}`, 'r');
  for (const at of [0, Math.floor(size / 2), size - bytes.length]) {
    fs.readSync(fd, bytes, 0, bytes.length, at);
    hash.update(bytes);
  }
  fs.closeSync(fd);
  return hash.digest('hex');
}

/**
 * What a file system of a file that nobody wrote is used for: nothing in it may fail, and all can be removed. Ends it.
 * @param isFull it may be that no pages of the device are left
 */
export function useUp(fs: PageFs, isFull = false): void {
  listingOf(fs);
  const fork = fs.fork();
  fs.destroy();
  const added = Array.from({ length: 40 }, (_, n) => `/added ${n}`);
  for (const [n, path] of added.entries()) {
    const fd = fork.openSync(path, 'wx+');
    try {
      fork.writeSync(fd, 'y', (n % 3) * 9000);
    } catch (error) {
      if (isFull && (error as FsError).code === 'ENOSPC') continue;
      throw error;
    } finally {
      fork.closeSync(fd);
    }
    const expected = new Uint8Array((n % 3) * 9000 + 1);
    expected[expected.length - 1] = 121;
    if (Buffer.compare(fork.readFileSync(path), expected) !== 0) throw new Error(`${path} reads as something else`);
  }
  for (const name of fork.readdirSync('/')) fork.rmSync(`/${name}`, { recursive: true });
  const { files, directories, links, bytes, privateBytes, sharedBytes, metadataBytes } = fork.stats();
  const left = [files, directories - 1, links, bytes, privateBytes, sharedBytes];
  if (left.some((number) => number !== 0) || metadataBytes > 1000)
    throw new Error(`left: ${left.join()}, ${metadataBytes}`);
  fork.destroy();
}
