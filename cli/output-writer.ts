/** How bytes get into an output, in their order. */
import { fdatasync, ftruncate, write, writeSync } from 'node:fs';
import { setImmediate as immediate, setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

import { codeOf } from './errors.js';

export interface OutputWriter {
  /** Takes all bytes; they are the caller's again afterwards. */
  write(bytes: Uint8Array): Promise<void>;
  /** So many zeros: a hole, where the output can have one. */
  skip(length: number): Promise<void>;
}

/** Zeros that are written at once, where there are no holes. */
const ZEROS = new Uint8Array(1024 * 1024);
/** Work between two looks at what else there is to do. */
const PAUSE_EVERY_MILLISECONDS = 10;
/** Between attempts to write to a pipe whose reader is slow. */
const PAUSE_MILLISECONDS_MIN = 1;
const PAUSE_MILLISECONDS_MAX = 32;

/**
 * Of a file that was just made, and is empty. It is written to without leaving the thread, as for a single page that takes
 * longer than the writing; with a pause now and then, for signals to be heard.
 */
export class FileWriter implements OutputWriter {
  #position = 0;
  #paused = performance.now();

  constructor(readonly descriptor: number) {}

  async write(bytes: Uint8Array): Promise<void> {
    for (let done = 0; done < bytes.length;) {
      const written = writeSync(this.descriptor, bytes, done, bytes.length - done, this.#position);
      if (written === 0) throw Object.assign(new Error(), { code: 'ENOSPC' });
      done += written;
      this.#position += written;
    }
    if (performance.now() - this.#paused < PAUSE_EVERY_MILLISECONDS) return;
    await immediate();
    this.#paused = performance.now();
  }

  skip(length: number): Promise<void> {
    this.#position += length;
    return Promise.resolve();
  }

  /** Gives it its length, for it may end with a hole, and has the system store it: what takes its name is not in memory only. */
  async end(): Promise<void> {
    await promisify(ftruncate)(this.descriptor, this.#position);
    await promisify(fdatasync)(this.descriptor);
  }
}

/**
 * Of something that has its own place to write to: a pipe, a device, what somebody else has opened. A system may take a part at
 * a time; a pipe that does not block, nothing for a while.
 */
export class StreamWriter implements OutputWriter {
  constructor(readonly descriptor: number) {}

  async write(bytes: Uint8Array): Promise<void> {
    let pause = PAUSE_MILLISECONDS_MIN;
    for (let done = 0; done < bytes.length;) {
      try {
        done += (await promisify(write)(this.descriptor, bytes, done, bytes.length - done, null)).bytesWritten;
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
