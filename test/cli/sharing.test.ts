import { once } from 'node:events';
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { Engine } from '../../bindings/index.js';
import { SHARING_INPUTS_MAX, SharingPages } from '../../cli/sharing.js';
import { Random, seedOfRun } from '../support/random.js';
import { image, PAGE, sharedPages } from './page-images.js';
import { analyzeJson, run } from './run.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'zram-wasm-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

function files(images: readonly Uint8Array[]): string[] {
  return images.map((bytes, i) => {
    const path = join(folder, `${i}.img`);
    writeFileSync(path, bytes);
    return path;
  });
}

/** Images that hold random pieces of one another. */
function related(random: Random, count: number): Buffer[] {
  const images: Buffer[] = [];
  for (let i = 0; i < count; i++) {
    const own = image(random, random.between(1, 60));
    const other = images.length === 0 ? own : random.pick(images);
    const first = random.below(other.length / PAGE);
    images.push(Buffer.concat([own, other.subarray(first * PAGE, (first + 20) * PAGE)]));
  }
  return images;
}

describe('objectOf', () => {
  const engine = Engine.createSync();
  const page = new Random(1).fill(new Uint8Array(PAGE));
  const other = new Random(2).fill(new Uint8Array(PAGE));

  test('is equal for pages that share an object, on every device of the pool', () => {
    const pool = engine.createPool();
    const a = engine.createZram({ pool, disksize: '1M' });
    const b = engine.createZram({ pool, disksize: '1M' });
    a.writePages(0, Buffer.concat([page, page, other, Buffer.alloc(PAGE)]));
    b.writePage(7, page);
    const apart = [a.objectOf(0), a.objectOf(1), a.objectOf(2), b.objectOf(7)];
    expect(new Set(apart).size).toBe(4);
    expect(apart).not.toContain(undefined);
    pool.merge();
    expect(a.objectOf(1)).toBe(a.objectOf(0));
    expect(b.objectOf(7)).toBe(a.objectOf(0));
    expect(a.objectOf(2)).not.toBe(a.objectOf(0));
    a.writePage(1, other);
    expect(a.objectOf(1)).not.toBe(a.objectOf(0));
    pool.destroy();
  });

  test('is undefined for a page without an object, and EINVAL outside the disk', () => {
    const zram = engine.createZram({ disksize: '1M' });
    zram.writePage(0, Buffer.alloc(PAGE, 5));
    zram.writePage(1, Buffer.alloc(PAGE, 'abcdefgh'));
    expect([zram.objectOf(0), zram.objectOf(1), zram.objectOf(2)]).toEqual([undefined, undefined, undefined]);
    expect(() => zram.objectOf(256)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    expect(() => zram.objectOf(-1)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    zram.reset();
    expect(() => zram.objectOf(0)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
    zram.destroy();
    expect(() => zram.objectOf(0)).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  });
});

describe('SharingPages', () => {
  test('counts the pages of the row whose object the column has too', () => {
    const list = new SharingPages(9, 3);
    const pages: [number, number][] = [
      [5, 0],
      [2 ** 29 - 1, 2],
      [5, 1],
      [5, 0],
      [7, 1],
      [2 ** 29 - 1, 1],
      [7, 1],
      [5, 0],
    ];
    for (const [object, input] of pages) list.add(object, input);
    expect(list.matrix()).toEqual([
      [3, 3, 0],
      [1, 2, 1],
      [0, 1, 0],
    ]);
  });

  test('without pages nothing is shared', () => {
    expect(new SharingPages(0, 2).matrix()).toEqual([
      [0, 0],
      [0, 0],
    ]);
  });
});

describe('the matrix of several inputs', () => {
  test('is exact, with the inputs in their order', async () => {
    const seed = seedOfRun();
    const images = related(new Random(seed, 'sharing'), 7);
    const paths = files(images);
    const { sharing, algorithms } = await analyzeJson(paths);
    expect({ seed, sharing }).toEqual({ seed, sharing: { inputs: paths, pages: sharedPages(images) } });
    // Whatever shares with an input, itself or another, is counted in its row of the inputs.
    const rows = algorithms[0].inputs.map(({ pagesSharing }) => pagesSharing);
    sharing?.pages.forEach((row, i) => expect(Math.max(...row)).toBeLessThanOrEqual(rows[i]));
  });

  test('an input named twice shares all but its same-filled pages', async () => {
    const bytes = image(new Random(3), 50);
    const [path] = files([bytes]);
    const { inputs, sharing } = await analyzeJson([path, path]);
    const [[own]] = sharedPages([bytes]);
    const shared = sharedPages([bytes, Uint8Array.from(bytes)])[0][1];
    expect(inputs).toHaveLength(2);
    expect(sharing?.pages).toEqual([
      [own, shared],
      [shared, own],
    ]);
  });

  test('one input has none', async () => {
    const paths = files([image(new Random(4), 20)]);
    expect((await analyzeJson(paths)).sharing).toBeUndefined();
    expect((await run(['analyze', ...paths])).out).not.toContain('inputs share');
  });

  test('empty and same-filled inputs have rows of zeros', async () => {
    const { sharing } = await analyzeJson(
      files([new Uint8Array(0), Buffer.alloc(2 * PAGE, 9), Buffer.alloc(3 * PAGE)]),
    );
    expect(sharing?.pages).toEqual(Array.from({ length: 3 }, () => [0, 0, 0]));
  });

  test('is printed for the first ten, and told for a hundred', async () => {
    const count = SHARING_INPUTS_MAX + 5;
    const one = new Random(5).fill(new Uint8Array(PAGE));
    const paths = files(Array.from({ length: count }, () => one));
    const { sharing } = await analyzeJson(paths);
    expect(sharing?.inputs).toEqual(paths.slice(0, SHARING_INPUTS_MAX));
    expect(sharing?.pages).toHaveLength(SHARING_INPUTS_MAX);
    expect(sharing?.pages[3]).toEqual(Array.from({ length: SHARING_INPUTS_MAX }, (_, i) => (i === 3 ? 0 : 1)));
    const { out } = await run(['analyze', ...paths]);
    expect(out).toContain('These are the first 10 of 105 inputs; --json has all 100.');
    expect(out).toMatch(/\n {2}10 {2}\S+9\.img( +1){9} +0\n {2}Row: /);
  });

  (process.platform === 'linux' ? test : test.skip)(
    'reports processes, and counts the pages that vanished',
    async () => {
      // A pattern of 16 bytes looks the same in every page, wherever the allocator begins.
      const script = `
      globalThis.held = Buffer.allocUnsafeSlow(300 * ${PAGE}).fill('sixteen bytes ab');
      console.log('ready');
      setInterval(() => {}, 1000);`;
      const children = [0, 1, 2].map(() =>
        spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'inherit'] }),
      );
      await Promise.all(children.map(({ stdout }) => once(stdout, 'data')));
      // Inputs are opened before the first is read, so this one ends after its pages were listed.
      async function* killer(): AsyncGenerator<Uint8Array> {
        const exit = once(children[2], 'exit');
        children[2].kill('SIGKILL');
        await exit;
        yield Buffer.alloc(PAGE, 'sixteen bytes ab');
      }
      const pids = children.map(({ pid }) => String(pid));
      const args = ['-', '--pid', `${pids[0]},${pids[1]}`, '--pid', pids[2]];
      const { inputs, sharing } = await analyzeJson(args, { stdin: killer() });
      for (const child of children) child.kill('SIGKILL');

      expect(inputs.map(({ name }) => name.replace(/ \(.*/, ''))).toEqual([
        'standard input',
        ...pids.map((pid) => `pid ${pid}`),
      ]);
      expect(inputs[3]).toMatchObject({ pages: 0, bytes: 0 });
      expect(inputs[3].pagesVanished).toBeGreaterThan(300);
      const [stdin, first, second, gone] = sharing!.pages;
      expect(stdin).toEqual([0, 1, 1, 0]);
      expect(first[0]).toBeGreaterThanOrEqual(299);
      expect(first[2]).toBeGreaterThanOrEqual(299);
      expect(second[1]).toBeGreaterThanOrEqual(299);
      expect(gone).toEqual([0, 0, 0, 0]);
    },
  );
});
