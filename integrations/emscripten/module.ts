/** What a file system is handed by an Emscripten module, and what it hands back: as far as a mount needs it. */

/** A file or directory as Emscripten knows it: a name in a directory. */
export interface Node {
  id: number;
  name: string;
  mode: number;
  parent: Node;
  mount: Mount;
  rdev: number | undefined;
  readMode: number;
  writeMode: number;
  read: boolean;
  write: boolean;
  readonly isFolder: boolean;
  readonly isDevice: boolean;
  node_ops: object;
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
  mount(mount: Mount): Node;
  syncfs(mount: Mount, populate: unknown, done: (error?: number | null) => unknown): void;
}

/** A place where a file system is mounted. `opts` is what the program passed. */
export interface Mount {
  type: FileSystemType;
  opts: object;
  mountpoint: string;
  mounts: Mount[];
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
  readonly FS: object;
  readonly HEAPU8?: Uint8Array;
  readonly mmapAlloc?: (length: number) => number;
  readonly _aligned_alloc?: (alignment: number, length: number) => number;
}
