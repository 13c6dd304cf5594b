/** How bytes get into an output, in their order. */
import { fdatasync, ftruncate, write } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
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
/** Between attempts to write to a pipe whose reader is slow. */
const PAUSE_MILLISECONDS_MIN = 1;
const PAUSE_MILLISECONDS_MAX = 32;

/** Of a file that was just made, and is empty. */
export class FileWriter implements OutputWriter {
  #position = 0;

  constructor(readonly descriptor: number) {}

  async write(bytes: Uint8Array): Promise<void> {
    await writeAll(this.descriptor, bytes, this.#position);
    this.#position += bytes.length;
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

/** Of something that has its own place to write to: a pipe, a device, what somebody else has opened. */
export class StreamWriter implements OutputWriter {
  constructor(readonly descriptor: number) {}

  write(bytes: Uint8Array): Promise<void> {
    return writeAll(this.descriptor, bytes, null);
  }

  async skip(length: number): Promise<void> {
    for (let done = 0; done < length; done += ZEROS.length) await this.write(ZEROS.subarray(0, length - done));
  }
}

/** A system may take a part at a time; a pipe that does not block, nothing for a while. */
async function writeAll(descriptor: number, bytes: Uint8Array, position: number | null): Promise<void> {
  let pause = PAUSE_MILLISECONDS_MIN;
  for (let done = 0; done < bytes.length;) {
    const at = position === null ? null : position + done;
    try {
      const { bytesWritten } = await promisify(write)(descriptor, bytes, done, bytes.length - done, at);
      if (bytesWritten === 0) throw Object.assign(new Error(), { code: 'ENOSPC' });
      done += bytesWritten;
      pause = PAUSE_MILLISECONDS_MIN;
    } catch (error) {
      if (codeOf(error) !== 'EAGAIN') throw error;
      await delay(pause);
      pause = Math.min(2 * pause, PAUSE_MILLISECONDS_MAX);
    }
  }
}
