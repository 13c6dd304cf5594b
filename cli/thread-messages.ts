/** What the main thread and the threads of devices say to each other. Each `write` has its answer, in order. */
import type { AlgorithmLine } from './algorithm-line.js';
import type { DeviceSettings, Measured } from './device-group.js';
import type { Stored } from './storing.js';

/** How a thread is started. */
export interface ThreadStart {
  readonly algorithms: readonly AlgorithmLine[];
  readonly settings: DeviceSettings;
  /** Bytes that its engine may take. */
  readonly maxMemory: number;
}

export type ToThread =
  | { readonly kind: 'buffers'; readonly buffers: readonly Uint8Array[] }
  | { readonly kind: 'write'; readonly index: number; readonly buffer: number; readonly pages: number }
  | { readonly kind: 'truncate'; readonly from: number; readonly to: number }
  | { readonly kind: 'endInput' }
  | { readonly kind: 'measure'; readonly stored: Stored };

export type FromThread =
  | { readonly kind: 'stored'; readonly pages: number }
  | { readonly kind: 'progress'; readonly text: string }
  | { readonly kind: 'measured'; readonly measured: Measured }
  /** `isExpected`: its message is the sentence for the user; otherwise it is a defect. */
  | { readonly kind: 'failed'; readonly error: unknown; readonly isExpected: boolean };
