/** What must be there before anything can be measured: the build, the bench's own core, the libraries to compare with. */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const BENCH = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const ROOT = path.resolve(BENCH, '..');
/** A copy of the lock file that was installed from. */
const INSTALLED = path.join(BENCH, 'node_modules/.installed-from');

function installLibraries() {
  const lock = readFileSync(path.join(BENCH, 'package-lock.json'));
  if (existsSync(INSTALLED) && readFileSync(INSTALLED).equals(lock)) return;
  const args = ['ci', '--prefix', BENCH, '--no-audit', '--no-fund'];
  // npm tells the scripts that it runs where it is; that saves a shell on systems where `npm` is a script of theirs.
  const { npm_execpath: npm } = process.env;
  const { status, error, stderr } = npm?.endsWith('.js')
    ? spawnSync(process.execPath, [npm, ...args], { encoding: 'utf8' })
    : spawnSync('npm', args, { encoding: 'utf8', shell: process.platform === 'win32' });
  if (status === 0) writeFileSync(INSTALLED, lock);
  else console.error(`The libraries of bench/package.json could not be installed: ${error?.message ?? stderr.trim()}`);
}

/** @throws when the package is not built, or the bench's core does not compile */
export function prepare() {
  if (!existsSync(path.join(ROOT, 'dist/index.js')))
    throw new Error('the package is not built: run npm run build first');
  installLibraries();
  const script = path.join(ROOT, 'scripts/build.mjs');
  const { status } = spawnSync(process.execPath, [script, 'bench'], { stdio: 'inherit' });
  if (status !== 0) throw new Error('build/bench.wasm could not be built');
}
