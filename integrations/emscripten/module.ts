/** What a file system is handed by an Emscripten module, and what it hands back: as far as a mount needs it. */

/** A file or directory as Emscripten knows it: a name in a directory. */
export interface Node {
  /** Emscripten's number. */
  id: number;
  /** Its name in its directory. */
  name: string;
  /** Kind and permissions, as of `stat`. */
  mode: number;
  /** Its directory. */
  parent: Node;
  /** The mount that it is in. */
  mount: Mount;
  /** The device's number, of devices. */
  rdev: number | undefined;
  /** Bits of `mode` that allow reading. */
  readMode: number;
  /** Bits of `mode` that allow writing. */
  writeMode: number;
  /** Whether it may be read. */
  read: boolean;
  /** Whether it may be written to. */
  write: boolean;
  /** Whether it is a directory. */
  readonly isFolder: boolean;
  /** Whether it is a device. */
  readonly isDevice: boolean;
  /** What is done with it by name. */
  node_ops: object;
  /** What is done with it when it is open. */
  stream_ops: object;
}

/** An open file or directory of Emscripten. */
export interface Stream {
  readonly node: Node;
  readonly flags: number;
  readonly position: number;
}

/** An open file, with what we note in it. `shared` is one object for all descriptors that dup() made of it. */
export interface FileStream extends Stream {
  readonly shared: { openCount: number };
  /** Our descriptor, beside Emscripten's `fd`. */
  handle: number;
}

/** What `FS.mount` takes first. */
export interface FileSystemType {
  /** Makes the root of a mount. */
  mount(mount: Mount): Node;
  /** Brings a mount and what is behind it in step. */
  syncfs(mount: Mount, populate: unknown, done: (error?: number | null) => unknown): void;
}

/** A place where a file system is mounted. */
export interface Mount {
  /** The file system. */
  type: FileSystemType;
  /** What the program passed. */
  opts: object;
  /** The directory of the program that it covers. */
  mountpoint: string;
  /** Mounts inside it. */
  mounts: Mount[];
  /** Its root. */
  root: Node;
}

/** The directory of ours that is mounted. */
export function rootOf({ opts }: Mount): string {
  return (opts as { root?: string } | undefined)?.root ?? '/';
}

/** A change of attributes. Times are in milliseconds; `timestamp` is what Emscripten before 4.0 passes for both times. */
export interface NewAttributes {
  readonly mode?: number;
  readonly size?: number;
  readonly atime?: number | Date;
  readonly mtime?: number | Date;
  readonly timestamp?: number;
  readonly dontFollow?: boolean;
}

/** The `FS` of an Emscripten module, as far as a mount needs it. */
export interface EmscriptenFS {
  readonly ErrnoError: new (errno: number) => Error;
  createNode(parent: Node | null, name: string, mode: number, rdev?: number): Node;
  lookupPath(path: string, options?: { follow?: boolean }): { readonly node: Node };
}

/**
 * An Emscripten module with its file system (`-sFORCE_FILESYSTEM -sEXPORTED_RUNTIME_METHODS=FS`). To map files into memory
 * (`mmap`) it must also export `HEAPU8` and one of the two allocators.
 */
export interface EmscriptenModule {
  /** The module's file system. */
  readonly FS: object;
  /** Its memory. */
  readonly HEAPU8?: Uint8Array;
  /** Allocates memory for a mapping: Emscripten 3 and later. */
  readonly mmapAlloc?: (length: number) => number;
  /** The same where the other is not exported. */
  readonly _aligned_alloc?: (alignment: number, length: number) => number;
}
