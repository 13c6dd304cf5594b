/**
 * A history of states that resemble each other: `push` and `get` of a large state of which one page in a hundred changed,
 * beside what one writes by hand, plain copies and compressed ones in a `Map`, and beside another build of the package
 * (`--before`). Taken twice: on a quiet machine, and while another process streams through memory.
 */
import { StateHistory } from '../../dist/index.js';
import { alternate } from '../support/alternate.mjs';
import { buildBefore } from '../support/before.mjs';
import { busyMissing, inBothStates, STATE_NAMES } from '../support/busy.mjs';
import { library } from '../support/libraries.mjs';
import { Missing } from '../support/native.mjs';
import { Random } from '../support/random.mjs';
import { PAGE_BYTES } from '../support/settings.mjs';
import { speedRatio, summary } from '../support/statistics.mjs';
import { count, mebibytes, spread } from '../support/table.mjs';

const OURS = 'StateHistory';
const BEFORE = 'StateHistory, build before';
const BY_HASH = '`Map` and lz4-napi, pages by XXH64';
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

  /** Returns where. */
  change() {
    const pages = this.bytes.length / PAGE_BYTES;
    const ranges = [];
    for (let n = 0; n < pages * CHANGED_SHARE; n++) {
      const at = this.#random.below(pages) * PAGE_BYTES + this.#random.below(PAGE_BYTES - CHANGED_BYTES);
      for (let byte = 0; byte < CHANGED_BYTES; byte += 4) this.bytes.writeUInt32LE(this.#random.next(), at + byte);
      ranges.push({ offset: at, length: CHANGED_BYTES });
    }
    return ranges;
  }
}

async function historyOf(Class, kept, out) {
  const history = await Class.create({ maxStates: kept });
  return {
    history,
    push: (bytes) => history.push(bytes),
    get: () => history.get(history.ids()[0], out),
    held: () => history.stats().heldBytes,
  };
}

