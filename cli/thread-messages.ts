/**
 * What the main thread and the threads of devices say to each other. Each `write` has its answer, in order; `check` is a
 * question of the thread, in any order.
 */
import type { AlgorithmLine } from './algorithm-line.js';
import type { DeviceSettings, Measured } from './device-group.js';
import type { Chunk, SharedMemory } from './shared-chunks.js';
import type { StepTime } from './step-time.js';
import type { Stored } from './storing.js';

/** How a thread is started. */
export interface ThreadStart {
  /** From 0. */
  readonly thread: number;
  /** Of all threads, in the order of their numbers. */
  readonly algorithms: readonly AlgorithmLine[];
  /** Numbers of those whose devices this thread has. */
  readonly own: readonly number[];
  readonly settings: DeviceSettings;
  /** Bytes that its engine may take. */
  readonly maxMemory: number;
}

export type ToThread =
  | { readonly kind: 'reserve'; readonly bytes: number }
  | { readonly kind: 'memory'; readonly memory: SharedMemory }
  | { readonly kind: 'write'; readonly chunk: Chunk }
  | { readonly kind: 'truncate'; readonly from: number; readonly to: number }
  | { readonly kind: 'endInput' }
  | { readonly kind: 'measure'; readonly stored: Stored }
  /** The answer to `check`. */
  | { readonly kind: 'checked'; readonly room: number; readonly time: StepTime };

export type FromThread =
  | { readonly kind: 'stored'; readonly pages: number }
  | { readonly kind: 'progress'; readonly text: string }
  /** The first bytes of one of the thread's rooms are to have this SHA-256. */
  | {
      readonly kind: 'check';
      readonly algorithm: string;
      readonly room: number;
      readonly bytes: number;
      readonly digest: string;
    }
  | { readonly kind: 'measured'; readonly measured: Measured }
  /** `isExpected`: its message is the sentence for the user; otherwise it is a defect. */
  | { readonly kind: 'failed'; readonly error: unknown; readonly isExpected: boolean };
