/** Calls that make, list, move and remove names. */
import { checkOptions, modeOf, optionsOf, pathOf, type Mode, type PathLike } from './arguments.js';
import { fsError, on, withCode, type Call, type FsError } from './errors.js';
import { InodeCalls } from './inode-calls.js';
import type { Inode } from './inode.js';
import { link, makeDirectory, makeSymlink, removeDirectory, rename, unlink } from './names.js';
import { realPath } from './real-path.js';
import { TREE } from './state.js';
import { Dirent } from './stats.js';
import { encode, type Encoding } from './text.js';
import { find } from './walk.js';

/** An encoding for names that are returned: `buffer` gives bytes. */
export interface EncodingOptions {
  /** Default: utf8, which names are in all encodings but `buffer`. */
  encoding?: Encoding | 'buffer' | null | undefined;
}

/** Options of `mkdirSync`. */
export interface MkdirOptions {
  /** Make directories on the way as well, and do not mind one that is there. Default: false. */
  recursive?: boolean | undefined;
  /** Permissions, less 0o022. Default: 0o777. */
  mode?: Mode | undefined;
}

/** Options of `rmSync`. Calls are synchronous, so there is nothing to retry. */
export interface RmOptions {
  /** Do not mind if nothing is there. Default: false. */
  force?: boolean | undefined;
  /** Remove directories and all in them. Default: false. */
  recursive?: boolean | undefined;
  /** Accepted, as Node has it. */
  maxRetries?: number | undefined;
  /** Accepted, as Node has it. */
  retryDelay?: number | undefined;
}

/** Options of `readdirSync`. */
export interface ReaddirOptions extends EncodingOptions {
  /** Return `Dirent`s in place of names. Default: false. */
  withFileTypes?: boolean | undefined;
  /** List what directories in it hold as well. Default: false. */
  recursive?: boolean | undefined;
}

const RANDOM_LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789';
const MKDTEMP_TRIES = 100;

function inEncoding(name: string, options: EncodingOptions): string | Uint8Array {
  return options.encoding === 'buffer' ? encode(name, 'utf8') : name;
}

/** By code points, which is the order of their bytes in UTF-8, as libuv sorts. */
function byBytes(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let n = 0; n < length; n++) {
    const [x, y] = [a.charCodeAt(n), b.charCodeAt(n)];
    if (x === y) continue;
    // Halves of a pair stand for characters above all others.
    const [highX, highY] = [x >= 0xd800 && x < 0xe000, y >= 0xd800 && y < 0xe000];
    return highX === highY ? x - y : highX ? 1 : -1;
  }
  return a.length - b.length;
}

/** Calls that make, list, move and remove names. */
export abstract class NameCalls extends InodeCalls {
  /**
   * Makes a directory.
   * @returns with `recursive`, the first directory that was made, if one was
   */
  mkdirSync(path: PathLike, options?: MkdirOptions | Mode | null): string | undefined {
    const text = pathOf(path, 'mkdir');
    const { recursive = false, mode } = typeof options === 'object' && options !== null ? options : { mode: options };
    const bits = modeOf(mode, 0o777);
    const call = on('mkdir', text);
    if (recursive) return this.#mkdirs(text, bits);
    makeDirectory(this[TREE], text, bits, call);
    return undefined;
  }

