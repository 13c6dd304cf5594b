/**
 * The pages that all sections measure with: real ones, made afresh by each run, or those of files that are given.
 *
 * In the image's file stand first the distinct pages that are not same-filled, kind by kind, and then what was met on
 * the way besides: pages met before, and same-filled ones. Most sections take the distinct pages only, since a
 * duplicate in the cache or a page of zeros flatters whoever handles it; merging and held memory take all.
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readFileSync, readSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { filesUnder, programFiles, textDirectories } from './files.mjs';
import { readTwins } from './process-pages.mjs';
import { PAGE_BYTES } from './settings.mjs';

const TEXT = /\.(?:js|mjs|cjs|ts|json|md|h|txt)$/;
/** One file among the programs gives at most so much of a kind's pages: the largest would give all of them. */
const FILE_SHARE = 0.6;

/** Whether all 64-bit words of a page are equal. */
function isSameFilled(page) {
  return page.compare(page, 0, PAGE_BYTES - 8, 8, PAGE_BYTES) === 0;
}

class Collector {
  #distinct = [];
  #rest = [];
  #seen = new Set();
  kinds = [];
  sameFilled = 0;
  duplicates = 0;
  notes = [];

  /** Copies a page. @returns whether it was a new one, and not same-filled */
  add(page) {
    const copy = Buffer.from(page);
    const key = createHash('sha1').update(copy).digest('latin1');
    const isSame = isSameFilled(copy);
    const isNew = !isSame && !this.#seen.has(key);
    if (isNew) this.#seen.add(key);
    else if (isSame) this.sameFilled++;
    else this.duplicates++;
    (isNew ? this.#distinct : this.#rest).push(copy);
    return isNew;
  }

  /** Everything added from here on is of this kind. */
  beginKind(name) {
    this.endKind();
    this.kinds.push({ name, from: this.#distinct.length, count: 0 });
  }

  endKind() {
    const kind = this.kinds.at(-1);
    if (kind) kind.count = this.#distinct.length - kind.from;
    if (kind?.count === 0) this.kinds.pop();
  }

  get distinct() {
    return this.#distinct.length;
  }

  get pages() {
    return [...this.#distinct, ...this.#rest];
  }
}

/** Pages of a file that are read one after the other before the next place in it. */
const RUN_PAGES = 64;

/**
 * Calls `take` with about `countMax` pages of a file until it says that it has enough: runs from all over the file
 * where that has more pages. The file's last page is filled up with zeros, as the page cache does.
 */
function readPages(file, countMax, take) {
  const run = Buffer.alloc(RUN_PAGES * PAGE_BYTES);
  const descriptor = openSync(file, 'r');
  try {
    const filePages = Math.ceil(fstatSync(descriptor).size / PAGE_BYTES);
    const runs = Math.ceil(Math.min(countMax, filePages) / RUN_PAGES);
    for (let n = 0; n < runs; n++) {
      const from = Math.max(n * RUN_PAGES, Math.floor((n * filePages) / runs)) * PAGE_BYTES;
      const got = readSync(descriptor, run, 0, run.length, from);
      const pages = Math.ceil(got / PAGE_BYTES);
      run.fill(0, got, pages * PAGE_BYTES);
      for (let at = 0; at < pages * PAGE_BYTES; at += PAGE_BYTES) {
        if (!take(run.subarray(at, at + PAGE_BYTES))) return;
      }
    }
  } finally {
    closeSync(descriptor);
  }
}

/** A taker that adds pages until it has `count` distinct ones, or has met twice as many. */
function takerFor(collector, count) {
  const end = collector.distinct + count;
  let left = 2 * count;
  return (page) => {
    collector.add(page);
    return --left > 0 && collector.distinct < end;
  };
}

function addFiles(collector, files, count, countOfFile = count) {
  const end = collector.distinct + count;
  for (const file of files) {
    if (collector.distinct >= end) return;
    const wanted = Math.min(countOfFile, end - collector.distinct);
    readPages(file, wanted, takerFor(collector, wanted));
  }
}

async function collectOwn(collector, pagesOfKind) {
  collector.beginKind('process memory');
  // Twice as many pages are looked at as are wanted: some are duplicates, the more so in the second twin.
  const missing = await readTwins(pagesOfKind, () => takerFor(collector, pagesOfKind / 2));
  if (missing) collector.notes.push(`No pages of process memory: ${missing}.`);
  collector.beginKind('programs');
  addFiles(collector, programFiles(), pagesOfKind, Math.ceil(pagesOfKind * FILE_SHARE));
  collector.beginKind('text');
  addFiles(collector, filesUnder(textDirectories(), TEXT), pagesOfKind);
}

function collectGiven(collector, files, countMax) {
  for (const file of files) {
    collector.beginKind(path.basename(file));
    addFiles(collector, [file], Math.floor(countMax / files.length));
  }
}

/**
 * Makes the image in a directory.
 * @param {{ files: string[], pagesOfKind: number }} options `files`: images to take instead of pages of our own making
 * @returns {Promise<string>} a sentence on what is in it
 */
export async function makeImage(directory, { files, pagesOfKind }) {
  const collector = new Collector();
  if (files.length > 0) collectGiven(collector, files, 3 * pagesOfKind);
  else await collectOwn(collector, pagesOfKind);
  collector.endKind();
  const { kinds, distinct, sameFilled, duplicates, notes, pages } = collector;
  if (distinct < 64) throw new Error(`an image of ${distinct} distinct pages is too small to measure anything with`);
  const kindList = kinds.map(({ name, count }) => `${count} of ${name}`).join(', ');
  const text = [
    `${distinct} distinct pages: ${kindList}; also found: ${duplicates} duplicates and ${sameFilled} same-filled pages.`,
    ...notes,
  ].join(' ');
  writeFileSync(path.join(directory, 'pages.bin'), Buffer.concat(pages));
  writeFileSync(path.join(directory, 'image.json'), JSON.stringify({ kinds, distinct, sameFilled, duplicates, text }));
  return text;
}

/**
 * The image that `makeImage` left in a directory.
 * @returns {{ file: string, all: Buffer, distinct: Buffer, kinds: { name: string, from: number, count: number }[],
 *   sameFilled: number, duplicates: number, text: string }}
 */
export function loadImage(directory) {
  const file = path.join(directory, 'pages.bin');
  const { distinct, ...facts } = JSON.parse(readFileSync(path.join(directory, 'image.json'), 'utf8'));
  const all = readFileSync(file);
  return { ...facts, file, all, distinct: all.subarray(0, distinct * PAGE_BYTES) };
}

/** Views of single pages, made once: a view for every call would be part of what is measured. */
export function pageViews(pages) {
  const views = [];
  for (let at = 0; at < pages.length; at += PAGE_BYTES) {
    views.push(new Uint8Array(pages.buffer, pages.byteOffset + at, PAGE_BYTES));
  }
  return views;
}
