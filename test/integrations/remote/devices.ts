/** Devices on a remote backing, whose pages are compared with a copy. */
import { expect } from '@jest/globals';

import { Engine, Zram } from '../../../bindings/index.js';
import { createRemoteBacking, redisTier, type RedisClient, type RemoteBacking } from '../../../integrations/remote.js';
import type { Random } from '../../support/random.js';

const PAGE_SIZE = 4096;

/** Pages that are all different and compress to a part of their size, each to another. */
export function pagesOf(random: Random, count: number): Uint8Array {
  const pages = new Uint8Array(count * PAGE_SIZE);
  for (let n = 0; n < count; n++) {
    const size = random.chance(4) ? PAGE_SIZE : 64 + random.below(2500);
    random.fill(pages.subarray(n * PAGE_SIZE, n * PAGE_SIZE + size));
  }
  return pages;
}

export interface Device {
  readonly zram: Zram;
  readonly backing: RemoteBacking;
  readonly pages: Uint8Array;
  readonly count: number;
  /** All pages go to the backing. @returns how many are there now */
  writeBack(): Promise<number>;
  /** Reads all pages, each of which must be right or fail with EIO. @returns those that fail, with what was said */
  damaged(): Promise<Map<number, string>>;
  destroy(): void;
}

export function deviceOn(
  client: RedisClient,
  pages: Uint8Array,
  options: { timeout?: number; prefix?: string; onLost?: (slots: readonly number[]) => void } = {},
): Device {
  const count = pages.length / PAGE_SIZE;
  const { onLost, ...tierOptions } = options;
  const backing = createRemoteBacking(redisTier(client, { leaseMilliseconds: 3_600_000, ...tierOptions }), {
    slots: count * 2,
    onLost,
  });
  const engine = Engine.createSync();
  const zram = engine.createZram({ disksize: pages.length, backing });
  zram.writePages(0, pages);
  const all = [[0, count - 1]] as const;
  const matches = (index: number, page: Uint8Array): boolean =>
    Buffer.compare(page, pages.subarray(index * PAGE_SIZE, (index + 1) * PAGE_SIZE)) === 0;
  return {
    zram,
    backing,
    pages,
    count,
    writeBack: async () => {
      await zram.writebackAsync({ pageIndexes: all });
      return zram.bdStat.bdCount;
    },
    damaged: async () => {
      const failures = new Map<number, string>();
      if (
        await zram.readPagesAsync(0, count).then(
          (read) => Buffer.compare(read, pages) === 0,
          () => false,
        )
      )
        return failures;
      const one = async (index: number): Promise<void> => {
        try {
          const page = await zram.readPagesAsync(index, 1);
          expect({ index, right: matches(index, page) }).toEqual({ index, right: true });
        } catch (error) {
          if ((error as { code?: string }).code !== 'EIO') throw error;
          failures.set(index, (error as Error).message);
        }
      };
      for (let from = 0; from < count; from += 64)
        await Promise.all(Array.from({ length: Math.min(64, count - from) }, (_, n) => one(from + n)));
      return failures;
    },
    destroy: () => {
      backing.close();
      engine.destroy();
    },
  };
}
