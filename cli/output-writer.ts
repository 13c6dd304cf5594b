/** Writes bytes to an output in sequence. */
import { fdatasync, ftruncate, write, writeSync } from 'node:fs';
import { setImmediate as immediate, setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

import { codeOf } from './errors.js';

export interface OutputWriter {
  /** Writes all bytes; afterwards the caller may reuse them. */
  write(bytes: Uint8Array): Promise<void>;
  /** Writes `length` zeros: a hole, if the output can have one. */
  skip(length: number): Promise<void>;
}

const writeAt = promisify(write);

/** Zeros written at a time, if the output cannot have holes. */
const ZEROS = new Uint8Array(1024 * 1024);
/** Time between two pauses, in which other events are handled. */
const PAUSE_EVERY_MILLISECONDS = 10;
/** From this length on, handing a piece to another thread takes less than writing it. */
const HANDED_OVER_BYTES = 64 * 1024;
/** Between attempts to write to a pipe whose reader is slow. */
const PAUSE_MILLISECONDS_MIN = 1;
const PAUSE_MILLISECONDS_MAX = 32;

/**
 * Writes a file that was just created and is empty. Long pieces are written by another thread, so that a slow disk holds
 * up nothing else. Short ones are written here, as handing over takes longer than writing, with pauses so that signals are
 * handled.
 */
export class FileWriter implements OutputWriter {
  #position = 0;
  #paused = performance.now();

  constructor(readonly descriptor: number) {}

  async write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const written = await this.#writePart(bytes, done);
      if (written === 0) throw Object.assign(new Error(), { code: 'ENOSPC' });
      done += written;
      this.#position += written;
    }
    if (performance.now() - this.#paused < PAUSE_EVERY_MILLISECONDS) return;
    await immediate();
    this.#paused = performance.now();
  }

  #writePart(bytes: Uint8Array, done: number): Promise<number> | number {
    const length = bytes.length - done;
    if (length < HANDED_OVER_BYTES) return writeSync(this.descriptor, bytes, done, length, this.#position);
    return writeAt(this.descriptor, bytes, done, length, this.#position).then(({ bytesWritten }) => bytesWritten);
  }

  skip(length: number): Promise<void> {
    this.#position += length;
    return Promise.resolve();
  }

  /** Sets the length, since the file may end with a hole, and syncs it, so that what gets the name is on disk. */
  async end(): Promise<void> {
    await promisify(ftruncate)(this.descriptor, this.#position);
    await promisify(fdatasync)(this.descriptor);
  }
}

/**
 * Writes to something with a position of its own: a pipe, a device, a descriptor that another program opened. The
 * system may accept a part at a time; a non-blocking pipe may accept nothing for a while.
 */
export class StreamWriter implements OutputWriter {
  constructor(readonly descriptor: number) {}

  async write(bytes: Uint8Array): Promise<void> {
    let pause = PAUSE_MILLISECONDS_MIN;
    for (let done = 0; done < bytes.length;) {
      try {
        done += (await writeAt(this.descriptor, bytes, done, bytes.length - done, null)).bytesWritten;
        pause = PAUSE_MILLISECONDS_MIN;
      } catch (error) {
        if (codeOf(error) !== 'EAGAIN') throw error;
        await delay(pause);
        pause = Math.min(2 * pause, PAUSE_MILLISECONDS_MAX);
      }
    }
  }

  async skip(length: number): Promise<void> {
    for (let done = 0; done < length; done += ZEROS.length) await this.write(ZEROS.subarray(0, length - done));
  }
}
