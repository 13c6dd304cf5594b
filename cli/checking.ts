/**
 * Checks that pages which are read back are those that were stored, by the checksum of each chunk. Chunks are checked
 * in any order, so that a thread which reads them can leave some to another one.
 */
import { createHash } from 'node:crypto';

import { CliError } from './errors.js';
import { noTime, timed, type StepTime } from './step-time.js';

/** Pages that follow one another, and their SHA-256. */
export interface ChunkSum {
  readonly pages: number;
  readonly digest: string;
}

/** Takes chunks that were read back. */
export interface Checker {
  /** Where the next chunk is to be read to: CHUNK_BYTES or more. */
  room(): Uint8Array;
  /** Compares what was read to the last room. @throws CliError */
  check(room: Uint8Array, bytes: number, digest: string): void;
  /** Everything was compared; how long that took. @throws CliError */
  finish(): Promise<StepTime>;
}

/** Makes a checker for the device of an algorithm. */
export type CheckerFor = (algorithm: string) => Checker;

/** Compares at once, on this thread. */
export class OwnChecker implements Checker {
  readonly #time = noTime();
  #room: Uint8Array | undefined;

  constructor(
    readonly algorithm: string,
    readonly makeRoom: () => Uint8Array,
  ) {}

  room(): Uint8Array {
    return (this.#room ??= this.makeRoom());
  }

  check(room: Uint8Array, bytes: number, digest: string): void {
    checkSum(this.#time, room.subarray(0, bytes), digest, this.algorithm);
  }

  finish(): Promise<StepTime> {
    return Promise.resolve(this.#time);
  }
}

export function sumOf(time: StepTime, bytes: Uint8Array): string {
  return timed(time, bytes.length, () => createHash('sha256').update(bytes).digest('hex'));
}

/** @throws CliError */
export function checkSum(time: StepTime, bytes: Uint8Array, digest: string, algorithm: string): void {
  if (sumOf(time, bytes) !== digest)
    throw new CliError(`${algorithm}: pages read back differ from those stored; this is a bug in zram-wasm`);
}
