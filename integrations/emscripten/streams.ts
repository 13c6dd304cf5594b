/** Open files: what a module does to a stream. Each holds one descriptor of ours, however often it is dup()ed. */
import type { PageFs } from '../fs.js';
import type { Errors } from './errors.js';
import type { EmscriptenModule, FileStream, NewAttributes, Stream } from './module.js';
import { attributesOf, newTimes, pathOf, type Attributes } from './nodes.js';

const PERMISSIONS = 0o7777;
/** Bits of the flags for reading, writing or both: Emscripten has done what the others ask for when it opens a stream. */
const ACCESS = 3;
const SEEK_CUR = 1;
const SEEK_END = 2;
/** What C programs map is aligned to this: a page of WebAssembly. */
const MAP_ALIGNMENT = 65536;
const MAP_PRIVATE = 2;

/** The functions that Emscripten calls for open files of a mount: `stream_ops` of their nodes. */
export class FileStreamOperations {
  readonly #module: EmscriptenModule;
  readonly #files: PageFs;
  readonly #errors: Errors;

  constructor(module: EmscriptenModule, files: PageFs, errors: Errors) {
    this.#module = module;
    this.#files = files;
    this.#errors = errors;
  }

  readonly open = (stream: FileStream): void => {
    stream.handle = this.#errors.translated(() => this.#files.openSync(pathOf(stream.node), stream.flags & ACCESS));
    stream.shared.openCount = 1;
  };

  readonly dup = ({ shared }: FileStream): void => {
    shared.openCount++;
  };

  readonly close = ({ handle, shared }: FileStream): void => {
    if (--shared.openCount === 0) this.#errors.translated(() => this.#files.closeSync(handle));
  };

  /** By descriptor, so that a file without a name has attributes as well. Emscripten before 4.0 asks the node. */
  readonly getattr = ({ handle }: FileStream): Attributes => {
    return this.#errors.translated(() => attributesOf(this.#files.fstatSync(handle)));
  };

  readonly setattr = ({ handle, node }: FileStream, attributes: NewAttributes): void => {
    const { mode, size } = attributes;
    this.#errors.translated(() => {
      if (size !== undefined) this.#files.ftruncateSync(handle, size);
      const times = newTimes(node, attributes, () => this.#files.fstatSync(handle));
      if (times) this.#files.futimesSync(handle, ...times);
      if (mode === undefined) return;
      this.#files.fchmodSync(handle, mode & PERMISSIONS);
      node.mode = (node.mode & ~PERMISSIONS) | (mode & PERMISSIONS);
    });
  };

  readonly read = (
    stream: FileStream,
    bytes: ArrayBufferView,
    offset: number,
    length: number,
    position: number,
  ): number => {
    return this.#errors.translated(() => this.#files.readSync(stream.handle, bytesOf(bytes), offset, length, position));
  };

  readonly write = (
    stream: FileStream,
    bytes: ArrayBufferView,
    offset: number,
    length: number,
    position: number,
  ): number => {
    return this.#errors.translated(() =>
      this.#files.writeSync(stream.handle, bytesOf(bytes), offset, length, position),
    );
  };

  readonly llseek = (stream: FileStream, offset: number, whence: number): number => {
    const end = () => this.#errors.translated(() => this.#files.fstatSync(stream.handle).size);
    return sought(stream, offset, whence, end, this.#errors);
  };

  /** A copy of the file in the module's memory, which msync() and munmap() write back. */
  readonly mmap = (stream: FileStream, length: number, position: number): { ptr: number; allocated: true } => {
    const room = Math.ceil(length / MAP_ALIGNMENT) * MAP_ALIGNMENT;
    const { mmapAlloc, _aligned_alloc: alignedAlloc } = this.#module;
    const ptr = mmapAlloc?.(room) ?? alignedAlloc?.(MAP_ALIGNMENT, room);
    // Looked up now: the allocation may have moved it.
    const { HEAPU8 } = this.#module;
    if (ptr === undefined || !HEAPU8) throw this.#errors.make('ENODEV');
    if (ptr === 0) throw this.#errors.make('ENOMEM');
    const memory = HEAPU8.subarray(ptr, ptr + room);
    memory.fill(0);
    this.read(stream, memory, 0, length, position);
    return { ptr, allocated: true };
  };

  readonly msync = (
    stream: FileStream,
    bytes: ArrayBufferView,
    offset: number,
    length: number,
    flags: number,
  ): number => {
    if ((flags & MAP_PRIVATE) === 0) this.write(stream, bytes, 0, length, offset);
    return 0;
  };
}

/** Open directories: Emscripten reads their names by itself, and only moves in them. */
export class DirectoryStreamOperations {
  readonly #errors: Errors;

  constructor(errors: Errors) {
    this.#errors = errors;
  }

  readonly llseek = (stream: Stream, offset: number, whence: number): number => {
    return sought(stream, offset, whence, () => 0, this.#errors);
  };
}

function sought({ position }: Stream, offset: number, whence: number, end: () => number, errors: Errors): number {
  const from = whence === SEEK_CUR ? position : whence === SEEK_END ? end() : 0;
  if (from + offset < 0) throw errors.make('EINVAL');
  return from + offset;
}

/** Emscripten passes its memory as signed bytes. */
function bytesOf(view: ArrayBufferView): Uint8Array {
  return view instanceof Uint8Array ? view : new Uint8Array(view.buffer, view.byteOffset, view.byteLength);
}
