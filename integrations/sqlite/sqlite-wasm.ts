/** The VFS for `@sqlite.org/sqlite-wasm`, which is registered with its `sqlite3.vfs.installVfs`. */
import { ZramError } from '../../bindings/base/errors.js';
import type { PageFs, PageFsOwnOptions } from '../fs.js';
import * as C from './codes.js';
import type { Heap } from './connections.js';
import { Databases, fileSystemOf, type VfsOptions } from './databases.js';
import { RawCalls } from './raw-calls.js';

/** A C structure of the library. */
interface Struct {
  readonly pointer: number;
  addOnDispose(...what: unknown[]): unknown;
  dispose(): void;
}
type StructClass<T> = (new (pointer?: number) => T & Struct) & { readonly structInfo: { readonly sizeof: number } };

/** What a VFS needs of the object that the library's `sqlite3InitModule` returns. */
export interface SqliteWasm {
  readonly capi: {
    readonly sqlite3_vfs: StructClass<{ $iVersion: number; $szOsFile: number; $mxPathname: number; $zName: number }>;
    readonly sqlite3_io_methods: StructClass<{ $iVersion: number }>;
    readonly sqlite3_file: StructClass<{ $pMethods: number }>;
    sqlite3_vfs_find(name: string): number;
    sqlite3_vfs_unregister(vfs: number): number;
  };
  readonly wasm: {
    heap8u(): Uint8Array;
    alloc: { impl(bytes: number): number };
    dealloc(address: number): void;
    allocCString(text: string): number;
  };
  readonly vfs: { installVfs(what: object): unknown };
}

/** Bytes of a name, with SQLite's endings and the end of the text. */
const NAME_BYTES_MAX = 512;

/**
 * A VFS for SQLite's own WebAssembly build, with WAL for any number of connections.
 *
 * ```js
 * const sqlite3 = await sqlite3InitModule();
 * const vfs = await ZramWasmVFS.install(sqlite3, 'zram');
 * const db = new sqlite3.oo1.DB({ filename: 'app.db', vfs: 'zram' });
 * ```
 */
export class ZramWasmVFS extends Databases {
  /** The name under which it is registered. */
  readonly name: string;
  readonly #sqlite3: SqliteWasm;
  #registered = 0;

  private constructor(name: string, sqlite3: SqliteWasm, fs: PageFs, options: VfsOptions) {
    super(fs, options, heapOf(sqlite3));
    this.name = name;
    this.#sqlite3 = sqlite3;
  }

  /**
   * Makes a VFS and registers it.
   * @param sqlite3 what `sqlite3InitModule()` of the library returned
   * @param options as of `PageFs.create`, for a file system of its own; or `fs`, one of yours; `makeDefault`: for names
   * without a VFS. Default: false
   * @throws ZramError EINVAL: there is a VFS with this name; ENOMEM
   */
  static async install(
    sqlite3: object,
    name: string,
    options: VfsOptions & PageFsOwnOptions & { makeDefault?: boolean | undefined } = {},
  ): Promise<ZramWasmVFS> {
    const library = sqlite3 as SqliteWasm;
    if (library.capi.sqlite3_vfs_find(name) !== 0) {
      throw new ZramError('EINVAL', `a VFS with the name ${name} is registered already.`);
    }
    const { makeDefault = false, ...rest } = options;
    const vfs = new ZramWasmVFS(name, library, await fileSystemOf(rest), rest);
    vfs.#register(makeDefault);
    return vfs;
  }

