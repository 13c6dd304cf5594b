/**
 * Changed save files, read by the library and by a second reader that was written from the format's page: both take a file
 * and hold the same pages, or both refuse it; and while it refuses one, the library holds no more than twice what the
 * unchanged file needs.
 *
 * By hand: ZRAM_WASM_SAVE_FILES=FROM..TO takes a range of seeds, whole multiples of 250. A range says what it found and how
 * long it took; ranges can be run one after the other, or side by side.
 */
import { expect, test } from '@jest/globals';
import { seedOfRun } from '../support/random.js';
import { changedFile, madeFile } from '../support/save-files.js';
import { MeasuredReader, agreed } from '../support/save-readers.js';
import type { Blindness } from '../support/reference-save.js';

/** After as many a run ends. */
const FINDINGS_MAX = 20;
/** Changes of one file. */
const PER_FILE = 250;
const SEED = seedOfRun();
const [FROM, TO] = rangeOf(process.env.ZRAM_WASM_SAVE_FILES);

function rangeOf(given: string | undefined): [number, number] {
  if (given === undefined || given === '') {
    const first = (SEED % 1_000_000) * PER_FILE;
    return [first, first + 8 * PER_FILE];
  }
  const [from, to] = given.split('..').map(Number);
  if (!(from % PER_FILE === 0 && to % PER_FILE === 0 && from < to)) {
    throw new Error(`ZRAM_WASM_SAVE_FILES is ${given}; it must be two multiples of ${PER_FILE}, as in 0..1000000`);
  }
  return [from, to];
}

interface Tally {
  accepted: number;
  refused: number;
  /** The largest share that a refused file held of what the unchanged one needs. */
  most: number;
  reasons: Map<string, number>;
  findings: string[];
}

function newTally(): Tally {
  return { accepted: 0, refused: 0, most: 0, reasons: new Map(), findings: [] };
}

async function runFile(n: number, blind: readonly Blindness[], tally: Tally): Promise<void> {
  const file = await madeFile(n);
  const donor = await madeFile(n + 1);
  let reader = new MeasuredReader();
  const need = Math.max((await agreed(reader, file)).held, (await agreed(reader, donor)).held);
  for (let seed = n * PER_FILE; seed < (n + 1) * PER_FILE; seed++) {
    const changed = changedFile(file, donor, seed);
    try {
      const { accepted, held, error } = await agreed(reader, changed, blind);
      if (accepted) tally.accepted++;
      else tally.refused++;
      const reason = error?.message.replace(/\d+|'.*?'/g, '#') ?? 'accepted';
      tally.reasons.set(reason, (tally.reasons.get(reason) ?? 0) + 1);
      if (accepted) continue;
      tally.most = Math.max(tally.most, held / need);
      if (held > 2 * need) throw new Error(`${held} bytes are held; the file needs ${need}`);
    } catch (error) {
      tally.findings.push(`seed ${seed}: ${String(error)}`);
      if (tally.findings.length === FINDINGS_MAX) throw new Error(tally.findings.join('\n'), { cause: error });
      reader = new MeasuredReader(); // it may have been left halfway
    }
  }
  reader.engine.destroy();
}

test(`changed save files ${FROM} to ${TO}: both readers agree, and none holds much`, async () => {
  const tally = newTally();
  const start = performance.now();
  for (let n = FROM / PER_FILE; n < TO / PER_FILE; n++) await runFile(n, [], tally);
  const seconds = (performance.now() - start) / 1000;
  const { accepted, refused, most, reasons } = tally;
  if (process.env.ZRAM_WASM_SAVE_FILES) {
    const rate = ((TO - FROM) / seconds).toFixed(0);
    const lines = [...reasons].sort(([, a], [, b]) => b - a).map(([reason, count]) => `${count} ${reason}`);
    process.stdout.write(
      `${TO - FROM} files, ${rate} a second: ${accepted} accepted, ${refused} refused, ${reasons.size} reasons, ` +
        `at most ${most.toFixed(2)} of what the file needs was held\n${lines.join('\n')}\n`,
    );
  }
  expect(tally.findings).toEqual([]);
  expect(accepted).toBeGreaterThan((TO - FROM) / 50);
  expect(refused).toBeGreaterThan((TO - FROM) / 4);
}, 3_600_000);

/** Each is a check that a reader could lack. */
test.each<Blindness>(['checksums', 'named twice', 'same-filled objects', 'pagesStored', 'runs over groups'])(
  'a reader that does not look at %s is found out',
  async (blindness) => {
    const tally = newTally();
    const run = async (): Promise<void> => {
      for (let n = 0; n < 400 && tally.findings.length === 0; n++) await runFile(n, [blindness], tally);
    };
    await run();
    expect(tally.findings[0]).toMatch(/seed \d+: Error: the library refuses what the reference takes/);
  },
  120_000,
);
