/** Puts the pages of a device into the leaves of a table, and their values into the tier. */
import type { PageRange, Zram, ZramSnapshot } from '../../bindings/index.js';
import { ZramError } from '../../bindings/base/errors.js';
import { PAGE_SIZE, PageBlocks } from './page-blocks.js';
import { changesOf } from './page-changes.js';
import { asError, type PageTable } from './page-table.js';
import { PutQueue } from './put-queue.js';
import { FANOUT, FILL_SIZE, FILLED, HOLE, KEY, type TableNode } from './table-node.js';
import { encodeRoot, isWrong } from './table-root.js';
import { TableWriter, type Change } from './table-writer.js';
import type { RemoteTier } from './tier.js';

/** What saving a name has done. */
export interface SaveNamedReport {
  /** Pages that were looked at, holes among them. */
  readonly pages: number;
  /** Values that the tier did not have: pages, and nodes of the table. */
  readonly sent: number;
  /** Bytes of those. */
  readonly sentBytes: number;
}

/** The first bit of a page's state: it is filled with one value. */
const SAME = 1;

/**
 * Saves pages, and sets the name in the end.
 * @param frozen a copy that nobody else has, with the settings of its device
 * @param table is not changed
 * @param changed pages in ascending order; all others are as in the table. Large ranges in which nothing is stored cost no more
 * than small ones
 * @param keep whether the changes of the table are returned
 */
export async function savePages(
  tier: RemoteTier,
  name: string,
  frozen: Zram,
  table: PageTable,
  changed: Iterable<PageRange>,
  keep: boolean,
): Promise<{ report: SaveNamedReport; key: Uint8Array | undefined; changes: readonly Change[] }> {
  const queue = new PutQueue(tier);
  let blocks: PageBlocks | undefined;
  try {
    const { pages, leaves, places } = changesOf(frozen, changed, table.levels);
    const source = (blocks = await PageBlocks.of(frozen));
    const fill = (leaf: number, node: TableNode): Promise<void> =>
      fillLeaf(frozen, source, queue, node, leaf, leaves.get(leaf) ?? []);
    const writer = new TableWriter(table, queue, fill, keep);
    const key = await writer.write(places);
    await queue.end();
    await setName(tier, name, encodeRoot({ pages: table.pages, key }));
    const report = Object.freeze({ pages, sent: queue.sent, sentBytes: queue.sentBytes });
    return { report, key, changes: writer.changes };
  } finally {
    await queue.end().catch(() => undefined); // nothing is in flight afterwards
    blocks?.destroy();
  }
}

async function setName(tier: RemoteTier, name: string, root: Uint8Array): Promise<void> {
  try {
    await tier.putNamed(name, root);
  } catch (cause) {
    if (isWrong(cause)) throw cause;
    throw new ZramError('EIO', `the name '${name}' cannot be set: ${asError(cause).message}`, undefined, { cause });
  }
}

async function fillLeaf(
  device: Zram,
  blocks: PageBlocks,
  queue: PutQueue,
  node: TableNode,
  leaf: number,
  pages: readonly number[],
): Promise<void> {
  const first = leaf * FANOUT;
  const states = device.pageStates(first, Math.min(FANOUT, device.disksize / PAGE_SIZE - first));
  for (const page of pages) {
    const slot = page - first;
    const state = states[2 * slot];
    if (state === 0) node.set(slot, HOLE);
    else if (state & SAME) node.set(slot, FILLED, device.readPage(page).subarray(0, FILL_SIZE));
    else node.set(slot, KEY, await queue.add(await blocks.valueOf(page)));
  }
}

/** Ranges of the pages where something is stored. */
export function* storedRanges(device: Zram | ZramSnapshot): Generator<PageRange> {
  for (const { offset, length, kind } of device.extents(0, device.disksize))
    if (kind !== 'hole') yield { index: offset / PAGE_SIZE, count: Math.ceil(length / PAGE_SIZE) };
}
