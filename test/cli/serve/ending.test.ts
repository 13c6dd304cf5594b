import { expect, test } from '@jest/globals';

import { Ending } from '../../../cli/serve/ending.js';
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
