/**
 * Processor time of this thread. Node.js counts that of the whole process; what counts a single thread depends on its
 * version and on the system.
 */
import { openSync, readSync } from 'node:fs';
import { isMainThread } from 'node:worker_threads';

interface Usage {
  /** Microseconds. */
  readonly user: number;
  readonly system: number;
}

/** Newer than the oldest Node.js that is supported. */
const { threadCpuUsage } = process as { threadCpuUsage?: () => Usage };

/** Nanoseconds on the processor, nanoseconds waiting for one, and time slices (Documentation/scheduler/sched-stats.rst). */
const SCHEDSTAT = '/proc/thread-self/schedstat';
const SCHEDSTAT_BYTES_MAX = 64;

const ofThread = choose();

/** Processor time of this thread until now, in milliseconds; undefined where nothing counts it. */
export function processorMilliseconds(): number | undefined {
  return ofThread?.();
}

function choose(): (() => number) | undefined {
  if (threadCpuUsage !== undefined) return () => milliseconds(threadCpuUsage.call(process));
  // What works on the main thread is alone there, but for the engine's compiler and collector, which belong to it.
  if (isMainThread) return () => milliseconds(process.cpuUsage());
  return bySchedstat();
}

const milliseconds = ({ user, system }: Usage): number => (user + system) / 1000;

/**
 * Brought up to date when the thread is interrupted or waits, every few milliseconds: too coarse for a call, exact enough
 * for a step of many.
 */
function bySchedstat(): (() => number) | undefined {
  const text = Buffer.alloc(SCHEDSTAT_BYTES_MAX);
  try {
    // The link names the thread that opens it, and a thread keeps it open to its end.
    const descriptor = openSync(SCHEDSTAT, 'r');
    const read = (): number => {
      const bytes = readSync(descriptor, text, 0, text.length, 0);
      return Number(/^[0-9]+/.exec(text.toString('latin1', 0, bytes))?.[0]) / 1e6;
    };
    return Number.isFinite(read()) ? read : undefined;
  } catch {
    return undefined;
  }
}
