/**
 * One user at a time for a file: Node.js has no `flock`, so there is a lock file for each file in use, in a folder of the
 * user's own in /tmp, named after the file's device and inode: links of both kinds come to the same lock.
 *
 * A lock says who holds it: the process with the time of its start and the system's boot, and its descriptor of its file. It
 * is dead when that process is gone, or has closed the descriptor (a worker thread that was ended): then it is taken over.
 * A lock comes and goes whole: it is written under a name of its own, and linked to the lock's. Removing a dead one, and only
 * that, needs another lock, the gate: so no two processes remove one after the other, the second a lock that is alive again.
 */
import { ZramError } from '../base/errors.js';
import { textOf } from '../base/messages.js';
import { claims } from './claims.js';
import { codeOf, identityOf, nodeFiles, temporaryFolder, type Files } from './file-identity.js';

/** systemd leaves alone what has this bit (XDG_RUNTIME_DIR's rule) when it cleans /tmp of what is ten days old. */
const STICKY = 0o1000;
const WRITABLE_BY_OTHERS = 0o022;

/** What says that locks cannot be had here: no folder for them, no right to write there, no hard links. */
const UNAVAILABLE = [
  ...['EROFS', 'EACCES', 'EPERM', 'ENOENT', 'ENOTDIR', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV'],
  ...['ERR_ACCESS_DENIED', 'NotCapable'], // the permissions of Node.js, and of Deno
];

/** Locks that are looked at, each time, for whether their holders are gone. */
const SWEPT = 8;

export class FileLock {
  readonly #fs: Files;
  /** What is in the lock file: never the same twice. */
  readonly #text: string;
  /** The lock file; undefined where there are none. */
  readonly #path: string | undefined;

  /**
   * @param identity of the file
   * @param file its descriptor, open as long as the lock is held
   * @throws ZramError EBUSY: somebody holds it; EIO: the folder of the locks is another user's, or full
   */
  constructor(
    readonly identity: string,
    readonly file: number,
  ) {
    this.#fs = nodeFiles();
    const { files } = claims();
    if (files.has(identity)) throw busy();
    const nonce = Math.random().toString(36).slice(2);
    const start = startOf(this.#fs, 'self');
    this.#text = [process.pid, start, bootOf(this.#fs), file, identity, nonce].join('\n');
    this.#path = this.#acquire(nonce);
    files.add(identity);
  }

  release(): void {
    claims().files.delete(this.identity);
    const path = this.#path;
    // Whoever removed it by hand may have made way for another's.
    if (path && textAt(this.#fs, path) === this.#text) this.#fs.rmSync(path, { force: true });
  }

  #acquire(nonce: string): string | undefined {
    try {
      const folder = folderOfLocks(this.#fs);
      const path = `${folder}/${this.identity}`;
      const own = `${path}.${process.pid}.${nonce}`;
      this.#fs.writeFileSync(own, this.#text, { flag: 'wx', mode: STICKY | 0o600 });
      try {
        if (!this.#take(own, path)) throw busy();
        quietly(() => this.#sweep(own, folder));
      } finally {
        quietly(() => this.#fs.rmSync(own, { force: true }));
      }
      return path;
    } catch (error) {
      if (error instanceof ZramError) throw error;
      if (UNAVAILABLE.includes(codeOf(error) || String((error as Partial<Error> | undefined)?.name))) return undefined;
      throw new ZramError('EIO', `the backing file cannot be locked: ${textOf(error)}.`);
    }
  }

  /** Makes the lock, or what is left of one, its own. False when somebody alive holds it, or is taking it over. */
  #take(own: string, lock: string): boolean {
    for (;;) {
      try {
        this.#fs.linkSync(own, lock);
        return true;
      } catch (error) {
        if (codeOf(error) !== 'EEXIST') throw error;
      }
      const state = this.#stateOf(lock);
      if (state === 'alive' || (state === 'dead' && !this.#removeDead(own, lock))) return false;
    }
  }

  /** Removes a lock that is dead. False when somebody else is at it. */
  #removeDead(own: string, lock: string): boolean {
    const gate = `${lock}~`;
    if (!this.#take(own, gate)) return false;
    try {
      // Looked at again: only now can nobody else put another in its place.
      if (this.#stateOf(lock) === 'dead') this.#fs.rmSync(lock, { force: true });
    } finally {
      this.#fs.rmSync(gate, { force: true });
    }
    return true;
  }

  /** Removes a few of the locks that programs left which ended without `destroy`. */
  #sweep(own: string, folder: string): void {
    // With a dot: somebody's lock that is being written.
    const names = this.#fs.readdirSync(folder).filter((name) => !name.includes('.'));
    for (let n = Math.min(names.length, SWEPT); n > 0; n--) {
      const lock = `${folder}/${names[Math.floor(Math.random() * names.length)]}`;
      if (this.#stateOf(lock) === 'dead') this.#removeDead(own, lock);
    }
  }

  /** Whether a lock's holder still has the file open. */
  #stateOf(lock: string): 'alive' | 'dead' | 'gone' {
    const text = textAt(this.#fs, lock);
    if (text === undefined) return 'gone';
    if (this.#isAlive(text)) return 'alive';
    // A holder lets go of the lock first, then of the file: it may have done both since, and the lock be another's.
    return textAt(this.#fs, lock) === text ? 'dead' : 'gone';
  }

  #isAlive(text: string): boolean {
    const [pid = '', start, boot, file, identity] = text.split('\n');
    // Nothing in it, say: the machine went down before the file was on disk.
    if (!/^[1-9][0-9]*$/.test(pid)) return false;
    if (boot !== bootOf(this.#fs)) return false;
    if (startOf(this.#fs, 'self') === '') return canBeSignalled(Number(pid));
    if (start !== startOf(this.#fs, pid)) return false;
    // Ours, or a thread's that was ended, whose descriptor is ours by now.
    if (Number(pid) === process.pid && Number(file) === this.file) return text === this.#text;
    try {
      const status = this.#fs.statSync(`/proc/${pid}/fd/${file}`, { bigint: true });
      return identityOf(status) === identity;
    } catch (error) {
      return codeOf(error) !== 'ENOENT'; // EACCES: it is not ours to look at
    }
  }
}

/** @throws ZramError EIO: it is there, and not the user's own; or whatever keeps it from being made */
function folderOfLocks(fs: Files): string {
  const user = process.geteuid?.();
  // Not what TMPDIR says, which two processes may be told differently. On Windows that is per user.
  const folder = user === undefined ? `${temporaryFolder()}/zram-wasm` : `/tmp/zram-wasm-${user}`;
  try {
    fs.mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if (codeOf(error) !== 'EEXIST') throw error;
  }
  const status = fs.lstatSync(folder);
  const ours = user === undefined || (status.uid === user && (status.mode & WRITABLE_BY_OTHERS) === 0);
  if (status.isDirectory() && ours) return folder;
  throw new ZramError(
    'EIO',
    `${folder}, where locks of backing files are, must be a folder that only this user writes.`,
  );
}

/** What need not succeed. */
function quietly(call: () => void): void {
  try {
    call();
  } catch {
    // The next one will do it.
  }
}

function textAt(fs: Files, path: string): string | undefined {
  try {
    return fs.readFileSync(path, 'utf8');
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** When a process began, in ticks since the boot; '' for one that is gone, and where there is no /proc. */
function startOf(fs: Files, pid: string): string {
  let stat: string;
  try {
    stat = fs.readFileSync(`/proc/${pid}/stat`, 'utf8');
  } catch {
    return '';
  }
  // Field 2 is a name in parentheses, which may have spaces and parentheses; 3 is the state, 22 the start.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return 'ZX'.includes(fields[0]) ? '' : fields[19];
}

/** '' where that is not told. */
function bootOf(fs: Files): string {
  try {
    return fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

function canBeSignalled(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}

function busy(): ZramError {
  return new ZramError('EBUSY', 'another backing, here or in another process, uses the file.');
}
