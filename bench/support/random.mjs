/** Random numbers that are the same in each run (xorshift32): what is measured must not depend on luck. */
export class Random {
  #state;

  /** @param {number} seed any whole number; near ones give unlike rows */
  constructor(seed) {
    this.#state = Math.imul(seed + 1, 0x9e3779b1) | 1;
    for (let n = 0; n < 4; n++) this.next();
  }

  /** A 32-bit word. */
  next() {
    let x = this.#state;
    x ^= x << 13;
    x ^= x >>> 17;
    x ^= x << 5;
    this.#state = x;
    return x >>> 0;
  }

  /** From 0 up to 1. */
  fraction() {
    return this.next() / 2 ** 32;
  }

  /** A whole number from 0 to `limit` - 1. */
  below(limit) {
    return Math.floor(this.fraction() * limit);
  }
}
