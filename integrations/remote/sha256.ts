/**
 * SHA-256 (FIPS 180-4), for where no synchronous one is built in: browsers.
 */

/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes, and of the square roots of 8. */
const ROUNDS = new Uint32Array(64);
const START = new Uint32Array(8);
fillConstants();

function fillConstants(): void {
  const fraction = (root: number): number => Math.floor((root % 1) * 0x100000000);
  for (let n = 2, count = 0; count < 64; n++) {
    if (!isPrime(n)) continue;
    if (count < 8) START[count] = fraction(Math.sqrt(n));
    ROUNDS[count++] = fraction(Math.cbrt(n));
  }
}

function isPrime(n: number): boolean {
  for (let d = 2; d * d <= n; d++) if (n % d === 0) return false;
  return true;
}

const words = new Uint32Array(64);

/** @returns 32 bytes */
export function sha256(bytes: Uint8Array): Uint8Array {
  const state = START.slice();
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const whole = bytes.length & ~63;
  for (let at = 0; at < whole; at += 64) addBlock(state, view, at);
  const tail = paddedTail(bytes, whole);
  for (let at = 0; at < tail.byteLength; at += 64) addBlock(state, tail, at);
  const digest = new DataView(new ArrayBuffer(32));
  state.forEach((word, i) => digest.setUint32(i * 4, word));
  return new Uint8Array(digest.buffer);
}

/** What is left after whole blocks, a bit 1, zeros, and the length in bits as 64 bits. */
function paddedTail(bytes: Uint8Array, whole: number): DataView {
  const left = bytes.length - whole;
  const tail = new Uint8Array(left < 56 ? 64 : 128);
  tail.set(bytes.subarray(whole));
  tail[left] = 0x80;
  const view = new DataView(tail.buffer);
  view.setBigUint64(tail.length - 8, BigInt(bytes.length) * 8n);
  return view;
}

const rotated = (x: number, n: number): number => (x >>> n) | (x << (32 - n));

function addBlock(state: Uint32Array, view: DataView, at: number): void {
  expand(view, at);
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number];
  for (let i = 0; i < 64; i++) {
    const choice = (e & f) ^ (~e & g);
    const t1 = (h + (rotated(e, 6) ^ rotated(e, 11) ^ rotated(e, 25)) + choice + ROUNDS[i] + words[i]) | 0;
    const majority = (a & b) ^ (a & c) ^ (b & c);
    const t2 = (rotated(a, 2) ^ rotated(a, 13) ^ rotated(a, 22)) + majority;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  [a, b, c, d, e, f, g, h].forEach((word, i) => (state[i] += word));
}

function expand(view: DataView, at: number): void {
  for (let i = 0; i < 16; i++) words[i] = view.getUint32(at + i * 4);
  for (let i = 16; i < 64; i++) {
    const [w2, w15] = [words[i - 2], words[i - 15]];
    const s0 = rotated(w15, 7) ^ rotated(w15, 18) ^ (w15 >>> 3);
    const s1 = rotated(w2, 17) ^ rotated(w2, 19) ^ (w2 >>> 10);
    words[i] = words[i - 16] + s0 + words[i - 7] + s1;
  }
}
