/** The VFS for wa-sqlite 2 (`@journeyapps/wa-sqlite`), and others of its kind, whose calls hand on addresses. */
import type { PageFs, PageFsOwnOptions } from '../fs.js';
import type { Heap } from './connections.js';
import { Databases, fileSystemOf, type VfsOptions } from './databases.js';
import { RawCalls } from './raw-calls.js';

/** What a VFS needs of the library's module. */
export interface WaSqliteModule {
  /** The module's memory. */
  HEAPU8: Uint8Array;
  /** SQLite's allocator. */
  _sqlite3_malloc(bytes: number): number;
  /** Gives back what it allocated. */
  _sqlite3_free(address: number): void;
}

/** Bytes of a name, with SQLite's endings and the end of the text. */
const NAME_BYTES_MAX = 512;

/**
 * A VFS for wa-sqlite 2. It is synchronous, so it works with each of the library's builds, and has WAL for any number of
 * connections of one module.
 *
 * ```js
 * const module = await SQLiteESMFactory();
 * const sqlite3 = SQLite.Factory(module);
 * const vfs = await ZramVFS.create('zram', module);
 * sqlite3.vfs_register(vfs, true);
 * const db = await sqlite3.open_v2('app.db');
 * ```
 */
export class ZramVFS extends Databases {
  /** The name under which it is registered. */
  readonly name: string;
  /** Most bytes of a file's name. */
  readonly mxPathname = NAME_BYTES_MAX;
  readonly #calls: RawCalls;

  private constructor(name: string, module: WaSqliteModule, fs: PageFs, options: VfsOptions) {
    super(fs, options, heapOf(module));
    this.name = name;
    this.#calls = new RawCalls({ bytes: () => module.HEAPU8 }, this.connections);
  }

  /**
   * Makes a VFS, to be registered by `sqlite3.vfs_register`.
   * @param options as of `PageFs.create`, for a file system of its own; or `fs`, one of yours
   * @throws ZramError EINVAL, ENOMEM
   */
  static async create(
    name: string,
    module: WaSqliteModule,
    options: VfsOptions & PageFsOwnOptions = {},
  ): Promise<ZramVFS> {
    return new ZramVFS(name, module, await fileSystemOf(options), options);
  }

  /** Closes all files. The library calls it. */
  close(): void {
    this.connections.closeAll();
  }

  /** @internal */
  isReady(): boolean {
    return true;
  }

  /** @internal No call is asynchronous. */
  hasAsyncMethod(): boolean {
    return false;
  }

  /** @internal */
  xOpen(_pVfs: number, zName: number, pFile: number, flags: number, pOutFlags: number): number {
    return this.#calls.open(zName, pFile, flags, pOutFlags);
  }

  /** @internal */
  xDelete(_pVfs: number, zName: number, _syncDir: number): number {
    return this.#calls.remove(zName);
  }

  /** @internal */
  xAccess(_pVfs: number, zName: number, flags: number, pResOut: number): number {
    return this.#calls.access(zName, flags, pResOut);
  }

  /** @internal */
  xFullPathname(_pVfs: number, zName: number, nOut: number, zOut: number): number {
    return this.#calls.fullPathname(zName, nOut, zOut);
  }

  /** @internal */
  xGetLastError(_pVfs: number, nBuf: number, zBuf: number): number {
    return this.#calls.lastError(nBuf, zBuf);
  }

  /** @internal */
  xRandomness(_pVfs: number, nByte: number, zOut: number): number {
    return this.#calls.randomness(nByte, zOut);
  }

  /** @internal Nobody else can work meanwhile, so there is nothing to wait for. */
  xSleep(_pVfs: number, microseconds: number): number {
    return microseconds;
  }

  /** @internal */
  xCurrentTimeInt64(_pVfs: number, pTime: number): number {
    return this.#calls.currentTimeInt64(pTime);
  }

  /** @internal */
  xClose(pFile: number): number {
    return this.connections.close(pFile);
  }

  /** @internal */
  xRead(pFile: number, pData: number, iAmt: number, iOffsetLo: number, iOffsetHi: number): number {
    return this.#calls.read(pFile, pData, iAmt, joined(iOffsetLo, iOffsetHi));
  }

  /** @internal */
  xWrite(pFile: number, pData: number, iAmt: number, iOffsetLo: number, iOffsetHi: number): number {
    return this.#calls.write(pFile, pData, iAmt, joined(iOffsetLo, iOffsetHi));
  }

  /** @internal */
  xTruncate(pFile: number, sizeLo: number, sizeHi: number): number {
    return this.connections.truncate(pFile, joined(sizeLo, sizeHi));
  }

  /** @internal */
  xSync(pFile: number, _flags: number): number {
    return this.connections.sync(pFile);
  }

  /** @internal */
  xFileSize(pFile: number, pSize: number): number {
    return this.#calls.fileSize(pFile, pSize);
  }

  /** @internal */
  xLock(pFile: number, lockType: number): number {
    return this.connections.lock(pFile, lockType);
  }

  /** @internal */
  xUnlock(pFile: number, lockType: number): number {
    return this.connections.unlock(pFile, lockType);
  }

  /** @internal */
  xCheckReservedLock(pFile: number, pResOut: number): number {
    return this.#calls.checkReservedLock(pFile, pResOut);
  }

  /** @internal */
  xFileControl(pFile: number, op: number, _pArg: number): number {
    return this.connections.control(pFile, op);
  }

  /** @internal */
  xSectorSize(_pFile: number): number {
    return this.connections.sectorSize();
  }

  /** @internal */
  xDeviceCharacteristics(pFile: number): number {
    return this.connections.characteristics(pFile);
  }

  /** @internal */
  xShmMap(pFile: number, region: number, bytes: number, extend: number, ppOut: number): number {
    return this.#calls.shmMap(pFile, region, bytes, extend !== 0, ppOut);
  }

  /** @internal */
  xShmLock(pFile: number, first: number, count: number, flags: number): number {
    return this.connections.shmLock(pFile, first, count, flags);
  }

  /** @internal One thread needs none. */
  xShmBarrier(_pFile: number): void {}

  /** @internal */
  xShmUnmap(pFile: number, _remove: number): number {
    return this.connections.shmUnmap(pFile);
  }
}

const heaps = new WeakMap<object, Heap>();

/** One for all VFSes of a module, by which connections know that they share its memory. */
function heapOf(module: WaSqliteModule): Heap {
  const known = heaps.get(module);
  if (known) return known;
  const heap: Heap = {
    allocate(bytes) {
      const address = module._sqlite3_malloc(bytes);
      if (address !== 0) module.HEAPU8.fill(0, address, address + bytes);
      return address;
    },
    free: (address) => module._sqlite3_free(address),
  };
  heaps.set(module, heap);
  return heap;
}

/** A number of 64 bits in two of 32, with sign. */
function joined(low: number, high: number): number {
  return high * 0x100000000 + (low >>> 0);
}
