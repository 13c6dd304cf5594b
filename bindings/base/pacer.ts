/**
 * Pacing: long work is done in slices of a few milliseconds, between which timers, I/O and rendering run.
 *
 * All calls share one clock, as they share one thread: many at once take together as long a slice as one alone.
 */

/** Milliseconds of work in a slice. Up to twice as many may pass between two turns, as a step may overrun its slice. */
const SLICE_MILLISECONDS = 4;

let lastTurn = -Infinity;
/** The last turn that was requested: each waits for the one before it. */
let queue: Promise<void> = Promise.resolve();

/**
 * Whether the slice is used up: then await `pause`.
 * @param begun when the call began, if its first slice is to run before it returns its promise
 */
export function pauseDue(begun = -Infinity): boolean {
  return performance.now() - Math.max(lastTurn, begun) >= SLICE_MILLISECONDS;
}

/** Lets the event loop turn once. The objects that the caller works on may be destroyed meanwhile. */
export function pause(): Promise<void> {
  queue = queue.then(nextTurn).then(() => {
    lastTurn = performance.now();
  });
  return queue;
}

/** Waits for the next macrotask. Not by a timer: browsers turn 0 ms into 4 ms. */
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
