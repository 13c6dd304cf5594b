/**
 * The package on every runtime: packs it, installs it beside the runtimes of package.json, runs the checks on each, and
 * prints a table.
 *
 *   npm run test:runtimes [-- --short] [RUNTIME…]
 *   npm run test:runtimes -- speed [RUNTIME…]        speeds as ratios to the first one's
 *   npm run test:runtimes -- bundlers [BUNDLER…]     see bundlers/run.mjs
 *
 * After `npm run build`; needs the registry, some 800 MB in build/runtimes, and 6 GB of memory. What is not installed is
 * skipped, with the name of what is missing. `--short` leaves out what takes gigabytes of memory.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { runBundlers } from './bundlers/run.mjs';
import { folder, install } from './install.mjs';
import { runtimes } from './runtimes.mjs';
import { disagreement } from './sizes.mjs';
import { measureSpeed } from './speed.mjs';
import { printTable } from './table.mjs';

const short = process.argv.includes('--short');
const wanted = process.argv.slice(2).filter((word) => !word.startsWith('--'));
const [what] = wanted;
if (what === 'bundlers' || what === 'speed') wanted.shift();
const isWanted = (name) =>
  wanted.length === 0 || wanted.some((each) => name.toLowerCase().includes(each.toLowerCase()));

async function runMatrix() {
  await install();
  const rows = [];
  const versions = {};
  for (const [name, runtime] of Object.entries(runtimes())) {
    if (!isWanted(name)) continue;
    if (runtime.missing) {
      console.log(`${name}: skipped: ${runtime.missing}`);
      versions[name] = `skipped: ${runtime.missing}`;
      continue;
    }
    versions[name] = await runtime.version();
    let results;
    try {
      results = await runtime.run(short);
    } catch (error) {
      results = [{ name: 'the run itself', error: String(error.stderr || error.stack), milliseconds: 0 }];
    }
    for (const { name: check, text = '', error: thrown, milliseconds, cpu } of results) {
      const error = thrown ?? disagreement(check, text);
      rows.push({ runtime: name, check, error, milliseconds, cpu, text });
      console.log(
        `${name}: ${check}: ${error ?? `passed, ${milliseconds} ms, ${cpu ?? '?'} of processor time${text && `: ${text}`}`}`,
      );
    }
  }
  writeFileSync(path.join(folder, 'results.json'), JSON.stringify({ versions, rows }, undefined, 1));
  printTable(versions, rows);
  return rows;
}

async function runSpeed() {
  await install();
  const all = Object.entries(runtimes()).filter(
    ([name, { command, browser }]) => isWanted(name) && (command ?? browser),
  );
  await measureSpeed(Object.fromEntries(all));
}

if (what === 'speed') await runSpeed();
else tell(what === 'bundlers' ? await runBundlers(wanted) : await runMatrix());

function tell(rows) {
  const failed = rows.filter(({ error }) => error).length;
  console.log(`${rows.length - failed} passed, ${failed} failed`);
  process.exitCode = failed > 0 || rows.length === 0 ? 1 : 0;
}
