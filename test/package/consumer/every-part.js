/** Calls every part of the library that Node.js loads at its first call. Gives what it saw, as round-trip.js. */
const CALLS = {
  upkeep: async ({ zram }) => zram.sysfs.read('mm_stat').split(/\s+/).length,
  save: async ({ library, zram }) => {
    const parts = [];
    await zram.save({ write: (part) => void parts.push(part.slice()) });
    const loaded = await library.Zram.load(parts);
    const same = loaded.readPage(1).every((byte, n) => byte === zram.readPage(1)[n]);
    loaded.destroy();
    return same;
  },
  deflate: async ({ engine, page }) => {
    const zram = engine.createZram({ disksize: '1M', compAlgorithm: 'deflate' });
    zram.writePage(0, page);
    return zram.mmStat.comprDataSize;
  },
  backing: async ({ library, engine, page }) => {
    const zram = engine.createZram({ disksize: '1M', backing: new library.MemoryBacking(4) });
    zram.writePage(0, page);
    return zram.writeback({ pageIndex: 0 }).pagesWritten;
  },
  history: async ({ engine, page }) => {
    const history = engine.createStateHistory();
    const id = history.push(page);
    return history.get(id, new Uint8Array(page.length)).every((byte, n) => byte === page[n]);
  },
  zswap: async ({ engine, page }) => {
    const zswap = engine.createZswap();
    zswap.store(7, page);
    return zswap.load(7)?.length;
  },
};

export async function everyPart(library, before = () => {}) {
  const engine = library.Engine.createSync();
  const zram = engine.createZram({ disksize: '1M' });
  const page = Uint8Array.from({ length: 4096 }, (_, n) => (n * 31) >> 3);
  for (const index of [1, 7]) zram.writePage(index, page);
  zram.merge();
  zram.snapshot().destroy();
  const seen = [];
  for (const [part, call] of Object.entries(CALLS)) {
    before(part);
    seen.push([part, await call({ library, engine, zram, page })]);
  }
  engine.destroy();
  return seen;
}
