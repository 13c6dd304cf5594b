/** A backing device in the browser: a file of the origin's private file system (OPFS), read and written at once. */
import type { Backing } from 'zram-wasm';
import { writebackObstacle } from '../support.js';

const PAGE_BYTES = 4096;
const PREFIX = 'zram-wasm-demo-';
const BYTES_MAX = 4 * 2 ** 30;
/** Of what the browser grants: the rest is for others. */
const SHARE = 0.5;

/** Workers have it; the types of the page, which this project is checked with, do not. */
interface SyncAccessHandle {
  read(bytes: Uint8Array, options: { at: number }): number;
  write(bytes: Uint8Array, options: { at: number }): number;
}

export class OpfsBacking implements Backing {
  readonly slots: number;
  readonly name: string;
  readonly #file: SyncAccessHandle;

  private constructor(file: SyncAccessHandle, name: string, slots: number) {
    this.#file = file;
    this.name = name;
    this.slots = slots;
  }

  /** Makes an empty one. @throws Error, with a sentence for people: it cannot be had here */
  static async make(): Promise<OpfsBacking> {
    const obstacle = writebackObstacle();
    if (obstacle !== undefined) throw new Error(obstacle);
    try {
      const folder = await navigator.storage.getDirectory();
      await removeOld(folder);
      const name = PREFIX + crypto.randomUUID();
      const handle = await folder.getFileHandle(name, { create: true });
      const file = await (
        handle as unknown as { createSyncAccessHandle(): Promise<SyncAccessHandle> }
      ).createSyncAccessHandle();
      const { quota = BYTES_MAX } = await navigator.storage.estimate();
      return new OpfsBacking(file, name, Math.floor(Math.min(BYTES_MAX, quota * SHARE) / PAGE_BYTES));
    } catch (error) {
      const what = 'The browser’s private file system cannot be used, so nothing can be written back';
      throw new Error(`${what}: ${String(error)}`, { cause: error });
    }
  }

  read(slot: number, page: Uint8Array<ArrayBuffer>): void {
    if (this.#file.read(page, { at: slot * PAGE_BYTES }) !== PAGE_BYTES) throw new Error('the file is too short');
  }

  write(slot: number, page: Uint8Array<ArrayBuffer>): void {
    if (this.#file.write(page, { at: slot * PAGE_BYTES }) !== PAGE_BYTES) throw new Error('the file system is full');
  }
}

/** Files that earlier pages left. Those of pages that are open are locked: they stay. */
async function removeOld(folder: FileSystemDirectoryHandle): Promise<void> {
  for await (const name of folder.keys()) {
    if (name.startsWith(PREFIX)) await folder.removeEntry(name).catch(() => undefined);
  }
}
