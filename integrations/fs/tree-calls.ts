/** Calls that go through directories: opening one, and copying what is in it. */
import { checkOptions, optionsOf, pathOf, type PathLike } from './arguments.js';
import { constants } from './constants.js';
import { DataCalls } from './data-calls.js';
import { Dir } from './directory-handle.js';
import { fsError, on, withCode } from './errors.js';
import type { EncodingOptions } from './name-calls.js';
import { resolved } from './real-path.js';
import { TREE } from './state.js';
import type { Dirent, Stats } from './stats.js';
import { find } from './walk.js';

/** Options of `opendirSync`. */
export interface OpendirOptions extends EncodingOptions {
  /** Accepted, as Node has it. */
  bufferSize?: number | undefined;
  /** List what directories in it hold as well. Default: false. */
  recursive?: boolean | undefined;
}

/** Options of `cpSync`. */
export interface CpOptions {
  /** Copy what symbolic links lead to, in place of the links. Default: false. */
  dereference?: boolean | undefined;
  /** With `force: false`, a file that is there is an error. Default: false. */
  errorOnExist?: boolean | undefined;
  /** Which paths are copied: directories for which it is false are left out with all in them. */
  filter?: ((source: string, destination: string) => boolean) | undefined;
  /** Replace files that are there. Default: true. */
  force?: boolean | undefined;
  /** As for `copyFileSync`. Default: 0. */
  mode?: number | undefined;
  /** Give copies the times of what they are copies of. Default: false. */
  preserveTimestamps?: boolean | undefined;
  /** Copy directories and all in them. Default: false. */
  recursive?: boolean | undefined;
  /** Keep the targets of symbolic links as they are; else they become absolute. Default: false. */
  verbatimSymlinks?: boolean | undefined;
}

/** A failure of `cp`, as Node describes it. */
function cpError(code: string, errno: number, reason: string, path: string): Error {
  const error = withCode(new Error(`${code}: ${reason}, cp '${path}'`), code);
  return Object.assign(error, { errno, syscall: 'cp', path });
}

/** Calls that go through directories. */
export abstract class TreeCalls extends DataCalls {
  /** Opens a directory, to take its names one after the other. It shows what was there when it was opened. */
  opendirSync(path: PathLike, options?: OpendirOptions | string | null): Dir {
    const { recursive = false } = optionsOf<OpendirOptions>(options, {});
    const text = pathOf(path, 'opendir');
    const call = on('opendir', text);
    if (!find(this[TREE], text, 'always', call).isDirectory) throw fsError('ENOTDIR', call);
    const entries: Dirent[] = this.readdirSync(text, { withFileTypes: true, recursive });
    return new Dir(text, entries);
  }

  /**
   * Copies a file, a symbolic link, or with `recursive` a directory and all in it.
   * @throws Error as Node's: ERR_FS_EISDIR, ERR_FS_CP_EINVAL, ERR_FS_CP_EEXIST, ERR_FS_CP_DIR_TO_NON_DIR,
   * ERR_FS_CP_NON_DIR_TO_DIR
   */
  cpSync(source: PathLike, destination: PathLike, options: CpOptions = {}): void {
    const [from, to] = [pathOf(source, 'cp', 'src'), pathOf(destination, 'cp', 'dest')];
    checkOptions(options);
    const stat = this.#statOf(from, options);
    this.#checkCopy(stat, from, to, options);
    if (options.filter && !options.filter(from, to)) return;
    const parent = resolved(to).replace(/\/[^/]*$/, '') || '/';
    if (!this.existsSync(parent)) this.mkdirSync(parent, { recursive: true });
    this.#copyAny(stat, from, to, options);
  }

  #statOf(path: string, { dereference = false }: CpOptions): Stats {
    return dereference ? this.statSync(path) : this.lstatSync(path);
  }

  #checkCopy(stat: Stats, from: string, to: string, options: CpOptions): void {
    const there = options.dereference
      ? this.statSync(to, { throwIfNoEntry: false })
      : this.lstatSync(to, { throwIfNoEntry: false });
    if (there?.ino === stat.ino) throw cpError('ERR_FS_CP_EINVAL', 22, 'src and dest cannot be the same', to);
    if (there && stat.isDirectory() && !there.isDirectory()) {
      throw cpError('ERR_FS_CP_DIR_TO_NON_DIR', 21, `cannot overwrite non-directory ${to} with directory ${from}`, to);
    }
    if (there?.isDirectory() && !stat.isDirectory()) {
      throw cpError('ERR_FS_CP_NON_DIR_TO_DIR', 20, `cannot overwrite directory ${to} with non-directory ${from}`, to);
    }
    if (!stat.isDirectory()) return;
    if (!options.recursive) throw cpError('ERR_FS_EISDIR', 21, `${from} is a directory (not copied)`, from);
    if (this.#isBelow(to, stat.ino)) {
      throw cpError('ERR_FS_CP_EINVAL', 22, `cannot copy ${from} to a subdirectory of self ${to}`, to);
    }
  }

  /** Whether the first directory on the way up that is there, or one above it, is the inode. */
  #isBelow(path: string, ino: number): boolean {
    for (let at = resolved(path); ; at = at.replace(/\/[^/]*$/, '')) {
      if (this.statSync(at || '/', { throwIfNoEntry: false })?.ino === ino) return true;
      if (at === '' || at === '/') return false;
    }
  }

  #copyAny(stat: Stats, from: string, to: string, options: CpOptions): void {
    if (stat.isDirectory()) this.#copyDirectory(stat, from, to, options);
    else if (stat.isSymbolicLink()) this.#copyLink(from, to, options);
    else this.#copyOne(stat, from, to, options);
  }

  #copyDirectory(stat: Stats, from: string, to: string, options: CpOptions): void {
    const isNew = !this.existsSync(to);
    if (isNew) this.mkdirSync(to);
    for (const name of this.readdirSync(from)) {
      const [source, destination] = [`${from}/${name}`, `${to}/${name}`];
      if (options.filter && !options.filter(source, destination)) continue;
      const each = this.#statOf(source, options);
      this.#checkCopy(each, source, destination, options);
      this.#copyAny(each, source, destination, options);
    }
    if (isNew) this.chmodSync(to, stat.mode & 0o7777);
  }

  #copyOne(stat: Stats, from: string, to: string, options: CpOptions): void {
    const { force = true, errorOnExist = false, mode = 0, preserveTimestamps = false } = options;
    if (this.lstatSync(to, { throwIfNoEntry: false })) {
      if (!force && errorOnExist) throw cpError('ERR_FS_CP_EEXIST', 17, `${to} already exists`, to);
      if (!force) return;
      if ((mode & constants.COPYFILE_EXCL) === 0) this.unlinkSync(to);
    }
    this.copyFileSync(from, to, mode);
    if (preserveTimestamps) this.utimesSync(to, new Date(stat.atimeMs), new Date(stat.mtimeMs));
  }

  #copyLink(from: string, to: string, { verbatimSymlinks = false }: CpOptions): void {
    const target = this.readlinkSync(from);
    const kept = verbatimSymlinks || target.startsWith('/') ? target : resolved(`${from}/../${target}`);
    if (this.lstatSync(to, { throwIfNoEntry: false })) this.unlinkSync(to);
    this.symlinkSync(kept, to);
  }
}
