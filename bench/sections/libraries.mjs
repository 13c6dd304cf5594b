/**
 * What a program would do without us: a `Map` from page number to a compressed (or plain) copy. Writing compresses and
 * stores, reading finds and decompresses. Fewer pages than elsewhere, as some of these take long.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { Engine } from '../../dist/index.js';
import { alternate } from '../support/alternate.mjs';
import { pageViews } from '../support/image.mjs';
import { library } from '../support/libraries.mjs';
import { Missing } from '../support/native.mjs';
import { PAGE_BYTES } from '../support/settings.mjs';
import { megabytesPerSecond, speedRatio } from '../support/statistics.mjs';
import { percent, spread } from '../support/table.mjs';

const OURS = 'zram-wasm';
/** As large as lz4js wants it. Half the width of its own, which is half the work of clearing it for each page. */
const LZ4JS_TABLE = 65536;

/** `pack` and `unpack` of each library, in the way that its documentation shows or in a faster one. */
const CODECS = {
  'lz4-napi': async () => {
    const { compressSync, uncompressSync } = await library('lz4-napi');
    return { pack: compressSync, unpack: uncompressSync };
  },
  lz4js: async () => {
    const lz4 = await library('lz4js');
    const table = new Uint16Array(LZ4JS_TABLE);
    const room = new Uint8Array(lz4.compressBound(PAGE_BYTES));
    const page = new Uint8Array(PAGE_BYTES);
    return {
      pack(bytes) {
        table.fill(0);
        // 0: it does not get smaller.
        const length = lz4.compressBlock(bytes, room, 0, PAGE_BYTES, table);
        return length > 0 && length < PAGE_BYTES ? room.slice(0, length) : bytes.slice();
      },
      unpack(block) {
        if (block.length === PAGE_BYTES) return block;
        lz4.decompressBlock(block, page, 0, block.length, 0);
        return page;
      },
    };
  },
  'node:zlib, level 1': () => ({ pack: (bytes) => deflateRawSync(bytes, { level: 1 }), unpack: inflateRawSync }),
  'fflate, level 1': async () => {
    const { deflateSync, inflateSync } = await library('fflate');
    const page = new Uint8Array(PAGE_BYTES);
    return { pack: (bytes) => deflateSync(bytes, { level: 1 }), unpack: (block) => inflateSync(block, { out: page }) };
  },
  'a copy, not compressed': () => ({ pack: (bytes) => Uint8Array.prototype.slice.call(bytes), unpack: (copy) => copy }),
};

/** A store of pages on a `Map`. */
class MapStore {
  #map = new Map();
  #codec;
  #page = new Uint8Array(PAGE_BYTES);

  constructor(codec) {
    this.#codec = codec;
  }

  empty() {
    this.#map = new Map();
  }

  write(index, bytes) {
    this.#map.set(index, this.#codec.pack(bytes));
  }

  /** To the reader's buffer, as ours. */
  read(index) {
    this.#page.set(this.#codec.unpack(this.#map.get(index)));
    return this.#page;
  }

  get bytes() {
    let sum = 0;
    for (const block of this.#map.values()) sum += block.length;
    return sum;
  }
}

class OwnStore {
  #engine = Engine.createSync();
  #zram;
  #page = new Uint8Array(PAGE_BYTES);

  empty() {
    this.#zram?.destroy();
    this.#zram = this.#engine.createZram({ disksize: '4G' });
  }

  write(index, bytes) {
    this.#zram.writePage(index, bytes);
  }

  read(index) {
    return this.#zram.readPage(index, this.#page);
  }

  get bytes() {
    return this.#zram.mmStat.comprDataSize;
  }
}

function fill(store, views) {
  for (let n = 0; n < views.length; n++) store.write(n, views[n]);
}

function readAll(store, views) {
  for (let n = 0; n < views.length; n++) store.read(n);
}

function verify(name, store, views) {
  store.empty();
  fill(store, views);
  views.forEach((view, n) => {
    if (Buffer.compare(store.read(n), view) !== 0) throw new Error(`${name}: page ${n} reads back different`);
  });
}

/** Evenly from all over the image, so that each kind has its part. */
function sample(views, count) {
  const step = views.length / Math.min(count, views.length);
  // lz4-napi takes Buffers only.
  return Array.from({ length: Math.floor(views.length / step) }, (_, n) => {
    const { buffer, byteOffset, length } = views[Math.floor(n * step)];
    return Buffer.from(buffer, byteOffset, length);
  });
}

export async function run({ image, settings }) {
  const views = sample(pageViews(image.distinct), settings.libraryPages);
  const stores = { [OURS]: new OwnStore() };
  const missing = [];
  for (const [name, makeCodec] of Object.entries(CODECS)) {
    try {
      stores[name] = new MapStore(await makeCodec());
    } catch (error) {
      if (!(error instanceof Missing)) throw error;
      missing.push(error.message);
    }
  }
  for (const [name, store] of Object.entries(stores)) verify(name, store, views);

  const tasks = Object.entries(stores).flatMap(([name, store]) => [
    { name: `${name} write`, before: () => store.empty(), run: () => fill(store, views) },
    { name: `${name} read`, run: () => readAll(store, views) },
  ]);
  const times = await alternate(tasks, { rounds: settings.libraryRounds });

  const bytes = views.length * PAGE_BYTES;
  const rows = Object.entries(stores).map(([name, store]) => {
    const cells = ['write', 'read'].flatMap((verb) => {
      const rounds = times[`${name} ${verb}`];
      const ratio = name === OURS ? '' : spread(speedRatio(times[`${OURS} ${verb}`], rounds));
      return [spread(megabytesPerSecond(rounds, bytes)), ratio];
    });
    return [name, ...cells, percent(store.bytes / bytes)];
  });
  return {
    tables: [
      {
        title: 'JavaScript libraries: a `Map` of compressed pages',
        text: `${views.length} distinct pages, one call a page, read to one buffer. The last column is payload without any bookkeeping. lz4-napi is LZ4 in Rust, called natively.${missing.map((reason) => ` ${reason}.`).join('')}`,
        head: ['', 'write MB/s', 'zram-wasm is faster', 'read MB/s', 'zram-wasm is faster', 'size'],
        rows,
      },
    ],
    measures: {},
  };
}
