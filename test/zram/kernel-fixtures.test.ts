/**
 * The live kernel's figures for generated pages, as recorded in test/fixtures, checked on every platform.
 *
 * test/kernel/record-fixtures.mjs makes the recordings.
 */
import { describe, expect, test } from '@jest/globals';
import { Zram } from '../../bindings/index.js';
import {
  FIXTURE_SEED,
  TRACE_SLOTS,
  checksumOf,
  decodeRows,
  fixtureCases,
  readFixture,
  type RecordedRun,
} from '../support/fixtures.js';
import { GOLDEN_VECTORS } from '../support/golden-vectors.js';
import { lz4 } from '../support/kernel.js';
import { LIMIT_PAGES, LIMIT_SCENARIOS, LIMIT_SEED, LIMIT_SLOTS } from '../support/limit-scenarios.js';
import { PAGE_SIZE, sameBytes } from '../support/pages.js';
import { assertParity, type ParityCase } from '../support/parity.js';
import { operationCount } from '../support/trace.js';

const golden = readFixture('golden');
const recordedTraces = readFixture('traces');
const recordedLimits = readFixture('limits');

async function assertRecorded(parity: ParityCase, recorded: RecordedRun | undefined): Promise<void> {
  // Different pages or operations than those that were recorded: a generator has changed. Record again.
  expect(recorded?.checksum).toBe(checksumOf(parity.set, parity.trace));
  const { rows, ioStat } = recorded as RecordedRun;
  await assertParity(parity, { rows: decodeRows(rows, operationCount(parity.trace)), ioStat });
}

describe(`golden vectors (kernel ${golden.kernel})`, () => {
  test.each(GOLDEN_VECTORS)('$name', async ({ name, page, comprSize }) => {
    const sizes = [];
    for (const level of golden.levels) {
      const zram = await Zram.create({ disksize: PAGE_SIZE, compAlgorithm: 'lz4', level });
      zram.writePage(0, page);
      sizes.push(zram.mmStat.comprDataSize);
      expect(sameBytes(zram.readPage(0), page)).toBe(true);
      zram.destroy();
    }
    expect(sizes).toEqual(golden.comprSizes[name]);
    expect(sizes[golden.levels.indexOf(1)]).toBe(comprSize);
  });
});

describe(`mm_stat after every operation (kernel ${recordedTraces.kernel})`, () => {
  const cases = fixtureCases().map((recordedCase) => ({ ...recordedCase, name: recordedCase.set.name }));
  test.each(cases)('$name, level $level', async ({ name, set, level, trace }) => {
    const recorded = recordedTraces.traces.find((fixture) => fixture.set === name && fixture.level === level);
    const parity = { set, trace, slots: TRACE_SLOTS, algorithm: lz4(level), seed: FIXTURE_SEED };
    await assertRecorded(parity, recorded);
    await assertRecorded({ ...parity, parts: true }, recorded);
  });
});

describe(`mem_limit (kernel ${recordedLimits.kernel})`, () => {
  test.each(LIMIT_SCENARIOS)('$name', async ({ name, trace }) => {
    const recorded = recordedLimits.scenarios.find((scenario) => scenario.name === name);
    await assertRecorded(
      { set: LIMIT_PAGES, trace, slots: LIMIT_SLOTS, algorithm: lz4(1), seed: LIMIT_SEED },
      recorded,
    );
    await assertRecorded(
      { set: LIMIT_PAGES, trace, slots: LIMIT_SLOTS, algorithm: lz4(1), seed: LIMIT_SEED, parts: true },
      recorded,
    );
  });
});
