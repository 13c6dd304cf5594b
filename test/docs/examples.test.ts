import { spawnSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';

import { describe, expect, test } from '@jest/globals';

/** What an example says when it has verified its own results. */
const runs: [file: string, args: string[], says: RegExp[]][] = [
  ['cache.mjs', [], [/^\d+ pages of 4096 bytes in \d+ bytes/, /share another's object; \d+ were evicted/]],
  ['databases.mjs', [], [/^\d+ bytes of files are held in \d+ bytes/, /each test had the database as it was migrated/]],
  ['disk-image.mjs', [], [/^33554432 bytes take \d+/, /the saved file is as it should be/]],
  ['disk-image.mjs', ['dist/cli.js'], [/^\d+ bytes take \d+/, /the saved file is as it should be/]],
  ['forks.mjs', [], [/patch 2 passes; changed:/, /^kept: 502 files, \d+ bytes/m]],
  ['names.mjs', [], [/^the base: 5000 pages, /, /^worker 2 sent 3 values/m, /as these left them; 0 values are lost/]],
  [
    'remote.mjs',
    [],
    // Where there is no redis-server it says so.
    [
      /^(2048 pages of two machines are 1280 values|redis-server is not here)/,
      /(^machine two: every page is as it was; 0 lost|not here)/m,
    ],
  ],
  ['rewind.mjs', [], [/^600 frames of 315 MB are held in \d+ bytes/, /hold \d+ frames/, /frame 200 is what it was/]],
  ['sandboxes.mjs', [], [/^let: 50 of 200, changed: /m, /exported as a tar of \d+ bytes/]],
  ['shared.mjs', [], [/shared after the merge/, /together: \d+ bytes before/]],
  ['shared.mjs', ['files'], [/one: 5120 pages, 4096 of them shared/, /two: 5120 pages, 4096 of them shared/]],
  ['store.mjs', [], [/^20000 rows, in a file of \d+ % of the database/, /after a crash: 20000 rows, ok/]],
  ['sqlite.mjs', [], [/^50000 rows in the snapshot, 1000 in the live/, /is saved in [1-4]?\d %/]],
];

describe('examples', () => {
  test.each(runs)(
    '%s %j runs and verifies its results',
    (file, args, says) => {
      const { status, stdout, stderr } = spawnSync(process.execPath, [`examples/${file}`, ...args], {
        encoding: 'utf8',
      });
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
      for (const text of says) expect(stdout).toMatch(text);
    },
    300_000,
  );

  test('all are run here, and are short', () => {
    const files = readdirSync('examples').filter((name) => name.endsWith('.mjs'));
    expect(new Set(runs.map(([file]) => file))).toEqual(new Set(files));
    for (const file of files) {
      expect(readFileSync(`examples/${file}`, 'utf8').split('\n').length).toBeLessThanOrEqual(80);
    }
  });
});
