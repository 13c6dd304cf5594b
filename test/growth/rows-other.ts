/** Growth of a zswap with its pages and of a history with its states. */
import { MemoryBacking, type AsyncBacking, type Backing } from '../../bindings/index.js';
import type { Growth } from './measure.js';
import { PAGE_SIZE, contentOf, newEngine, shuffled } from './things.js';

/** A backing that answers at the end of what runs now. */
function asynchronous(backing: Backing): AsyncBacking {
  return {
    asynchronous: true,
    slots: backing.slots,
    read: (slot, page) => Promise.resolve().then(() => backing.read(slot, page)),
    write: (slot, page) => Promise.resolve().then(() => backing.write(slot, page)),
  };
}

export const OTHER_ROWS: readonly Growth[] = [
  {
    name: 'zswap: store, load, invalidate, destroy',
    calls: ['Zswap.store', 'Zswap.load', 'Zswap.invalidate', 'Zswap.stats', 'Zswap.destroy'],
    size: 2000,
    make: (size) => {
      const pages = Array.from({ length: size }, (_, n) => contentOf(n, PAGE_SIZE));
      return () => {
        const zswap = newEngine().createZswap({});
        for (const n of shuffled(size)) zswap.store(n, pages[n]);
        for (const n of shuffled(size)) zswap.load(n);
        for (let n = 0; n < size; n += 2) zswap.invalidate(n);
        zswap.stats();
        zswap.destroy();
      };
    },
  },
  {
    name: 'zswap: shrink',
    calls: ['Zswap.shrink'],
    size: 1000,
    make: (size) => {
      const zswap = newEngine().createZswap({ backing: new MemoryBacking(size) });
      for (let n = 0; n < size; n++) zswap.store(n, contentOf(n, PAGE_SIZE));
      return () => zswap.shrink(size);
    },
  },
  ...[false, true].map((packSlots) => ({
    name: `zswap: shrinkAsync, loadAsync and invalidate, ${packSlots ? 'packed' : 'a page in a slot'}`,
    calls: ['Zswap.shrinkAsync', 'Zswap.loadAsync'],
    size: 4000,
    make: (size: number) => {
      const zswap = newEngine().createZswap({ backing: asynchronous(new MemoryBacking(size)), packSlots });
      for (let n = 0; n < size; n++) zswap.store(n, contentOf(n, PAGE_SIZE));
      return async () => {
        await zswap.shrinkAsync(size);
        for (const n of shuffled(size)) await zswap.loadAsync(n);
        for (let n = 0; n < size; n += 2) zswap.invalidate(n);
      };
    },
  })),
  {
    name: 'zswap: eviction at its limit',
    calls: [],
    size: 4000,
    make: (size) => {
      const pages = Array.from({ length: size }, (_, n) => contentOf(n, PAGE_SIZE));
      const zswap = newEngine().createZswap({ backing: new MemoryBacking(2 * size), maxPoolBytes: 20 * size });
      return () => {
        for (const [n, page] of pages.entries()) zswap.store(n, page);
      };
    },
  },
  {
    name: 'history: push, get, delete of small states',
    calls: [
      ...['StateHistory.push', 'StateHistory.get', 'StateHistory.delete', 'StateHistory.ids', 'StateHistory.stats'],
      ...['StateHistory.sizeOf', 'StateHistory.diff', 'StateHistory.destroy'],
    ],
    size: 500,
    make: (size) => () => {
      const history = newEngine().createStateHistory({ maxStates: 10 * size });
      const ids = Array.from({ length: size }, (_, n) => history.push(contentOf(n, 3000)));
      for (const id of ids) {
        history.get(id);
        history.sizeOf(id);
        history.diff(id, ids[0]);
      }
      for (const n of shuffled(size)) if (n % 3 > 0) history.delete(ids[n]);
      for (let n = 0; n < size; n++) history.push(contentOf(n, 9000));
      history.ids();
      history.stats();
      history.destroy();
    },
  },
  {
    name: 'history: states that push older ones out',
    calls: [],
    size: 500,
    make: (size) => () => {
      const history = newEngine().createStateHistory({ maxStates: size });
      for (let n = 0; n < 2 * size; n++) history.push(contentOf(n, 3000));
    },
  },
  {
    name: 'history: states that thin out',
    calls: [],
    size: 500,
    make: (size) => () => {
      const history = newEngine().createStateHistory({ maxStates: size, policy: 'thin' });
      for (let n = 0; n < 2 * size; n++) history.push(contentOf(n, 3000));
    },
  },
  {
    name: 'history: a large state',
    calls: [],
    size: 900,
    make: (pages) => {
      const [one, other] = [1, 2].map((seed) => {
        const state = new Uint8Array(pages * PAGE_SIZE);
        for (let n = 0; n < pages; n++) state.set(contentOf(n * seed, 64), n * PAGE_SIZE);
        return state;
      });
      return () => {
        const history = newEngine().createStateHistory({ maxStates: 2 });
        history.get(history.push(one));
        history.push(other);
        history.push(one);
      };
    },
  },
];
