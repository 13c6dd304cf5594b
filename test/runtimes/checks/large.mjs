/**
 * Checks that take memory by the gigabyte, or addresses by the terabyte: left out of the short form. The first is measured
 * in a fresh process, since some engines give room to grow in place to their first memories alone.
 */
import { codeOf, equal, noise, PAGE, page, sameBytes } from './support.mjs';

const BLOCK_PAGES = 1024;
const ENGINES_MAX = 200;
const MIB = 2 ** 20;

const FIRST = {
  async 'growth to the end of memory: ENOMEM, and nothing is lost'({ Engine }) {
    const engine = await Engine.create();
    const zram = engine.createZram({ disksize: '8G' });
    const block = noise(BLOCK_PAGES * PAGE);
    const number = new DataView(block.buffer);
    const [start, times] = [performance.now(), []];
    let stored = 0;
    const code = await codeOf(() => {
      for (; ; stored += BLOCK_PAGES) {
        const before = performance.now();
        number.setUint32(0, stored);
        zram.writePages(stored, block);
        times.push(performance.now() - before);
      }
    });
    const seconds = (performance.now() - start) / 1000;
    const { reserved, limit } = engine.memory;
    equal([code, reserved > 0.98 * limit, stored * PAGE > 0.95 * limit], ['ENOMEM', true, true]);
    for (let index = 0; index < stored; index += BLOCK_PAGES) {
      number.setUint32(0, index);
      equal(sameBytes(zram.readPage(index), block.subarray(0, PAGE)), true);
      equal(sameBytes(zram.readPage(index + 77), block.subarray(77 * PAGE, 78 * PAGE)), true);
    }
    zram.discard(PAGE, 8 * BLOCK_PAGES * PAGE);
    zram.writePage(1, page(1));
    equal(sameBytes(zram.readPage(1), page(1)), true);
    engine.destroy();
    const slowest = Math.round(Math.max(...times));
    return `${Math.floor(reserved / MIB)} MiB in ${seconds.toFixed(1)} s, no 4 MiB above ${slowest} ms`;
  },
};

const LAST = {
  async 'many engines at a time: they work, or ENOMEM'({ Engine }) {
    const engines = [];
    const code = await codeOf(async () => {
      while (engines.length < ENGINES_MAX) {
        const engine = await Engine.create();
        engines.push([engine, engine.createZram({ disksize: '1M' })]);
      }
    });
    engines.forEach(([, zram], n) => zram.writePage(3, page(n)));
    engines.forEach(([, zram], n) => equal(sameBytes(zram.readPage(3), page(n)), true));
    equal([['none', 'ENOMEM'].includes(code), engines.length >= 64], [true, true]);
    const held = engines.length;
    for (const [engine] of engines.splice(0)) engine.destroy();
    // Room for one more as soon as the others are gone.
    const again = await Engine.create();
    again.destroy();
    return code === 'none' ? `${held} and more` : `${held}, then ENOMEM`;
  },
};

export const LARGE = { first: FIRST, last: LAST };
