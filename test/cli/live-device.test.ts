/** `analyze --zram` on the live kernel's device: what is computed from its pages is what the kernel says of it. */
import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { DirectReader, linearMemory } from '../../cli/direct-reader.js';
import { LiveDevice } from '../../cli/live-device.js';
import { CHUNK_BYTES } from '../../cli/storing.js';
import { describeWithKernel } from '../support/describe-with-kernel.js';
import { kernelHas, withKernelDevice, type KernelAlgorithm } from '../support/kernel.js';
import { blend, generatedSets, pageCount } from '../support/pages.js';
import { seedOfRun } from '../support/random.js';
import { processPages, programPages } from '../support/real-pages.js';
import { Operation, randomTrace } from '../support/trace.js';
import { canBeAnother, Place } from './place.js';
import { run } from './run.js';

const SLOTS = 4096;
const OPERATIONS = 6000;
const REAL_PAGES = 300;
const BLEND_PAGES = 100;
/** Another user of the device may hold it for a while first. */
const CASE_MILLISECONDS_MAX = 300_000;
const COMPUTED = ['orig_data_size', 'compr_data_size', 'same_pages', 'huge_pages'];

interface LiveJson {
  zram: {
    device: string;
    algorithm: string;
    slotsFrom: string;
    slotsEmpty: number;
    mm_stat: Record<string, number>;
    changed: boolean;
    computed: Record<string, number>;
    equal: boolean;
    notes: string[];
  };
  inputs: { kind: string; name: string; pages: number }[];
  algorithms: { algorithm: string; mm_stat: { before: Record<string, number> }; verified: boolean }[];
}

const mmStat = () => readFileSync('/sys/block/zram0/mm_stat', 'utf8').trim().split(/\s+/).map(Number);

