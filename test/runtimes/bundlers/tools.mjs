/**
 * What each bundler is told: its build, where the pages are then, and its server for development, if it has one. All run
 * in the folder of the example, with the package installed from its tarball.
 */
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export const NAMES = ['example', 'external', 'parallel'];

const page = (script) => `<!doctype html>
<meta charset="utf-8" />
<link rel="icon" href="data:," />
<script type="module" src="./${script}.js"></script>
`;
/** Pages for scripts that were built without one. */
function writePages(folder) {
  mkdirSync(folder, { recursive: true });
  for (const name of NAMES) writeFileSync(path.join(folder, `${name}.html`), page(name));
}
/** esbuild and Rollup leave the addresses of these as they are. */
function copyFiles(folder, to) {
  for (const name of ['core.wasm', 'parallel-worker.js']) {
    cpSync(path.join(folder, 'node_modules/zram-wasm/dist', name), path.join(folder, to, name));
  }
}
/** For Parcel, which refuses `await` outside of functions. */
const html = NAMES.map((name) => `functions/${name}.html`);
const entries = NAMES.map((name) => `${name}=src/${name}-main.js`);
const ESBUILD = ['esbuild', ...entries, '--bundle', '--format=esm', '--external:node:*'];

/**
 * `build`: a command; `output`: the folder of what it makes; `after`: what its manual leaves to the user; `serve`: the
 * command of a server at a port; `at`: the path of a page there, from its name.
 */
export const TOOLS = {
  Vite: {
    package: 'vite',
    build: ['vite', 'build'],
    output: 'dist/vite',
    serve: (port) => ['vite', '--port', port, '--strictPort'],
    at: (name) => `${name}.html`,
  },
  'webpack 5': {
    package: 'webpack',
    build: ['webpack'],
    output: 'dist/webpack',
    after: (folder) => writePages(path.join(folder, 'dist/webpack')),
    prepare: (folder) => writePages(path.join(folder, 'pages')),
    serve: (port) => ['webpack', 'serve', '--mode', 'development', '--port', port],
    at: (name) => `${name}.html`,
  },
  Rollup: {
    package: 'rollup',
    build: ['rollup', '--config'],
    output: 'dist/rollup',
    after(folder) {
      writePages(path.join(folder, 'dist/rollup'));
      copyFiles(folder, 'dist/rollup');
    },
  },
  Parcel: {
    package: 'parcel',
    build: ['parcel', 'build', ...html, '--dist-dir', 'dist/parcel', '--public-url', './', '--no-cache'],
    output: 'dist/parcel',
    serve: (port) => [
      'parcel',
      'serve',
      ...html,
      '--port',
      port,
      '--host',
      '127.0.0.1',
      '--dist-dir',
      'dist/parcel-dev',
    ],
    at: (name) => `${name}.html`,
  },
  esbuild: {
    package: 'esbuild',
    build: [...ESBUILD, '--minify', '--outdir=dist/esbuild'],
    output: 'dist/esbuild',
    after(folder) {
      writePages(path.join(folder, 'dist/esbuild'));
      copyFiles(folder, 'dist/esbuild');
    },
    prepare(folder) {
      writePages(path.join(folder, 'dist/esbuild-dev'));
      copyFiles(folder, 'dist/esbuild-dev');
    },
    serve: (port) => [
      ...ESBUILD,
      '--outdir=dist/esbuild-dev',
      '--servedir=dist/esbuild-dev',
      `--serve=127.0.0.1:${port}`,
    ],
    at: (name) => `${name}.html`,
  },
  'Next.js': {
    package: 'next',
    build: ['next', 'build'],
    start: (port) => ['next', 'start', '--port', port, '--hostname', '127.0.0.1'],
    serve: (port) => ['next', 'dev', '--port', port, '--hostname', '127.0.0.1'],
    at: (name) => name,
    inServer: (name) => `api/${name}`,
  },
  'Next.js, webpack': {
    package: 'next',
    build: ['next', 'build', '--webpack'],
    start: (port) => ['next', 'start', '--port', port, '--hostname', '127.0.0.1'],
    serve: (port) => ['next', 'dev', '--webpack', '--port', port, '--hostname', '127.0.0.1'],
    at: (name) => name,
    inServer: (name) => `api/${name}`,
  },
};
