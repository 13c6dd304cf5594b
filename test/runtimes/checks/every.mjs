/**
 * What the package has to do on every runtime, as its users call it. Each check is given what node.mjs, workerd.mjs or
 * page.mjs has imported for it, and returns nothing, or a text for the table.
 */
import { codeOf, equal, noise, PAGE, page, sameBytes } from './support.mjs';

/** Sizes of these pages with a compressor: the same on every runtime. */
export async function sizesOf(engine, options) {
  const zram = engine.createZram({ disksize: '4M', ...options });
  for (let n = 0; n < 64; n++) zram.writePage(n, page(n));
  if (options.recompAlgorithms) {
    zram.recompress();
    zram.compact({ inPageOrder: true });
  }
  for (let n = 0; n < 64; n++) if (!sameBytes(zram.readPage(n), page(n))) throw new Error(`page ${n} differs`);
  const { comprDataSize } = zram.mmStat;
  zram.destroy();
  return comprDataSize;
}

export const CHECKS = {
  async 'pages in and out'({ Engine }) {
    const engine = await Engine.create();
    const zram = engine.createZram({ disksize: '16M' });
    const random = noise();
    zram.writePage(0, page(1));
    zram.writePage(1, new Uint8Array(PAGE).fill(7));
    zram.writePage(2, random);
    zram.write(3 * PAGE + 100, page(2));
    equal(
      [sameBytes(zram.readPage(0), page(1)), zram.readPage(1)[99], sameBytes(zram.readPage(2), random)],
      [true, 7, true],
    );
    equal(sameBytes(zram.read(3 * PAGE + 100, PAGE), page(2)), true);
    const { origDataSize, samePages, hugePages } = zram.mmStat;
    equal([origDataSize, samePages, hugePages], [5 * PAGE, 1, 1]);
    zram.discard(0, PAGE);
    equal(zram.readPage(0)[5], 0);
    engine.destroy();
  },

  async 'merge and dedup'({ Engine }) {
    const engine = await Engine.create();
    const zram = engine.createZram({ disksize: '16M' });
    for (let n = 0; n < 200; n++) zram.writePage(n, page(n % 50));
    equal(zram.merge().objectsMerged, 150);
    for (let n = 0; n < 200; n++) equal(sameBytes(zram.readPage(n), page(n % 50)), true);
    const deduplicating = engine.createZram({ disksize: '16M', dedup: true });
    for (let n = 0; n < 200; n++) deduplicating.writePage(n, page(n % 50));
    equal(deduplicating.merge().objectsMerged, 0);
    const copying = engine.createZram({ disksize: '16M', dedup: true, dedupCache: '64K' });
    for (let n = 0; n < 200; n++) copying.writePage(n, page(n % 50));
    equal(copying.mmStat.pagesMerged, deduplicating.mmStat.pagesMerged);
    equal(sameBytes(copying.readPage(199), page(49)), true);
    engine.destroy();
  },

  async 'snapshots, history, zswap'({ Engine, MemoryBacking }) {
    const engine = await Engine.create();
    const zram = engine.createZram({ disksize: '16M' });
    zram.writePage(4, page(4));
    const snapshot = zram.snapshot();
    zram.writePage(4, page(5));
    equal([sameBytes(snapshot.readPage(4), page(4)), zram.diff(snapshot)], [true, [{ index: 4, count: 1 }]]);
    const history = engine.createStateHistory();
    const states = [1, 2, 3].map((n) => history.push(new Uint8Array(100_000).fill(n, 0, 50_000)));
    equal(history.get(states[1])[49_999], 2);
    const zswap = engine.createZswap({ backing: new MemoryBacking(64) });
    zswap.store(7, page(7));
    equal(sameBytes(zswap.load(7), page(7)), true);
    engine.destroy();
  },

  async compressors({ Engine }) {
    const engine = await Engine.create();
    const sizes = [];
    const favored = { recompAlgorithms: [{ algo: 'lz4hc', favorDecSpeed: 6 }] };
    const names = ['lz4', 'lzo-rle', 'lzo', 'lz4hc', 'deflate'].map((compAlgorithm) => ({ compAlgorithm }));
    for (const options of [...names, favored]) {
      try {
        sizes.push(await sizesOf(engine, options));
      } catch (error) {
        // Their module is compiled when one of them is used, which some runtimes forbid.
        if (error.code !== 'EOPNOTSUPP') throw error;
        sizes.push('not there');
      }
    }
    engine.destroy();
    return sizes.join(' ');
  },

  async zstd({ Engine }) {
    const engine = await Engine.create();
    const code = await codeOf(() => engine.loadCompressor('zstd'));
    if (code === 'EOPNOTSUPP') return 'not there';
    equal(code, 'none');
    const sizes = [];
    for (const level of [-1, 3, 19]) sizes.push(await sizesOf(engine, { compAlgorithm: 'zstd', level }));
    const { code: whose } = engine.compressorInfo?.('zstd') ?? {};
    engine.destroy();
    return `${sizes.join(' ')}${whose === undefined ? '' : ` (${whose})`}`;
  },

  async 'save and load'({ Engine, Zram }) {
    const engine = await Engine.create();
    const zram = engine.createZram({ disksize: '16M' });
    for (let n = 0; n < 100; n++) zram.writePage(n, page(n));
    const { readable, writable } = new TransformStream();
    const saved = zram.save(writable);
    const loaded = await Zram.load(readable);
    await saved;
    for (let n = 0; n < 100; n++) equal(sameBytes(loaded.readPage(n), page(n)), true);
    equal(await codeOf(() => Zram.load(new Uint8Array(100))), 'EINVAL');
    loaded.destroy();
    engine.destroy();
  },

  async 'memory ends: ENOMEM, and nothing is lost'({ Engine }) {
    const engine = await Engine.create({ maxMemory: '16M' });
    const zram = engine.createZram({ disksize: '1G' });
    const first = noise();
    zram.writePage(0, first);
    let stored = 1;
    const code = await codeOf(() => {
      for (; ; stored++) zram.writePage(stored, noise());
    });
    equal([code, stored > 3000, sameBytes(zram.readPage(0), first)], ['ENOMEM', true, true]);
    zram.discard(PAGE, 100 * PAGE);
    zram.writePage(1, page(1));
    equal(sameBytes(zram.readPage(1), page(1)), true);
    engine.destroy();
  },

  async 'hundreds of engines'({ Engine }) {
    for (let n = 0; n < 300; n++) {
      const zram = (await Engine.create()).createZram({ disksize: '1M' });
      zram.writePage(3, page(n));
      equal(zram.readPage(3)[0], page(n)[0]);
      zram.destroy();
    }
  },

  async files({ PageFs }) {
    const fs = await PageFs.create();
    fs.mkdirSync('/a/b', { recursive: true });
    fs.writeFileSync('/a/b/text', page(1));
    const fork = fs.fork();
    fork.writeFileSync('/a/b/text', page(2));
    equal(
      [sameBytes(fs.readFileSync('/a/b/text'), page(1)), sameBytes(fork.readFileSync('/a/b/text'), page(2))],
      [true, true],
    );
    equal(await codeOf(() => fs.readFileSync('/a/c')), 'ENOENT');
    fs.destroy();
    fork.destroy();
  },
};
