/** Calls that go through directories: opening one, and copying what is in it. */
import { checkOptions, optionsOf, pathOf, type PathLike } from './arguments.js';
import { DataCalls } from './data-calls.js';
import { Dir } from './directory-handle.js';
import { fsError, on, withCode, wrongType } from './errors.js';
import { joined, type EncodingOptions } from './name-calls.js';
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

/** Options of `promises.cp`. */
export interface AsyncCpOptions extends Omit<CpOptions, 'filter'> {
  /** Which paths are copied; the answer may be a promise. */
  filter?: ((source: string, destination: string) => boolean | PromiseLike<boolean>) | undefined;
}

/** @internal */
export const COPY = Symbol('copy');
type Copying<Result = void> = Generator<boolean | PromiseLike<boolean>, Result, boolean>;
/** What is copied, and what has the name that it gets. */
interface Both {
  readonly stat: Stats;
  readonly there: Stats | undefined;
}

function promiseOfFilter(): Error {
  const text = 'Expected boolean to be returned from the "filter" function but got an instance of Promise.';
  return withCode(new TypeError(text), 'ERR_INVALID_RETURN_VALUE');
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
    const copying = this[COPY](source, destination, options);
    for (let step = copying.next(); !step.done; step = copying.next(step.value as boolean)) {
      if (step.value instanceof Promise) throw promiseOfFilter();
    }
  }

  /** @internal Copies in steps: what `filter` answers is yielded, and has to be given back, of a promise its result. */
  *[COPY](source: PathLike, destination: PathLike, options: AsyncCpOptions = {}): Copying {
    const [from, to] = [pathOf(source, 'cp', 'src'), pathOf(destination, 'cp', 'dest')];
    checkOptions(options);
    const { filter } = options;
    if (filter !== undefined && typeof filter !== 'function')
      throw wrongType('options.filter', 'of type function', filter);
    const stats = yield* this.#checked(from, to, options);
    if (stats === undefined) return;
    const parent = resolved(to).replace(/\/[^/]*$/, '') || '/';
    if (!this.existsSync(parent)) this.mkdirSync(parent, { recursive: true });
    yield* this.#copyAny(stats, from, to, options);
  }

  /** What is copied and what is there; undefined if `filter` leaves it out. */
  *#checked(from: string, to: string, options: AsyncCpOptions): Copying<Both | undefined> {
    if (options.filter && !(yield options.filter(from, to))) return undefined;
    const stats = this.#bothOf(from, to, options);
    this.#checkCopy(stats, from, to, options);
    return stats;
  }

  #bothOf(from: string, to: string, { dereference = false }: AsyncCpOptions): Both {
    const missing = { throwIfNoEntry: false } as const;
    if (dereference) return { stat: this.statSync(from), there: this.statSync(to, missing) };
    return { stat: this.lstatSync(from), there: this.lstatSync(to, missing) };
  }

  #checkCopy({ stat, there }: Both, from: string, to: string, { recursive }: AsyncCpOptions): void {
    if (there?.ino === stat.ino) throw cpError('ERR_FS_CP_EINVAL', 22, 'src and dest cannot be the same', to);
    if (there && stat.isDirectory() && !there.isDirectory()) {
      throw cpError('ERR_FS_CP_DIR_TO_NON_DIR', 21, `cannot overwrite non-directory ${to} with directory ${from}`, to);
    }
    if (there?.isDirectory() && !stat.isDirectory()) {
      throw cpError('ERR_FS_CP_NON_DIR_TO_DIR', 20, `cannot overwrite directory ${to} with non-directory ${from}`, to);
    }
    if (!stat.isDirectory()) return;
    if (this.#isBelow(to, stat.ino)) {
      throw cpError('ERR_FS_CP_EINVAL', 22, `cannot copy ${from} to a subdirectory of self ${to}`, to);
    }
    if (!recursive) throw cpError('ERR_FS_EISDIR', 21, `${from} is a directory (not copied)`, from);
  }

  /** Whether the first directory on the way up that is there, or one above it, is the inode. */
  #isBelow(path: string, ino: number): boolean {
    for (let at = resolved(path); ; at = at.replace(/\/[^/]*$/, '')) {
      if (this.statSync(at || '/', { throwIfNoEntry: false })?.ino === ino) return true;
      if (at === '' || at === '/') return false;
    }
  }

  *#copyAny(stats: Both, from: string, to: string, options: AsyncCpOptions): Copying {
    if (stats.stat.isDirectory()) yield* this.#copyDirectory(stats, from, to, options);
    else if (stats.stat.isSymbolicLink()) this.#copyLink(from, to, options);
    else this.#copyOne(stats, from, to, options);
  }

  *#copyDirectory({ stat, there }: Both, from: string, to: string, options: AsyncCpOptions): Copying {
    if (!there) this.mkdirSync(to);
    for (const name of this.readdirSync(from)) {
      const [source, destination] = [joined(from, name), joined(to, name)];
      const stats = yield* this.#checked(source, destination, options);
      if (stats) yield* this.#copyAny(stats, source, destination, options);
    }
    if (!there) this.chmodSync(to, stat.mode & 0o7777);
  }

  #copyOne({ stat, there }: Both, from: string, to: string, options: AsyncCpOptions): void {
    const { force = true, errorOnExist = false, mode = 0, preserveTimestamps = false } = options;
    if (there) {
      if (!force && errorOnExist) throw cpError('ERR_FS_CP_EEXIST', 17, `${to} already exists`, to);
      if (!force) return;
      this.unlinkSync(to);
    }
    this.copyFileSync(from, to, mode);
    if (preserveTimestamps) this.utimesSync(to, new Date(stat.atimeMs), new Date(stat.mtimeMs));
  }

  #copyLink(from: string, to: string, { verbatimSymlinks = false }: AsyncCpOptions): void {
    const target = this.readlinkSync(from);
    const kept = verbatimSymlinks || target.startsWith('/') ? target : resolved(`${from}/../${target}`);
    if (this.lstatSync(to, { throwIfNoEntry: false })?.isSymbolicLink()) this.unlinkSync(to);
    this.symlinkSync(kept, to);
  }
}
