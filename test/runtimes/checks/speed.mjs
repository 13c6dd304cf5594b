/**
 * What is measured on every runtime, in rounds: the server says which, measures this process while it runs, and is told
 * when it has ended.
 */
import { PAGE, page } from './support.mjs';

const PAGES = 1024;
const TIMES = 100;

const pages = new Uint8Array(PAGES * PAGE);
for (let n = 0; n < PAGES; n++) pages.set(page(n), n * PAGE);

const TASKS = {
  writePages(zram) {
    for (let n = 0; n < TIMES; n++) zram.writePages(0, pages);
  },
  readPages(zram, out) {
    for (let n = 0; n < 2 * TIMES; n++) zram.readPages(0, PAGES, out);
  },
  readPage(zram, out) {
    const one = out.subarray(0, PAGE);
    for (let n = 0; n < 2 * TIMES; n++) for (let index = 0; index < PAGES; index++) zram.readPage(index, one);
  },
  merge(zram) {
    for (let n = 0; n < TIMES; n++) {
      zram.writePages(0, pages);
      zram.writePages(PAGES, pages);
      if (zram.merge().objectsMerged < PAGES) throw new Error('too little was merged');
    }
  },
};
export const TASK_NAMES = Object.keys(TASKS);

export async function serveRounds({ Engine }, server, name) {
  const zram = (await Engine.create()).createZram({ disksize: '64M' });
  zram.writePages(0, pages);
  const out = new Uint8Array(pages.length);
  for (;;) {
    const task = await (await fetch(`${server}/round/${name}`)).text();
    if (task === 'end') return;
    TASKS[task](zram, out);
    await fetch(`${server}/ended/${name}`, { method: 'POST' });
  }
}
