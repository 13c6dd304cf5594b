/** The README's example: its code, and what it says that it prints. */
import { readFileSync } from 'node:fs';
import path from 'node:path';

export function exampleOf(root) {
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
  const [, code] = /```js\n(\/\/ example\.mjs[^]*?)```/.exec(readme);
  const expected = [...code.matchAll(/\/\/ → (.*)/g)].map(([, line]) => line);
  if (expected.length === 0) throw new Error('the README has no example that prints');
  return { code, expected: expected.join(' ') };
}

/** The same as a function that the module exports: not all bundlers know `await` outside of functions. */
export function inFunction(code) {
  const imports = code.match(/^import .*$/gm);
  return `${imports.join('\n')}\nexport async function run() {\n${code.replace(/^import .*$/gm, '')}}\n`;
}
