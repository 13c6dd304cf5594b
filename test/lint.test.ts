/** The lint rules of our own find what they are for, and nothing else. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { beforeAll, expect, jest, test } from '@jest/globals';

jest.setTimeout(240_000);

const PLANTED = `
export function given(bytes: Uint8Array, text: string, list: number[], words?: Uint32Array) {
  const copy = bytes.slice();
  const part = bytes.subarray(1);
  const buffer = Buffer.from(text)['slice'](1);
  const later = () => words?.subarray(1);
  return [copy, part, buffer, later, text.slice(1), list.slice(1)];
}
const own = new Uint8Array(9);
export const parts = [own.subarray(1), new Uint8Array(9).subarray(1), ['a'].slice(1)];
`;

type Found = [line: number, messageId: string][];
/** A text in the place of a file, and what the rule says of it: the lines, and what of. */
type Row = readonly [file: string, text: string, expected: Found];

const CUT: Found = [
  [3, 'slice'],
  [4, 'subarray'],
  [5, 'slice'],
  [6, 'subarray'],
];
const CUTS: Row[] = [
  ['bindings/base/size.ts', PLANTED, CUT],
  ['cli/main.ts', PLANTED, CUT.filter(([, messageId]) => messageId === 'slice')],
  ['bench/run.mjs', 'export const part = Buffer.alloc(9).slice(1);', []],
];
const IMPORTS: Row[] = [
  importing('assembly/common.ts', './zsmalloc/handle', ['circle', 'upwards']),
  importing('assembly/memory/staging.ts', '../zsmalloc/slab', ['upwards']),
  importing('bindings/base/bytes.ts', '../engine.js', ['circle', 'upwards']),
  importing('bindings/pool/options.ts', '../device/ranges.js', ['upwards']),
];

function importing(file: string, imported: string, messageIds: string[]): Row {
  const text = `import { one } from '${imported}';\n${readFileSync(file, 'utf8')}`;
  return [file, text, messageIds.map((messageId) => [1, messageId])];
}

let messages: [ruleId: string, line: number, messageId: string][][];

beforeAll(() => {
  const texts = JSON.stringify([...CUTS, ...IMPORTS].map(([file, text]) => [file, text]));
  const { stdout, stderr } = spawnSync(process.execPath, ['test/support/lint.mjs', texts], { encoding: 'utf8' });
  expect(stderr).toBe('');
  messages = JSON.parse(stdout) as typeof messages;
});

const found = (rule: string, rows: number[]): Found[] =>
  rows.map((row) =>
    messages[row].filter(([ruleId]) => ruleId === rule).map(([, line, messageId]) => [line, messageId]),
  );

test('bytes that may be a caller’s are copied and cut by bytes.ts alone', () => {
  const rows = [...CUTS.keys()];
  expect(found('local/no-foreign-slice', rows)).toEqual(CUTS.map((row) => row[2]));
});

test('imports go one way', () => {
  const rows = [...IMPORTS.keys()].map((row) => CUTS.length + row);
  expect(found('house/imports-one-way', rows)).toEqual(IMPORTS.map((row) => row[2]));
});
