/**
 * Whatever the arguments and packs are, there is an exit status of three and a sentence, no stack and nothing made.
 *
 * ZRAM_WASM_LONG=1 takes a hundred times as many.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { Random } from '../support/random.js';
import { image } from './page-images.js';
import { run, type Outcome } from './run.js';

const TIMES = process.env.ZRAM_WASM_LONG === '1' ? 100 : 1;
const TIMEOUT_MILLISECONDS = 60_000 * TIMES;

let folder: string;
const at = (...parts: string[]): string => join(folder, ...parts);
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'zram-wasm-'));
  writeFileSync(at('a.img'), image(new Random(1), 20));
  writeFileSync(at('b.img'), 'the end');
  for (const algorithm of ['lz4', 'deflate'])
    await run(['pack', at('a.img'), at('b.img'), '-o', at(`${algorithm}.zram`), '--algorithm', algorithm]);
});
afterAll(() => rmSync(folder, { recursive: true }));

function expectSentence({ status, out, err }: Outcome): void {
  expect([0, 1, 2]).toContain(status);
  if (status === 0) return;
  expect(out).toBe('');
  expect(err).toMatch(/^(?:zram-wasm: [^\n]+\n)+$/);
  expect(err).not.toMatch(/this is a bug|\bat .*:\d+:\d+/);
}

test(
  'arguments of any kind',
  async () => {
    const word = fc.oneof(
      fc.constantFrom('pack', 'unpack', 'diff', 'analyze', '-o', '--output', '--force', '--json', '--dedup', '--pid'),
      fc.constantFrom('--format', 'auto', 'raw', 'elf', 'kdump', '--at', '5:9', '0x10', '--memory'),
      fc.constantFrom('--algorithm', 'lz4', 'zip', '0', '999999999', '-1', '--', '', '.', '/', '..', '--json=1', '-h'),
      fc
        .constantFrom('a.img', 'b.img', 'lz4.zram', 'new', 'no/such', 'a.img/x', 'n'.repeat(300), 'a\0b')
        .map((name) => (name === '' ? name : at(name))),
      fc.string({ unit: 'binary', maxLength: 12 }).map((text) => `-${text}`),
    );
    const command = fc.constantFrom('pack', 'unpack', 'diff', 'analyze');
    const before = process.cwd();
    mkdirSync(at('here'));
    process.chdir(at('here')); // a word may become the name of an output
    await fc.assert(
      fc.asyncProperty(command, fc.array(word, { maxLength: 6 }), async (name, words) => {
        // Without inputs, analyze takes the memory of this process.
        expectSentence(await run([name, ...words, at('b.img')]));
        for (const made of ['new', 'x']) rmSync(at(made), { recursive: true, force: true });
      }),
      { numRuns: 150 * TIMES },
    );
    process.chdir(before);
    expect([...readdirSync(folder), ...readdirSync(at('here'))].filter((name) => name.endsWith('.part'))).toEqual([]);
  },
  TIMEOUT_MILLISECONDS,
);

test(
  'packs with any byte changed, cut or doubled',
  async () => {
    const random = new Random(7);
    mkdirSync(at('hostile'));
    for (let n = 0; n < 150 * TIMES; n++) {
      const file = readFileSync(at(random.below(2) === 0 ? 'lz4.zram' : 'deflate.zram'));
      const where = random.below(file.length);
      const kind = random.below(4);
      const bytes =
        kind === 0
          ? file.subarray(0, where)
          : kind === 1
            ? Buffer.concat([file.subarray(0, where), file.subarray(random.below(where + 1))])
            : Buffer.from(file);
      if (kind >= 2) bytes[where] ^= 1 + random.below(255);
      writeFileSync(at('hostile', 'x.zram'), bytes);
      const [unpacked, compared] = [
        await run(['unpack', at('hostile', 'x.zram'), '-o', at('hostile', 'out')]),
        await run(['diff', at('hostile', 'x.zram'), at('lz4.zram')]),
      ];
      expectSentence(unpacked);
      expectSentence(compared);
      if (bytes.equals(file)) continue;
      expect(unpacked.status).toBe(1);
      expect(existsSync(at('hostile', 'out'))).toBe(false);
    }
  },
  TIMEOUT_MILLISECONDS,
);
