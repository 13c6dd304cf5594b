/** Measuring: contenders take turns, so that what else the machine does hits all alike; the median counts. */
import type { Contender } from './protocol.js';

export interface Task {
  readonly name: string;
  readonly ours?: boolean;
  readonly note?: string;
  /** Goes over all the pages once. */
  run(): void;
  /** Before each round, outside of the time. */
  prepare?(): void;
}

const ROUNDS = 5;
/** A round lasts at least so long; the clock of some browsers ticks in tenths of a millisecond. */
const ROUND_MS = 30;
const SHORTEST_MS = 0.1;

export function measure(tasks: readonly Task[], bytes: number): Contender[] {
  const times = tasks.map(() => [] as number[]);
  const repeats = tasks.map((task) => {
    // Also to warm up. What has to be prepared can run only once a round.
    const once = Math.max(timeOf(task, 1), SHORTEST_MS);
    return task.prepare ? 1 : Math.ceil(ROUND_MS / once);
  });
  for (let round = 0; round < ROUNDS; round++) {
    for (const [n, task] of tasks.entries()) times[n]!.push(timeOf(task, repeats[n]!) / repeats[n]!);
  }
  return tasks.map(({ name, ours = false, note }, n) => {
    const median = times[n]!.sort((a, b) => a - b)[ROUNDS >> 1]!;
    return { name, ours, bytesPerSecond: (bytes / median) * 1000, ...(note ? { note } : {}) };
  });
}

function timeOf(task: Task, repeats: number): number {
  task.prepare?.();
  const begun = performance.now();
  for (let n = 0; n < repeats; n++) task.run();
  return performance.now() - begun;
}
