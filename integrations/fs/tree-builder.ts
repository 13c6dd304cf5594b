/**
 * Makes files, directories and links of the members of a tar, or of a walk through another file system, below one
 * directory.
 *
 * Nothing is made outside that directory, and nothing is replaced: a name that leads out, comes twice or goes through a
 * symbolic link is refused, and so is a symbolic link that leads out. What was made before is for the caller to throw away:
 * it builds in a fork.
 */
import type { NodeTime, WritableFs } from './node-calls.js';
import type { Member, MemberSink } from './tar-reader.js';
import { refusal, shown } from './refusal.js';
import { nearestTime } from './times.js';

/** How names become paths. */
export interface BuilderOptions {
  /** An existing directory, without a slash at its end; `''` is the root. */
  into: string;
  /** Leading parts of each name that are left out; what has no more parts is skipped. */
  strip: number;
  /** Whether symbolic links may lead out, and be absolute. */
  outsideLinks: boolean;
  /** Whether users and groups are set: on a real disk only the superuser may. */
  owners: boolean;
}

/** What was made. */
export interface ImportReport {
  /** Files that were made. */
  files: number;
  /** Directories that were made. */
  directories: number;
  /** Symbolic links that were made. */
  symbolicLinks: number;
  /** Further names of files. */
  hardLinks: number;
  /** Sum of the files' sizes, holes included. */
  bytes: number;
}

/** A file is written in pieces that begin where its pages do: two halves of a page would cost it twice. */
const PAGE = 4096;
/** Of directories that the members imply. */
const DIRECTORY_MODE = 0o755;
/** As Linux: more symbolic links in one walk are a loop. */
const LINKS_MAX = 40;
/** Names looked up to see where all symbolic links of an import lead: far more than real trees need, and soon done. */
const STEPS_MAX = 10_000_000;

/** A directory was there before, is implied by what is in it, or is a member itself. */
type DirectoryOrigin = 'old' | 'implied' | 'given';

/** The file that is being written. */
interface OpenFile {
  fd: number;
  member: Member;
  /** Position in the file of the first byte that is kept back. */
  start: number;
  kept: number;
}

export class TreeBuilder implements MemberSink {
  readonly report: ImportReport = { files: 0, directories: 0, symbolicLinks: 0, hardLinks: 0, bytes: 0 };
  readonly #fs: WritableFs;
  readonly #options: BuilderOptions;
  /** By path below `into`: what is known to be a directory, and no link to one. */
  readonly #directories = new Map<string, DirectoryOrigin>([['', 'old']]);
  /** Paths of files and symbolic links that were made: what hard links may name. */
  readonly #made = new Set<string>();
  /** Directories get their times and permissions last: making what is in them changes the first and may need the second. */
  readonly #late: { path: string; member: Member }[] = [];
  readonly #links: { path: string; target: string }[] = [];
  #file: OpenFile | undefined;
  /** Names looked up so far to see where links lead. */
  #steps = 0;
  readonly #page = new Uint8Array(PAGE);

  constructor(fs: WritableFs, options: BuilderOptions) {
    this.#fs = fs;
    this.#options = options;
  }

