/** Bugs of the kinds that the model of calls that overlap is there to find, planted to see that it does. */
import { Zram } from '../../bindings/index.js';

type Methods = Pick<Zram, 'readAsync' | 'writeAsync' | 'save' | 'discard' | 'writebackAsync'>;
type Plants = { [Name in keyof Methods]?: (this: Zram, original: Methods[Name]) => Methods[Name] };

/** Replaces methods of devices until it is disposed of. */
function planting(plants: Plants): () => Disposable {
  return () => {
    const prototype = Zram.prototype as unknown as Record<string, unknown>;
    const originals = Object.keys(plants).map((name) => [name, prototype[name]] as const);
    for (const [name, original] of originals) {
      prototype[name] = function (this: Zram, ...args: unknown[]): unknown {
        const bound = (original as (...args: unknown[]) => unknown).bind(this);
        const planted = plants[name as keyof Plants] as (
          this: Zram,
          original: unknown,
        ) => (...args: unknown[]) => unknown;
        return planted.call(this, bound)(...args);
      };
    }
    return { [Symbol.dispose]: () => void Object.assign(prototype, Object.fromEntries(originals)) };
  };
}

const scratch = new Uint8Array(1 << 16);

export const PLANTED: readonly { name: string; plant: () => Disposable }[] = [
  {
    name: 'reads that overlap share one array',
    plant: planting({
      readAsync: (read) => async (offset, length, out) => {
        scratch.set(await read(offset, length));
        await Promise.resolve();
        const to = out ?? new Uint8Array(length);
        to.set(scratch.subarray(0, length));
        return to;
      },
    }),
  },
  {
    name: 'a write looks at the bytes later, when they are another caller’s',
    plant: planting({
      writeAsync:
        (write) =>
        async (offset, bytes, ...rest) => {
          await Promise.resolve();
          return write(offset, bytes, ...rest);
        },
    }),
  },
  {
    name: 'a write of a part of a page loses what is written between its read and its write',
    plant: planting({
      writeAsync(write) {
        return async (offset, bytes, ...rest) => {
          const first = offset - (offset % 4096);
          const given = Uint8Array.from(bytes);
          const length = Math.ceil((offset + given.length - first) / 4096) * 4096;
          const pages = await this.readAsync(first, length);
          await Promise.resolve();
          pages.set(given, offset - first);
          return write(first, pages, ...rest);
        };
      },
    }),
  },
  {
    name: 'a saved file has what was written after the call',
    plant: planting({
      save: (save) => async (sink) => {
        await new Promise((resolve) => setImmediate(resolve));
        return save(sink);
      },
    }),
  },
  {
    name: 'a discard takes a page too many',
    plant: planting({
      discard(discard) {
        return (offset, length) => {
          discard(offset, offset + length + 4096 <= 8 * 4096 ? length + 4096 : length);
        };
      },
    }),
  },
  {
    name: 'a call never settles',
    plant: planting({
      writebackAsync:
        (writeback) =>
        (options, ...rest) =>
          writeback(options, ...rest).then((report) =>
            report.pagesWritten > 1 ? new Promise(() => undefined) : report,
          ),
    }),
  },
];
