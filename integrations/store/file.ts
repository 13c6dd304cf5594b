/** The file that holds a store, whatever it does: transfers are whole or fail, and failures have codes. */
import { ZramError } from '../../bindings/base/errors.js';

/**
 * A file that is read and written synchronously, with one user: `FileSystemSyncAccessHandle` of browsers, as far as it is
 * used. Elsewhere it is a few lines around Node's `fs`.
 */
export interface SyncFile {
  /** Fills the buffer from a place in the file. Returns the number of bytes, which are fewer at its end. */
  read(buffer: Uint8Array<ArrayBuffer>, options: { at: number }): number;
  /** Writes the buffer to a place in the file, which grows. Returns the number of bytes. */
  write(buffer: Uint8Array<ArrayBuffer>, options: { at: number }): number;
  /** Makes the file so many bytes long. */
  truncate(size: number): void;
  /** Returns when all that was written is on the disk. */
  flush(): void;
  /** Bytes of the file. */
  getSize(): number;
  /** Ends the use of the file. */
  close(): void;
}

/** What browsers and Node throw when there is no room. */
const NO_ROOM = new Set(['QuotaExceededError', 'ENOSPC', 'EDQUOT', 'EFBIG']);
/** What Chromium's `write` returns for the same: its error number -8, without sign. */
const NO_ROOM_COUNT = 2 ** 32 - 8;

const METHODS = ['read', 'write', 'truncate', 'flush', 'getSize', 'close'] as const;

export class StoreFile {
  constructor(private readonly file: SyncFile) {
    const given = file as unknown as Record<string, unknown> | null | undefined;
    for (const name of METHODS) {
      if (typeof given?.[name] === 'function') continue;
      const needs = `${METHODS.join(', ')}, as a FileSystemSyncAccessHandle has them`;
      throw new ZramError('EINVAL', `the file of a store must have the methods ${needs}: there is no ${name}.`);
    }
  }

  get size(): number {
    return tried('look at', () => this.file.getSize());
  }

  /** Reads up to the end of the file. Returns the number of bytes. */
  read(out: Uint8Array<ArrayBuffer>, at: number): number {
    let done = 0;
    while (done < out.length) {
      const part = done === 0 ? out : out.subarray(done);
      const count = tried('read', () => this.file.read(part, { at: at + done }));
      if (count === 0) break;
      if (!(count > 0 && count <= part.length)) throw failed('read', `it returned ${count}`);
      done += count;
    }
    return done;
  }

  write(bytes: Uint8Array<ArrayBuffer>, at: number): void {
    for (let done = 0; done < bytes.length;) {
      const part = done === 0 ? bytes : bytes.subarray(done);
      const count = tried('write', () => this.file.write(part, { at: at + done }));
      if (count === NO_ROOM_COUNT) throw noRoom('the quota is used up');
      if (!(count > 0 && count <= part.length)) throw failed('write', `it returned ${count}`);
      done += count;
    }
  }

  truncate(size: number): void {
    tried('cut', () => this.file.truncate(size));
  }

  flush(): void {
    tried('flush', () => this.file.flush());
  }

  close(): void {
    tried('close', () => this.file.close());
  }
}

function tried<T>(what: string, call: () => T): T {
  try {
    return call();
  } catch (error) {
    const { name, code, message } = (error ?? {}) as { name?: unknown; code?: unknown; message?: unknown };
    const text = typeof message === 'string' ? message : String(error);
    if (NO_ROOM.has(String(name)) || NO_ROOM.has(String(code))) throw noRoom(text, error);
    throw failed(what, text, error);
  }
}

function noRoom(reason: string, cause?: unknown): ZramError {
  return new ZramError('ENOSPC', `there is no room for the store: ${reason}.`, undefined, { cause });
}

function failed(what: string, reason: string, cause?: unknown): ZramError {
  return new ZramError('EIO', `cannot ${what} the file of the store: ${reason}.`, undefined, { cause });
}
