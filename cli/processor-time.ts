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
  // While the main thread works alone, the process has little besides: V8's compiler and collector.
  return bySchedstat() ?? (isMainThread ? () => milliseconds(process.cpuUsage()) : undefined);
}

const milliseconds = ({ user, system }: Usage): number => (user + system) / 1000;

/**
 * The file has what was counted when the thread last waited or a timer interrupted it, which may be milliseconds ago. To
 * ask for the process's time, by getrusage(2), brings the thread's own up to date.
 */
function bySchedstat(): (() => number) | undefined {
  const text = Buffer.alloc(SCHEDSTAT_BYTES_MAX);
  try {
    // The link names the thread that opens it, and a thread keeps it open to its end.
    const descriptor = openSync(SCHEDSTAT, 'r');
    const read = (): number => {
      process.cpuUsage();
      const bytes = readSync(descriptor, text, 0, text.length, 0);
      return Number(/^[0-9]+/.exec(text.toString('latin1', 0, bytes))?.[0]) / 1e6;
    };
    return Number.isFinite(read()) ? read : undefined;
  } catch {
    return undefined;
  }
}
