/**
 * PGlite's own tests, with its databases on compressed pages: `npm run campaign -- pglite`.
 *
 * They are fetched from PGlite's public repository, and run on the PGlite that is installed here. Those that have not to do
 * with where the files are run as well: nobody can say beforehand which do. Each database that names no file system gets
 * ours: see pglite/hook.mjs.
 */
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const USAGE = `Usage: npm run campaign -- pglite [VITEST-ARGUMENT…]
  ZRAM_WASM_PGLITE_REPOSITORY  a clone of PGlite's repository, or its address
  ZRAM_WASM_PGLITE_PLAIN=1     the same tests on PGlite's own file systems, to tell whose failure it is`;
const REPOSITORY = process.env.ZRAM_WASM_PGLITE_REPOSITORY ?? 'https://github.com/electric-sql/pglite';
const VITEST = 'vitest@2.1.9';
/** What one of the tests imports besides. */
const IMPORTED = 'openpgp@6.3.2';
/** A package of the repository that tests import; it is on no registry. */
const PROTOCOL = 'packages/pg-protocol/src';
/** Need a browser, Deno or packages of the repository. */
const LEFT_OUT = ['targets/web/**', 'targets/deno/**'];
const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');

function run(command: string, args: readonly string[], cwd: string): number {
  const { status, error } = spawnSync(command, args, { cwd, stdio: 'inherit' });
  if (error) throw error;
  return status ?? 1;
}

function must(command: string, args: readonly string[], cwd: string): void {
  if (run(command, args, cwd) !== 0) throw new Error(`${command} ${args.join(' ')} failed`);
}

/** The tests beside what they import: the installed PGlite as its build, and our hook in front of it. */
function prepare(folder: string): void {
  const suite = path.join(folder, 'suite');
  mkdirSync(suite);
  must('git', ['clone', '--quiet', '--depth', '1', '--no-checkout', REPOSITORY, 'repository'], folder);
  const repository = path.join(folder, 'repository');
  const parts = ['packages/pglite/tests', 'packages/pglite/src'];
  must('git', ['checkout', '--quiet', 'HEAD', '--', ...parts, PROTOCOL], repository);
  for (const part of parts)
    cpSync(path.join(repository, part), path.join(suite, path.basename(part)), { recursive: true });
  writeFileSync(path.join(folder, 'package.json'), '{ "type": "module", "private": true }');
  must('npm', ['install', '--silent', '--no-audit', '--no-fund', VITEST, IMPORTED], folder);
  const modules = path.join(folder, 'node_modules');
  const pglite = path.join(root, 'node_modules/@electric-sql/pglite');
  mkdirSync(path.join(modules, '@electric-sql'));
  symlinkSync(pglite, path.join(modules, '@electric-sql/pglite'));
  symlinkSync(root, path.join(modules, 'zram-wasm'));
  symlinkSync(path.join(pglite, 'dist'), path.join(suite, 'dist'));
  cpSync(path.join(root, 'test/campaigns/pglite/hook.mjs'), path.join(suite, 'hook.mjs'));
  const plain = process.env.ZRAM_WASM_PGLITE_PLAIN === '1';
  const alias = [{ find: '^@electric-sql/pg-protocol$', replacement: path.join(repository, PROTOCOL, 'index.ts') }];
  if (!plain) alias.push({ find: /^(?:\.\.\/)+dist\/index\.c?js$/.source, replacement: path.join(suite, 'hook.mjs') });
  writeFileSync(
    path.join(suite, 'vitest.config.mjs'),
    `const alias = ${JSON.stringify(alias)}.map(({ find, replacement }) => ({ find: new RegExp(find), replacement }));
export default {
  resolve: { alias, preserveSymlinks: true },
  test: {
    dir: './tests',
    include: ['**/*.test.{js,ts}'],
    exclude: ${JSON.stringify(LEFT_OUT)},
    testTimeout: 300000,
    hookTimeout: 300000,
    fileParallelism: false,
    pool: 'forks',
  },
};
`,
  );
}

function main(): void {
  const args = process.argv.slice(2);
  if (args.includes('--help')) {
    console.log(USAGE);
    return;
  }
  if (!existsSync(path.join(root, 'dist/pglite.js'))) throw new Error('npm run build first');
  const folder = mkdtempSync(path.join(tmpdir(), 'zram-wasm-pglite-suite-'));
  try {
    prepare(folder);
    process.exitCode = run('npx', ['vitest', 'run', ...args], path.join(folder, 'suite'));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

main();
