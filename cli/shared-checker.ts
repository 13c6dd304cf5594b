/** Leaves chunks that were read back to the main thread, as far as that keeps up, and checks the others itself. */
import { checkSum, type Checker } from './checking.js';
import type { FromThread } from './thread-messages.js';
import { addTime, noTime, type StepTime } from './step-time.js';

/** The side of the thread that reads. The main thread answers with the room's number, or ends the run. */
export class SharedChecker implements Checker {
  readonly #time = noTime();
  readonly #free: number[];
  #finished: ((time: StepTime) => void) | undefined;

  /** @param rooms in memory that the main thread shares, of CHUNK_BYTES or more; at least one */
  constructor(
    readonly algorithm: string,
    readonly rooms: readonly Uint8Array[],
    readonly say: (message: FromThread) => void,
  ) {
    this.#free = [...rooms.keys()];
  }

  room(): Uint8Array {
    return this.rooms[this.#free[0] ?? 0];
  }

  /** The last free room is not given away: the next chunk is read to it. */
  check(room: Uint8Array, bytes: number, digest: string): void {
    if (this.#free.length < 2) {
      checkSum(this.#time, room.subarray(0, bytes), digest, this.algorithm);
      return;
    }
    const number = this.#free.shift() ?? 0;
    this.say({ kind: 'check', algorithm: this.algorithm, room: number, bytes, digest });
  }

  /** The main thread has checked a room in this time. */
  checked(room: number, time: StepTime): void {
    this.#free.push(room);
    addTime(this.#time, time);
    if (this.#free.length === this.rooms.length) this.#finished?.(this.#time);
  }

  finish(): Promise<StepTime> {
    if (this.#free.length === this.rooms.length) return Promise.resolve(this.#time);
    return new Promise((resolve) => (this.#finished = resolve));
  }
}
