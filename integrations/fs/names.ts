/** Calls that change names: made as Linux makes them, with its errors in its order. */
import { PATH_BYTES_MAX, PERMISSIONS, UMASK } from './constants.js';
import { fsError, type Call } from './errors.js';
import { ROOT, type Tree } from './tree.js';
import { utf8Length } from './text.js';
import { nearestTime } from './times.js';
import { inoAt, walk, type Place } from './walk.js';

/** The place of a new name. @throws FsError EEXIST; ENOENT: a slash follows a name that is not for a directory */
function newPlace(tree: Tree, path: string, directory: boolean, call: Call): Place {
  const place = walk(tree, path, 'never', call);
  if (inoAt(place, call) !== 0) throw fsError('EEXIST', call);
  if (place.slash && !directory) throw fsError('ENOENT', call);
  tree.checkRoom(place.name, call);
  return place;
}

export function makeDirectory(tree: Tree, path: string, mode: number, call: Call): void {
  const { dir, name } = newPlace(tree, path, true, call);
  const inode = tree.makeDirectory(mode & 0o1777 & ~UMASK, dir);
  inheritGroup(tree, dir, inode.ino);
  tree.addName(dir, name, inode);
}

/** In a directory with the setgid bit, what is new has the directory's group. */
export function inheritGroup(tree: Tree, dir: number, ino: number): void {
  const parent = tree.get(dir);
  if ((parent.mode & 0o2000) === 0) return;
  const inode = tree.own(ino);
  inode.gid = parent.gid;
  if (inode.isDirectory) inode.mode |= 0o2000;
}

export function makeSymlink(tree: Tree, target: string, path: string, call: Call): void {
  if (target === '') throw fsError('ENOENT', call);
  const size = utf8Length(target);
  if (size > PATH_BYTES_MAX) throw fsError('ENAMETOOLONG', call);
  const { dir, name } = newPlace(tree, path, false, call);
  tree.checkRoom(name + target, call);
  const inode = tree.makeLink(target, size);
  inheritGroup(tree, dir, inode.ino);
  tree.addName(dir, name, inode);
}

export function link(tree: Tree, from: string, to: string, call: Call): void {
  const old = walk(tree, from, 'slash', call);
  if (old.ino === 0) throw fsError('ENOENT', call);
  if (old.slash && !tree.get(old.ino).isDirectory) throw fsError('ENOTDIR', call);
  const { dir, name } = newPlace(tree, to, false, call);
  if (tree.get(old.ino).isDirectory) throw fsError('EPERM', call);
  const inode = tree.own(old.ino);
  tree.addName(dir, name, inode);
  inode.ctime = Date.now();
}

export function unlink(tree: Tree, path: string, call: Call): void {
  const place = walk(tree, path, 'never', call);
  const { dir, name, last, slash } = place;
  if (last !== 'name') throw fsError('EISDIR', call);
  const ino = inoAt(place, call);
  if (ino === 0) throw fsError('ENOENT', call);
  if (tree.get(ino).isDirectory) throw fsError('EISDIR', call);
  if (slash) throw fsError('ENOTDIR', call);
  tree.checkWritable(call);
  tree.removeName(dir, name);
}

export function removeDirectory(tree: Tree, path: string, call: Call): void {
  const place = walk(tree, path, 'never', call);
  const { dir, name, last } = place;
  if (last === 'dot') throw fsError('EINVAL', call);
  if (last === 'dotdot') throw fsError('ENOTEMPTY', call);
  if (last === 'root') throw fsError('EBUSY', call);
  const ino = inoAt(place, call);
  if (ino === 0) throw fsError('ENOENT', call);
  const inode = tree.get(ino);
  if (!inode.isDirectory) throw fsError('ENOTDIR', call);
  if (inode.directory.names.size > 0) throw fsError('ENOTEMPTY', call);
  tree.checkWritable(call);
  tree.removeName(dir, name);
}

export function rename(tree: Tree, from: string, to: string, call: Call): void {
  const old = walk(tree, from, 'never', call);
  const target = walk(tree, to, 'never', call);
  if (old.last !== 'name' || target.last !== 'name') throw fsError('EBUSY', call);
  if (inoAt(old, call) === 0) throw fsError('ENOENT', call);
  if (target.tooLong) throw fsError('ENAMETOOLONG', call);
  const moved = tree.get(old.ino);
  if (!moved.isDirectory && (old.slash || target.slash)) throw fsError('ENOTDIR', call);
  if (moved.isDirectory && holds(tree, old.ino, target.dir)) throw fsError('EINVAL', call);
  if (target.ino !== 0) {
    if (target.dir !== old.dir && holds(tree, target.ino, old.dir)) throw fsError('ENOTEMPTY', call);
    if (target.ino === old.ino) return;
    const replaced = tree.get(target.ino);
    if (moved.isDirectory && !replaced.isDirectory) throw fsError('ENOTDIR', call);
    if (!moved.isDirectory && replaced.isDirectory) throw fsError('EISDIR', call);
    if (replaced.isDirectory && replaced.directory.names.size > 0) throw fsError('ENOTEMPTY', call);
  }
  tree.checkWritable(call);
  if (target.ino !== 0) tree.removeName(target.dir, target.name);
  else if (target.name.length > old.name.length) tree.checkRoom(target.name.slice(old.name.length), call);
  tree.moveName(old.dir, old.name, target.dir, target.name);
}

/** Whether `dir` is `above` or lies somewhere in it. */
function holds(tree: Tree, above: number, dir: number): boolean {
  for (let at = dir; ; at = tree.get(at).directory.parent) {
    if (at === above) return true;
    if (at === ROOT) return false;
  }
}

/** @throws FsError ENOENT, and others of `walk` */
export function changeMode(tree: Tree, ino: number, mode: number, call: Call): void {
  tree.checkWritable(call);
  const inode = tree.own(ino);
  inode.mode = (inode.mode & ~PERMISSIONS) | (mode & PERMISSIONS);
  inode.ctime = Date.now();
}

/** Ids of -1 leave the old one. As on Linux, files lose setuid and, if their group may execute them, setgid. */
export function changeOwner(tree: Tree, ino: number, uid: number, gid: number, call: Call): void {
  tree.checkWritable(call);
  const inode = tree.own(ino);
  if (uid !== -1) inode.uid = uid;
  if (gid !== -1) inode.gid = gid;
  if (inode.isFile) inode.mode &= (inode.mode & 0o010) === 0 ? ~0o4000 : ~0o6000;
  inode.ctime = Date.now();
}

/** @throws FsError EINVAL: an invalid Date */
export function changeTimes(tree: Tree, ino: number, atime: number, mtime: number, call: Call): void {
  tree.checkWritable(call);
  if (Number.isNaN(atime) || Number.isNaN(mtime)) throw fsError('EINVAL', call);
  const inode = tree.own(ino);
  inode.atime = nearestTime(atime);
  inode.mtime = nearestTime(mtime);
  inode.ctime = Date.now();
}
