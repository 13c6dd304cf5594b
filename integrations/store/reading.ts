/** Reads what a store has: the checkpoint, and the log as far as its blocks were written. */
import { crc32 } from './crc32.js';
import { damaged } from './encoding.js';
import type { StoreFile } from './file.js';
import type { Found, Journal, Settings } from './journal.js';
import { Content } from './records.js';
import { UNIT, type Space } from './space.js';

/** The content of a store, with its space taken; undefined: there is none. */
export function readStore(
  file: StoreFile,
  journal: Journal,
  space: Space,
): { content: Content; settings: Settings } | undefined {
  const found = journal.read();
  if (!found) return undefined;
  const { content, isWhole } = contentOf(file, found, found.records.length);
  if (!isWhole) journal.dropLast();
  const kept = isWhole ? content : contentOf(file, found, found.records.length - 1).content;
  const { blocks } = kept;
  for (let block = 1; block < blocks.end; block++) {
    const extent = blocks.extentOf(block);
    if (extent.units === 0) continue;
    const isThere = extent.unit * UNIT + blocks.length[block] <= file.size;
    if (!isThere || !space.takeAt(extent.unit, extent.units)) throw damaged('a block is where none can be');
  }
  return { content: kept, settings: found.settings };
}

/** @param count records that are applied; the last of all must have its blocks on the disk, which it may have outrun */
function contentOf(file: StoreFile, found: Found, count: number): { content: Content; isWhole: boolean } {
  const content = new Content();
  content.apply(found.checkpoint);
  let isWhole = true;
  for (const [n, record] of found.records.slice(0, count).entries()) {
    const isLast = n === found.records.length - 1;
    content.apply(record, isLast ? (block) => (isWhole &&= isThere(file, content, block)) : undefined);
  }
  return { content, isWhole };
}

function isThere(file: StoreFile, { blocks }: Content, block: number): boolean {
  const bytes = new Uint8Array(blocks.length[block]);
  return file.read(bytes, blocks.unit[block] * UNIT) === bytes.length && crc32(bytes) === blocks.crc[block];
}
