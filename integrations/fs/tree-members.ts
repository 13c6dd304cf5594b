/**
 * Walks a tree and lists what is in it as members: directories before what is in them, names in order, the second name of
 * a file as a hard link to the first.
 *
 * The file system is any with Node's names: a PageFs to export from, the real one or another to import from.
 */
import type { NodeStats, ReadableFs } from './node-calls.js';
import type { Member } from './tar-reader.js';
import { refusal, shown } from './refusal.js';

/** A member, where it is, and what its file system says of it. */
export interface Found {
  readonly path: string;
  readonly member: Member;
  readonly stats: NodeStats;
}

/**
 * Everything below a directory, and the directory itself as `./`, first.
 * @throws EPERM: a device, socket or fifo
 */
export function* membersOf(fs: ReadableFs, root: string): Generator<Found> {
  /** The first name of each file that has several. */
  const names = new Map<string, string>();
  const top = fs.lstatSync(root === '' ? '/' : root);
  if (!top.isDirectory()) throw refusal('ENOTDIR', `${shown(root)} is not a directory`);
  yield { path: root === '' ? '/' : root, stats: top, member: memberOf(fs, root, './', top, names) };
  /** Directories whose names are being listed: names that are left, in reverse order. */
  const open = [{ path: root, prefix: '', names: listed(fs, root) }];
  for (;;) {
    const last = open.at(-1);
    if (last === undefined) return;
    const name = last.names.pop();
    if (name === undefined) {
      open.pop();
      continue;
    }
    const path = `${last.path}/${name}`;
    const stats = fs.lstatSync(path);
    const short = `${last.prefix}${name}${stats.isDirectory() ? '/' : ''}`;
    yield { path, stats, member: memberOf(fs, path, short, stats, names) };
    if (stats.isDirectory()) open.push({ path, prefix: short, names: listed(fs, path) });
  }
}

function listed(fs: ReadableFs, path: string): string[] {
  // By code units, which is the same everywhere.
  return fs.readdirSync(path === '' ? '/' : path).sort((a, b) => (a < b ? 1 : -1));
}

function memberOf(fs: ReadableFs, path: string, name: string, stats: NodeStats, names: Map<string, string>): Member {
  const member: Member = {
    type: 'file',
    name,
    link: '',
    size: 0,
    mode: stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
    mtimeMs: stats.mtimeMs,
    atimeMs: stats.atimeMs,
  };
  if (stats.isDirectory()) return { ...member, type: 'directory' };
  if (!stats.isFile() && !stats.isSymbolicLink()) {
    throw refusal(
      'EPERM',
      `${shown(path)} is a device, a socket or a fifo: only files, directories and links are taken`,
    );
  }
  if (stats.nlink > 1) {
    const id = `${stats.dev}:${stats.ino}`;
    const first = names.get(id);
    if (first !== undefined) return { ...member, type: 'link', link: first };
    names.set(id, name);
  }
  if (stats.isSymbolicLink()) return { ...member, type: 'symlink', link: fs.readlinkSync(path) };
  return { ...member, size: stats.size };
}
