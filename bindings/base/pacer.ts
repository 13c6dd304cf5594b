/**
 * Giving way: long work in slices of a few milliseconds, between which timers, I/O and rendering have their turn.
 *
 * The clock is one for all calls, since they share one thread: many at once make as long a slice together as one alone.
 */

/** Milliseconds of work. Twice as many may pass between two turns, with what a step takes beyond its slice. */
const SLICE_MILLISECONDS = 4;

let lastTurn = -Infinity;
/** The turn of the last call that asked for one: each waits for the one before it. */
let queue: Promise<void> = Promise.resolve();

/**
 * Whether whoever else is waiting should have a turn now: await `pause` then.
 * @param begun when the call began, if what it does first is to be done before it returns its promise
 */
export function pauseDue(begun = -Infinity): boolean {
  return performance.now() - Math.max(lastTurn, begun) >= SLICE_MILLISECONDS;
}

/** Lets the event loop go round once. Whatever the caller works on may have been destroyed meanwhile. */
export function pause(): Promise<void> {
  queue = queue.then(nextTurn).then(() => {
    lastTurn = performance.now();
  });
  return queue;
}

/** A macrotask. A timer of no milliseconds would be one of four, in browsers. */
function nextTurn(): Promise<void> {
  return new Promise((resolve) => {
    const { setImmediate } = globalThis as { setImmediate?: (callback: () => void) => unknown };
    if (typeof setImmediate === 'function') {
      setImmediate(resolve);
      return;
    }
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close(); // an open one keeps some runtimes from ending
      resolve();
    };
    port2.postMessage(0);
  });
}
