// Checks the package as people would install it: exactly these files, publint, are-the-types-wrong, and the sizes.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { checkSizes } from './check-size.mjs';
import { INTEGRATIONS } from './integrations.mjs';
import { npmPack, root } from './npm-pack.mjs';
import { PARTS } from './parts.mjs';

/** The folder of this build's parts. */
const [BUILD] = readdirSync(path.join(root, 'dist/parts'));

/** Everything that is published. Whoever adds a file adds it here, and thereby says that consumers need it. */
const FILES = [
  'CHANGELOG.md',
  'LICENSE',
  'README.md',
  'THIRD-PARTY-NOTICES.md',
  'package.json',
  // The entries: `.`, `./external`, `./node`, `./parallel` and its worker, `./core.wasm`, and the command line.
  'dist/index.js',
  'dist/external.js',
  'dist/node.js',
  'dist/parallel.js',
  'dist/parallel-worker.js',
  'dist/core.wasm',
  'dist/cli.js',
  // `.` as Node.js imports it, and what that loads when it is called.
  'dist/index.node.js',
  ...Object.keys(PARTS).map((name) => `dist/parts/${BUILD}/${name}.cjs`),
  // The one module that all of them import, so that there is one ZramError.
  'dist/errors.js',
  'dist/index.d.ts',
  'dist/external.d.ts',
  'dist/node.d.ts',
  'dist/parallel.d.ts',
  ...INTEGRATIONS.flatMap(({ name }) => [`dist/${name}.js`, `dist/${name}.d.ts`]),
];

function checkFiles(packed) {
  const names = packed.files.map((file) => file.path);
  const faults = [
    // Declarations beside those of the entries are there because these refer to them: the build leaves out all others.
    ...names
      .filter((name) => !FILES.includes(name) && !name.endsWith('.d.ts'))
      .map((name) => `${name} would be published, and is not expected`),
    ...FILES.filter((name) => !names.includes(name)).map((name) => `${name} is missing from the package`),
  ];
  for (const fault of faults) console.error(`files: ${fault}`);
  if (faults.length === 0) console.log(`files: ${names.length}, as expected`);
  return faults.length === 0;
}

/** Runs a tool's command line; what it says is of interest only if it finds something. */
function runTool(name, script, ...args) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [path.join(root, 'node_modules', script), ...args], {
    cwd: root,
    encoding: 'utf8',
  });
  console[status === 0 ? 'log' : 'error'](status === 0 ? `${name}: clean` : `${name}:\n${stdout}${stderr}`);
  return status === 0;
}

const folder = mkdtempSync(path.join(tmpdir(), 'zram-wasm-pack-'));
try {
  const packed = npmPack(folder);
  const tarball = path.join(folder, packed.filename);
  // No types: what an import of core.wasm gives depends on the bundler, and the worker's script is not to be imported.
  const attw = ['--profile', 'esm-only', '--exclude-entrypoints', 'core.wasm', 'parallel-worker.js', '--no-color'];
  const passed = [
    checkFiles(packed),
    runTool('publint', 'publint/src/cli.js', 'run', tarball, '--strict'),
    runTool('are-the-types-wrong', '@arethetypeswrong/cli/dist/index.js', tarball, ...attw),
    await checkSizes(packed.size),
  ];
  if (passed.includes(false)) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true });
}
