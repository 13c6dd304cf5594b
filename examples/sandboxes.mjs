// A shell for each agent: a tree is imported once, as a tar, and every agent's just-bash runs on a fork of it.
//
// What one does, no other sees; the forks share all that is equal; the best one is exported as a tar.
//
//   node examples/sandboxes.mjs
import assert from 'node:assert/strict';
import { Bash } from 'just-bash';
import { PageFs } from 'zram-wasm/fs';
import { PageFsFileSystem } from 'zram-wasm/just-bash';

const origin = await PageFs.create();
origin.mkdirSync('/lib');
for (let n = 0; n < 200; n++) origin.writeFileSync(`/lib/part${n}.js`, `export const part = ${n};\n`.repeat(50));

const base = await PageFs.create({ maxMemory: '64M' });
const { files } = await base.import(origin.export(), { into: '/project' }); // all of it, or nothing
new Bash({ fs: new PageFsFileSystem(base) }); // writes /bin and /dev once, for all forks

const agents = await Promise.all(
  ['let', 'var', 'const'].map(async (word) => {
    const fs = base.fork();
    const shell = new Bash({ fs: new PageFsFileSystem(fs), cwd: '/project/lib' });
    const { stdout } = await shell.exec(`sed -i 's/const/${word}/' part7.js && grep -c ${word} part7.js; ls | wc -l`);
    return { word, fs, said: stdout.trim().split(/\s+/) };
  }),
);
for (const { word, fs, said } of agents) {
  const changed = base.diff(fs).map(({ path }) => path);
  console.log(`${word}: ${said.join(' of ')}, changed: ${changed.join(' ')}`);
  assert.deepEqual(said, ['50', '200']);
}

let bytes = 0;
for await (const piece of agents[0].fs.export({ from: '/project' })) bytes += piece.length;
console.log(`${files} files, exported as a tar of ${bytes} bytes`);
for (const fs of [origin, base, ...agents.map((agent) => agent.fs)]) fs.destroy();
