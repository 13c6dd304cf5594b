// A tree of files for each try-out: one base, and a fork for every candidate change, of which the best is kept.
//
// A program that tries changes, such as an agent or a test runner, wants a tree of its own each time and must not spoil the
// base. Here three "patches" are tried on forks, checked, and compared with the base; the forks share all that is equal.
//
//   node examples/forks.mjs
import assert from 'node:assert/strict';
import { PageFs } from 'zram-wasm/fs';

const base = await PageFs.create({ maxMemory: '64M', dedup: true });
for (let n = 0; n < 500; n++) {
  base.mkdirSync(`/src/part${n % 20}`, { recursive: true });
  base.writeFileSync(`/src/part${n % 20}/file${n}.js`, `export const value${n} = ${n};\n`.repeat(100));
}
base.writeFileSync('/src/sort.js', 'export const sort = (list) => list.slice().reverse();\n'); // wrong

const patches = [
  'export const sort = (list) => list;\n',
  'export const sort = (list) => list.slice().sort();\n', // wrong for numbers
  'export const sort = (list) => list.slice().sort((a, b) => a - b);\n',
];

async function passes(fs) {
  const code = fs.readFileSync('/src/sort.js', 'utf8');
  const { sort } = await import(`data:text/javascript,${encodeURIComponent(code)}`);
  return sort([10, 1, 9]).join() === '1,9,10';
}

const frozen = base.snapshot(); // what every try-out begins with
let kept;
for (const [n, patch] of patches.entries()) {
  const fork = frozen.fork();
  fork.writeFileSync('/src/sort.js', patch);
  fork.writeFileSync('/log.txt', `patch ${n}\n`);
  const passed = await passes(fork);
  console.log(
    `patch ${n} ${passed ? 'passes' : 'fails'}; changed:`,
    frozen
      .diff(fork)
      .map(({ path }) => path)
      .join(' '),
  );
  if (passed) kept = fork;
  else fork.destroy();
}

const { files, bytes } = kept.stats();
console.log(`kept: ${files} files, ${bytes} bytes`);
assert.equal(files, 502);
assert.equal(await passes(base), false); // the base is untouched
assert.equal(base.existsSync('/log.txt'), false);
for (const fs of [base, frozen, kept]) fs.destroy();
