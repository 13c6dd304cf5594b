/**
 * One user at a time for a file: Node.js has no `flock`, so there is a lock file for each file in use, in a private
 * folder of the user in /tmp, named after the file's device and inode: hard links and symbolic links lead to the same
 * lock.
 *
 * A lock records its holder: the process with its start time and the system's boot id, and its descriptor of the file.
 * It is dead when that process is gone or has closed the descriptor (a worker thread that was terminated), and is then
 * taken over. A lock is created atomically: it is written under a temporary name and then linked to its own. Removing a
 * dead lock, and only that, takes a second lock, the gate, so that of two processes that found one dead the slower
 * cannot remove the new lock of the faster.
 */
import { ZramError } from '../base/errors.js';
import { textOf } from '../base/messages.js';
import { claims } from './claims.js';
import { codeOf, identityOf, nodeFiles, temporaryFolder, type Files } from './file-identity.js';

/** systemd, which removes files from /tmp after ten days, keeps those with this bit (XDG_RUNTIME_DIR's rule). */
const STICKY = 0o1000;
const WRITABLE_BY_OTHERS = 0o022;

/** Errors that mean locks are not available here: no folder for them, no right to write there, no hard links. */
const UNAVAILABLE = [
  ...['EROFS', 'EACCES', 'EPERM', 'ENOENT', 'ENOTDIR', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EXDEV'],
  ...['ERR_ACCESS_DENIED', 'NotCapable'], // the permissions of Node.js, and of Deno
];

/** Locks that each acquisition checks for dead holders. */
const SWEPT = 8;

export class FileLock {
  readonly #fs: Files;
  /** Content of the lock file, unique for each lock. */
  readonly #text: string;
  /** Path of the lock file; undefined where locks are not available. */
  readonly #path: string | undefined;

  /**
   * @param identity of the file
   * @param file its descriptor, open as long as the lock is held
   * @throws ZramError EBUSY: the file is in use; EIO: the folder of the locks belongs to another user, or is full
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
    this.#text = [globalThis.process.pid, start, bootOf(this.#fs), file, identity, nonce].join('\n');
    this.#path = this.#acquire(nonce);
    files.add(identity);
  }

  release(): void {
    claims().files.delete(this.identity);
    const path = this.#path;
    // If the lock was removed by hand, another process may have taken the path since.
    if (path && textAt(this.#fs, path) === this.#text) this.#fs.rmSync(path, { force: true });
  }

  #acquire(nonce: string): string | undefined {
    try {
      const folder = folderOfLocks(this.#fs);
      const path = `${folder}/${this.identity}`;
      const own = `${path}.${globalThis.process.pid}.${nonce}`;
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
      throw new ZramError('EIO', `cannot lock the backing file: ${textOf(error)}.`);
    }
  }

  /** Takes the lock, also from a dead holder. False when a live process holds it or is taking it over. */
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

  /** Removes a dead lock. False when another process is doing so. */
  #removeDead(own: string, lock: string): boolean {
    const gate = `${lock}~`;
    if (!this.#take(own, gate)) return false;
    try {
      // Checked again: only under the gate can no other process replace it.
      if (this.#stateOf(lock) === 'dead') this.#fs.rmSync(lock, { force: true });
    } finally {
      this.#fs.rmSync(gate, { force: true });
    }
    return true;
  }

  /** Removes a few of the locks left by programs that ended without `destroy`. */
  #sweep(own: string, folder: string): void {
    // A dot marks a temporary name: a lock that is still being written.
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
    // A holder releases the lock first, then the file: it may have done both since, and another process hold the lock
    // now.
    return textAt(this.#fs, lock) === text ? 'dead' : 'gone';
  }

  #isAlive(text: string): boolean {
    const [pid = '', start, boot, file, identity] = text.split('\n');
    // Empty, for example: the machine crashed before the file was on disk.
    if (!/^[1-9][0-9]*$/.test(pid)) return false;
    if (boot !== bootOf(this.#fs)) return false;
    if (startOf(this.#fs, 'self') === '') return canBeSignalled(Number(pid));
    if (start !== startOf(this.#fs, pid)) return false;
    // Ours, or that of a terminated thread whose descriptor number we reuse.
    if (Number(pid) === globalThis.process.pid && Number(file) === this.file) return text === this.#text;
    try {
      const status = this.#fs.statSync(`/proc/${pid}/fd/${file}`, { bigint: true });
      return identityOf(status) === identity;
    } catch (error) {
      return codeOf(error) !== 'ENOENT'; // EACCES: another user's process, which may be alive
    }
  }
}

/** @throws ZramError EIO: it exists and other users can write to it, or the error of mkdir */
function folderOfLocks(fs: Files): string {
  const user = globalThis.process.geteuid?.();
  // Not TMPDIR, which may differ between two processes. On Windows it is per user.
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
    `${folder}, which holds the locks of backing files, must be a folder that only this user can write to.`,
  );
}

/** For steps that need not succeed. */
function quietly(call: () => void): void {
  try {
    call();
  } catch {
    // The next acquisition tries again.
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

/** Start time of a process in ticks since boot; '' when it is gone or there is no /proc. */
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

/** The id of the current boot; '' where the system has none. */
function bootOf(fs: Files): string {
  try {
    return fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return '';
  }
}

function canBeSignalled(pid: number): boolean {
  try {
    return globalThis.process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) !== 'ESRCH';
  }
}

function busy(): ZramError {
  return new ZramError('EBUSY', 'the file is in use by another backing, in this process or another.');
}
