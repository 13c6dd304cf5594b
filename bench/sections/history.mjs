/**
 * A history of states that resemble each other: `push` and `get` of a large state of which one page in a hundred changed,
 * beside what one writes by hand: plain copies, and compressed ones in a `Map`.
 */
import { StateHistory } from '../../dist/index.js';
import { alternate } from '../support/alternate.mjs';
import { library } from '../support/libraries.mjs';
import { Missing } from '../support/native.mjs';
import { Random } from '../support/random.mjs';
import { PAGE_BYTES } from '../support/settings.mjs';
import { speedRatio, summary } from '../support/statistics.mjs';
import { count, mebibytes, spread } from '../support/table.mjs';

const OURS = 'StateHistory';
const CHANGED_SHARE = 0.01;
/** Bytes of a page that change, at one place: an object that was written to. */
const CHANGED_BYTES = 64;

/** A state that changes in the same way for all who keep it. */
class State {
  bytes;
  #random = new Random(3);

  constructor(image) {
    this.bytes = Buffer.from(image);
  }

  change() {
    const pages = this.bytes.length / PAGE_BYTES;
    for (let n = 0; n < pages * CHANGED_SHARE; n++) {
      const at = this.#random.below(pages) * PAGE_BYTES + this.#random.below(PAGE_BYTES - CHANGED_BYTES);
      for (let byte = 0; byte < CHANGED_BYTES; byte += 4) this.bytes.writeUInt32LE(this.#random.next(), at + byte);
    }
  }
}

/** `push` and `get` of each way; `get` gives the state that was pushed first of those that are kept. */
const WAYS = {
  [OURS]: async (kept, out) => {
    const history = await StateHistory.create({ maxStates: kept });
    return {
      push: (bytes) => history.push(bytes),
      get: () => history.get(history.ids()[0], out),
      held: () => history.stats().heldBytes,
    };
  },
  'copies, not compressed': (kept, out) => {
    const copies = [];
    return {
      push(bytes) {
        if (copies.length === kept) copies.shift();
        copies.push(Uint8Array.prototype.slice.call(bytes));
      },
      get() {
        out.set(copies[0]);
        return out;
      },
      held: () => copies.reduce((sum, { length }) => sum + length, 0),
    };
  },
  '`Map` and lz4-napi, a block a state': async (kept) => {
    const { compressSync, uncompressSync } = await library('lz4-napi');
    const blocks = new Map();
    let id = 0;
    return {
      push(bytes) {
        blocks.set(++id, compressSync(bytes));
        blocks.delete(id - kept);
      },
      get: () => uncompressSync(blocks.values().next().value),
      held: () => [...blocks.values()].reduce((sum, { length }) => sum + length, 0),
    };
  },
  '`Map` and lz4-napi, pages by XXH64': async (kept, out) => {
    const { compressSync, uncompressSync } = await library('lz4-napi');
    const { h64Raw } = await (await library('xxhash-wasm')).default();
    const blocks = new Map();
    const states = [];
    const drop = (hashes) => {
      for (const hash of hashes) if (--blocks.get(hash).users === 0) blocks.delete(hash);
    };
    return {
      push(bytes) {
        const hashes = [];
        for (let at = 0; at < bytes.length; at += PAGE_BYTES) {
          const page = bytes.subarray(at, at + PAGE_BYTES);
          const hash = h64Raw(page);
          hashes.push(hash);
          const known = blocks.get(hash); // an equal hash is taken for an equal page
          if (known) known.users++;
          else blocks.set(hash, { block: compressSync(page), users: 1 });
        }
        states.push(hashes);
        if (states.length > kept) drop(states.shift());
      },
      get() {
        states[0].forEach((hash, n) => out.set(uncompressSync(blocks.get(hash).block), n * PAGE_BYTES));
        return out;
      },
      held: () => [...blocks.values()].reduce((sum, { block }) => sum + block.length, 0),
    };
  },
};

export async function run({ image, settings }) {
  const pages = Math.min(settings.historyPages, image.distinct.length / PAGE_BYTES);
  const { historyRounds: rounds, historyKept: kept } = settings;
  // All kinds of pages have their part.
  const step = image.distinct.length / PAGE_BYTES / pages;
  const first = Buffer.alloc(pages * PAGE_BYTES);
  for (let n = 0; n < pages; n++) {
    const from = Math.floor(n * step) * PAGE_BYTES;
    image.distinct.copy(first, n * PAGE_BYTES, from, from + PAGE_BYTES);
  }

  const ways = {};
  const missing = [];
  const out = Buffer.alloc(first.length);
  for (const [name, make] of Object.entries(WAYS)) {
    try {
      const way = { ...(await make(kept, out)), state: new State(first) };
      for (let n = 0; n < kept; n++) {
        if (n > 0) way.state.change();
        way.push(way.state.bytes);
      }
      if (Buffer.compare(way.get(), first) !== 0) throw new Error(`${name}: a state reads back different`);
      ways[name] = way;
    } catch (error) {
      if (!(error instanceof Missing)) throw error;
      missing.push(error.message);
    }
  }

  const tasks = Object.entries(ways).flatMap(([name, { state, push, get }]) => [
    { name: `${name} push`, before: () => state.change(), run: () => void push(state.bytes) },
    { name: `${name} get`, run: () => void get() },
  ]);
  const times = await alternate(tasks, { rounds });
  const rows = Object.entries(ways).map(([name, { held }]) => {
    const cells = ['push', 'get'].flatMap((verb) => {
      const own = times[`${name} ${verb}`];
      const ratio = name === OURS ? '' : spread(speedRatio(times[`${OURS} ${verb}`], own));
      return [spread(summary(own)), ratio];
    });
    return [name, ...cells, mebibytes(held())];
  });
  return {
    tables: [
      {
        title: 'A history of states',
        text: `A state of ${count(pages)} distinct pages, ${mebibytes(first.length)}, of which one page in a hundred changes (${CHANGED_BYTES} bytes in it) before it is pushed again; the last ${kept} are kept. \`get\` reads the oldest of them into one buffer; with a block a state it returns a new buffer. Held is all the memory of StateHistory, but only the payload of the others, without any bookkeeping.${missing.map((reason) => ` ${reason}.`).join('')}`,
        head: ['', 'push ms', `${OURS} is faster`, 'get ms', `${OURS} is faster`, 'held'],
        rows,
      },
    ],
    measures: {},
  };
}
