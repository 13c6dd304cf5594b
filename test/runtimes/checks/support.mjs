/** What the checks of all runtimes share. */
export const PAGE = 4096;

export const equal = (actual, expected) => {
  const [a, b] = [JSON.stringify(actual), JSON.stringify(expected)];
  if (a !== b) throw new Error(`${a} instead of ${b}`);
};

/** The code of the error that a call ends with. */
export async function codeOf(call) {
  try {
    await call();
  } catch (error) {
    return error.code ?? String(error);
  }
  return 'none';
}

/** A page with some text, another for each number. */
export function page(n) {
  const text = Array.from({ length: 160 }, (_, row) => `row ${n * row * row} of ${n}\n`).join('');
  return new TextEncoder().encode(text.repeat(4)).slice(0, PAGE);
}

/** Random bytes, as many as asked for: one call gives 64 KiB at most. */
export function noise(length = PAGE) {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; at += 65536) crypto.getRandomValues(bytes.subarray(at, at + 65536));
  return bytes;
}

export const sameBytes = (a, b) => a.length === b.length && a.every((byte, at) => byte === b[at]);

/** Bytes that each worker's pages are made of: neither alike nor random. */
export const slope = (pages) => new Uint8Array(pages * PAGE).map((_, at) => (at * at) >> 9);

/**
 * Runs the checks one after the other.
 * @param checks functions by name
 * @param given what each is called with
 * @param report is given the name, the text or error, and the milliseconds of each
 */
export async function runChecks(checks, given, report) {
  for (const [name, check] of Object.entries(checks)) {
    const start = performance.now();
    const result = { name };
    try {
      result.text = await check(given);
    } catch (error) {
      result.error = error.stack?.includes(error.message) ? error.stack : `${error}\n${error.stack}`;
    }
    await report({ ...result, milliseconds: Math.round(performance.now() - start) });
  }
}

/** Pages in a zswap, written back to a backing of the platform, and read from there; then pages of a device. */
export function useBacking({ Engine }, makeBacking) {
  const engine = Engine.createSync();
  const zswap = engine.createZswap({ backing: makeBacking(1) });
  for (let key = 0; key < 64; key++) zswap.store(key, page(key));
  equal(zswap.shrink(40), 40);
  for (let key = 0; key < 64; key++) equal(sameBytes(zswap.load(key), page(key)), true);
  equal([zswap.stats().writtenBackPages, zswap.load(64) === undefined], [40, true]);
  const zram = engine.createZram({ disksize: '16M', backing: makeBacking(2) });
  for (let n = 0; n < 50; n++) zram.writePage(n, page(n));
  zram.idle('all');
  equal(zram.writeback({ type: 'idle' }).pagesWritten, 50);
  for (let n = 0; n < 50; n++) equal(sameBytes(zram.readPage(n), page(n)), true);
  engine.destroy();
}
