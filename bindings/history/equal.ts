/** Comparing bytes of the caller's with a copy of ours: with the C library's `memcmp` in Node.js, else in the core. */
import { PAGE_SIZE } from '../base/arguments.js';
import { viewOf } from '../base/bytes.js';
import type { Core } from '../core/core.js';

/** Most bytes of one compare. */
export const COMPARED_MAX = 8 * PAGE_SIZE;

/** Whether `length` bytes, at most `COMPARED_MAX`, of two arrays are equal. */
export type Compare = (a: Uint8Array, aAt: number, b: Uint8Array, bAt: number, length: number) => boolean;

interface Node {
  readonly Buffer?: { readonly prototype: Buffer };
  readonly process?: { readonly versions?: { readonly node?: string } };
}

/** What Node.js has is native; a `Buffer` elsewhere is JavaScript. */
export function fastCompare(core: Core): Compare {
  const { Buffer, process } = globalThis as Node;
  return (process?.versions?.node === undefined ? undefined : compareIn(Buffer)) ?? compareInCore(core);
}

function compareIn(Buffer: Node['Buffer']): Compare | undefined {
  // eslint-disable-next-line @typescript-eslint/unbound-method -- called with the array as `this`
  const compare = Buffer?.prototype.compare;
  return compare && ((a, aAt, b, bAt, length) => compare.call(a, b, bAt, bAt + length, aAt, aAt + length) === 0);
}

/** Both are copied to the staging pages. */
export function compareInCore(core: Core): Compare {
  const address = core.raw.stagingAddress();
  return (a, aAt, b, bAt, length) => {
    const staging = core.staging();
    staging.set(viewOf(a, aAt, aAt + length));
    staging.set(viewOf(b, bAt, bAt + length), COMPARED_MAX);
    return core.raw.bytesEqual(address, address + COMPARED_MAX, length) !== 0;
  };
}
