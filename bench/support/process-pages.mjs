/**
 * The resident anonymous memory of two processes that run the same program: heaps and stacks, no mapped file. Linux
 * only, and only where a process may read its children's memory.
 */
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { textDirectories } from './files.mjs';
import { Missing } from './native.mjs';
import { PAGE_BYTES } from './settings.mjs';

const HEAP = fileURLToPath(new URL('../children/heap.mjs', import.meta.url));
const CHANGING = fileURLToPath(new URL('../children/changing.mjs', import.meta.url));
/** Some 200 MiB of heap. */
const FILES_MAX = 4000;
/** Some 60 MiB, and what a server might do between two snapshots. */
const FILES_KEPT = 300;
const FILES_OF_STEP = 3;
const PAGEMAP_ENTRY_BYTES = 8;
/** Bit 63 of an entry: the page is in memory. */
const PRESENT = 0x80;

/** Start addresses of resident pages, in order. */
function residentPages(pid) {
  const maps = readFileSync(`/proc/${pid}/maps`, 'latin1');
  const pagemap = openSync(`/proc/${pid}/pagemap`, 'r');
  const addresses = [];
  try {
    for (const line of maps.split('\n')) {
      const match = /^([0-9a-f]+)-([0-9a-f]+) rw.p [0-9a-f]+ 00:00 0 *(?:|\[heap\]|\[stack\]|\[anon:.*\])$/.exec(line);
      if (!match) continue;
      const start = parseInt(match[1], 16);
      const count = (parseInt(match[2], 16) - start) / PAGE_BYTES;
      const entries = Buffer.alloc(count * PAGEMAP_ENTRY_BYTES);
      const got = readSync(pagemap, entries, 0, entries.length, (start / PAGE_BYTES) * PAGEMAP_ENTRY_BYTES);
      for (let n = 0; (n + 1) * PAGEMAP_ENTRY_BYTES <= got; n++) {
        if (entries[n * PAGEMAP_ENTRY_BYTES + 7] & PRESENT) addresses.push(start + n * PAGE_BYTES);
      }
    }
  } finally {
    closeSync(pagemap);
  }
  return addresses;
}

/** Pages that are read one after the other before the next place in memory. */
const RUN_PAGES = 64;

/** Calls `take` with about `countMax` pages, in runs from all over a process's memory, until it says that it has enough. */
function readProcess(pid, countMax, take) {
  const page = Buffer.alloc(PAGE_BYTES);
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    const addresses = residentPages(pid);
    const runs = Math.ceil(Math.min(countMax, addresses.length) / RUN_PAGES);
    for (let n = 0; n < runs * RUN_PAGES; n++) {
      const run = Math.floor(n / RUN_PAGES);
      const address = addresses[Math.floor((run * addresses.length) / runs) + (n % RUN_PAGES)];
      let got = 0;
      try {
        if (address !== undefined) got = readSync(memory, page, 0, PAGE_BYTES, address);
      } catch {
        // Given back by its owner since; one page fewer does no harm.
      }
      if (got === PAGE_BYTES && !take(page)) return;
    }
  } finally {
    closeSync(memory);
  }
}

/** A copy of a process's memory: the first `countMax` resident pages, in order. */
function readImage(pid, countMax) {
  const image = Buffer.alloc(countMax * PAGE_BYTES);
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  let length = 0;
  try {
    for (const address of residentPages(pid)) {
      if (length === image.length) break;
      try {
        length += readSync(memory, image, length, PAGE_BYTES, address);
      } catch {
        // As above.
      }
    }
  } finally {
    closeSync(memory);
  }
  return image.subarray(0, length);
}

/**
 * Images of a process that works between them.
 * @param {number} countMax pages of an image
 * @yields {Buffer} whole pages
 * @throws Missing
 */
export async function* changingImages(count, countMax) {
  if (process.platform !== 'linux') throw new Missing('the memory of a process is read through Linux’s /proc');
  const child = fork(CHANGING, [String(FILES_KEPT), String(FILES_OF_STEP), ...textDirectories()]);
  try {
    await once(child, 'message');
    for (let n = 0; n < count; n++) {
      yield readImage(child.pid, countMax);
      const done = once(child, 'message');
      child.send('step');
      await done;
    }
  } catch (error) {
    if (error.syscall === undefined) throw error;
    throw new Missing(`the memory of a child process cannot be read here (${error.code})`);
  } finally {
    child.kill();
  }
}

/**
 * @param {number} countMax pages to look at in each
 * @param {() => (page: Buffer) => boolean} takerOf makes what takes the pages of one process; asked again for each
 * @returns {Promise<string | undefined>} why there are none, or undefined
 */
export async function readTwins(countMax, takerOf) {
  if (process.platform !== 'linux') return 'the memory of a process is read through Linux’s /proc';
  const children = [1, 2].map(() => fork(HEAP, [String(FILES_MAX), ...textDirectories()]));
  try {
    await Promise.all(children.map((child) => once(child, 'message')));
    for (const { pid } of children) readProcess(pid, countMax, takerOf());
    return undefined;
  } catch (error) {
    return `the memory of a child process cannot be read here (${error.code ?? error.message})`;
  } finally {
    for (const child of children) child.kill();
  }
}
