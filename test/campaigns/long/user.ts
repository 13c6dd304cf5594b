/** What the users of a long run have in common: contents, chances, and errors that may come. */
import { ZramError, type Engine, type ZsPool } from 'zram-wasm';
import { Random } from '../../support/random.js';

export const PAGE = 4096;

/** What everybody lives on for one cycle. */
export interface World {
  readonly engine: Engine;
  /** Shared by devices, handles and the scanner. */
  readonly pool: ZsPool;
  readonly random: Random;
  /** A folder for files. */
  readonly folder: string;
  /** How often what happened, over all cycles. */
  readonly counts: Map<string, number>;
}

export interface User {
  /** One random operation. */
  step(): Promise<void>;
  /** Compares all that it holds, and the counters with a count of its own. */
  check(): Promise<void>;
  /** Ends all that it made. */
  end(): Promise<void>;
}

export function count({ counts }: World, what: string): void {
  counts.set(what, (counts.get(what) ?? 0) + 1);
}

export function expect(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Error(what);
}

export function expectEqual(actual: unknown, expected: unknown, what: string): void {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${what}: ${a}, not ${b}`);
}

export function expectBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  if (Buffer.compare(actual, expected) === 0) return;
  const at = expected.findIndex((byte, n) => byte !== actual[n]);
  throw new Error(`${what}: byte ${at} of ${expected.length} is ${actual[at]}, not ${expected[at]}`);
}

/** Runs what may fail in one of these ways; returns the error if it did. */
export async function attempt(
  world: World,
  codes: readonly string[],
  action: () => unknown,
): Promise<ZramError | undefined> {
  try {
    await action();
    return undefined;
  } catch (error) {
    if (!(error instanceof ZramError) || !codes.includes(error.code)) throw error;
    count(world, error.code);
    return error;
  }
}

const CONTENTS = 400;
const contents = Array.from({ length: CONTENTS }, (_, number) => {
  const page = new Uint8Array(PAGE);
  const random = new Random(number, 'contents');
  if (number % 10 === 1) return page.fill(number);
  // Compresses to anything from some bytes to none saved; some differ from another one in a byte.
  random.fill(page.subarray(0, [30, 300, 900, 1800, 2700, 3700, 4096][(number >> 1) % 7]));
  if (number % 2 === 1) page[PAGE - 1] ^= 1 + (number & 7);
  return page;
});

/** One of a few hundred pages, so that many are equal. Content 0 is zeros. */
export function content(random: Random): Uint8Array {
  if (random.chance(5)) return new Uint8Array(PAGE);
  return random.pick(contents);
}

export function isSameFilled(bytes: Uint8Array): boolean {
  return bytes.every((byte, at) => byte === bytes[at & 7]);
}

export const nextTick = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
