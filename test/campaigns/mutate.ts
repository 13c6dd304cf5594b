/**
 * A mutation run: the sources with one small change, and tests that must notice. `npm run campaign -- mutate --help`.
 *
 * A sample of all mutants, by seed. Each is put into a copy of the repository, built if it is of the core, and given to the
 * tests of its part, the quickest first, until one fails. Every mutant is a line of JSON in the file of results, and is not
 * run again. docs/mutation.md says what became of those that survived.
 */
import { spawn } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { once } from 'node:events';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { filesOf } from './mutate/files.js';
import { mutantsOf, type Mutant } from './mutate/mutants.js';
import { PARTS, type Part, type Step } from './mutate/parts.js';
import { Random } from '../support/random.js';

const USAGE = `Usage: npm run campaign -- mutate [options]
  --part NAME     ${Object.keys(PARTS).join(', ')} (all of them)
  --count N       mutants of each part (20)
  --seed N        which (1)
  --folder PATH   where the copy is made (/tmp/zram-wasm-mutants)
  --results FILE  a line of JSON for each mutant; those in it are not run again (build/campaigns/mutants.jsonl)
  --again         those that survived earlier are run again
  --at FILE:LINE  only those of this line, as pool.ts:87; may be given several times
  --unchecked     the tests are not run without a mutant first
  --summary       only sums the results`;

/** Unchanged: the same code comes out of it, as where a type has changed. */
type Status = 'killed' | 'survived' | 'invalid' | 'unchanged';

interface Result extends Mutant {
  part: string;
  status: Status;
  /** The test that failed. */
  by?: string;
  seconds: number;
}

const { values } = parseArgs({
  options: {
    part: { type: 'string' },
    count: { type: 'string', default: '20' },
    seed: { type: 'string', default: '1' },
    folder: { type: 'string', default: '/tmp/zram-wasm-mutants' },
    results: { type: 'string', default: 'build/campaigns/mutants.jsonl' },
    again: { type: 'boolean', default: false },
    at: { type: 'string', multiple: true },
    unchecked: { type: 'boolean', default: false },
    summary: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});
const COPIED = ['assembly', 'bindings', 'integrations', 'cli', 'scripts', 'test', 'types', 'examples'];
const COPIED_FILES = ['asconfig.json', 'jest.config.js', 'package.json', 'tsconfig.json', 'tsconfig.build.json'];
/** Some mutants never end. A step of the core takes half a minute on a busy machine, one with threads two minutes. */
const STEP_SECONDS_MAX = { core: 120, bindings: 360 };
/** Some start threads without end. Looked at where there is /proc. */
const STEP_BYTES_MAX = 3 * 2 ** 30;

function makeCopy(folder: string): void {
  mkdirSync(path.join(folder, 'build'), { recursive: true });
  for (const name of [...COPIED, ...COPIED_FILES])
    cpSync(name, path.join(folder, name), { recursive: true, force: true });
  const modules = path.join(folder, 'node_modules');
  if (!existsSync(modules)) symlinkSync(path.resolve('node_modules'), modules);
}

function resultsIn(file: string): Result[] {
  if (!existsSync(file)) return [];
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  return lines.map((line) => JSON.parse(line) as Result);
}

const keyOf = ({ file, line, after }: Mutant): string => `${file}:${line}: ${after}`;

/** Bytes of memory that a process has; 0 where that cannot be said. */
function bytesOf(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    return 1024 * Number(/^VmRSS:\s*(\d+)/m.exec(status)?.[1] ?? 0);
  } catch {
    return 0;
  }
}

async function succeeds(folder: string, [command, ...args]: Step, seconds = STEP_SECONDS_MAX.core): Promise<boolean> {
  const env = { ...process.env, ZRAM_WASM_SEED: '1' };
  const options = { cwd: folder, env, timeout: seconds * 1000, killSignal: 'SIGKILL' } as const;
  const step = spawn(command, args, { ...options, stdio: 'ignore' });
  const watch = setInterval(() => {
    if (step.pid !== undefined && bytesOf(step.pid) > STEP_BYTES_MAX) step.kill('SIGKILL');
  }, 200);
  const [status] = (await once(step, 'exit')) as [number | null];
  clearInterval(watch);
  return status === 0;
}

/** The first step that fails. */
async function failure(folder: string, { steps, builds }: Part): Promise<Step | undefined> {
  const seconds = builds ? STEP_SECONDS_MAX.core : STEP_SECONDS_MAX.bindings;
  for (const step of steps) if (!(await succeeds(folder, step, seconds))) return step;
  return undefined;
}

const CORE = ['debug.wasm', 'release.wasm', 'core-inline.js'];

/** The debug build of a mutant. */
async function buildCore(folder: string): Promise<boolean> {
  const asc = ['node_modules/assemblyscript/bin/asc.js', 'assembly/check.ts', '--target', 'debug'];
  const transform = ['--transform', path.join(folder, 'scripts/as-bind-transform.mjs')];
  if (!(await succeeds(folder, [process.execPath, ...asc, ...transform]))) return false;
  // One build for all: tests that take the core from elsewhere get the debug build too.
  const wasm = readFileSync(path.join(folder, 'build/debug.wasm'));
  const inline = `export const coreBase64 =\n  '${wasm.toString('base64')}';\n`;
  writeFileSync(path.join(folder, 'build/release.wasm'), wasm);
  writeFileSync(path.join(folder, 'build/core-inline.js'), inline);
  return true;
}

