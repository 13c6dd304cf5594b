/** ParallelZram from the sources, with the built worker: a thread cannot run TypeScript. */
import { Worker } from 'node:worker_threads';
import { ParallelZram, type ParallelZramOptions } from '../../bindings/parallel.js';
import { compiledCore } from './raw-core.js';

const SCRIPT = new URL('../../dist/parallel-worker.js', import.meta.url);

/** A device, and the threads behind it. */
export interface Parallel {
  readonly zram: ParallelZram;
  readonly threads: readonly Worker[];
}

export async function makeParallel(options: ParallelZramOptions = {}): Promise<Parallel> {
  const threads: Worker[] = [];
  const worker = () => {
    const thread = new Worker(SCRIPT);
    threads.push(thread);
    return thread;
  };
  const zram = await ParallelZram.create({ workers: 2, module: compiledCore('release'), worker, ...options });
  return { zram, threads };
}

/** Both ways of sending pages. */
export const TRANSPORTS = [
  { name: 'shared memory', sharedMemory: true },
  { name: 'transferred buffers', sharedMemory: false },
] as const;
