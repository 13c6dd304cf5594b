/** Random changes of a file system, and all that can be seen of one. */
import type { PageFs } from '../../../integrations/fs.js';
import { Random } from '../../support/random.js';

const NOISE = new Random(1, 'noise').fill(new Uint8Array(70_000));
const DIRECTORIES = ['', '/d', '/e', '/d/x'];
const NAMES = ['a', 'b', 'c', 'grün'];

/** Bytes that compress, do not, are zeros, repeat eight bytes, or are those of another file. */
function bytesFrom(random: Random): Uint8Array {
  const length = random.pick([1, 300, 4096, 5000, 8192, 20_000, random.below(60_000)]);
  const bytes = new Uint8Array(length);
  const kind = random.below(5);
  if (kind === 0) return NOISE.subarray(random.below(8) * 1024).subarray(0, length);
  if (kind === 1) return bytes;
  if (kind === 2) return bytes.fill(random.below(3) + 1);
  for (let n = 0; n < length; n += 16) bytes.fill((n >> 4) * (random.below(4) + 1), n, n + 16);
  return bytes;
}

/** One change. What is refused, as of names that are not there, is none. */
export function change(fs: PageFs, random: Random): void {
  const path = (): string => `${random.pick(DIRECTORIES)}/${random.pick(NAMES)}`;
  const kinds: [weight: number, call: () => void][] = [
    [6, () => writeAt(fs, path(), bytesFrom(random), random.pick([0, 4096, random.below(50_000), 300_000]))],
    [3, () => fs.writeFileSync(path(), bytesFrom(random))],
    [3, () => fs.truncateSync(path(), random.pick([0, 1, 4096, random.below(40_000), 2 ** 21]))],
    [2, () => fs.unlinkSync(path())],
    [2, () => fs.renameSync(path(), path())],
    [1, () => fs.copyFileSync(path(), path())],
    [1, () => fs.mkdirSync(random.pick(DIRECTORIES.slice(1)))],
    [1, () => fs.linkSync(path(), path())],
    [1, () => fs.symlinkSync(path(), path())],
    [1, () => fs.chmodSync(path(), random.below(0o7777))],
    [1, () => fs.lchownSync(path(), random.below(1000), 2 ** 32 - 1)],
    [1, () => fs.utimesSync(path(), random.below(1e9), -1.5)],
    [1, () => fs.rmSync(random.pick(DIRECTORIES.slice(1)), { recursive: true })],
    [1, () => fs.renameSync(random.pick(DIRECTORIES), random.pick(DIRECTORIES))],
  ];
  let at = random.below(kinds.reduce((sum, [weight]) => sum + weight, 0));
  for (const [weight, call] of kinds) {
    if ((at -= weight) >= 0) continue;
    try {
      call();
    } catch (error) {
      if (typeof (error as { errno?: unknown }).errno !== 'number') throw error;
    }
    return;
  }
}

function writeAt(fs: PageFs, path: string, bytes: Uint8Array, at: number): void {
  const fd = fs.openSync(path, fs.constants.O_RDWR | fs.constants.O_CREAT);
  fs.writeSync(fd, bytes, 0, bytes.length, at);
  fs.closeSync(fd);
}

/** Names with all that is known about each but its number; content is compared by `diff`. */
export function treeOf(fs: PageFs): string[] {
  const numbers = new Map<number, number>();
  const list = (path: string): string[] => {
    const { mode, nlink, uid, gid, size, atimeMs, mtimeMs, ctimeMs, birthtimeMs, ino } = fs.lstatSync(path);
    if (!numbers.has(ino)) numbers.set(ino, numbers.size);
    const target = (mode & 0o170000) === fs.constants.S_IFLNK ? fs.readlinkSync(path) : '';
    const known = [numbers.get(ino), mode, nlink, uid, gid, size, atimeMs, mtimeMs, ctimeMs, birthtimeMs, target];
    const isDirectory = (mode & 0o170000) === fs.constants.S_IFDIR;
    const names = isDirectory ? fs.readdirSync(path).sort() : [];
    return [`${path} ${known.join(' ')}`, ...names.flatMap((name) => list(`${path === '/' ? '' : path}/${name}`))];
  };
  return list('/');
}

/** Whether nothing tells one from the other. */
export function isSame(fs: PageFs, other: PageFs): boolean {
  return fs.diff(other).length === 0 && treeOf(fs).join('\n') === treeOf(other).join('\n');
}
