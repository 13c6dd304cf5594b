import { describe, expect, test } from '@jest/globals';

import { CliError } from '../../../cli/errors.js';
import { Ending } from '../../../cli/serve/ending.js';
import { saveAtLast } from '../../../cli/serve/last-save.js';
import { prometheusText } from '../../../cli/serve/prometheus.js';

/** What signals at these times, in milliseconds, lead to. */
function endOf(...signals: [NodeJS.Signals, number][]): string[] {
  let now = 0;
  const done: string[] = [];
  const ending = new Ending(
    () => now,
    (signal) => done.push(`ended by ${signal}`),
  );
  for (const [signal, at] of signals) {
    now = at;
    ending.take(signal);
  }
  return done;
}

test('the first signal asks, one that comes at once is the same, and a later one orders', async () => {
  expect(endOf(['SIGINT', 0])).toEqual([]);
  expect(endOf(['SIGINT', 0], ['SIGINT', 1], ['SIGTERM', 999])).toEqual([]);
  expect(endOf(['SIGINT', 5000], ['SIGINT', 5010], ['SIGINT', 6000])).toEqual(['ended by SIGINT']);
  expect(endOf(['SIGHUP', 0], ['SIGTERM', 2000])).toEqual(['ended by SIGTERM']);
  expect(endOf(['SIGQUIT', 0])).toEqual(['ended by SIGQUIT']);
  expect(endOf(['SIGTERM', 0], ['SIGQUIT', 10])).toEqual(['ended by SIGQUIT']);
  const ending = new Ending(() => 0);
  ending.take('SIGHUP');
  expect(await ending.asked).toBe('SIGHUP');
});

test('names in metrics are escaped', () => {
  const none = { orig_data_size: 0, same_pages: 0, huge_pages: 0, failed_reads: 0, failed_writes: 0, notify_free: 0 };
  const name = 'a"b\\c\nd';
  const text = prometheusText({
    version: '0',
    uptimeSeconds: 0,
    exports: [{ name, size: 1, readOnly: false, snapshot: false, from: null, clients: 0, ...none }],
    mm_stat: {},
    memory: { used: 0, reserved: 0, limit: 0 },
    ksm: {},
  });
  expect(text).toContain('zram_wasm_export_size_bytes{export="a\\"b\\\\c\\nd"} 1\n');
});

describe('the last save', () => {
  /** Saves that fail so many times. */
  async function outcomeOf(failures: number): Promise<{ told: string[]; result: unknown; attempts: number }> {
    const told: string[] = [];
    let attempts = 0;
    const save = async () => {
      if (++attempts <= failures) throw new CliError('cannot write it.');
      return 'saved';
    };
    const result = await saveAtLast(save, (text) => told.push(text), [1, 1, 1]).catch((error: unknown) => error);
    return { told, result, attempts };
  }
  const told = 'cannot write it; it is tried again for a minute, and another signal ends this without saving';

  test.each([0, 1, 3])('after %i failures it is done', async (failures) => {
    expect(await outcomeOf(failures)).toEqual({
      told: Array.from({ length: failures }, () => told),
      result: 'saved',
      attempts: failures + 1,
    });
  });

  test('it is given up in the end', async () => {
    expect(await outcomeOf(9)).toEqual({
      told: [told, told, told],
      result: new CliError('cannot write it; what was written since the last save is lost'),
      attempts: 4,
    });
  });
});
