/** Timers that fire when told to, and not by the clock: batches of a scanner as operations of a model test. */

export class HeldTimers {
  #waiting: (() => void) | undefined;

  /** Replaces the timers of this realm while `action` runs. */
  during(action: () => void): void {
    const { setTimeout, clearTimeout } = globalThis;
    const held = { setTimeout: (run: () => void) => ((this.#waiting = run), 1), clearTimeout: () => undefined };
    Object.assign(globalThis, held);
    try {
      action();
    } finally {
      Object.assign(globalThis, { setTimeout, clearTimeout });
    }
  }

  fire(): void {
    const run = this.#waiting;
    if (!run) throw new Error('no timer is set');
    this.#waiting = undefined;
    run();
  }
}
