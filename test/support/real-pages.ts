/**
 * Pages that no generator invents: code, and the memory of a live process.
 *
 * Program pages are the same for the same build of Node.js; process memory is never the same twice, so a test that
 * fails on it has to keep the pages themselves.
 */
import { closeSync, fstatSync, openSync, readFileSync, readSync } from 'node:fs';
import { PAGE_SIZE, type DataSet } from './pages.js';
import { Random } from './random.js';

/** `count` pages of the running node executable, in runs of consecutive pages from places that the seed picks. */
export function programPages(seed: number, count: number): DataSet {
  const random = new Random(seed, 'programs');
  const runPages = 64;
  const pages = new Uint8Array(count * PAGE_SIZE);
  const file = openSync(process.execPath, 'r');
  try {
    const filePages = Math.floor(fstatSync(file).size / PAGE_SIZE);
    for (let done = 0; done < count; done += runPages) {
      const length = Math.min(runPages, count - done) * PAGE_SIZE;
      const from = random.below(Math.max(1, filePages - runPages)) * PAGE_SIZE;
      readSync(file, pages, done * PAGE_SIZE, length, from);
    }
  } finally {
    closeSync(file);
  }
  return { name: 'programs', pages };
}

/** Start addresses of the anonymous, writable memory of this process: its heaps and stacks, no mapped file. */
function anonymousRegions(): { start: number; end: number }[] {
  const regions = [];
  for (const line of readFileSync('/proc/self/maps', 'latin1').split('\n')) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) rw.p [0-9a-f]+ 00:00 0 *(|\[heap\]|\[stack\]|\[anon:.*\])$/.exec(line);
    if (match) regions.push({ start: parseInt(match[1], 16), end: parseInt(match[2], 16) });
  }
  return regions;
}

/** Addresses of the pages of one region that are in memory: bit 63 of their entries in pagemap. */
function residentPages(pagemap: number, start: number, end: number): number[] {
  const entries = new Uint8Array(((end - start) / PAGE_SIZE) * 8);
  const length = readSync(pagemap, entries, 0, entries.length, (start / PAGE_SIZE) * 8);
  const resident = [];
  for (let at = 0; at + 8 <= length; at += 8) {
    if (entries[at + 7] & 0x80) resident.push(start + (at / 8) * PAGE_SIZE);
  }
  return resident;
}

/** Up to `count` resident pages of this process, spread over all of its memory. No pages where there is no /proc. */
export function processPages(seed: number, count: number): DataSet {
  const name = 'process memory';
  if (process.platform !== 'linux') return { name, pages: new Uint8Array(0) };
  const random = new Random(seed, name);
  const pagemap = openSync('/proc/self/pagemap', 'r');
  const memory = openSync('/proc/self/mem', 'r');
  try {
    const addresses = anonymousRegions().flatMap(({ start, end }) => residentPages(pagemap, start, end));
    const pages = new Uint8Array(Math.min(count, addresses.length) * PAGE_SIZE);
    let filled = 0;
    const stride = addresses.length / (pages.length / PAGE_SIZE);
    for (let at = random.below(Math.ceil(stride)); at < addresses.length && filled < pages.length; at += stride) {
      try {
        filled += readSync(memory, pages, filled, PAGE_SIZE, addresses[Math.floor(at)]);
      } catch {
        // The collector may have given the page back since; one page fewer does no harm.
      }
    }
    return { name, pages: pages.slice(0, filled) };
  } finally {
    closeSync(memory);
    closeSync(pagemap);
  }
}
