/** The size of the core, and how long a fresh process waits for an engine. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { runChild } from '../support/child.mjs';
import { exactly, summary } from '../support/statistics.mjs';
import { count, spread } from '../support/table.mjs';

const KIB = 1024;
const fileOf = (name) => fileURLToPath(new URL(`../../dist/${name}`, import.meta.url));

export async function run({ settings }) {
  const starts = [];
  for (let n = 0; n < settings.startRounds; n++) starts.push(await runChild('startup.mjs', []));
  const creating = summary(starts.map((each) => each.creating));
  const importing = summary(starts.map((each) => each.importing));
  const writing = summary(starts.map((each) => each.writing));

  const files = ['core.wasm', 'index.js', 'index.node.js'].map((name) => {
    const bytes = readFileSync(fileOf(name));
    return [`\`${name}\``, `${count(bytes.length)} bytes`, `${count(gzipSync(bytes).length)} bytes`];
  });
  const coreBytes = readFileSync(fileOf('core.wasm')).length;
  return {
    tables: [
      {
        title: 'Size',
        text: 'The core is inlined in both; Node.js imports `index.node.js`, which loads the rest when it is called.',
        head: ['file', 'raw', 'gzip'],
        rows: files,
      },
      {
        title: 'Start',
        text: `${starts.length} fresh processes.`,
        head: ['', 'ms'],
        rows: [
          ['import of `zram-wasm`', spread(importing)],
          ['`Engine.createSync()`', spread(creating)],
          ['import, engine, device and its first page', spread(writing)],
        ],
      },
    ],
    measures: {
      'core-bytes': { value: exactly(coreBytes / KIB) },
      import: { value: importing },
      ready: { value: creating },
    },
  };
}
