/**
 * Stores on a disk whose power goes at any moment: what is opened afterwards is what the last sync that returned wrote, or
 * the one in progress.
 *
 * ZRAM_WASM_LONG=1 runs 300 sequences, ZRAM_WASM_SEQUENCES another number; ZRAM_WASM_SEED repeats a run.
 */
import { afterAll, expect, test } from '@jest/globals';
import { Engine } from '../../../bindings/index.js';
import type { PageFs } from '../../../integrations/fs.js';
import { PageStore } from '../../../integrations/store.js';
import { Random, seedOfRun } from '../../support/random.js';
import { change, isSame } from './files.js';
import { ModelDisk } from './model-disk.js';

const RUNS = Number(process.env.ZRAM_WASM_SEQUENCES ?? (process.env.ZRAM_WASM_LONG === '1' ? 300 : 6));
const TIMEOUT_MS = RUNS > 6 ? 7_200_000 : 60_000;
const CRASHES = 6;

const failed = { seed: 0 };
afterAll(() => {
  if (failed.seed) console.log(`repeat with ZRAM_WASM_SEED=${failed.seed}`);
});

/** States of a store that may be found after a crash. */
class History {
  /** The last sync that returned, and those after it that did not. */
  states: PageFs[] = [];

  began(fs: PageFs): void {
    this.states.push(fs.snapshot());
  }

  returned(): void {
    this.states.splice(0, this.states.length - 1).forEach((fs) => fs.destroy());
  }

  has(fs: PageFs): boolean {
    return this.states.some((state) => isSame(state, fs));
  }
}

test(
  'a sync that returned is there, one in progress is there whole or not at all',
  async () => {
    const first = seedOfRun();
    for (let run = 0; run < RUNS; run++) {
      failed.seed = first + run;
      await crashAgainAndAgain(new Random(first + run, 'store'));
    }
    failed.seed = 0;
  },
  TIMEOUT_MS,
);

/** A power cut, as the disk throws it. */
const POWER = new Error('the power is gone');

async function crashAgainAndAgain(random: Random): Promise<void> {
  const engine = Engine.createSync();
  let disk = new ModelDisk();
  const history = new History();
  for (let crash = 0; crash < CRASHES; crash++) {
    const store = await PageStore.open(disk, { engine });
    if (history.states.length > 0) expect(history.has(store.fs)).toBe(true);
    history.began(store.fs);
    history.returned();
    let callsLeft = random.between(1, 60);
    disk.before = () => {
      if (callsLeft === 0) throw POWER;
      callsLeft--;
    };
    for (let isOn = true; isOn;) {
      for (let changes = random.below(random.pick([2, 10, 40])); changes > 0; changes--) change(store.fs, random);
      history.began(store.fs);
      try {
        store.sync();
        history.returned();
      } catch (error) {
        expect(error).toMatchObject({ code: 'EIO', cause: POWER });
        // Either the power is gone, or the program went on after a failure that was none.
        isOn = random.chance(60);
        callsLeft = isOn ? random.between(0, 40) : 0;
      }
    }
    disk = disk.crashed(random);
    store.fs.destroy();
  }
  const store = await PageStore.open(disk, { engine });
  expect(history.has(store.fs)).toBe(true);
  store.close();
  expect(disk.closed).toBe(true);
  engine.destroy();
}

test('a sync that is cut after any byte is not there, unless all of it is', async () => {
  const random = new Random(3, 'cut');
  const engine = Engine.createSync();
  const disk = new ModelDisk();
  const store = await PageStore.open(disk, { engine });
  for (let n = 0; n < 6; n++) change(store.fs, random);
  store.fs.writeFileSync('/a', 'before');
  store.sync();
  const before = store.fs.snapshot();
  store.fs.writeFileSync('/a', 'after');
  store.fs.writeFileSync('/b', random.fill(new Uint8Array(60)));
  disk.flush = () => undefined;
  store.sync();
  const written = disk.pendingBytes;
  expect(written).toBeGreaterThan(200);
  for (let bytes = 0; bytes <= written; bytes++) {
    const again = await PageStore.open(disk.cutAfter(bytes), { engine });
    const state = [isSame(before, again.fs), isSame(store.fs, again.fs)];
    again.fs.destroy();
    // The last bytes of a record fill it up.
    if (bytes < written - 8) expect([bytes, ...state]).toEqual([bytes, true, false]);
    else expect(state).toContain(true);
  }
  engine.destroy();
});

test.each(['checkpoint', 'root'])('a new store that is cut within its %s is an empty one', async (part) => {
  const engine = Engine.createSync();
  const disk = new ModelDisk();
  let flushes = part === 'root' ? 1 : 0;
  disk.flush = () => {
    if (flushes-- > 0) ModelDisk.prototype.flush.call(disk);
    else throw POWER;
  };
  await expect(PageStore.open(disk, { engine })).rejects.toMatchObject({ code: 'EIO' });
  for (let bytes = 0; bytes <= disk.pendingBytes; bytes += bytes < 20 ? 1 : 7) {
    const cut = disk.cutAfter(bytes);
    const store = await PageStore.open(cut, { engine });
    expect(store.fs.readdirSync('/')).toEqual([]);
    store.fs.writeFileSync('/a', 'there');
    store.sync();
    const again = await PageStore.open(cut.crashed(new Random(1)), { engine });
    expect(again.fs.readFileSync('/a', 'utf8')).toBe('there');
    again.close();
    store.fs.destroy();
  }
  engine.destroy();
});
