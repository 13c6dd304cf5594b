/** The backing device of the demo: a file of the origin's private file system (OPFS), of this tab alone. */
import { OpfsBacking } from 'zram-wasm/external';
import { writebackObstacle } from '../support.js';

const PAGE_BYTES = 4096;
const PREFIX = 'zram-wasm-demo-';
const BYTES_MAX = 4 * 2 ** 30;
/** Of what the browser grants: the rest is for others. */
const SHARE = 0.5;

/** Makes an empty one. @throws Error, with a sentence for people: it cannot be had here */
export async function makeBacking(): Promise<OpfsBacking> {
  const obstacle = writebackObstacle();
  if (obstacle !== undefined) throw new Error(obstacle);
  await removeOld(await navigator.storage.getDirectory());
  const { quota = BYTES_MAX } = await navigator.storage.estimate();
  const slots = Math.floor(Math.min(BYTES_MAX, quota * SHARE) / PAGE_BYTES);
  return OpfsBacking.create(PREFIX + crypto.randomUUID(), Math.max(slots, 1));
}

/** Files that earlier tabs left. Those of tabs that are open are locked: they stay. */
async function removeOld(folder: FileSystemDirectoryHandle): Promise<void> {
  for await (const name of folder.keys()) {
    if (name.startsWith(PREFIX)) await folder.removeEntry(name).catch(() => undefined);
  }
}
