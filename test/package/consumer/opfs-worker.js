/** Writes pages back to files of the browser and reads them again; posts what it saw. */
import { OpfsBacking, Zram } from './node_modules/zram-wasm/dist/index.js';

const PAGES = 40;

/** Pages that do not compress. */
function noise(page) {
  let x = page + 1;
  return Uint8Array.from({ length: 4096 }, () => {
    x = (Math.imul(x, 1103515245) + 12345) >>> 0;
    return x >>> 16;
  });
}

async function names() {
  const found = [];
  for await (const name of (await navigator.storage.getDirectory()).keys()) found.push(name);
  return found.sort();
}

async function roundTrip(keep) {
  const backing = await OpfsBacking.create(keep ? 'kept' : 'pages', PAGES, { keep });
  const twice = await OpfsBacking.create(backing.name, 1).catch(({ code }) => code);
  const zram = await Zram.create({ disksize: '1M', backing });
  for (let page = 0; page < PAGES; page++) zram.writePage(page, noise(page));
  const { pagesWritten } = zram.writeback({ type: 'huge' });
  const same = Array.from({ length: PAGES }, (_, page) => page).every((page) => {
    const expected = noise(page);
    return zram.readPage(page).every((byte, n) => byte === expected[n]);
  });
  zram.writePage(PAGES, noise(PAGES));
  let full;
  try {
    zram.writeback({ type: 'huge' });
  } catch ({ code }) {
    full = code;
  }
  const { bdStat, mmStat } = zram;
  zram.destroy();
  await backing.destroy();
  await backing.destroy();
  let destroyed;
  try {
    backing.read(0, new Uint8Array(4096));
  } catch ({ code }) {
    destroyed = code;
  }
  return { twice, pagesWritten, same, full, bdStat, memUsed: mmStat.memUsedTotal, destroyed, files: await names() };
}

const wrong = await OpfsBacking.create('a/b', 1).catch(({ code }) => code);
globalThis.postMessage({ seen: [await roundTrip(false), await roundTrip(true), await roundTrip(true)], wrong });