  /** As Node does it: from the end of the path towards the root, and back. */
  #mkdirs(text: string, mode: number): string | undefined {
    const tree = this[TREE];
    const call = on('mkdir', text);
    const rest = [text];
    let first: string | undefined;
    for (let path = rest.pop(); path !== undefined; path = rest.pop()) {
      try {
        makeDirectory(tree, path, mode, call);
        first ??= path;
      } catch (error) {
        const { code } = error as FsError;
        const parent = path.slice(0, Math.max(0, path.lastIndexOf('/')));
        if (code === 'ENOENT' && parent !== '') rest.push(path, parent);
        else if (code !== 'EEXIST') throw error;
        else if (!find(tree, path, 'always', call).isDirectory) {
          throw fsError(rest.length > 0 ? 'ENOTDIR' : 'EEXIST', call);
        }
      }
    }
    return first;
  }

  /**
   * Makes a directory with a new name.
   * @param prefix the path, to which six random letters are added
   * @returns the path
   */
  mkdtempSync(prefix: PathLike, _options?: EncodingOptions | string | null): string {
    const text = pathOf(prefix, 'mkdtemp', 'prefix');
    const call = on('mkdtemp', `${text}XXXXXX`);
    for (let tries = 0; ; tries++) {
      const letters = Array.from(
        { length: 6 },
        () => RANDOM_LETTERS[Math.floor(Math.random() * RANDOM_LETTERS.length)],
      );
      const path = text + letters.join('');
      try {
        makeDirectory(this[TREE], path, 0o700, call);
        return path;
      } catch (error) {
        if ((error as FsError).code !== 'EEXIST' || tries === MKDTEMP_TRIES) throw error;
      }
    }
  }

  /** Removes an empty directory. */
  rmdirSync(path: PathLike): void {
    const text = pathOf(path, 'rmdir');
    removeDirectory(this[TREE], text, on('rmdir', text));
  }

  /** Removes a file or symbolic link, or with `recursive` a directory and all in it. */
  rmSync(path: PathLike, options: RmOptions = {}): void {
    const text = pathOf(path, 'rm');
    checkOptions(options);
    const { force = false, recursive = false } = options;
    const tree = this[TREE];
    let inode: Inode;
    try {
      inode = find(tree, text, 'slash', on('lstat', text));
    } catch (error) {
      if (force && (error as FsError).code === 'ENOENT') return;
      // With both options Node does not ask what it is, if that cannot be told, and has the error of unlink.
      if (force && recursive) unlink(tree, text, on('unlink', text));
      throw error;
    }
    if (!inode.isDirectory) {
      unlink(tree, text, on('unlink', text));
      return;
    }
    if (!recursive) {
      const error = new Error(`Path is a directory: rm returned EISDIR (is a directory) ${text}`);
      throw Object.assign(withCode(error, 'ERR_FS_EISDIR'), { errno: 21, syscall: 'rm', path: text });
    }
    const call = on('rmdir', text);
    try {
      removeDirectory(tree, text, call);
    } catch (error) {
      if ((error as FsError).code !== 'ENOTEMPTY') throw error;
      this.#removeBelow(inode.ino, call);
      this.rmSync(text, { force: true, recursive: true }); // by a path that leads through itself, nothing is left
    }
  }

  /** Depth first, without recursion: a tree may be deeper than the stack. */
  #removeBelow(top: number, call: Call): void {
    const tree = this[TREE];
    tree.checkWritable(call);
    const namesOf = (dir: number): string[] => [...tree.get(dir).directory.names.keys()];
    const stack = [{ dir: top, names: namesOf(top), name: '' }];
    for (let here = stack.at(-1); here; here = stack.at(-1)) {
      const name = here.names.pop();
      if (name === undefined) {
        stack.pop();
        const parent = stack.at(-1);
        if (parent) tree.removeName(parent.dir, here.name);
        continue;
      }
      const ino = tree.get(here.dir).directory.names.get(name) as number;
      if (tree.get(ino).isDirectory) stack.push({ dir: ino, names: namesOf(ino), name });
      else tree.removeName(here.dir, name);
    }
  }

  /** Removes a name; what it names goes with its last name, and when nobody has it open. */
  unlinkSync(path: PathLike): void {
    const text = pathOf(path, 'unlink');
    unlink(this[TREE], text, on('unlink', text));
  }

  /** Gives a file or directory another name, in place of what has that name: a file, or an empty directory. */
  renameSync(oldPath: PathLike, newPath: PathLike): void {
    const [from, to] = [pathOf(oldPath, 'rename', 'oldPath'), pathOf(newPath, 'rename', 'newPath')];
    rename(this[TREE], from, to, on('rename', from, to));
  }

  /** Gives a file one more name. */
  linkSync(existingPath: PathLike, newPath: PathLike): void {
    const [from, to] = [pathOf(existingPath, 'link', 'existingPath'), pathOf(newPath, 'link', 'newPath')];
    link(this[TREE], from, to, on('link', from, to));
  }

  /** Makes a symbolic link. The type, which Windows needs, is ignored. */
  symlinkSync(target: PathLike, path: PathLike, _type?: string | null): void {
    const [to, text] = [pathOf(target, 'symlink', 'target'), pathOf(path, 'symlink')];
    makeSymlink(this[TREE], to, text, on('symlink', to, text));
  }

  /** The target of a symbolic link, as it was given. */
  readlinkSync(path: PathLike, options: { encoding: 'buffer' } | 'buffer'): Uint8Array;
  readlinkSync(path: PathLike, options?: EncodingOptions | Encoding | null): string;
  readlinkSync(path: PathLike, options?: EncodingOptions | string | null): string | Uint8Array {
    const read = optionsOf<EncodingOptions>(options, {});
    const text = pathOf(path, 'readlink');
    const call = on('readlink', text);
    const inode = find(this[TREE], text, 'slash', call);
    if (!inode.isLink) throw fsError('EINVAL', call);
    return inEncoding(inode.content as string, read);
  }

  /** The absolute path without symbolic links and dots. */
  realpathSync(path: PathLike, options: { encoding: 'buffer' } | 'buffer'): Uint8Array;
  realpathSync(path: PathLike, options?: EncodingOptions | Encoding | null): string;
  realpathSync(path: PathLike, options?: EncodingOptions | string | null): string | Uint8Array {
    const read = optionsOf<EncodingOptions>(options, {});
    return inEncoding(realPath(this[TREE], pathOf(path, 'lstat')), read);
  }

  /**
   * The names in a directory, sorted by their bytes, with `recursive` as paths from it. Links are not followed, which may
   * be circles.
   */
  readdirSync(
    path: PathLike,
    options: ReaddirOptions & { withFileTypes: true; encoding: 'buffer' },
  ): Dirent<Uint8Array>[];
  readdirSync(path: PathLike, options: ReaddirOptions & { withFileTypes: true }): Dirent[];
  readdirSync(path: PathLike, options: 'buffer' | (ReaddirOptions & { encoding: 'buffer' })): Uint8Array[];
  readdirSync(path: PathLike, options?: (ReaddirOptions & { withFileTypes?: false }) | Encoding | null): string[];
  readdirSync(
    path: PathLike,
    options?: ReaddirOptions | string | null,
  ): (string | Uint8Array | Dirent | Dirent<Uint8Array>)[] {
    const read = optionsOf<ReaddirOptions>(options, {});
    const text = pathOf(path, 'scandir');
    const call = on('scandir', text);
    const tree = this[TREE];
    const found: (string | Uint8Array | Dirent | Dirent<Uint8Array>)[] = [];
    const queue = [{ inode: find(tree, text, 'always', call), from: '' }];
    for (const { inode, from } of queue) {
      if (!inode.isDirectory) throw fsError('ENOTDIR', call);
      const parent = from === '' ? text : joined(text, from.slice(0, -1));
      const { names } = inode.directory;
      for (const name of [...names.keys()].sort(byBytes)) {
        const child = tree.get(names.get(name) as number);
        if (!read.withFileTypes) found.push(inEncoding(from + name, read));
        else if (read.encoding !== 'buffer') found.push(new Dirent(name, parent, child.mode));
        else found.push(new Dirent(encode(name, 'utf8'), parent, child.mode));
        if (read.recursive && child.isDirectory) queue.push({ inode: child, from: `${from}${name}/` });
      }
    }
    return found;
  }
}

/** As `path.join` of Node joins them: without empty parts and dots. */
export function joined(path: string, rest: string): string {
  const parts: string[] = [];
  for (const part of `${path}/${rest}`.split('/')) {
    if (part === '..' && parts.length > 0 && parts.at(-1) !== '..') parts.pop();
    else if (part !== '' && part !== '.' && !(part === '..' && path.startsWith('/'))) parts.push(part);
  }
  return (path.startsWith('/') ? '/' : '') + parts.join('/');
}
