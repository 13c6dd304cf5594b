/**
 * Pages that decide sizes in one compressor or another: runs, periods, matches at borders of lengths and distances, ends. The
 * kernel's sizes for them are committed (test/fixtures/kernel-compressors.json), so they come out of arithmetic alone.
 */
import { readFileSync } from 'node:fs';
import { PAGE_SIZE } from './pages.js';

/** What kernels made of these pages, by page: a length for each column, and checksums for some. */
export interface Recorded<Column> {
  readonly columns: readonly Column[];
  readonly crcColumns: readonly Column[];
  readonly pages: Readonly<Record<string, { readonly lengths: readonly number[]; readonly crcs: string }>>;
}

/** @param name of a file in test/fixtures */
export function recordedOf<Column>(name: string): Recorded<Column> {
  return JSON.parse(readFileSync(new URL(`../fixtures/${name}`, import.meta.url), 'utf8')) as Recorded<Column>;
}

type Next = () => number;

/** xorshift32 */
function random(seed: number): Next {
  let x = (Math.imul(seed, 2654435761) ^ 0x9e3779b9) >>> 0 || 1;
  return () => {
    x ^= x << 13;
    x >>>= 0;
    x ^= x >>> 17;
    x ^= x << 5;
    return (x >>>= 0);
  };
}

const bytesOf = (next: Next, length: number): Uint8Array => Uint8Array.from({ length }, () => next() >>> 24);

function mixed(seed: number, fill: (page: Uint8Array, next: Next) => void): Uint8Array {
  const page = new Uint8Array(PAGE_SIZE);
  fill(page, random(seed));
  return page;
}

type Made = (name: string, bytes: Uint8Array) => void;

/** Bytes in no order, with zeros; periods; single bytes. */
function addSimple(made: Made): void {
  made('zeros', new Uint8Array(PAGE_SIZE));
  made('same-filled', new Uint8Array(PAGE_SIZE).fill(0xa5));
  made(
    'same-filled-8',
    Uint8Array.from({ length: PAGE_SIZE }, (_, n) => n & 7),
  );
  for (let n = 0; n < 4; n++) made(`random-${n}`, bytesOf(random(100 + n), PAGE_SIZE));
  for (let length = 2500; length <= 3900; length += 50)
    made(`random-then-zeros-${length}`, bytesOf(random(length), length));
  for (const length of [
    2990, 3100, 3250, 3256, 3257, 3258, 3590, 3600, 3605, 3608, 3610, 3612, 3614, 3616, 3618, 3622, 3624, 3625, 3626,
  ])
    made(
      `zeros-then-random-${length}`,
      mixed(length, (page, next) => page.set(bytesOf(next, length), PAGE_SIZE - length)),
    );
  for (const period of [
    1, 3, 4, 5, 7, 9, 13, 16, 24, 32, 33, 64, 100, 255, 256, 257, 264, 1023, 1024, 1025, 1786, 1787, 2000, 2047, 2048,
    2049, 3000,
  ])
    made(
      `period-${period}`,
      mixed(period, (page, next) => {
        const one = bytesOf(next, period);
        for (let n = 0; n < PAGE_SIZE; n++) page[n] = one[n % period];
        page[PAGE_SIZE - 1] ^= period < 9 ? 1 : 0; // else it were same-filled
      }),
    );
  for (const count of [1, 2, 3, 4, 8, 12, 16, 32, 64, 128, 256, 512])
    made(
      `sparse-${count}`,
      mixed(count, (page, next) => {
        for (let n = 0; n < count; n++) page[(next() >>> 8) % PAGE_SIZE] = next() >>> 24 || 1;
      }),
    );
}

/** Runs of zeros of each length between other bytes: what an instruction for runs begins to pay for. */
function addRuns(made: Made): void {
  for (const [low, high] of [
    [1, 4],
    [3, 6],
    [4, 8],
    [6, 14],
    [8, 40],
    [30, 90],
    [240, 280],
  ])
    made(
      `zero-runs-${low}-${high}`,
      mixed(low * 1000 + high, (page, next) => {
        let at = 0;
        for (let run = low; at < PAGE_SIZE; run = run === high ? low : run + 1) {
          const literals = 1 + ((next() >>> 8) % 9);
          for (let n = 0; n < literals && at < PAGE_SIZE; n++) page[at++] = next() >>> 24 || 1;
          at += run;
        }
      }),
    );
  for (const run of [2040, 2046, 2047, 2048, 2050, 2051, 2052, 2053, 2054, 2058, 2070])
    made(
      `zero-run-${run}`,
      mixed(run, (page, next) => {
        page.set(bytesOf(next, PAGE_SIZE));
        page.fill(0, 900, 900 + run);
        page[899] = page[900 + run] = 255;
      }),
    );
}

