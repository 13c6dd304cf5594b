/** From a path to an inode, by the rules of Linux: links, dots, slashes at the end, and the limits of names. */
import { utf8Length } from './text.js';
import { LINKS_MAX, NAME_BYTES_MAX, PATH_BYTES_MAX } from './constants.js';
import { fsError, type Call } from './errors.js';
import type { Inode } from './inode.js';
import { ROOT, type Tree } from './tree.js';

/** What to do with a symbolic link at the end of a path. */
export type Follow =
  /** Go on to its target. */
  | 'always'
  /** The same, unless a slash follows: what is opened to be made cannot be a directory. */
  | 'create'
  /** Take the link itself, unless a slash follows. */
  | 'slash'
  /** Take the link itself: for calls that change names. */
  | 'never';

/** What the last part of a path is. */
export type Last = 'name' | 'dot' | 'dotdot' | 'root';

/** The end of a walk. */
export interface Place {
  /** The directory with the last name. */
  readonly dir: number;
  readonly name: string;
  /** What has this name; 0 if nothing has. */
  readonly ino: number;
  readonly last: Last;
  /** A slash follows the last name. */
  readonly slash: boolean;
  /** The last name is longer than names can be. Only where no link is followed: other walks throw. */
  readonly tooLong: boolean;
}

const SLASH = 47;

/** @throws FsError ENOENT, ENOTDIR, ELOOP, ENAMETOOLONG: also for names before the last */
export function walk(tree: Tree, path: string, follow: Follow, call: Call): Place {
  if (path === '') throw fsError('ENOENT', call);
  if (path.length > PATH_BYTES_MAX / 3 && utf8Length(path) > PATH_BYTES_MAX) throw fsError('ENAMETOOLONG', call);
  let [text, at, dir, links] = [path, 0, ROOT, 0];
  while (text.charCodeAt(at) === SLASH) at++;
  if (at === text.length) return { dir, name: '', ino: ROOT, last: 'root', slash: false, tooLong: false };
  for (;;) {
    let end = text.indexOf('/', at);
    const slash = end >= 0;
    if (!slash) end = text.length;
    const name = text.slice(at, end);
    for (at = end; text.charCodeAt(at) === SLASH;) at++;
    const isLast = at === text.length;
    if (name === '.' || name === '..') {
      if (name === '..') dir = tree.get(dir).directory.parent;
      if (isLast) return { dir, name, ino: dir, last: name === '.' ? 'dot' : 'dotdot', slash, tooLong: false };
      continue;
    }
    const ends = isLast && (follow === 'never' || (follow === 'create' && slash));
    const tooLong = name.length > NAME_BYTES_MAX / 3 && utf8Length(name) > NAME_BYTES_MAX;
    if (tooLong && !ends) throw fsError('ENAMETOOLONG', call);
    const ino = tree.get(dir).directory.names.get(name) ?? 0;
    if (ino === 0 && !isLast) throw fsError('ENOENT', call);
    const inode = ino === 0 ? undefined : tree.get(ino);
    if (inode?.isLink && !ends && !(isLast && follow === 'slash' && !slash)) {
      if (++links > LINKS_MAX) throw fsError('ELOOP', call);
      const target = inode.content as string;
      text = slash ? `${target}/${text.slice(at)}` : target;
      at = 0;
      if (text.charCodeAt(0) === SLASH) {
        dir = ROOT;
        while (text.charCodeAt(at) === SLASH) at++;
        if (at === text.length) return { dir, name: '', ino: ROOT, last: 'root', slash: false, tooLong: false };
      }
      continue;
    }
    if (isLast) return { dir, name, ino, last: 'name', slash, tooLong };
    if (!inode?.isDirectory) throw fsError('ENOTDIR', call);
    dir = ino;
  }
}

/** The inode of a path. @throws FsError as `walk`; ENOENT: there is none */
export function find(tree: Tree, path: string, follow: 'always' | 'slash', call: Call): Inode {
  const { ino, slash } = walk(tree, path, follow, call);
  if (ino === 0) throw fsError('ENOENT', call);
  const inode = tree.get(ino);
  if (slash && !inode.isDirectory) throw fsError('ENOTDIR', call);
  return inode;
}

/** The inode of a place with a name, 0 if there is none. @throws FsError ENAMETOOLONG */
export function inoAt({ ino, tooLong }: Place, call: Call): number {
  if (tooLong) throw fsError('ENAMETOOLONG', call);
  return ino;
}
