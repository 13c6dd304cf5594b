/** The VFS for wa-sqlite 1.0, whose calls hand on strings, arrays and views. */
import type { PageFs, PageFsOwnOptions } from '../fs.js';
import * as C from './codes.js';
import { Databases, fileSystemOf, type VfsOptions } from './databases.js';

/**
 * A VFS for wa-sqlite 1.0. It is synchronous, so it works with both of the library's builds. WAL needs
 * `PRAGMA locking_mode=exclusive`, since that library hands on no shared memory.
 *
 * ```js
 * const sqlite3 = SQLite.Factory(await SQLiteESMFactory());
 * const vfs = await ZramVFS1.create('zram');
 * sqlite3.vfs_register(vfs, true);
 * ```
 */
export class ZramVFS1 extends Databases {
  /** The name under which it is registered. */
  readonly name: string;
  /** Most bytes of a file's name. */
  readonly mxPathName = 64;

  private constructor(name: string, fs: PageFs, options: VfsOptions) {
    super(fs, options);
    this.name = name;
  }

  /**
   * Makes a VFS, to be registered by `sqlite3.vfs_register`.
   * @param options as of `PageFs.create`, for a file system of its own; or `fs`, one of yours
   * @throws ZramError EINVAL, ENOMEM
   */
  static async create(name: string, options: VfsOptions & PageFsOwnOptions = {}): Promise<ZramVFS1> {
    return new ZramVFS1(name, await fileSystemOf(options), options);
  }

  /** Closes all files. */
  close(): void {
    this.connections.closeAll();
  }

  /** @internal */
  xOpen(name: string | null, fileId: number, flags: number, pOutFlags: DataView): number {
    return this.connections.open(fileId, name, flags, (granted) => pOutFlags.setInt32(0, granted, true));
  }

  /** @internal */
  xClose(fileId: number): number {
    return this.connections.close(fileId);
  }

  /** @internal */
  xRead(fileId: number, pData: Uint8Array, iOffset: number): number {
    return this.connections.read(fileId, pData, iOffset);
  }

  /** @internal */
  xWrite(fileId: number, pData: Uint8Array, iOffset: number): number {
    return this.connections.write(fileId, pData, iOffset);
  }

  /** @internal */
  xTruncate(fileId: number, iSize: number): number {
    return this.connections.truncate(fileId, iSize);
  }

  /** @internal */
  xSync(fileId: number, _flags: number): number {
    return this.connections.sync(fileId);
  }

  /** @internal */
  xFileSize(fileId: number, pSize64: DataView): number {
    return this.connections.size(fileId, (size) => pSize64.setBigInt64(0, BigInt(size), true));
  }

  /** @internal */
  xLock(fileId: number, level: number): number {
    return this.connections.lock(fileId, level);
  }

  /** @internal */
  xUnlock(fileId: number, level: number): number {
    return this.connections.unlock(fileId, level);
  }

  /** @internal */
  xCheckReservedLock(fileId: number, pResOut: DataView): number {
    pResOut.setInt32(0, this.connections.isReserved(fileId) ? 1 : 0, true);
    return C.OK;
  }

  /** @internal */
  xFileControl(fileId: number, op: number, _pOut: DataView): number {
    return this.connections.control(fileId, op);
  }

  /** @internal */
  xSectorSize(_fileId: number): number {
    return this.connections.sectorSize();
  }

  /** @internal */
  xDeviceCharacteristics(fileId: number): number {
    return this.connections.characteristics(fileId);
  }

  /** @internal */
  xDelete(name: string, _syncDir: number): number {
    return this.connections.remove(name);
  }

  /** @internal */
  xAccess(name: string, flags: number, pResOut: DataView): number {
    return this.connections.access(name, flags === C.ACCESS_READWRITE, (can) => pResOut.setInt32(0, can ? 1 : 0, true));
  }
}