function restoreCore(folder: string): void {
  for (const file of CORE) cpSync(path.join(folder, 'build/original', file), path.join(folder, 'build', file));
}

const bundle = (folder: string): Promise<boolean> => succeeds(folder, [process.execPath, 'scripts/build.mjs', 'js']);

const build = (folder: string, { builds }: Part): Promise<boolean> => (builds ? buildCore(folder) : bundle(folder));

/** What the tests of a part run, as it was built last. */
function builtCode(folder: string, { builds }: Part): Buffer {
  if (builds) return readFileSync(path.join(folder, 'build/debug.wasm'));
  const dist = path.join(folder, 'dist');
  const files = readdirSync(dist).filter((file) => file.endsWith('.js'));
  return Buffer.concat(files.sort().map((file) => readFileSync(path.join(dist, file))));
}

async function run(folder: string, name: string, part: Part, unmutated: Buffer, mutant: Mutant): Promise<Result> {
  const started = performance.now();
  const target = path.join(folder, mutant.file);
  const original = readFileSync(mutant.file, 'utf8');
  const lines = original.split('\n');
  lines[mutant.line - 1] = mutant.after;
  writeFileSync(target, lines.join('\n'));
  let status: Status = 'survived';
  let by: string | undefined;
  if (!(await build(folder, part))) status = 'invalid';
  else if (builtCode(folder, part).equals(unmutated)) status = 'unchanged';
  else {
    const failed = await failure(folder, part);
    if (failed) [status, by] = ['killed', failed.slice(1).join(' ')];
  }
  writeFileSync(target, original);
  if (part.builds) restoreCore(folder);
  const seconds = Math.round((performance.now() - started) / 1000);
  return { ...mutant, part: name, status, ...(by === undefined ? {} : { by }), seconds };
}

function sample(name: string, { files }: Part, count: number, seed: number): Mutant[] {
  const all = filesOf(files).flatMap((file) => mutantsOf(file, readFileSync(file, 'utf8')));
  const random = new Random(seed, name);
  const picked: Mutant[] = [];
  while (picked.length < count && all.length > 0) picked.push(...all.splice(random.below(all.length), 1));
  return picked;
}

function isWanted(mutant: Mutant, before: Result | undefined): boolean {
  const place = `/${mutant.file}:${mutant.line}`;
  if (values.at && !values.at.some((at) => place.endsWith(`/${at}`))) return false;
  return !before || (values.again && before.status === 'survived');
}

async function main(): Promise<void> {
  const { folder, results } = values;
  const done = new Map(resultsIn(results).map((result) => [keyOf(result), result]));
  if (!values.summary) {
    mkdirSync(path.dirname(results), { recursive: true });
    makeCopy(folder);
    const parts = Object.entries(PARTS).filter(([name]) => values.part === undefined || values.part === name);
    const samples = parts.map(([name, part]) => sample(name, part, Number(values.count), Number(values.seed)));
    const built = (await succeeds(folder, [process.execPath, 'scripts/build.mjs', 'core'])) && (await bundle(folder));
    if (!built) throw new Error('it does not build without a mutant');
    for (const file of CORE) cpSync(path.join(folder, 'build', file), path.join(folder, 'build/original', file));
    const unmutated: Buffer[] = [];
    for (const [, part] of parts) {
      await build(folder, part);
      unmutated.push(builtCode(folder, part));
      const failed = values.unchecked ? undefined : await failure(folder, part);
      if (failed) throw new Error(`fails without a mutant: ${failed.join(' ')}`);
      restoreCore(folder);
    }
    // A mutant of each part in turn: a run that is ended early has some of all.
    for (let n = 0; n < Number(values.count); n++) {
      for (const [at, [name, part]] of parts.entries()) {
        const mutant = samples[at][n] as Mutant | undefined;
        if (!mutant || !isWanted(mutant, done.get(keyOf(mutant)))) continue;
        const result = await run(folder, name, part, unmutated[at], mutant);
        done.set(keyOf(mutant), result);
        appendFileSync(results, `${JSON.stringify(result)}\n`);
        console.log(`${result.status} in ${result.seconds} s: ${keyOf(mutant)}`);
      }
    }
  }
  for (const name of Object.keys(PARTS)) {
    const of = [...done.values()].filter(({ part }) => part === name);
    const having = (status: Status): number => of.filter((result) => result.status === status).length;
    const none = `${having('unchanged')} change no code, ${having('invalid')} do not compile`;
    console.log(`${name}: ${of.length} mutants: ${having('killed')} killed, ${having('survived')} survived, ${none}`);
    for (const { status, file, line, before, after } of of) {
      if (status === 'survived') console.log(`  ${file}:${line}\n  - ${before.trim()}\n  + ${after.trim()}`);
    }
  }
}

if (values.help) console.log(USAGE);
else await main();
