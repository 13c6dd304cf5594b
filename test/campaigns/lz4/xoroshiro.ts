/**
 * xoroshiro64* (Blackman and Vigna): 32 random bits in a few operations, with a period of 2^64 - 1. `Random` of the
 * tests has a period of 2^32, which is less than a campaign takes.
 */
export class Xoroshiro {
  /** A typed array: a property that holds more than 31 bits is a box of its own in V8. */
  private readonly state = Int32Array.of(1, 0);

  /** Any integer of up to 53 bits; each gives a stream of its own. */
  seed(seed: number): void {
    const low = (seed % 0x100000000) | 0;
    this.state[0] = mix(low) | 1;
    this.state[1] = mix(Math.floor(seed / 0x100000000) + Math.imul(low, 0x9e3779b1));
    for (let n = 0; n < 4; n++) this.next();
  }

  /** 32 random bits, as an unsigned number. */
  next(): number {
    const { state } = this;
    const a = state[0];
    const b = state[1] ^ a;
    state[0] = ((a << 26) | (a >>> 6)) ^ b ^ (b << 9);
    state[1] = (b << 13) | (b >>> 19);
    return Math.imul(a, 0x9e3779bb) >>> 0;
  }

  /** An integer in 0 … limit - 1, for limits up to 2^16. (Of 16 bits: even enough for hostile blocks.) */
  below(limit: number): number {
    return ((this.next() >>> 16) * limit) >>> 16;
  }
}

function mix(x: number): number {
  x = Math.imul(x ^ (x >>> 16), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return x ^ (x >>> 16);
}
