/** The lint rules of our own find what they are for, and nothing else. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { expect, jest, test } from '@jest/globals';

jest.setTimeout(120_000);

/** What the rule says of a text in the place of a file: the lines, and what of. */
function found(file: string, text: string, rule: string): [line: number, messageId: string][] {
  const args = ['node_modules/eslint/bin/eslint.js', '--stdin', '--stdin-filename', file, '--format', 'json'];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', input: text });
  expect(stderr).toBe('');
  const [{ messages }] = JSON.parse(stdout) as [{ messages: { ruleId: string; line: number; messageId: string }[] }];
  return messages.filter(({ ruleId }) => ruleId === rule).map(({ line, messageId }) => [line, messageId]);
}

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

test('bytes that may be a caller’s are copied and cut by bytes.ts alone', () => {
  const expected = [
    [3, 'slice'],
    [4, 'subarray'],
    [5, 'slice'],
    [6, 'subarray'],
  ];
  expect(found('bindings/base/size.ts', PLANTED, 'local/no-foreign-slice')).toEqual(expected);
  expect(found('cli/main.ts', PLANTED, 'local/no-foreign-slice')).toEqual(
    expected.filter(([, messageId]) => messageId === 'slice'),
  );
  expect(found('bench/run.mjs', 'export const part = Buffer.alloc(9).slice(1);', 'local/no-foreign-slice')).toEqual([]);
});

test.each([
  ['assembly/common.ts', './zsmalloc/handle', ['circle', 'upwards']],
  ['assembly/memory/staging.ts', '../zsmalloc/slab', ['upwards']],
  ['bindings/base/bytes.ts', '../engine.js', ['circle', 'upwards']],
  ['bindings/pool/options.ts', '../device/ranges.js', ['upwards']],
])('%s must not import %s: %j', (file, imported, expected) => {
  const text = `import { one } from '${imported}';\n${readFileSync(file, 'utf8')}`;
  expect(found(file, text, 'house/imports-one-way')).toEqual(expected.map((messageId) => [1, messageId]));
});
