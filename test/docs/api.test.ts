import { spawnSync, type SpawnSyncReturns } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

const files = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.md'))
    .sort();

describe('API reference', () => {
  let fresh: string;
  let outcome: SpawnSyncReturns<string>;

  beforeAll(() => {
    fresh = mkdtempSync(resolve('build/api-'));
    const typedoc = ['node_modules/typedoc/bin/typedoc', '--out', fresh, '--logLevel', 'Warn'];
    outcome = spawnSync(process.execPath, typedoc, { encoding: 'utf8', env: { ...process.env, NO_COLOR: '1' } });
  }, 60_000);

  afterAll(() => rmSync(fresh, { recursive: true, force: true }));

  test('every public name and member has a docstring', () => {
    expect({ status: outcome.status, messages: `${outcome.stdout}${outcome.stderr}`.trim() }).toEqual({
      status: 0,
      messages: '',
    });
  });

  test('docs/api is what `npm run docs` writes', () => {
    expect(files(fresh)).toEqual(files('docs/api'));
    for (const name of files(fresh)) {
      const [now, committed] = [fresh, 'docs/api'].map((folder) => readFileSync(join(folder, name), 'utf8'));
      // A short answer: the difference itself is what git shows after `npm run docs`.
      expect(`${name}: ${now === committed ? 'up to date' : 'run npm run docs'}`).toBe(`${name}: up to date`);
    }
  });
});
