/** How callers say where workers come from. */

/** A `Worker` of the web, or of `node:worker_threads`, that runs `zram-wasm/parallel-worker.js`. */
export interface WorkerLike {
  /** Sends a message, and gives away what is in `transfer`. */
  postMessage(message: unknown, transfer: never[]): void;
  /** Ends the thread. */
  terminate(): unknown;
}

/** Where a worker's script is, or a function that starts a worker with it (called once for each). */
export type WorkerSource =
  | string
  | {
      /** A URL's address. */
      readonly href: string;
    }
  | (() => WorkerLike);
