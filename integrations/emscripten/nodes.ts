/**
 * Names: what a module does to files and directories that need not be open.
 *
 * Emscripten keeps a node for each name that was ever looked up, and finds the children of a mounted directory by asking.
 * A node holds no content; its path is made of the names above it when a call needs it. A file is changed first, and its
 * node afterwards, so that a call that fails leaves no node behind.
 */
import type { PageFs, Stats } from '../fs.js';
import type { Errors } from './errors.js';
import { rootOf, type EmscriptenFS, type Mount, type NewAttributes, type Node } from './module.js';

const PERMISSIONS = 0o7777;
const TYPE = 0o170000;
const DIRECTORY = 0o040000;
const FILE = 0o100000;
const LINK = 0o120000;
/** Number of the device that stat() reports: Emscripten's own file system in memory is 1. */
const DEVICE = 0x7a72;

export interface Attributes {
  readonly dev: number;
  readonly ino: number;
  readonly mode: number;
  readonly nlink: number;
  readonly uid: number;
  readonly gid: number;
  readonly rdev: number;
  readonly size: number;
  readonly blksize: number;
  readonly blocks: number;
  readonly atime: Date;
  readonly mtime: Date;
  readonly ctime: Date;
}

export function attributesOf(stats: Stats): Attributes {
  const { ino, mode, nlink, uid, gid, size, blksize, blocks } = stats;
  return {
    dev: DEVICE,
    ino,
    mode,
    nlink,
    uid,
    gid,
    rdev: 0,
    size,
    blksize,
    blocks,
    atime: new Date(stats.atimeMs),
    mtime: new Date(stats.mtimeMs),
    ctime: new Date(stats.ctimeMs),
  };
}

/** The two times of a change, where it sets any; the one that is missing stays as `now` has it. */
export function newTimes(node: Node, attributes: NewAttributes, now: () => Stats): [Date, Date] | undefined {
  // Before Emscripten 4.0 utime() came as one timestamp, and nodes had no times. Since then it comes with chown() alone.
  const one = 'atime' in node ? undefined : attributes.timestamp;
  const { atime = one, mtime = one } = attributes;
  if (atime === undefined && mtime === undefined) return undefined;
  return [new Date(atime ?? now().atimeMs), new Date(mtime ?? now().mtimeMs)];
}

/** The path of a node in our files: that of the mount's root, and the names from there. */
export function pathOf(node: Node): string {
  return namesOf(node) || '/';
}

function childOf(parent: Node, name: string): string {
  return `${namesOf(parent)}/${name}`;
}

function namesOf(node: Node): string {
  let names = '';
  let at = node;
  for (; at.parent !== at; at = at.parent) names = `/${at.name}${names}`;
  const root = rootOf(at.mount);
  return root === '/' ? names : root + names;
}

/** The functions that Emscripten calls for the names of a mount: `node_ops` of its nodes. */
export class NodeOperations {
  readonly #FS: EmscriptenFS;
  readonly #files: PageFs;
  readonly #errors: Errors;
  readonly #ofFiles: object;
  readonly #ofDirectories: object;

  /** @param ofFiles `stream_ops` of files, and `ofDirectories` of directories */
  constructor(FS: EmscriptenFS, files: PageFs, errors: Errors, ofFiles: object, ofDirectories: object) {
    this.#FS = FS;
    this.#files = files;
    this.#errors = errors;
    this.#ofFiles = ofFiles;
    this.#ofDirectories = ofDirectories;
  }

  root(mount: Mount): Node {
    const { mode } = this.#errors.translated(() => this.#files.statSync(rootOf(mount)));
    if ((mode & TYPE) !== DIRECTORY) throw this.#errors.make('ENOTDIR');
    return this.#node(null, '/', mode);
  }

  readonly getattr = (node: Node): Attributes => {
    const stats = this.#errors.translated(() => this.#files.lstatSync(pathOf(node), { throwIfNoEntry: false }));
    if (stats === undefined) throw this.#errors.noEntry;
    return attributesOf(stats);
  };

  readonly setattr = (node: Node, attributes: NewAttributes): void => {
    const path = pathOf(node);
    const { mode, size, dontFollow } = attributes;
    this.#errors.translated(() => {
      if (size !== undefined) this.#files.truncateSync(path, size);
      const times = newTimes(node, attributes, () => this.#files.lstatSync(path));
      if (times) this.#files[dontFollow ? 'lutimesSync' : 'utimesSync'](path, ...times);
      if (mode === undefined) return;
      if (dontFollow && (node.mode & TYPE) === LINK) throw this.#errors.make('EOPNOTSUPP'); // as on Linux
      this.#files.chmodSync(path, mode & PERMISSIONS);
      node.mode = (node.mode & TYPE) | (mode & PERMISSIONS);
    });
  };

  readonly lookup = (parent: Node, name: string): Node => {
    const stats = this.#errors.translated(() =>
      this.#files.lstatSync(childOf(parent, name), { throwIfNoEntry: false }),
    );
    if (stats === undefined) throw this.#errors.noEntry;
    return this.#node(parent, name, stats.mode);
  };

  readonly mknod = (parent: Node, name: string, mode: number): Node => {
    const path = childOf(parent, name);
    const type = mode & TYPE;
    this.#errors.translated(() => {
      if (type === DIRECTORY) this.#files.mkdirSync(path);
      else if (type === FILE) this.#files.closeSync(this.#files.openSync(path, 'wx'));
      else throw this.#errors.make('EINVAL');
      this.#files.chmodSync(path, mode & PERMISSIONS); // as it was asked for: Emscripten has no umask
    });
    return this.#node(parent, name, mode);
  };

  readonly rename = (node: Node, newParent: Node, newName: string): void => {
    this.#errors.translated(() => this.#files.renameSync(pathOf(node), childOf(newParent, newName)));
    node.name = newName;
    node.parent = newParent;
  };

  readonly unlink = (parent: Node, name: string): void => {
    this.#errors.translated(() => this.#files.unlinkSync(childOf(parent, name)));
  };

  readonly rmdir = (parent: Node, name: string): void => {
    this.#errors.translated(() => this.#files.rmdirSync(childOf(parent, name)));
  };

  readonly readdir = (node: Node): string[] => {
    return ['.', '..', ...this.#errors.translated(() => this.#files.readdirSync(pathOf(node)))];
  };

  readonly link = (parent: Node, name: string, existing: string): Node => {
    const { node } = this.#FS.lookupPath(existing, { follow: false });
    if (node.mount !== parent.mount) throw this.#errors.make('EXDEV');
    this.#errors.translated(() => this.#files.linkSync(pathOf(node), childOf(parent, name)));
    return this.#node(parent, name, node.mode);
  };

  readonly symlink = (parent: Node, name: string, target: string): Node => {
    this.#errors.translated(() => this.#files.symlinkSync(target, childOf(parent, name)));
    return this.#node(parent, name, LINK | 0o777);
  };

  readonly readlink = (node: Node): string => {
    return this.#errors.translated(() => this.#files.readlinkSync(pathOf(node)));
  };

  readonly statfs = (): object => {
    const { bsize, blocks, bfree, bavail, files, ffree } = this.#errors.translated(() => this.#files.statfsSync('/'));
    return { bsize, frsize: bsize, blocks, bfree, bavail, files, ffree };
  };

  #node(parent: Node | null, name: string, mode: number): Node {
    const node = this.#FS.createNode(parent, name, mode, 0);
    node.node_ops = this;
    node.stream_ops = (mode & TYPE) === FILE ? this.#ofFiles : this.#ofDirectories;
    return node;
  }
}
