/**
 * Looks for the slowest pages to write and to read: a random search, then steps from the best, over pages made of few words.
 * Prints the slowest families beside the p99 of real pages, as a ratio of times in this one run.
 *
 * usage: node bench/adversary.mjs [TRIALS [IMAGE…]]     images of whole pages; default: this Node.js's own program
 */
import { readFileSync } from 'node:fs';
import { Engine } from '../dist/index.js';
import { Random } from './support/random.mjs';
import { PAGE_BYTES } from './support/settings.mjs';

const REAL_PAGES = 4000;
const TRIAL_PAGES = 48;
const ROUNDS = 5;
const ALPHABETS = [2, 3, 4, 8, 16, 64, 256];

const [trials = '250', ...paths] = process.argv.slice(2);
const random = new Random(1);

/** Pages from all over the images. */
function realPages() {
  const images = (paths.length > 0 ? paths : [process.execPath]).map((path) => readFileSync(path));
  const share = Math.floor(REAL_PAGES / images.length);
  return images.flatMap((image) => {
    const pages = Math.floor(image.length / PAGE_BYTES);
    return Array.from({ length: share }, (_, n) => {
      const at = Math.floor((n * pages) / share) * PAGE_BYTES;
      return new Uint8Array(image.subarray(at, at + PAGE_BYTES));
    });
  });
}

/** A page of a family: words of a dictionary one after the other, with bytes of noise between some. */
function makePage({ words, min, more, alphabet, noise, noisePercent }) {
  const dictionary = Array.from({ length: words }, () =>
    Array.from({ length: min + random.below(more + 1) }, () => random.below(alphabet)),
  );
  const bytes = [];
  while (bytes.length < PAGE_BYTES) {
    bytes.push(...dictionary[random.below(words)]);
    if (random.below(100) < noisePercent) {
      for (let n = random.below(noise + 1); n > 0; n--) bytes.push(random.below(256));
    }
  }
  return Uint8Array.from(bytes.slice(0, PAGE_BYTES));
}

function randomFamily() {
  return {
    words: 2 + random.below(400),
    min: 1 + random.below(8),
    more: random.below(8),
    alphabet: ALPHABETS[random.below(ALPHABETS.length)],
    noise: random.below(12),
    noisePercent: random.below(101),
  };
}

/** The same family but for some of its numbers. */
function near(family) {
  const other = randomFamily();
  return Object.fromEntries(
    Object.entries(family).map(([name, value]) => [name, random.below(3) ? value : other[name]]),
  );
}

const engine = Engine.createSync();

/** Microseconds of each page to write and to read, in ascending order: the least of some rounds over all pages. */
function timesOf(pages, rounds = ROUNDS) {
  const zram = engine.createZram({ disksize: pages.length * PAGE_BYTES });
  const times = {
    write: new Float64Array(pages.length).fill(Infinity),
    read: new Float64Array(pages.length).fill(Infinity),
  };
  const out = new Uint8Array(PAGE_BYTES);
  const timed = (what, n, action) => {
    const start = performance.now();
    action();
    times[what][n] = Math.min(times[what][n], 1000 * (performance.now() - start));
  };
  for (let round = 0; round < rounds; round++) {
    pages.forEach((page, n) => timed('write', n, () => zram.writePage(n, page)));
    pages.forEach((_, n) => timed('read', n, () => zram.readPage(n, out)));
  }
  zram.destroy();
  return { write: times.write.sort(), read: times.read.sort() };
}

const share = (sorted, part) => sorted[Math.floor((sorted.length - 1) * part)];
const real = realPages();
timesOf(real, 2); // code is compiled
const usual = timesOf(real);
const slowest = { write: { time: 0 }, read: { time: 0 } };
for (let trial = 0; trial < Number(trials); trial++) {
  const seeking = trial % 2 ? 'write' : 'read';
  const family = trial < Number(trials) / 2 ? randomFamily() : near(slowest[seeking].family);
  const times = timesOf(Array.from({ length: TRIAL_PAGES }, () => makePage(family)));
  for (const what of ['write', 'read']) {
    const time = share(times[what], 0.5);
    if (time > slowest[what].time) slowest[what] = { time, family };
  }
}
for (const what of ['write', 'read']) {
  const [p50, p99] = [0.5, 0.99].map((part) => share(usual[what], part));
  const { time, family } = slowest[what];
  const figures = `real pages ${p50.toFixed(1)} us, p99 ${p99.toFixed(1)}; the slowest found ${time.toFixed(1)}`;
  console.log(`${what}: ${figures}, ${(time / p99).toFixed(2)} of the p99: ${JSON.stringify(family)}`);
}
engine.destroy();
