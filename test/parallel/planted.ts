/** Devices with a bug, of the kinds that the interleavings are there to find. */
import type { ParallelZram } from '../../bindings/parallel.js';
import { PAGE_SIZE } from '../support/pages.js';
import type { Wrap } from './sequence.js';

type Calls = Pick<
  ParallelZram,
  'write' | 'writePages' | 'writePage' | 'read' | 'readPage' | 'readPages' | 'discard' | 'stats'
>;

function instead(zram: ParallelZram, calls: Partial<Calls>): ParallelZram {
  return new Proxy(zram, {
    get(target, name) {
      if (name in calls) return calls[name as keyof Calls];
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

/** Each is rare: one call in so many. */
const ONE_IN = 4;

export const PLANTED: readonly { readonly name: string; readonly wrap: Wrap }[] = [
  {
    name: 'the bytes of a write are copied later',
    wrap: (zram, random) =>
      instead(zram, {
        writePages: async (index, bytes) => {
          if (random.below(ONE_IN) === 0) await Promise.resolve();
          return zram.writePages(index, bytes);
        },
      }),
  },
  {
    name: 'two answers are exchanged',
    wrap: (zram, random) => {
      let last: Promise<Uint8Array> | undefined;
      return instead(zram, {
        async readPage(index, out) {
          const before = last;
          const own = (last = zram.readPage(index, out));
          if (!before || random.below(ONE_IN) > 0) return own;
          const [given, other] = await Promise.all([own, before.catch(() => own)]);
          new Uint8Array(given.buffer, given.byteOffset, PAGE_SIZE).set(other.slice(0, PAGE_SIZE));
          return given;
        },
      });
    },
  },
  {
    name: 'a discard overtakes, or is overtaken',
    wrap: (zram, random) =>
      instead(zram, {
        discard: async (offset, length) => {
          if (random.below(ONE_IN) === 0) await new Promise((done) => setTimeout(done));
          return zram.discard(offset, length);
        },
      }),
  },
  {
    name: 'a page is read to where another belongs',
    wrap: (zram, random) =>
      instead(zram, {
        readPages: async (index, count, out) => {
          const given = await zram.readPages(index, count, out);
          if (count > 1 && random.below(ONE_IN) === 0) given.copyWithin(0, PAGE_SIZE, 2 * PAGE_SIZE);
          return given;
        },
      }),
  },
  {
    name: 'the counters are those of a moment later',
    wrap: (zram, random) =>
      instead(zram, {
        stats: async () => {
          if (random.below(ONE_IN) === 0) await new Promise((done) => setTimeout(done));
          return zram.stats();
        },
      }),
  },
];
