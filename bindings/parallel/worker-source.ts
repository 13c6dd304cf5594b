/** How callers specify the source of workers. */

/** A `Worker` of the web, or of `node:worker_threads`, that runs `zram-wasm/parallel-worker.js`. */
export interface WorkerLike {
  /** Sends a message, and transfers the objects in `transfer`. */
  postMessage(message: unknown, transfer: never[]): void;
  /** Ends the thread. */
  terminate(): unknown;
}

/** The address of a worker's script, or a function that starts a worker with it (called once for each worker). */
export type WorkerSource =
  | string
  | {
      /** A URL's address. */
      readonly href: string;
    }
  | (() => WorkerLike);