/** Ends, and lengths and distances of matches. */
function addMatches(made: Made): void {
  // a run of zeros, and a match, that end a few bytes before the page does
  for (const rest of [0, 1, 4, 5, 8, 11, 12, 13, 16, 19, 20, 21, 22, 24, 28, 29, 36])
    made(
      `tail-${rest}`,
      mixed(rest + 50, (page, next) => {
        page.set(bytesOf(next, 1500));
        page.set(page.subarray(200, 700), 3000);
        page.fill(0, 1500, 3000);
        page.set(page.subarray(100, 100 + 596 - rest), 3500);
        page.set(bytesOf(next, rest), PAGE_SIZE - rest);
      }),
    );
  for (const length of [4, 5, 8, 9, 10, 12, 18, 19, 33, 34, 35])
    made(
      `matches-of-${length}`,
      mixed(length + 500, (page, next) => {
        const stock = bytesOf(next, 400);
        page.set(stock);
        for (let at = 400; at < PAGE_SIZE;) {
          const from = (next() >>> 8) % (400 - length);
          for (let n = 0; n < length && at < PAGE_SIZE; n++) page[at++] = stock[from + n];
          const literals = 1 + ((next() >>> 8) % 6);
          for (let n = 0; n < literals && at < PAGE_SIZE; n++) page[at++] = next() >>> 24;
        }
      }),
    );
  for (const distance of [1000, 1784, 1785, 1786, 1787, 2040, 2047, 2048, 2049, 3000])
    made(
      `matches-at-${distance}`,
      mixed(distance + 700, (page, next) => {
        page.set(bytesOf(next, distance));
        for (let at = distance; at < PAGE_SIZE; at++)
          page[at] = (at - distance) % 12 < 7 ? page[at - distance] : next() >>> 24;
      }),
    );
}

/** What looks like content of programs. */
function addContents(made: Made): void {
  for (const letters of [2, 3, 4, 8, 10, 16, 26, 40, 64, 100, 150, 200, 230, 250])
    made(
      `letters-${letters}`,
      mixed(letters + 900, (page, next) => {
        for (let n = 0; n < PAGE_SIZE; n++) page[n] = 33 + ((next() >>> 12) % letters);
      }),
    );
  for (let n = 0; n < 6; n++)
    made(
      `pointers-${n}`,
      mixed(n + 1200, (page, next) => {
        const view = new DataView(page.buffer);
        for (let at = 0; at < PAGE_SIZE; at += 8) {
          if (next() % 8 >= 5 - n / 2) continue;
          view.setUint32(at, (0x55d0_0000 + ((next() >>> 8) % 65536) * 16) >>> 0, true);
          view.setUint32(at + 4, 0x7f3a + n, true);
        }
      }),
    );
  made('counters-32', new Uint8Array(Uint32Array.from({ length: 1024 }, (_, n) => 1e9 + n * 7).buffer));
  made(
    'counters-64',
    new Uint8Array(BigUint64Array.from({ length: 512 }, (_, n) => 1_000_000n + BigInt(n) * 48n).buffer),
  );
  made('floats-64', new Uint8Array(Float64Array.from({ length: 512 }, (_, n) => n * 0.25 + 1).buffer));
  made('floats-32', new Uint8Array(Float32Array.from({ length: 1024 }, (_, n) => Math.fround((n * n) / 3)).buffer));
  made('base64', Buffer.from(Buffer.from(bytesOf(random(31), 3072)).toString('base64')));
  made('hex', Buffer.from(Buffer.from(bytesOf(random(32), 2048)).toString('hex')));
  made(
    'picture',
    Uint8Array.from({ length: PAGE_SIZE }, (_, n) => ((n & 3) === 3 ? 255 : ((n >> 2) % 64) * 2 + ((n >> 8) & 15) * 3)),
  );
  made(
    'one-byte-of-eight',
    mixed(41, (page, next) => {
      for (let at = 0; at < PAGE_SIZE; at += 8) page[at] = next() >>> 24;
    }),
  );
  made(
    'two-bytes-of-eight',
    mixed(42, (page, next) => {
      for (let at = 0; at < PAGE_SIZE; at += 8) page.set([next() >>> 24, next() >>> 24], at);
    }),
  );
  made(
    'random-with-copies',
    mixed(44, (page, next) => {
      page.set(bytesOf(next, PAGE_SIZE));
      for (let n = 0; n < 20; n++) page.copyWithin(2048 + n * 90, n * 31, n * 31 + 10);
    }),
  );
}

export interface NamedPage {
  readonly name: string;
  readonly page: Uint8Array;
}

export function compressorPages(): NamedPage[] {
  const pages: NamedPage[] = [];
  const made: Made = (name, bytes) => {
    const page = new Uint8Array(PAGE_SIZE);
    page.set(bytes);
    pages.push({ name, page });
  };
  addSimple(made);
  addRuns(made);
  addMatches(made);
  addContents(made);
  return pages;
}
