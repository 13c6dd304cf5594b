/**
 * A PageFs as the file system of a just-bash shell. A tree is imported once; each sandbox gets a
 * fork of it.
 *
 * Calls, encodings and the wording of errors are those of just-bash's `InMemoryFs`, since its commands look at the words. In
 * what symbolic and hard links mean it goes by Linux (and so by just-bash's `ReadWriteFs`): writing to a link writes to
 * its target, two hard links are one file, a file is no directory.
 * @module zram-wasm/just-bash
 */
import type { ByteString, CpOptions, FileContent, FsStat, IFileSystem, MkdirOptions, RmOptions } from 'just-bash';
import type { PageFs, Stats } from './fs.js';
import { toBytes, toCodes, toText, type EncodingOption } from './just-bash/encoding.js';

export type { EncodingOption } from './just-bash/encoding.js';
import { joined, normalized, parentOf } from './just-bash/paths.js';
import { reworded } from './just-bash/wording.js';

/** A name of a directory, and what it names. */
type Entry = Awaited<ReturnType<NonNullable<IFileSystem['readdirWithFileTypes']>>>[number];

/** Numbers of the PageFs that were given to shells: an inode's number says which file it is only within one. */
const numbers = new WeakMap<PageFs, number>();
let lastNumber = 0;

/**
 * A file system for `new Bash({ fs })`. It holds nothing of its own: several may be on one `PageFs`, and what a shell does is
 * seen there at once.
 *
 * A shell writes files for its commands to `/bin`, `/usr/bin`, `/dev` and `/proc` when it starts. Make one shell before
 * forking: files that have that content already are left alone, so that the forks' shells start with no page of their own.
 *
 * Asynchronous calls are done when they return. They throw errors of the form `ENOENT: no such file or directory, open
 * '/x'` with a `code`.
 */
export class PageFsFileSystem implements IFileSystem {
  /** The files. */
  readonly fs: PageFs;
  readonly #number: number;

  /** @param fs usually a fork; it stays the caller's, who destroys it when the shell is no longer used */
  constructor(fs: PageFs) {
    this.fs = fs;
    const number = numbers.get(fs) ?? ++lastNumber;
    numbers.set(fs, number);
    this.#number = number;
  }

  // ── what Bash calls when it is made ─────────────────────────────────────────────────────────────────────────────

  /** As `mkdir`, synchronously. */
  mkdirSync(path: string, options?: MkdirOptions): void {
    const at = place(path, 'mkdir');
    try {
      this.fs.mkdirSync(at, { recursive: options?.recursive ?? false });
    } catch (error) {
      const isDirectory = this.fs.existsSync(at) && this.fs.statSync(at).isDirectory();
      const text = isDirectory ? 'directory already exists' : undefined;
      throw reworded(error, 'mkdir', path, { EEXIST: text });
    }
  }

