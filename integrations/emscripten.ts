/**
 * Files on compressed pages, mounted in a program that Emscripten compiled.
 *
 * A `PageFs` and each of its forks can be mounted in as many modules as you like. What a program writes is in the `PageFs`
 * at once, so nothing is to be synced; what another module or JavaScript writes is seen at the next read.
 * @module zram-wasm/emscripten
 */
import { ZramError } from '../bindings/base/errors.js';
import { Errors } from './emscripten/errors.js';
import type { EmscriptenFS, EmscriptenModule, FileSystemType, Mount, Node } from './emscripten/module.js';
import { NodeOperations } from './emscripten/nodes.js';
import { DirectoryStreamOperations, FileStreamOperations } from './emscripten/streams.js';
import type { PageFs } from './fs.js';

export type { EmscriptenModule, FileSystemType, Mount, Node } from './emscripten/module.js';

/**
 * A file system of Emscripten, as its own `MEMFS` and `NODEFS` are:
 *
 * ```js
 * module.FS.mkdir('/work');
 * module.FS.mount(new ZramFS(module, files), { root: '/' }, '/work');
 * ```
 *
 * `root` is the directory of the `PageFs` that is mounted, `/` without one. Programs have files, directories, symbolic and
 * hard links, times, modes, and `mmap`, which copies. Symbolic links are followed by Emscripten: an absolute one starts at
 * the module's root. Errors are Emscripten's `FS.ErrnoError`. When memory ends a program gets `ENOSPC`, and what was there
 * before stays.
 *
 * One object belongs to one module and one `PageFs`. It holds no memory of its own.
 */
export class ZramFS implements FileSystemType {
  readonly #nodes: NodeOperations;

  /**
   * @param module the Emscripten module, with `FS`; for `mmap` with `HEAPU8`, and `mmapAlloc` or `_aligned_alloc`
   * @param files the files
   * @throws {ZramError} `EINVAL` for a module that exports no `FS`
   */
  constructor(module: EmscriptenModule, files: PageFs) {
    const FS = module?.FS as EmscriptenFS | undefined;
    if (typeof FS?.createNode !== 'function') {
      throw new ZramError(
        'EINVAL',
        'the module has no file system; link it with -sFORCE_FILESYSTEM and -sEXPORTED_RUNTIME_METHODS=FS',
      );
    }
    const errors = new Errors(FS);
    const ofFiles = new FileStreamOperations(module, files, errors);
    this.#nodes = new NodeOperations(FS, files, errors, ofFiles, new DirectoryStreamOperations(errors));
  }

  /** Called by `FS.mount`. */
  mount(mount: Mount): Node {
    return this.#nodes.root(mount);
  }

  /** Called by `FS.syncfs`: there is nothing to sync. */
  syncfs(_mount: Mount, _populate: unknown, done: (error?: number | null) => unknown): void {
    done(null);
  }
}