  begin(member: Member): void {
    const parts = this.#partsOf(member.name, 'the name');
    if (parts === undefined) return;
    const path = parts.join('/');
    if (member.type === 'directory') {
      this.#directory(parts, path, member);
      return;
    }
    if (parts.length === 0) throw refusal('EINVAL', `${shown(member.name)} is not the name of a file`);
    if (this.#made.has(path) || this.#directories.has(path)) throw twice(member.name);
    this.#parents(parts, member.name);
    if (member.type === 'file') this.#open(path, member);
    else if (member.type === 'symlink') this.#symlink(path, member);
    else this.#link(path, member);
    this.#made.add(path);
  }

  content(bytes: Uint8Array, position: number): void {
    const file = this.#file;
    if (file === undefined) return; // skipped
    if (file.kept > 0 && position !== file.start + file.kept) this.#flush(file);
    let at = 0;
    while (at < bytes.length) {
      const here = position + at;
      const inPage = here % PAGE;
      if (file.kept === 0 && inPage === 0 && bytes.length - at >= PAGE) {
        at = this.#writePages(file.fd, bytes, at, here);
        continue;
      }
      const end = Math.min(bytes.length, at + PAGE - inPage);
      if (file.kept === 0) file.start = here;
      this.#page.set(bytes.subarray(at, end), file.kept);
      file.kept += end - at;
      at = end;
      if ((file.start + file.kept) % PAGE === 0) this.#flush(file);
    }
  }

  end(): void {
    const file = this.#file;
    if (file === undefined) return;
    this.#file = undefined;
    const { fd, member } = file;
    try {
      this.#flush(file);
      this.#fs.ftruncateSync(fd, member.size); // a hole at the end
      if (this.#options.owners) this.#fs.fchownSync(fd, member.uid, member.gid);
      this.#fs.fchmodSync(fd, member.mode);
      this.#fs.futimesSync(fd, ...times(member));
    } finally {
      this.#fs.closeSync(fd);
    }
  }

  /** Does what can only be done when all is there. @throws EXDEV: a symbolic link leads out */
  finish(): ImportReport {
    for (const { path, target } of this.#links) {
      if (!this.#options.outsideLinks && this.#leadsOut(path, target)) throw outside(path, target);
    }
    for (const { path, member } of this.#late) {
      const full = this.#full(path);
      if (this.#options.owners) this.#fs.lchownSync(full, member.uid, member.gid);
      this.#fs.chmodSync(full, member.mode);
      this.#fs.lutimesSync(full, ...times(member));
    }
    return this.report;
  }

  /** After a failure: closes what is open. */
  abandon(): void {
    if (this.#file !== undefined) this.#fs.closeSync(this.#file.fd);
    this.#file = undefined;
  }

  /** Where a name goes, below `into`; undefined if nowhere. */
  pathOf(name: string): string | undefined {
    return this.#partsOf(name, 'the name')?.join('/');
  }

  #full(path: string): string {
    return path === '' ? this.#options.into || '/' : `${this.#options.into}/${path}`;
  }

  /** The parts of a name that count; undefined for what `strip` leaves nothing of. */
  #partsOf(name: string, what: string): string[] | undefined {
    if (name === '') throw refusal('EINVAL', `${what} of a file is empty`);
    if (name.startsWith('/')) throw refusal('EINVAL', `${what} ${shown(name)} is absolute`);
    if (name.includes('\0')) throw refusal('EINVAL', `${what} ${shown(name)} has a NUL in it`);
    const parts = name.split('/').filter((part) => part !== '' && part !== '.');
    if (parts.includes('..')) throw refusal('EINVAL', `${what} ${shown(name)} has '..' in it`);
    const { strip } = this.#options;
    return strip > 0 && parts.length <= strip ? undefined : parts.slice(strip);
  }

  /** Makes the directories that hold a path. @throws ENOTDIR, ELOOP: one of them is a file or a symbolic link */
  #parents(parts: readonly string[], name: string): void {
    let path = '';
    for (const part of parts.slice(0, -1)) {
      path = path === '' ? part : `${path}/${part}`;
      if (this.#directories.has(path)) continue;
      if (this.#isOldDirectory(path, name)) this.#directories.set(path, 'old');
      else {
        this.#fs.mkdirSync(this.#full(path), DIRECTORY_MODE);
        this.#directories.set(path, 'implied');
        this.report.directories++;
      }
    }
  }

  #isOldDirectory(path: string, name: string): boolean {
    const stat = this.#fs.lstatSync(this.#full(path), { throwIfNoEntry: false });
    if (stat === undefined) return false;
    if (stat.isDirectory()) return true;
    const why = stat.isSymbolicLink() ? 'a symbolic link' : 'a file';
    const code = stat.isSymbolicLink() ? 'ELOOP' : 'ENOTDIR';
    throw refusal(code, `the name ${shown(name)} goes through ${shown(path)}, which is ${why}`);
  }

  #directory(parts: readonly string[], path: string, member: Member): void {
    if (this.#directories.get(path) === 'given' || this.#made.has(path)) throw twice(member.name);
    this.#parents(parts, member.name);
    if (!this.#directories.has(path) && !this.#isOldDirectory(path, member.name)) {
      this.#fs.mkdirSync(this.#full(path), DIRECTORY_MODE);
      this.report.directories++;
    }
    this.#directories.set(path, 'given');
    this.#late.push({ path, member });
  }

  #open(path: string, member: Member): void {
    const fd = this.#fs.openSync(this.#full(path), 'wx', member.mode);
    this.#file = { fd, member, start: 0, kept: 0 };
    this.report.files++;
    this.report.bytes += member.size;
  }

  #symlink(path: string, member: Member): void {
    const { link } = member;
    if (link === '' || link.includes('\0')) throw refusal('EINVAL', `${shown(member.name)} has no target`);
    const full = this.#full(path);
    this.#fs.symlinkSync(link, full);
    if (this.#options.owners) this.#fs.lchownSync(full, member.uid, member.gid);
    this.#fs.lutimesSync(full, ...times(member));
    this.#links.push({ path, target: link });
    this.report.symbolicLinks++;
  }

  #link(path: string, member: Member): void {
    const parts = member.link.startsWith('/') ? undefined : this.#partsOf(member.link, 'the link');
    const target = parts?.join('/');
    if (target === undefined || !this.#made.has(target)) {
      const of = `${shown(member.name)} is a hard link to ${shown(member.link)}`;
      throw refusal('EXDEV', `${of}, which is no file that came before it`);
    }
    this.#fs.linkSync(this.#full(target), this.#full(path));
    this.report.hardLinks++;
  }

  /** Whether a walk from the link's directory leaves `into`, by what is there now; names that are missing count as directories. */
  #leadsOut(path: string, target: string): boolean {
    const at = path.split('/').slice(0, -1);
    const rest = [target];
    for (let links = 0; rest.length > 0;) {
      this.#steps += 1 + at.length;
      if (this.#steps > STEPS_MAX) throw refusal('E2BIG', 'the symbolic links lead through too many names to look at');
      const next = rest.pop() as string;
      if (next.startsWith('/')) return true;
      const slash = next.indexOf('/');
      const part = slash === -1 ? next : next.slice(0, slash);
      if (slash !== -1) rest.push(next.slice(slash).replace(/^\/+/, ''));
      if (part === '' || part === '.') continue;
      if (part === '..') {
        if (at.length === 0) return true;
        at.pop();
        continue;
      }
      at.push(part);
      const full = this.#full(at.join('/'));
      if (!this.#isLink(full)) continue;
      if (++links > LINKS_MAX) return false; // leads nowhere
      at.pop();
      rest.push(this.#fs.readlinkSync(full));
    }
    return false;
  }

  #isLink(full: string): boolean {
    try {
      return this.#fs.lstatSync(full, { throwIfNoEntry: false })?.isSymbolicLink() ?? false;
    } catch {
      return false; // below a file, or too long a name: nothing can be there
    }
  }

  #flush(file: OpenFile): void {
    if (file.kept === 0) return;
    const bytes = this.#page.subarray(0, file.kept);
    if (!isZeros(bytes, 0, bytes.length)) this.#write(file.fd, bytes, file.start);
    file.kept = 0;
  }

  /** Writes whole pages, up to the next one of zeros: those stay holes. @returns how far `bytes` is done */
  #writePages(fd: number, bytes: Uint8Array, from: number, position: number): number {
    let at = from;
    while (at + PAGE <= bytes.length && !isZeros(bytes, at, at + PAGE)) at += PAGE;
    if (at > from) this.#write(fd, bytes.subarray(from, at), position);
    while (at + PAGE <= bytes.length && isZeros(bytes, at, at + PAGE)) at += PAGE;
    return at;
  }

  #write(fd: number, bytes: Uint8Array, position: number): void {
    for (let done = 0; done < bytes.length;) {
      done += this.#fs.writeSync(fd, bytes, done, bytes.length - done, position + done);
    }
  }
}

function times({ atimeMs, mtimeMs }: Member): [NodeTime, NodeTime] {
  return [timeOf(atimeMs ?? mtimeMs), timeOf(mtimeMs)];
}

/** A Date keeps milliseconds as they are; seconds keep what is between them, nearly, but cannot be negative. */
function timeOf(milliseconds: number): NodeTime {
  const ms = nearestTime(milliseconds);
  return Number.isInteger(ms) || ms < 0 ? new Date(ms) : ms / 1000;
}

function isZeros(bytes: Uint8Array, from: number, to: number): boolean {
  for (let at = from; at < to; at++) if (bytes[at] !== 0) return false;
  return true;
}

function twice(name: string): Error {
  return refusal('EEXIST', `${shown(name)} comes twice`);
}

function outside(path: string, target: string): Error {
  return refusal(
    'EXDEV',
    `the symbolic link ${shown(path)} leads out, to ${shown(target)}. Pass outsideLinks: true to take such links as they are.`,
  );
}