/** `push` and `get` of each way; `get` gives the state that was pushed first of those that are kept. */
const WAYS = {
  [OURS]: (kept, out) => historyOf(StateHistory, kept, out),
  [BEFORE]: async (kept, out, settings) => {
    const build = await buildBefore(settings);
    if (!build) throw new Missing('no other build was given (`--before`)');
    const { StateHistory: Before } = build;
    return historyOf(Before, kept, out);
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
  [BY_HASH]: async (kept, out) => {
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
      const way = { ...(await make(kept, out, settings)), state: new State(first) };
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

  const tasks = [
    ...Object.entries(ways).flatMap(([name, { state, push, get }]) => [
      { name: `${name} push`, before: () => void state.change(), run: () => void push(state.bytes) },
      { name: `${name} get`, run: () => void get() },
    ]),
    ...known(ways[OURS], out),
  ];
  const states = await inBothStates(() => alternate(tasks, { rounds }));
  const text = `A state of ${count(pages)} distinct pages, ${mebibytes(first.length)}, of which one page in a hundred changes (${CHANGED_BYTES} bytes in it) before it is pushed again; the last ${kept} are kept. \`get\` reads the oldest of them into one buffer; with a block a state it returns a new buffer. Held is all the memory of StateHistory, the newest state's copy included, but only the payload of the others, without any bookkeeping. Ratios say how many times as fast ${OURS} is.${missing.map((reason) => ` Not measured: ${reason}.`).join('')}`;
  return {
    tables: [
      ...Object.entries(states).flatMap(([name, times], n) => [
        { title: `A history of states, ${STATE_NAMES[name]}`, ...(n === 0 && { text }), ...rowsOf(ways, times) },
        {
          title: `What is known of a state, ${STATE_NAMES[name]}`,
          ...(n === 0 && { text: KNOWN }),
          ...knownRows(ways, times),
        },
      ]),
      await versions(),
    ],
    measures: measuresOf(ways, states),
  };
}

/** In both states of the machine, as far as they are to be had here. */
function measuresOf(ways, states) {
  const measures = {};
  for (const state of ['quiet', 'busy']) {
    const times = states[state];
    const over = (ours, theirs) =>
      times ? { value: speedRatio(times[ours], times[theirs]) } : { reason: busyMissing() };
    measures[`history-push-${state}`] = ways[BY_HASH]
      ? over(`${OURS} push`, `${BY_HASH} push`)
      : { reason: 'lz4-napi or xxhash-wasm could not be had' };
    const before = (ours, theirs) => (ways[BEFORE] ? over(ours, theirs) : { reason: 'no other build (`--before`)' });
    measures[`history-push-before-${state}`] = before(`${OURS} push`, `${BEFORE} push`);
    measures[`history-step-${state}`] = before(STEP, `${BEFORE} get`);
  }
  return measures;
}

const KNOWN = `Calls that are told more: \`dirty\` names the ranges that changed, \`holding\` the state that \`out\` holds, one step from the one that is read. The rival is \`push\` or \`get\` of the build before, where one was given, else the same call without the option; \`diff\` is beside \`get\`.`;
const [DIRTY, STEP, DIFF] = ['push, dirty', 'get one step back, holding', 'diff of two neighbours'];

/** Calls of our own that are told more. */
function known({ history, state }, out) {
  let ranges;
  const ids = () => history.ids().slice(-2);
  return [
    {
      name: DIRTY,
      before: () => void (ranges = state.change()),
      run: () => void history.push(state.bytes, { dirty: ranges }),
    },
    {
      name: STEP,
      before: () => void history.get(ids()[1], out),
      run: () => void history.get(ids()[0], out, { holding: ids()[1] }),
    },
    { name: DIFF, run: () => void history.diff(...ids()) },
  ];
}

function rowsOf(ways, times) {
  const rows = Object.entries(ways).map(([name, { held }]) => {
    const cells = ['push', 'get'].flatMap((verb) => {
      const own = times[`${name} ${verb}`];
      const ratio = name === OURS ? '' : spread(speedRatio(times[`${OURS} ${verb}`], own));
      return [spread(summary(own)), ratio];
    });
    return [name, ...cells, mebibytes(held())];
  });
  return { head: ['', 'push ms', 'ratio', 'get ms', 'ratio', 'held'], rows };
}

function knownRows(ways, times) {
  const rival = ways[BEFORE] ? BEFORE : OURS;
  const rows = [
    [DIRTY, 'push'],
    [STEP, 'get'],
    [DIFF, 'get'],
  ].map(([name, verb]) => [
    name,
    spread(summary(times[name])),
    `${rival} ${verb}`,
    spread(speedRatio(times[name], times[`${rival} ${verb}`])),
  ]);
  return { head: ['', 'ms', 'rival', 'ratio'], rows };
}

/** Bytes of the text, its versions, and the place of what is inserted. */
const TEXT_BYTES = 281_000;
const VERSIONS = 100;
const INSERTED_AT = 500;

/** What versions of a text take in which every byte moves. */
async function versions() {
  const random = new Random(5);
  const words = Array.from({ length: 3000 }, () =>
    random
      .next()
      .toString(36)
      .slice(0, 2 + random.below(6)),
  );
  let text = '';
  // Some words are much more frequent than others, as in a language.
  while (text.length < TEXT_BYTES) text += `${words[Math.floor((3000 * random.below(1000) ** 3) / 1000 ** 3)]} `;
  const rows = [];
  for (const cuts of ['fixed', 'content']) {
    const history = await StateHistory.create({ cuts });
    let version = text.slice(0, TEXT_BYTES);
    const milliseconds = [];
    for (let n = 0; n < VERSIONS; n++) {
      version = `${version.slice(0, INSERTED_AT)}word ${n} ${version.slice(INSERTED_AT)}`;
      const bytes = Buffer.from(version);
      const start = performance.now();
      history.push(bytes);
      milliseconds.push(performance.now() - start);
      if (Buffer.compare(history.get(n + 1), bytes) !== 0) throw new Error('a version reads back different');
    }
    rows.push([
      `cuts: '${cuts}'`,
      `${(history.stats().heldBytes / 1e6).toFixed(2)} MB`,
      spread(summary(milliseconds.slice(1))),
    ]);
    history.destroy();
  }
  return {
    title: 'Versions of a text',
    text: `${VERSIONS} versions of a text of ${count(TEXT_BYTES)} bytes, made of words, each with one more of some letters inserted near its beginning, so that all bytes behind it move.`,
    head: ['', 'held', 'push ms'],
    rows,
  };
}
