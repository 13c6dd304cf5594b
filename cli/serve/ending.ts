/** How a server is asked to end: the first signal is a request, a later one an order. */
import { endBySignal, takeSignals } from '../interruption.js';

/** A signal comes twice where it is sent to a group of processes, and its first one passes it on. */
const SAME_MILLISECONDS = 1000;

export class Ending {
  /** The first signal. */
  readonly asked: Promise<NodeJS.Signals>;
  #ask: (signal: NodeJS.Signals) => void = () => undefined;
  #release: () => void = () => undefined;
  #askedAt: number | undefined;

  /**
   * @param now milliseconds
   * @param endAtOnce ends the process
   */
  constructor(
    readonly now: () => number = () => performance.now(),
    readonly endAtOnce: (signal: NodeJS.Signals) => void = endBySignal,
  ) {
    this.asked = new Promise((resolve) => {
      this.#ask = resolve;
    });
  }

  /** From now on signals come here. */
  start(): void {
    this.#release = takeSignals((signal) => this.take(signal));
  }

  /** Signals do again what they did. */
  stop(): void {
    this.#release();
  }

  take(signal: NodeJS.Signals): void {
    if (this.#askedAt === undefined && signal !== 'SIGQUIT') {
      this.#askedAt = this.now();
      this.#ask(signal);
      return;
    }
    const since = this.now() - (this.#askedAt ?? -Infinity);
    if (signal !== 'SIGQUIT' && since < SAME_MILLISECONDS) return;
    this.stop();
    this.endAtOnce(signal);
  }
}
