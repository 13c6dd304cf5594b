/** Pages of a program and of text, half of each. */
import { closeSync, openSync, readSync } from 'node:fs';
import { createRequire } from 'node:module';
import { PAGE_BYTES } from './settings.mjs';

/** @param skips pages that are left out */
export function realPages(count, skips = () => false) {
  const pages = [];
  for (const file of [process.execPath, createRequire(import.meta.url).resolve('typescript')]) {
    const descriptor = openSync(file);
    for (let n = 0, found = 0; found < count / 2; n++) {
      const page = new Uint8Array(PAGE_BYTES);
      if (readSync(descriptor, page, 0, PAGE_BYTES, n * PAGE_BYTES) !== PAGE_BYTES) break;
      if (skips(page)) continue;
      pages.push(page);
      found++;
    }
    closeSync(descriptor);
  }
  return pages;
}
