/** Reading, writing and cutting the content of files. Bytes of the last page beyond the end of a file are always zeros. */
import { ZramError } from '../../bindings/base/errors.js';
import type { Zram } from '../../bindings/index.js';
import { FILE_BYTES_MAX, PAGE_SIZE } from './constants.js';
import { asFsError, fsError, type Call } from './errors.js';
import type { Inode } from './inode.js';
import type { PageMap } from './page-map.js';
import type { Tree } from './tree.js';

/** A page that is being put together. Calls are synchronous, so one is enough. */
const scratch = new Uint8Array(PAGE_SIZE);

function lost(name: string): ZramError {
  return new ZramError('EINVAL', `${name} must not be detached (transferred) or shrunk.`);
}

/** Reads as many bytes as there are, at most what `out` holds. Returns their number. */
export function readContent(tree: Tree, inode: Inode, out: Uint8Array, position: number, call: Call): number {
  const length = Math.min(out.length, inode.size - position);
  if (length <= 0) return 0;
  const { map } = inode;
  tree.beginContent();
  try {
    for (let done = 0; done < length;) {
      const at = position + done;
      const inPage = at % PAGE_SIZE;
      const { device, count } = map.at((at - inPage) / PAGE_SIZE);
      const here = Math.min(length - done, count * PAGE_SIZE - inPage);
      if (done + here > out.length) throw lost('out');
      const part = done === 0 && here === out.length ? out : out.subarray(done, done + here);
      if (device < 0) part.fill(0);
      else tree.device.read(device * PAGE_SIZE + inPage, here, part);
      done += here;
    }
  } catch (error) {
    throw asFsError(error, call);
  } finally {
    tree.endContent();
  }
  return length;
}

/**
 * Writes as many bytes as there is room for. Returns their number; the size grows to where they end, and everything behind
 * keeps its old content.
 * @throws FsError ENOSPC: there is room for none; EFBIG: it would begin beyond the greatest size
 */
export function writeContent(tree: Tree, ino: number, bytes: Uint8Array, position: number, call: Call): number {
  const disk = tree.writable(call);
  if (bytes.length === 0) return 0;
  if (position >= FILE_BYTES_MAX) throw fsError('EFBIG', call);
  const inode = tree.own(ino);
  const map = tree.ownMap(inode);
  const wanted = Math.min(position + bytes.length, FILE_BYTES_MAX);
  const first = Math.floor(position / PAGE_SIZE);
  const mapped = tree.mapPages(map, first, Math.ceil(wanted / PAGE_SIZE) - first);
  const end = Math.min(wanted, (first + mapped) * PAGE_SIZE);
  let at = position;
  tree.beginContent();
  try {
    while (at < end) at += writePiece(disk, inode, map, bytes, position, at, end);
  } catch (error) {
    if (!(error instanceof ZramError)) throw error;
    at += (error.pagesDone ?? 0) * PAGE_SIZE;
    if (error.code !== 'ENOMEM' && at === position) throw asFsError(error, call);
  } finally {
    if (at > position) {
      if (at > inode.size) tree.resize(inode, at);
      inode.mtime = Date.now();
      inode.ctime = inode.mtime;
    }
    tree.endContent();
  }
  if (at <= position) throw fsError('ENOSPC', call);
  return at - position;
}

/** Writes what lies in one piece on the device, or in one page. Returns the number of bytes. */
function writePiece(
  disk: Zram,
  inode: Inode,
  map: PageMap,
  bytes: Uint8Array,
  position: number,
  at: number,
  end: number,
): number {
  const inPage = at % PAGE_SIZE;
  const page = (at - inPage) / PAGE_SIZE;
  const { device, count } = map.at(page);
  const whole = inPage === 0 ? Math.min(count, Math.floor((end - at) / PAGE_SIZE)) : 0;
  const length = whole > 0 ? whole * PAGE_SIZE : Math.min(PAGE_SIZE - inPage, end - at);
  const from = at - position;
  // A compressor of the caller's may have changed it.
  if (from + length > bytes.length) throw lost('bytes');
  const part = length === bytes.length ? bytes : bytes.subarray(from, from + length);
  if (whole > 0) disk.writePages(device, part);
  else if ((inPage === 0 && at + length >= inode.size) || page * PAGE_SIZE >= inode.size) {
    // All else in this page is zeros, so there is nothing to be read.
    scratch.fill(0, 0, inPage);
    scratch.set(part, inPage);
    scratch.fill(0, inPage + length);
    disk.writePage(device, scratch);
  } else disk.write(device * PAGE_SIZE + inPage, part);
  return length;
}

/** @throws FsError ENOSPC, and nothing has changed; EFBIG */
export function truncateContent(tree: Tree, ino: number, size: number, call: Call): void {
  const disk = tree.writable(call);
  if (size > FILE_BYTES_MAX) throw fsError('EFBIG', call);
  const inode = tree.own(ino);
  if (size < inode.size) {
    zeroTail(tree, disk, inode, size, call);
    tree.cutPages(inode, Math.ceil(size / PAGE_SIZE));
  }
  tree.resize(inode, size);
  inode.mtime = Date.now();
  inode.ctime = inode.mtime;
}

/** Makes the rest of the page with the new end zeros. */
function zeroTail(tree: Tree, disk: Zram, inode: Inode, size: number, call: Call): void {
  const inPage = size % PAGE_SIZE;
  const { device } = inode.map.at((size - inPage) / PAGE_SIZE);
  if (inPage === 0 || device < 0) return;
  tree.beginContent();
  try {
    disk.writeZeroes(device * PAGE_SIZE + inPage, Math.min(PAGE_SIZE - inPage, inode.size - size));
  } catch (error) {
    throw asFsError(error, call);
  } finally {
    tree.endContent();
  }
}
