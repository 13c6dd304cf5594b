// Checks the package as people would install it: exactly these files, publint, are-the-types-wrong, and the sizes.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { checkSizes } from './check-size.mjs';
import { npmPack, root } from './npm-pack.mjs';

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
  // The one module that all of them import, so that there is one ZramError.
  'dist/errors.js',
  // The declarations that the entries' own refer to.
  'dist/index.d.ts',
  'dist/external.d.ts',
  'dist/node.d.ts',
  'dist/parallel.d.ts',
  'dist/backing/backing.d.ts',
  'dist/backing/file.d.ts',
  'dist/backing/memory.d.ts',
  'dist/backing/opfs.d.ts',
  'dist/compressors/codecs.d.ts',
  'dist/compressors/compressor.d.ts',
  'dist/core.d.ts',
  'dist/engine.d.ts',
  'dist/errors.d.ts',
  'dist/ksmd.d.ts',
  'dist/page-diff.d.ts',
  'dist/parallel/lost-pages-error.d.ts',
  'dist/parallel/parallel-zram.d.ts',
  'dist/parallel/worker-source.d.ts',
  'dist/pool-lease.d.ts',
  'dist/post-process/picks.d.ts',
  'dist/post-process/recompress.d.ts',
  'dist/post-process/writeback.d.ts',
  'dist/save/load.d.ts',
  'dist/save/save.d.ts',
  'dist/save/sink.d.ts',
  'dist/save/source.d.ts',
  'dist/size.d.ts',
  'dist/state-history.d.ts',
  'dist/stored-pages.d.ts',
  'dist/sysfs.d.ts',
  'dist/zram-options.d.ts',
  'dist/zram-snapshot.d.ts',
  'dist/zram-state.d.ts',
  'dist/zram-stats.d.ts',
  'dist/zram.d.ts',
  'dist/zs-pool.d.ts',
  'dist/zswap.d.ts',
];

function checkFiles(packed) {
  const names = packed.files.map((file) => file.path);
  const faults = [
    ...names.filter((name) => !FILES.includes(name)).map((name) => `${name} would be published, and is not expected`),
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
