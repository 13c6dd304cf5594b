/** An engine that was made for one thing (`X.create`), and ends with the last of it and its snapshots and clones. */
import type { Engine } from './engine.js';

export class EngineLease {
  #users = 1;

  constructor(readonly engine: Engine) {}

  retain(): this {
    this.#users++;
    return this;
  }

  release(): void {
    if (--this.#users === 0) this.engine.destroy();
  }
}
