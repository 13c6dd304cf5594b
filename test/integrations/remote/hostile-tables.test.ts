/** Tables that somebody made up, with the right keys for wrong nodes and values: calls succeed or are EIO, and nothing else. */
import { afterAll, expect, test } from '@jest/globals';
import { Engine } from '../../../bindings/index.js';
import { keyOf, liveKeys, openNamed, renewNamed } from '../../../integrations/remote.js';
import { levelsOf } from '../../../integrations/remote/page-table.js';
import { encodeNode, FANOUT, FILLED, HOLE, KEY, TableNode } from '../../../integrations/remote/table-node.js';
import { encodeRoot } from '../../../integrations/remote/table-root.js';
import { PAGE_SIZE } from '../../support/pages.js';
import { Random, seedOfRun } from '../../support/random.js';
import { textOf, UnrulyTier } from './unruly-tier.js';

const RUNS = process.env.ZRAM_WASM_LONG === '1' ? 5000 : 40;
const first = seedOfRun();
const failed = { seed: 0 };
afterAll(() => {
  if (failed.seed) console.log(`repeat with ZRAM_WASM_SEED=${failed.seed}`);
});

/** Makes a tier with a name whose table is partly wrong. Returns the pages of its disk. */
class HostileTable {
  readonly tier: UnrulyTier;
  readonly pages: number;
  readonly #values: Uint8Array[];

  constructor(
    private readonly random: Random,
    engine: Engine,
  ) {
    this.tier = new UnrulyTier(random);
    this.pages = random.pick([1, 100, 128, 129, 5000, 16_385, 3_000_000, 2 ** 32 - 1]);
    const zram = engine.createZram({ disksize: PAGE_SIZE });
    const page = random.fill(new Uint8Array(PAGE_SIZE)).fill(7, 300);
    const block = zram.compressPage(page);
    this.#values = [block, page, block.subarray(1), block.subarray(0, 200), Uint8Array.of(0), new Uint8Array(0)];
    zram.destroy();
    const key = this.#node(levelsOf(this.pages) - 1);
    this.tier.named.set('name', encodeRoot({ pages: this.pages, key: random.chance(95) ? key : undefined }));
  }

  #put(value: Uint8Array): Uint8Array {
    const key = keyOf(value);
    this.tier.values.set(textOf(key), value);
    return key;
  }

  #node(level: number): Uint8Array {
    const { random } = this;
    const node = new TableNode();
    for (let count = random.between(1, level > 1 ? 2 : 6); count > 0; count--) {
      const slot = random.pick([0, 0, random.below(FANOUT)]);
      const kind = random.pick([HOLE, KEY, KEY, KEY, FILLED]);
      if (kind === HOLE) node.set(slot, HOLE);
      else if (kind === FILLED) node.set(slot, FILLED, random.fill(new Uint8Array(8)));
      else node.set(slot, KEY, this.#child(level));
    }
    const bytes = encodeNode(node, random.chance(97) ? level : level + 1);
    if (random.chance(5)) bytes[random.below(bytes.length)] = random.below(256);
    return this.#put(random.chance(97) ? bytes : bytes.subarray(0, random.below(bytes.length)));
  }

  #child(level: number): Uint8Array {
    const { random } = this;
    if (random.chance(4)) return random.fill(new Uint8Array(16));
    const isPage = random.chance(4) ? level > 0 : level === 0;
    return isPage ? this.#put(random.pick(this.#values)) : this.#node(Math.max(0, level - 1));
  }
}

async function tried(call: () => unknown): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    expect(error).toMatchObject({ name: 'ZramError', code: 'EIO' });
    return undefined;
  }
}

test('calls on a table that is wrong succeed, or are EIO', async () => {
  let read = 0;
  for (let run = 0; run < RUNS; run++) {
    failed.seed = first + run;
    const random = new Random(first + run, 'hostile tables');
    const engine = Engine.createSync();
    const { tier, pages } = new HostileTable(random, engine);
    const fork = await openNamed(tier, 'name', { device: engine.createZram() });
    for (let n = 0; n < 8; n++) {
      const index = random.pick([0, random.below(pages)]);
      const count = Math.min(pages - index, random.between(1, 200));
      if (await tried(() => fork.readPagesAsync(index, count))) read++;
      await tried(() => fork.prefetch([{ index, count }]));
      await tried(() => fork.writeAsync(index * PAGE_SIZE + 1, new Uint8Array(10)));
    }
    await tried(() => fork.save('saved'));
    await tried(() => renewNamed(tier, 'name'));
    await tried(async () => {
      for await (const key of liveKeys(tier, ['name'])) expect(key.length).toBe(16);
    });
    engine.destroy();
  }
  expect(read).toBeGreaterThan(RUNS);
  failed.seed = 0;
});
