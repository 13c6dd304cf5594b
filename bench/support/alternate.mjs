/**
 * Alternation on top of tinybench.
 *
 * tinybench runs a task many times and then the next one: on a machine whose clock and neighbours change from second
 * to second, the second task is then measured on another machine than the first. So each round here is a Bench of its
 * own that runs every task once, and every other round runs them in the opposite order. A task goes over thousands of
 * pages, which makes its one run long beside the clock's resolution.
 */
import { Bench } from 'tinybench';

/**
 * @typedef {object} Task
 * @property {string} name
 * @property {() => unknown} run what is timed; may be async, and may return `{ overriddenDuration }` in milliseconds,
 *   as a program does that times itself
 * @property {() => unknown} [before] made ready for each run, not timed
 * @property {() => unknown} [after]
 * @property {boolean} [isAsync] whether `run` returns a promise. Never left to tinybench: it would run the task to see
 */

/**
 * @param {Task[]} tasks run in this order in even rounds, in the opposite one in odd rounds
 * @param {object} options
 * @param {number} options.rounds
 * @param {number} [options.warmups] rounds before those, which do not count: V8 compiles what is hot, memory grows
 * @param {boolean} [options.inOrder] whether the tasks are steps of one thing: then no round turns them round
 * @returns {Promise<Record<string, number[]>>} milliseconds of each round, by task
 */
export async function alternate(tasks, { rounds, warmups = 1, inOrder = false }) {
  const times = Object.fromEntries(tasks.map(({ name }) => [name, []]));
  for (let round = -warmups; round < rounds; round++) {
    const order = inOrder || round % 2 === 0 ? tasks : tasks.toReversed();
    const bench = new Bench({ iterations: 1, time: 0, warmup: false, throws: true });
    for (const { name, run, before, after, isAsync = false } of order) {
      bench.add(name, run, { async: isAsync, beforeEach: before, afterEach: after });
    }
    await bench.run();
    if (round < 0) continue;
    for (const { name, result } of bench.tasks) times[name].push(result.latency.mean);
  }
  return times;
}
