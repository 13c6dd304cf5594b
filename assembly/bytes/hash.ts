/**
 * The content hash of merging and deduplication: NH of UMAC (RFC 4418, section 5.2) with a key of 4096 random bytes.
 *
 * Why NH: it is keyed and its bound is proved. Any two different inputs of one length collide with a probability of
 * 2^-32 over the choice of the key, whatever an adversary picked, as long as the key is not known to him; each engine
 * draws its own. And it is one multiplication for eight bytes, which 128-bit lanes do two at a time. The sum is then
 * mixed with length and codec, since a truncated NH sum is not evenly spread.
 * A wrong hash can cost time only: every merge compares bytes.
 */
import { DEBUG, PAGE_SIZE } from '../common';

/** Input and key are taken in steps of eight 32-bit words; a shorter end is padded with zeros. */
const STEP: u32 = 32;

/** By so many bytes the key is shifted for a second sum of the same input (RFC 4418, 5.2.2): it is nearly independent. */
const SHIFT: u32 = 16;
const KEY: usize = memory.data(PAGE_SIZE + SHIFT, 16);
const TAIL: usize = memory.data(STEP, 16);

/** Test hook: a mask over the finished 32-bit hash; all ones in production. */
let resultMask: u32 = u32.MAX_VALUE;

/** Weakens the hash, so that a test can force collisions. */
export function hash_weaken(mask: u32): void {
  resultMask = mask;
}

let keyMade = false;

/** Expands 128 bits of seed to the key (SplitMix64, one stream from each half). */
export function hash_init(seedLow: u64, seedHigh: u64): void {
  if (DEBUG) keyMade = true;
  for (let offset: usize = 0; offset < <usize>(PAGE_SIZE + SHIFT); offset += 16) {
    seedLow += 0x9e3779b97f4a7c15;
    seedHigh += 0xd1342543de82ef95;
    store<u64>(KEY + offset, mix64(seedLow));
    store<u64>(KEY + offset, mix64(seedHigh), 8);
  }
}

/** Bijective 64-bit mixer (the finaliser of SplitMix64): each input bit reaches each output bit. */
function mix64(x: u64): u64 {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
  x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
  return x ^ (x >> 31);
}

/** Sum over one step: (m0+k0)(m4+k4) + … + (m3+k3)(m7+k7), as two 64-bit lanes. */
// @ts-ignore: decorator
@inline
function nh_step(data: usize, key: usize): v128 {
  const a = i32x4.add(v128.load(data), v128.load(key));
  const b = i32x4.add(v128.load(data, 16), v128.load(key, 16));
  return i64x2.add(i64x2.extmul_low_i32x4_u(a, b), i64x2.extmul_high_i32x4_u(a, b));
}

/** The NH sum of 1..4096 bytes, zero-padded to a multiple of 32. Reads no byte outside the range. */
export function nh(data: usize, length: u32, key: usize = KEY): u64 {
  let sum0 = i64x2.splat(0);
  let sum1 = i64x2.splat(0);
  while (length >= 2 * STEP) {
    sum0 = i64x2.add(sum0, nh_step(data, key));
    sum1 = i64x2.add(sum1, nh_step(data + STEP, key + STEP));
    data += 2 * STEP;
    key += 2 * STEP;
    length -= 2 * STEP;
  }
  if (length >= STEP) {
    sum0 = i64x2.add(sum0, nh_step(data, key));
    data += STEP;
    key += STEP;
    length -= STEP;
  }
  if (length > 0) {
    memory.fill(TAIL, 0, STEP);
    memory.copy(TAIL, data, length);
    sum1 = i64x2.add(sum1, nh_step(TAIL, key));
  }
  const sum = i64x2.add(sum0, sum1);
  return i64x2.extract_lane(sum, 0) + i64x2.extract_lane(sum, 1);
}

/** Bytes of a piece of a sample. */
export const PIECE: u32 = 2 * STEP;

/** The NH sum of a piece that begins `offset` bytes into its content. */
// @ts-ignore: decorator
@inline
export function nh_piece(piece: usize, offset: u32): u64 {
  const sums = i64x2.add(nh_step(piece, KEY + offset), nh_step(piece + STEP, KEY + STEP + offset));
  return i64x2.extract_lane(sums, 0) + i64x2.extract_lane(sums, 1);
}

/** 32-bit hash of some content. `codec` is mixed in: equal bytes under different codecs are different objects. */
export function content_hash(data: usize, length: u32, codec: u32): u32 {
  return hash_finish(nh(data, length), length, codec);
}

/** The hash of a content of which the NH sum, of all of it or of pieces at fixed places, is known. */
export function hash_finish(sum: u64, length: u32, codec: u32): u32 {
  if (DEBUG) assert(keyMade); // with a key of zeros, collisions can be computed
  return <u32>(mix64(sum ^ ((<u64>length << 32) | codec)) >> 32) & resultMask;
}

/** Of the same content another 32 bits: for two different contents of one length, both hashes are equal with some 2^-62. */
export function second_hash(data: usize, length: u32): u32 {
  if (DEBUG) assert(keyMade);
  return <u32>(mix64(nh(data, length, KEY + SHIFT) ^ (<u64>length << 32)) >> 32);
}

/** A hash of the whole content that the test hook leaves alone: for objects whose samples are equal. */
export function whole_hash(data: usize, length: u32): u32 {
  return <u32>(mix64(nh(data, length) + length) >> 32);
}