  /** As `writeFile`, synchronously; a file that has this content already is left as it is. */
  writeFileSync(path: string, content: FileContent, options?: EncodingOption): void {
    const at = place(path, 'write');
    const bytes = toBytes(content, options);
    if (!this.#has(at, bytes)) this.#write(path, at, bytes, 'w');
  }

  // ── content ─────────────────────────────────────────────────────────────────────────────────────────────────────

  async readFile(path: string, options?: EncodingOption): Promise<string> {
    return toText(this.#read(path), options);
  }

  async readFileBytes(path: string): Promise<ByteString> {
    // The type is a mark: a string of a character for each byte.
    return toCodes(this.#read(path)) as unknown as ByteString;
  }

  async readFileBuffer(path: string): Promise<Uint8Array> {
    return this.#read(path);
  }

  async writeFile(path: string, content: FileContent, options?: EncodingOption): Promise<void> {
    this.#write(path, place(path, 'write'), toBytes(content, options), 'w');
  }

  async appendFile(path: string, content: FileContent, options?: EncodingOption): Promise<void> {
    this.#write(path, place(path, 'append'), toBytes(content, options), 'a');
  }

  // ── what there is ───────────────────────────────────────────────────────────────────────────────────────────────

  async exists(path: string): Promise<boolean> {
    return !path.includes('\0') && this.fs.existsSync(normalized(path));
  }

  async stat(path: string): Promise<FsStat> {
    return this.#lookUp('stat', path, (at) => this.#statOf(this.fs.statSync(at)));
  }

  async lstat(path: string): Promise<FsStat> {
    return this.#lookUp('lstat', path, (at) => this.#statOf(this.fs.lstatSync(at)));
  }

  async readdir(path: string): Promise<string[]> {
    return this.#call('scandir', path, (at) => sorted(this.fs.readdirSync(at), (name) => name));
  }

  async readdirWithFileTypes(path: string): Promise<Entry[]> {
    return this.#call('scandir', path, (at) => {
      const entries = this.fs.readdirSync(at, { withFileTypes: true });
      return sorted(entries, ({ name }) => name).map((entry) => ({
        name: entry.name,
        isFile: entry.isFile(),
        isDirectory: entry.isDirectory(),
        isSymbolicLink: entry.isSymbolicLink(),
      }));
    });
  }

  /** Every path there is, the root first. Takes a walk through the whole tree. */
  getAllPaths(): string[] {
    const paths: string[] = [];
    const walk = (path: string): void => {
      paths.push(path);
      const entries = this.fs.readdirSync(path, { withFileTypes: true });
      for (const entry of sorted(entries, ({ name }) => name)) {
        const child = joined(path, entry.name);
        if (entry.isDirectory()) walk(child);
        else paths.push(child);
      }
    };
    walk('/');
    return paths;
  }

  resolvePath(base: string, path: string): string {
    return normalized(path.startsWith('/') ? path : `${base}/${path}`);
  }

  async realpath(path: string): Promise<string> {
    return this.#lookUp('realpath', path, (at) => this.fs.realpathSync(at));
  }

  async readlink(path: string): Promise<string> {
    return this.#lookUp('readlink', path, (at) => this.fs.readlinkSync(at));
  }

  // ── changes ─────────────────────────────────────────────────────────────────────────────────────────────────────

  async mkdir(path: string, options?: MkdirOptions): Promise<void> {
    this.mkdirSync(path, options);
  }

  async rm(path: string, options?: RmOptions): Promise<void> {
    const at = place(path, 'rm');
    try {
      this.#remove(at, options?.recursive ?? false);
    } catch (error) {
      const said = reworded(error, 'rm', path, {}, 'lookup');
      if (said.code !== 'ENOENT' || options?.force !== true) throw said;
    }
  }

  /** Copies a file, a link as a link, or with `recursive` a directory into one that may be there. Keeps permissions and times. */
  async cp(source: string, destination: string, options?: CpOptions): Promise<void> {
    const [from, to] = [place(source, 'cp'), place(destination, 'cp')];
    const stats = this.#lookUp('cp', source, (at) => this.fs.lstatSync(at));
    if (stats.isDirectory()) {
      if (options?.recursive !== true) throw says('EISDIR', `is a directory, cp '${source}'`);
      if (this.#isInside(from, to)) {
        throw says('EINVAL', `cannot copy '${source}' into itself, '${destination}'`);
      }
    }
    try {
      this.#copy(from, to, stats);
    } catch (error) {
      throw reworded(error, 'cp', source);
    }
  }

  /** Renames, as `rename` of Linux: a file, link or empty directory that is there is replaced. */
  async mv(source: string, destination: string): Promise<void> {
    const [from, to] = [place(source, 'mv'), place(destination, 'mv')];
    if (from === to) return;
    const stats = this.#lookUp('mv', source, (at) => this.fs.lstatSync(at));
    if (stats.isDirectory() && this.#isInside(from, to)) {
      throw says('EINVAL', `cannot move '${source}' into itself, '${destination}'`);
    }
    try {
      this.#makeParents(to);
      this.fs.renameSync(from, to);
    } catch (error) {
      throw reworded(error, 'mv', source, {}, 'change', destination);
    }
  }

  async chmod(path: string, mode: number): Promise<void> {
    this.#lookUp('chmod', path, (at) => this.fs.chmodSync(at, mode & 0o7777));
  }

  async utimes(path: string, atime: Date, mtime: Date): Promise<void> {
    this.#lookUp('utimes', path, (at) => this.fs.utimesSync(at, atime, mtime));
  }

  async symlink(target: string, linkPath: string): Promise<void> {
    this.#call('symlink', linkPath, (at) => {
      this.#makeParents(at);
      this.fs.symlinkSync(target, at);
    });
  }

  async link(existingPath: string, newPath: string): Promise<void> {
    const to = place(newPath, 'link');
    const from = place(existingPath, 'link');
    this.#lookUp('link', existingPath, (at) => this.fs.lstatSync(at));
    try {
      this.#makeParents(to);
      this.fs.linkSync(from, to);
    } catch (error) {
      const said = reworded(error, 'link', newPath);
      throw said.code === 'EPERM' ? reworded(error, 'link', existingPath) : said;
    }
  }

  // ── parts ───────────────────────────────────────────────────────────────────────────────────────────────────────

  #call<T>(verb: string, path: string, call: (at: string) => T): T {
    const at = place(path, verb);
    try {
      return call(at);
    } catch (error) {
      throw reworded(error, verb, path);
    }
  }

  /** For calls whose path has to be there: just-bash says of what is below a file that it is not there. */
  #lookUp<T>(verb: string, path: string, call: (at: string) => T): T {
    const at = place(path, verb);
    try {
      return call(at);
    } catch (error) {
      throw reworded(error, verb, path, {}, 'lookup');
    }
  }

  #read(path: string): Uint8Array {
    const at = place(path, 'open');
    try {
      return this.fs.readFileSync(at);
    } catch (error) {
      const said = reworded(error, 'open', path, {}, 'lookup');
      throw said.code === 'EISDIR' ? reworded(error, 'read', path) : said;
    }
  }

  #write(path: string, at: string, bytes: Uint8Array, flag: 'w' | 'a'): void {
    try {
      try {
        this.fs.writeFileSync(at, bytes, { flag });
      } catch (error) {
        if (codeOf(error) !== 'ENOENT') throw error;
        this.#makeParents(at);
        this.fs.writeFileSync(at, bytes, { flag });
      }
    } catch (error) {
      throw reworded(error, 'write', path);
    }
  }

  #has(at: string, bytes: Uint8Array): boolean {
    const stats = this.fs.lstatSync(at, { throwIfNoEntry: false });
    if (stats?.isFile() !== true || stats.size !== bytes.length) return false;
    return this.fs.readFileSync(at).every((byte, n) => byte === bytes[n]);
  }

  /** As just-bash's file systems: whoever writes to a path has its directories made. */
  #makeParents(at: string): void {
    this.fs.mkdirSync(parentOf(at), { recursive: true });
  }

  #remove(at: string, recursive: boolean): void {
    if (!this.fs.lstatSync(at).isDirectory()) this.fs.unlinkSync(at);
    else if (recursive) this.fs.rmSync(at, { recursive: true });
    else this.fs.rmdirSync(at);
  }

  /** Whether a path, which need not exist, is a directory or in it. Links on the way count: names alone could mislead. */
  #isInside(directory: string, path: string): boolean {
    const top = this.fs.realpathSync(directory);
    let [at, rest] = [path, ''];
    while (!this.fs.existsSync(at)) {
      rest = `/${at.slice(at.lastIndexOf('/') + 1)}${rest}`;
      at = parentOf(at);
    }
    const real = normalized(this.fs.realpathSync(at) + rest);
    return real === top || real.startsWith(top === '/' ? '/' : `${top}/`);
  }

  #copy(from: string, to: string, stats: Stats): void {
    if (stats.isDirectory()) {
      this.fs.mkdirSync(to, { recursive: true });
      for (const name of this.fs.readdirSync(from)) {
        const child = joined(from, name);
        this.#copy(child, joined(to, name), this.fs.lstatSync(child));
      }
      return;
    }
    this.#makeParents(to);
    if (stats.isSymbolicLink()) {
      const target = this.fs.readlinkSync(from);
      if (this.fs.lstatSync(to, { throwIfNoEntry: false }) !== undefined) this.fs.unlinkSync(to);
      this.fs.symlinkSync(target, to);
      return;
    }
    this.fs.copyFileSync(from, to);
    this.fs.chmodSync(to, stats.mode & 0o7777);
    this.fs.utimesSync(to, stats.atime, stats.mtime);
  }

  #statOf(stats: Stats): FsStat {
    return {
      isFile: stats.isFile(),
      isDirectory: stats.isDirectory(),
      isSymbolicLink: stats.isSymbolicLink(),
      mode: stats.mode & 0o7777,
      size: stats.isDirectory() ? 0 : stats.size,
      mtime: stats.mtime,
      identity: `pagefs:${this.#number}:${stats.ino}`,
    };
  }
}

/** The path for PageFs. @throws ENOENT: a NUL in it, as just-bash says it */
function place(path: string, verb: string): string {
  if (path.includes('\0')) throw says('ENOENT', `path contains null byte, ${verb} '${path}'`);
  return normalized(path);
}

function says(code: string, text: string): Error & { code: string } {
  return Object.assign(new Error(`${code}: ${text}`), { code });
}

function codeOf(error: unknown): string | undefined {
  return (error as { code?: string }).code;
}

function sorted<T>(items: T[], nameOf: (item: T) => string): T[] {
  return items.sort((a, b) => (nameOf(a) < nameOf(b) ? -1 : 1));
}