  #register(asDefault: boolean): void {
    const { capi, wasm } = this.#sqlite3;
    const io = new capi.sqlite3_io_methods();
    io.$iVersion = 2; // with shared memory
    const calls = new RawCalls({ bytes: () => wasm.heap8u() }, this.connections);
    this.#sqlite3.vfs.installVfs({ io: { struct: io, methods: this.#fileMethods(calls) } });
    const vfs = new capi.sqlite3_vfs();
    vfs.$iVersion = 2; // with the time as an integer
    vfs.$szOsFile = capi.sqlite3_file.structInfo.sizeof;
    vfs.$mxPathname = NAME_BYTES_MAX;
    const zName = wasm.allocCString(this.name);
    vfs.$zName = zName;
    vfs.addOnDispose(zName);
    const methods = this.#vfsMethods(calls, io.pointer);
    this.#sqlite3.vfs.installVfs({ vfs: { struct: vfs, methods, asDefault } });
    this.#registered = vfs.pointer;
  }

  #fileMethods(calls: RawCalls): object {
    const { connections } = this;
    return {
      xClose: (pFile: number) => connections.close(pFile),
      xRead: (pFile: number, pData: number, length: number, at: bigint) => calls.read(pFile, pData, length, Number(at)),
      xWrite: (pFile: number, pData: number, length: number, at: bigint) =>
        calls.write(pFile, pData, length, Number(at)),
      xTruncate: (pFile: number, size: bigint) => connections.truncate(pFile, Number(size)),
      xSync: (pFile: number, _flags: number) => connections.sync(pFile),
      xFileSize: (pFile: number, pSize: number) => calls.fileSize(pFile, pSize),
      xLock: (pFile: number, level: number) => connections.lock(pFile, level),
      xUnlock: (pFile: number, level: number) => connections.unlock(pFile, level),
      xCheckReservedLock: (pFile: number, pResOut: number) => calls.checkReservedLock(pFile, pResOut),
      xFileControl: (pFile: number, op: number, _pArg: number) => connections.control(pFile, op),
      xSectorSize: (_pFile: number) => connections.sectorSize(),
      xDeviceCharacteristics: (pFile: number) => connections.characteristics(pFile),
      xShmMap: (pFile: number, region: number, bytes: number, extend: number, ppOut: number) =>
        calls.shmMap(pFile, region, bytes, extend !== 0, ppOut),
      xShmLock: (pFile: number, first: number, count: number, flags: number) =>
        connections.shmLock(pFile, first, count, flags),
      xShmBarrier: (_pFile: number) => undefined,
      xShmUnmap: (pFile: number, _remove: number) => connections.shmUnmap(pFile),
    };
  }

  #vfsMethods(calls: RawCalls, pMethods: number): object {
    const { capi } = this.#sqlite3;
    return {
      xOpen: (_pVfs: number, zName: number, pFile: number, flags: number, pOutFlags: number) => {
        const code = calls.open(zName, pFile, flags, pOutFlags);
        if (code !== C.OK) return code;
        const file = new capi.sqlite3_file(pFile);
        file.$pMethods = pMethods;
        file.dispose();
        return C.OK;
      },
      xDelete: (_pVfs: number, zName: number, _syncDir: number) => calls.remove(zName),
      xAccess: (_pVfs: number, zName: number, flags: number, pResOut: number) => calls.access(zName, flags, pResOut),
      xFullPathname: (_pVfs: number, zName: number, nOut: number, zOut: number) =>
        calls.fullPathname(zName, nOut, zOut),
      xGetLastError: (_pVfs: number, nBuf: number, zBuf: number) => calls.lastError(nBuf, zBuf),
      xRandomness: (_pVfs: number, nByte: number, zOut: number) => calls.randomness(nByte, zOut),
      // Nobody else can work meanwhile, so there is nothing to wait for.
      xSleep: (_pVfs: number, microseconds: number) => microseconds,
      xCurrentTime: (_pVfs: number, pTime: number) => calls.currentTime(pTime),
      xCurrentTimeInt64: (_pVfs: number, pTime: number) => calls.currentTimeInt64(pTime),
    };
  }

  /** Also takes the VFS out of the library. */
  override destroy(): void {
    if (this.#registered !== 0) this.#sqlite3.capi.sqlite3_vfs_unregister(this.#registered);
    this.#registered = 0;
    super.destroy();
  }
}

const heaps = new WeakMap<object, Heap>();

/** One for all VFSes of a module, by which connections know that they share its memory. */
function heapOf({ wasm }: SqliteWasm): Heap {
  const known = heaps.get(wasm);
  if (known) return known;
  const heap: Heap = {
    allocate(bytes) {
      const address = wasm.alloc.impl(bytes);
      if (address !== 0) wasm.heap8u().fill(0, address, address + bytes);
      return address;
    },
    free: (address) => wasm.dealloc(address),
  };
  heaps.set(wasm, heap);
  return heap;
}
