/**
 * The devices of one thread. It stores their chunks in order, and what it has time for besides: it compresses chunks for
 * the devices of other threads, the newest first, which those will come to last.
 *
 * A device is the same whoever has compressed its pages. The time of storing is that of the chunks which its own thread has
 * compressed and stored; the first is always one of them.
 */
import type { Zram } from '../bindings/index.js';
import type { Device } from './device.js';
import { PAGE_BYTES } from './page-list.js';
import { BUFFERS, type Chunk, type SharedChunks } from './shared-chunks.js';

/** A chunk that this thread's devices have not stored yet. */
interface Pending extends Chunk {
  /** Pages that every device which had its turn has stored. */
  stored: number;
  /** Devices that had their turn. */
  devices: number;
}

interface OwnDevice {
  readonly device: Device;
  /** Of the line, if other threads help with it. */
  readonly line: number | undefined;
  /** The number of the chunk that it stores next. */
  next: number;
}

/** For the device of another thread. */
export interface Helped {
  readonly line: number;
  /** An empty device with the same settings. */
  readonly zram: Zram;
}

export class ThreadDevices {
  readonly #devices: readonly OwnDevice[];
  /** By buffer: the last chunk in it that this thread knows of. */
  readonly #known: (Chunk | undefined)[] = new Array<undefined>(BUFFERS).fill(undefined);
  /** Oldest first. */
  readonly #pending: Pending[] = [];
  #newest = -1;
  /** The first chunk that not all devices have stored whole, as memory ran out. Nothing behind it is stored. */
  #fullAt = Infinity;

  /**
   * @param thread its number
   * @param devices with their lines
   * @param helped of other threads
   * @param storedAll takes how many pages of a chunk all devices have stored, chunk by chunk
   */
  constructor(
    readonly thread: number,
    readonly chunks: SharedChunks,
    devices: readonly { readonly device: Device; readonly line: number | undefined }[],
    readonly helped: readonly Helped[],
    readonly storedAll: (pages: number) => void,
  ) {
    this.#devices = devices.map((each) => ({ ...each, next: 0 }));
  }

  announce(chunk: Chunk): void {
    this.#known[chunk.buffer] = chunk;
    this.#pending.push({ ...chunk, stored: chunk.pages, devices: 0 });
    this.#newest = chunk.number;
  }

  /** Does a piece of work of a chunk at most; returns whether there was any. */
  step(): boolean {
    const waiting = this.#inTurn();
    for (const own of waiting) if (this.#store(own)) return true;
    if (this.#help()) return true;
    if (waiting.length === 0) return false;
    const [{ line = 0 }] = waiting;
    this.chunks.wait(this.#chunkOf(waiting[0]), line);
    return true;
  }

  /**
   * Devices that have a chunk to store, the one that is behind first. Each chunk starts with another device: the first one
   * pays for cold caches and code, and all take turns at that.
   */
  #inTurn(): OwnDevice[] {
    if (this.#pending.length === 0) return [];
    const first = this.#pending[0].number % this.#devices.length;
    return [...this.#devices.slice(first), ...this.#devices.slice(0, first)]
      .filter(({ next }) => next <= this.#newest)
      .sort((a, b) => a.next - b.next);
  }

  #chunkOf({ next }: OwnDevice): Pending {
    return this.#pending[next - this.#pending[0].number];
  }

  /** Stores the device's next chunk; returns false if another thread is compressing it. */
  #store(own: OwnDevice): boolean {
    const chunk = this.#chunkOf(own);
    const { device, line } = own;
    const wanted = chunk.number > this.#fullAt ? 0 : chunk.stored;
    const bytes = this.chunks.bytesOf(chunk).subarray(0, wanted * PAGE_BYTES);
    let stored = 0;
    if (line === undefined || this.chunks.take(chunk, line)) {
      if (wanted > 0) stored = device.write(chunk.index, bytes);
    } else {
      const result = this.chunks.resultOf(chunk, line);
      if (result === undefined) return false;
      if (wanted > 0) stored = device.writeCompressed(chunk.index, bytes, (page) => result.block(page));
      this.chunks.release(result);
    }
    if (stored < wanted) this.#fullAt = Math.min(this.#fullAt, chunk.number);
    chunk.stored = stored;
    chunk.devices += 1;
    own.next += 1;
    if (chunk.devices === this.#devices.length) {
      // It is the oldest, as each device goes in order.
      this.#pending.shift();
      this.storedAll(chunk.stored);
    }
    return true;
  }

  /** Compresses a chunk for another thread, if there is one to be taken. */
  #help(): boolean {
    const result = this.helped.length === 0 ? undefined : this.chunks.unusedResult(this.thread);
    if (result === undefined) return false;
    for (let number = this.#newest; number > Math.max(0, this.#newest - BUFFERS); number--) {
      const chunk = this.#known[number % BUFFERS];
      const helped = chunk && this.helped.find(({ line }) => this.chunks.take(chunk, line));
      if (chunk === undefined || helped === undefined) continue;
      const bytes = this.chunks.bytesOf(chunk);
      for (let page = 0; page < chunk.pages; page++) {
        const from = page * PAGE_BYTES;
        const block = helped.zram.compressPage(bytes.subarray(from, from + PAGE_BYTES), result.room(page));
        result.setLength(page, block.length);
      }
      this.chunks.encoded(chunk, helped.line, result);
      return true;
    }
    return false;
  }
}
