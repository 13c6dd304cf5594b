/** An Emscripten module with a file system, to mount ours in: PGlite's, of which no database is started. */
import { PGlite } from '@electric-sql/pglite';
import type { EmscriptenModule, FileSystemType } from '../../../integrations/emscripten.js';

export interface OpenStream {
  fd: number | null;
  position: number;
}

interface Attributes {
  ino: number;
  mode: number;
  nlink: number;
  size: number;
  mtime: Date;
}

/** The parts of Emscripten's `FS` that tests call. */
export interface FS {
  mkdir(path: string, mode?: number): void;
  mount(type: FileSystemType | object, options: object, path: string): void;
  unmount(path: string): void;
  open(path: string, flags: string | number, mode?: number): OpenStream;
  close(stream: OpenStream): void;
  read(stream: OpenStream, bytes: Uint8Array, offset: number, length: number, position?: number): number;
  write(stream: OpenStream, bytes: Uint8Array, offset: number, length: number, position?: number): number;
  llseek(stream: OpenStream, offset: number, whence: number): number;
  dupStream(stream: OpenStream): OpenStream;
  mmap(stream: OpenStream, length: number, position: number, prot: number, flags: number): { ptr: number };
  msync(stream: OpenStream, bytes: Uint8Array, offset: number, length: number, flags: number): void;
  readFile(path: string): Uint8Array;
  writeFile(path: string, data: Uint8Array | string, options?: { flags?: string; mode?: number }): void;
  readdir(path: string): string[];
  stat(path: string): Attributes;
  lstat(path: string): Attributes;
  fstat(fd: number): Attributes;
  truncate(path: string, length: number): void;
  ftruncate(fd: number, length: number): void;
  chmod(path: string, mode: number): void;
  lchmod(path: string, mode: number): void;
  fchmod(fd: number, mode: number): void;
  utime(path: string, atime: number, mtime: number): void;
  rename(from: string, to: string): void;
  unlink(path: string): void;
  rmdir(path: string): void;
  link(existing: string, path: string): void;
  symlink(target: string, path: string): void;
  readlink(path: string): string;
  statfs(path: string): Record<string, number>;
  syncfs(done: (error?: number | null) => void): void;
}

export type Module = EmscriptenModule & { FS: FS; HEAPU8: Uint8Array; MEMFS: object };

export async function startModule(): Promise<Module> {
  const { Module: module } = await PGlite.create({ noInitDb: true });
  return module as unknown as Module;
}

/** What a call throws, as the number of Emscripten's error; undefined if it throws nothing. */
export function errnoOf(run: () => unknown): number | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    const { name, errno } = error as { name: string; errno: number };
    if (name !== 'ErrnoError') throw error;
    return errno;
  }
}
