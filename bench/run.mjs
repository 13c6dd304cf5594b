/**
 * Measures everything that docs/benchmarks.md has, and writes it.
 *
 *   npm run bench                                all sections, to docs/benchmarks.md
 *   npm run bench -- --only lz4,hash             some sections, to the terminal only
 *   npm run bench -- --image FILE                on the pages of a file (again for more) instead of pages of its own
 *   npm run bench -- --before DIRECTORY          also beside another build of the package, its `dist` (section history)
 *   npm run bench -- --quick                     only to see that all of it works: the figures mean nothing
 *   npm run bench -- --out FILE                  to another file
 *
 * The kernel's zram, KSM, liblz4 and the libraries of bench/package.json are measured where they are to be had; the report
 * says what was not, and why.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { runScript } from './support/child.mjs';
import { makeImage } from './support/image.mjs';
import { drawPlots } from './support/plots.mjs';
import { prepare } from './support/prepare.mjs';
import { machineFacts, reportText, sectionText, targetsText } from './support/report.mjs';
import { settingsFor } from './support/settings.mjs';

const SECTIONS = [
  ...[
    'lz4',
    'compressors',
    'hash',
    'device',
    'cold',
    'workers',
    'dedup',
    'libraries',
    'history',
    'snapshots',
    'forks',
    'merge',
    'groups',
    'ksm',
  ],
  ...['memory', 'startup', 'scale', 'large'],
];
const HERE = path.dirname(fileURLToPath(import.meta.url));
const REPORT = path.resolve(HERE, '../docs/benchmarks.md');

function parseOptions() {
  const { values } = parseArgs({
    options: {
      image: { type: 'string', multiple: true, default: [] },
      only: { type: 'string' },
      before: { type: 'string' },
      out: { type: 'string' },
      quick: { type: 'boolean', default: false },
    },
  });
  const only = values.only?.split(',') ?? SECTIONS;
  const unknown = only.filter((name) => !SECTIONS.includes(name));
  if (unknown.length > 0) throw new Error(`no section ${unknown.join(', ')}; there are ${SECTIONS.join(', ')}`);
  // A report of parts, or of nothing that counts, is only written where it was asked for.
  const whole = only.length === SECTIONS.length && !values.quick && values.image.length === 0;
  return { ...values, only, out: values.out ?? (whole ? REPORT : undefined) };
}

async function runSection(name, directory, settings) {
  const start = performance.now();
  let section;
  try {
    const { missing, ...result } = await runScript(path.join(HERE, 'section.mjs'), { name, directory, settings });
    section = missing ? { name, missing } : { name, result };
  } catch (error) {
    section = { name, failure: error.message };
  }
  console.log(`\n${sectionText(section)}\n\n(${name}: ${((performance.now() - start) / 1000).toFixed(1)} s)`);
  return section;
}

async function main() {
  const options = parseOptions();
  const settings = { ...settingsFor(options), before: options.before && path.resolve(options.before) };
  prepare();
  // Where something is on this machine says nothing to those who read the report.
  const words = process.argv.slice(2).map((word) => (path.isAbsolute(word) ? path.basename(word).toUpperCase() : word));
  const command = ['npm run bench', ...(words.length > 0 ? ['--', ...words] : [])].join(' ');
  const facts = machineFacts(command);
  const directory = mkdtempSync(path.join(tmpdir(), 'zram-wasm-bench-'));
  process.on('exit', () => rmSync(directory, { recursive: true, force: true }));
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

  const imageText = await makeImage(directory, { files: options.image, pagesOfKind: settings.pagesOfKind });
  console.log(`Pages: ${imageText}`);
  const sections = [];
  for (const name of options.only) sections.push(await runSection(name, directory, settings));
  console.log(`\n## Targets\n\n${targetsText(sections)}`);
  if (options.out) {
    const plots = sections.flatMap(({ result }) => result?.plots ?? []);
    const drawn = await drawPlots(plots, path.join(path.dirname(options.out), 'plots'));
    const note = options.quick ? 'A quick run: its figures mean nothing.' : undefined;
    writeFileSync(options.out, reportText({ facts, imageText, sections, drawn, note }));
    console.log(`\nWritten to ${path.relative(process.cwd(), options.out)}.`);
  }
  const failed = sections.filter(({ failure }) => failure);
  process.exitCode = failed.length > 0 ? 1 : 0;
}

await main();
