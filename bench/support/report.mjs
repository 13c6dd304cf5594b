/** What the run found, as Markdown: the machine, the targets, the tables of all sections. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem, type } from 'node:os';
import { markdownTable, paragraph } from './table.mjs';
import { targetRows } from './targets.mjs';

const GIB = 1 << 30;

/** First line of a program's `--version`, or undefined. */
function versionOf(program) {
  try {
    return execFileSync(program, ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).split(
      '\n',
    )[0];
  } catch {
    return undefined;
  }
}

/** The processor as the system calls it, and on Linux what a virtual machine's name for it leaves out. */
function processorName() {
  const name = cpus()[0]?.model.trim() ?? 'unknown';
  try {
    const facts = readFileSync('/proc/cpuinfo', 'utf8');
    const [, family] = /^cpu family\s*: (\d+)$/m.exec(facts);
    const [, model] = /^model\s*: (\d+)$/m.exec(facts);
    return `${name}, family ${family}, model ${model}`;
  } catch {
    return name;
  }
}

/** Rows of what the figures depend on. Taken before the first section, for the load that others make. */
export function machineFacts(command) {
  const { devDependencies } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  return [
    ['command', `\`${command}\``],
    ['date', new Date().toISOString().slice(0, 10)],
    ['processor', `${processorName()}, ${availableParallelism()} logical cores`],
    ['memory', `${(totalmem() / GIB).toFixed(1)} GiB`],
    ['system', `${type()} ${/^[\d.]*\d/.exec(release())?.[0] ?? release()}, ${process.arch}`],
    ['Node.js', `${process.version}, V8 ${process.versions.v8}`],
    ['C compiler', versionOf(process.env.CC ?? 'cc') ?? 'none'],
    [
      'libraries',
      Object.entries(devDependencies)
        .map((entry) => entry.join(' '))
        .join(', '),
    ],
    ['load before', loadavg()[0].toFixed(2)],
  ];
}

function tableText({ title, text, head, rows }) {
  return [`### ${title}`, text && paragraph(text), head && markdownTable(head, rows)].filter(Boolean).join('\n\n');
}

/** The tables of one section, for the terminal and for the report. */
export function sectionText({ name, result, failure, missing }) {
  if (!result) return `### ${name}\n\nNot measured: ${missing ?? `the section failed (${failure})`}.`;
  return result.tables.map(tableText).join('\n\n');
}

/** The table of targets, from the measures of the sections that were run. */
export function targetsText(sections) {
  const measures = Object.assign({}, ...sections.map(({ result }) => result?.measures ?? {}));
  const without = sections.filter(({ result }) => !result);
  const reasons = Object.fromEntries(without.map(({ name, missing }) => [name, missing ?? 'its section failed']));
  return markdownTable(['', 'floor', 'moonshot', 'measured', 'reached'], targetRows(measures, reasons));
}

/** A section of the report, with those of its plots that were drawn. */
function sectionWithPlots(section, drawn) {
  const plots = (section.result?.plots ?? []).filter(({ name }) => drawn.includes(name));
  return [sectionText(section), ...plots.map(({ name, title }) => `![${title}](plots/${name}.svg)`)].join('\n\n');
}

/** The whole of docs/benchmarks.md. */
export function reportText({ facts, imageText, sections, drawn, note }) {
  return `# Benchmarks

Written by \`npm run bench\`, which makes its own pages, measures everything below on the machine it runs on, and takes
some minutes. Figures are medians, with the quartiles in brackets. Wherever two things are compared they take turns in
one run, and the ratio is the median of the ratios of the single rounds: absolute figures change with the machine and
its load, ratios much less.
${note ? `\n**${note}**\n` : ''}
## Machine

${markdownTable(['', ''], facts)}

${paragraph(`Pages: ${imageText}`)}

## Targets

The floor is what this project promises, the moonshot what it aims at. A plain number is a ratio.

${targetsText(sections)}

## Measurements

${sections.map((section) => sectionWithPlots(section, drawn)).join('\n\n')}
`;
}
