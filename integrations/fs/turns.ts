/** Gives others a turn now and then, in work that takes long. */
export class Turns {
  readonly #sliceMs: number;
  #since = performance.now();

  /** @param sliceMs milliseconds of work between two turns */
  constructor(sliceMs: number) {
    this.#sliceMs = sliceMs;
  }

  /** Whether it is time: then await `take`. */
  get due(): boolean {
    return performance.now() - this.#since >= this.#sliceMs;
  }

  async take(): Promise<void> {
    await new Promise((resolve) => setTimeout(resolve));
    this.#since = performance.now();
  }
}