describeWithKernel('a live device', () => {
  const seed = seedOfRun();
  const all = [...generatedSets(seed), programPages(seed, REAL_PAGES), processPages(seed, REAL_PAGES)];
  const set = blend('generated and real', seed, all, BLEND_PAGES);
  /** Random operations; at the end there are all kinds of pages, and zspages that a compaction has emptied. */
  const trace = (stream: string) => {
    const pages = pageCount(set);
    const random = randomTrace({ seed, stream, operations: OPERATIONS, slots: SLOTS, pages });
    const end: number[] = [];
    for (let slot = 0; slot < SLOTS; slot++) end.push(Operation.Write, slot, slot % pages);
    for (let slot = 0; slot + 2 <= SLOTS; slot += 3) end.push(Operation.Discard, slot, 2);
    end.push(Operation.Compact, 0, 0);
    for (let slot = 0; slot < SLOTS; slot += 5) end.push(Operation.Write, slot, (slot + 1) % pages);
    return Uint32Array.from([...random, ...end]);
  };
  const onDevice = <T>(algorithm: KernelAlgorithm, work: () => Promise<T>) =>
    withKernelDevice(set, trace(`live ${algorithm.name}`), SLOTS, algorithm, work);
  const analyze = async (...args: string[]) => {
    const { status, out, err } = await run(['analyze', '--json', '--zram', ...args]);
    expect({ status, err }).toEqual({ status: 0, err: '' });
    return JSON.parse(out) as LiveJson;
  };

  const names = ['lzo-rle', 'lzo', 'lz4', 'lz4hc', 'zstd', 'deflate'].filter(kernelHas);
  test.each(names)(
    '%s: after writes, discards and compaction the computed figures are its own',
    async (name) => {
      const [json, columns] = await onDevice({ name, level: 1 }, async () => [await analyze('0'), mmStat()] as const);
      const { zram, inputs, algorithms } = json;
      expect(Object.values(zram.mm_stat)).toEqual(columns);
      expect(zram).toMatchObject({ device: '/dev/zram0', algorithm: name, changed: false, equal: true, notes: [] });
      const [first] = algorithms;
      for (const column of COMPUTED) {
        expect({ seed, column, value: zram.computed[column] }).toEqual({ seed, column, value: zram.mm_stat[column] });
        expect(first.mm_stat.before[column]).toBe(zram.mm_stat[column]);
      }
      expect(first.mm_stat.before.mem_used_total).toBeLessThanOrEqual(zram.mm_stat.mem_used_total);
      expect(first.verified).toBe(true);
      const pages = zram.mm_stat.orig_data_size / 4096;
      expect(inputs).toEqual([expect.objectContaining({ kind: 'zram', name: '/dev/zram0', pages })]);
      expect(zram.slotsEmpty).toBe(SLOTS - pages);
      for (const column of [...COMPUTED, 'pages_compacted']) expect(zram.mm_stat[column]).toBeGreaterThan(0);
      expect(zram.slotsEmpty).toBeGreaterThan(0);
    },
    CASE_MILLISECONDS_MAX,
  );

  test(
    'it stands beside every compressor that is asked for, merged too',
    async () => {
      const name = names[0];
      const args = ['analyze', '--zram', '/dev/zram0', '--algorithm', 'lz4,deflate'];
      const { status, out } = await onDevice({ name, level: 1 }, () => run(args));
      expect(status).toBe(0);
      const rows = out.split('\n');
      const start = rows.findIndex((line) => line.startsWith('/dev/zram0, 16.0 MiB, as it is now'));
      const labels = rows.slice(start + 2, start + 6).map((line) => line.trim().split(/\s{2,}/)[0]);
      expect(labels).toEqual([`as it is now (${name})`, ...new Set([name, 'lz4', 'deflate'])]);
      expect(out).toContain(
        'computed from its pages, and equal: orig_data_size, compr_data_size, same_pages and huge_pages',
      );
      expect(out).toMatch(/[0-9,]+ bytes? of its memory are fragmentation: a fresh device takes [0-9,]+/);
      const end = rows.indexOf('', start);
      for (const line of rows.slice(start, end)) expect(line.length).toBeLessThanOrEqual(100);
    },
    CASE_MILLISECONDS_MAX,
  );

  test(
    'figures that differ are named, with what may be the reason',
    async () => {
      const { zram } = await onDevice({ name: 'lz4', level: 9 }, () => analyze('0'));
      expect(zram.equal).toBe(false);
      expect(zram.computed.same_pages).toBe(zram.mm_stat.same_pages);
      expect(zram.computed.compr_data_size).toBeLessThan(zram.mm_stat.compr_data_size);
      expect(zram.notes).toEqual([
        'lz4 may have a level or a dictionary on the device (algorithm_params), which cannot be read',
      ]);
      const rules = await onDevice({ name: 'lz4', level: 1 }, () => analyze('0', '--kernel', '6.1'));
      expect(rules.zram.equal).toBe(false);
      expect(rules.zram.notes[0]).toMatch(/^the computed figures have the rules of kernel 6\.1, and .* is running$/);
    },
    CASE_MILLISECONDS_MAX,
  );

  test(
    'a change while it is read is noticed, and pages that programs have only written to the page cache are there',
    async () => {
      const [before, after, changed] = await onDevice({ name: 'lz4', level: 1 }, async () => {
        const file = openSync('/dev/zram0', 'r+');
        try {
          writeSync(file, Buffer.alloc(8 * 4096, 'not yet in the device'), 0, 8 * 4096, 4096 * 100);
          const live = await LiveDevice.open('zram0', undefined);
          const facts = live.facts.mmStat.samePages;
          const kernel = mmStat()[5];
          const chunk = new Uint8Array(CHUNK_BYTES);
          expect(await live.read(chunk)).toBeGreaterThan(0);
          writeSync(file, Buffer.alloc(4096, 7), 0, 4096, 0);
          fsyncSync(file);
          await live.close();
          return [facts, kernel, live.hasChanged] as const;
        } finally {
          closeSync(file);
        }
      });
      expect(before).toBe(after);
      expect(changed).toBe(true);
    },
    CASE_MILLISECONDS_MAX,
  );

  test(
    'the same pages come in pieces of any size',
    async () => {
      const digests = await onDevice({ name: 'lz4', level: 1 }, async () => {
        const found: string[] = [];
        for (const bytes of [4096, 5 * 4096 + 100, CHUNK_BYTES, 3 * CHUNK_BYTES]) {
          const live = await LiveDevice.open('zram0', undefined);
          const chunk = new Uint8Array(bytes);
          const hash = createHash('sha256');
          let total = 0;
          for (let got = -1; got !== 0; total += got) hash.update(chunk.subarray(0, (got = await live.read(chunk))));
          await live.close();
          expect({ total, changed: live.hasChanged }).toEqual({
            total: live.facts.mmStat.origDataSize,
            changed: false,
          });
          found.push(hash.digest('hex'));
        }
        return found;
      });
      expect(new Set(digests).size).toBe(1);
    },
    CASE_MILLISECONDS_MAX,
  );

  test(
    'memory that does not begin at the start of a page is never taken for what the device holds',
    async () => {
      await onDevice({ name: 'lz4', level: 1 }, async () => {
        const read = async (offset: number) => {
          const memory = linearMemory(16 * 4096).subarray(offset);
          const reader = await DirectReader.open('/dev/zram0', 8 * 4096, memory);
          try {
            return await reader.read(0, 8 * 4096);
          } finally {
            await reader.close();
          }
        };
        expect((await read(0)).equals(await read(4096))).toBe(true);
        // Kernel 6.18 reports success. Others refuse: EINVAL.
        for (const offset of [100, 512, 2048, 3584]) await expect(read(offset)).rejects.toThrow(/must begin|EINVAL/);
      });
    },
    CASE_MILLISECONDS_MAX,
  );

  describe('what cannot be read', () => {
    let place: Place;
    beforeAll(() => {
      place = new Place();
    });
    afterAll(() => {
      place.remove();
    });

    test('is told: a device that is not there', async () => {
      const { status, out, err } = await run(['analyze', '--zram', '987654321']);
      expect({ status, out }).toEqual({ status: 1, out: '' });
      expect(err).toMatch(
        /^zram-wasm: cannot read '\/dev\/zram987654321': there is no such device; this machine has zram/,
      );
    });

    test(
      'is told: a device without a disksize; one that holds nothing is read',
      async () => {
        const [empty, reset] = await onDevice({ name: 'lz4', level: 1 }, async () => {
          writeFileSync('/sys/block/zram0/reset', '1');
          const outcome = await run(['analyze', '--zram', '0']);
          writeFileSync('/sys/block/zram0/disksize', '64M');
          return [await analyze('0'), outcome] as const;
        });
        const err = "zram-wasm: cannot read '/dev/zram0': it is not in use, its disksize is 0\n";
        expect(reset).toEqual({ status: 1, out: '', err });
        const nothing = { orig_data_size: 0, compr_data_size: 0, same_pages: 0, huge_pages: 0 };
        expect(empty.zram).toMatchObject({ slotsEmpty: 16384, computed: nothing, equal: true, changed: false });
      },
      CASE_MILLISECONDS_MAX,
    );

    (canBeAnother() ? test : test.skip)(
      'is told: a device of others',
      async () => {
        const { status, stdout, stderr } = await onDevice({ name: 'lz4', level: 1 }, () =>
          Promise.resolve(place.cliAs(65533, 'analyze', '--zram', '0')),
        );
        expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
        expect(stderr).toBe("zram-wasm: cannot read '/dev/zram0': permission denied\n");
      },
      CASE_MILLISECONDS_MAX,
    );
  });
});
