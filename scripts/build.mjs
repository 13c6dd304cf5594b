// Builds the package.
//   node scripts/build.mjs        everything: build/ and dist/
//   node scripts/build.mjs core   only build/: what the sources and the tests import
//   node scripts/build.mjs js     only dist/ without declarations, with the core as it was built
//   node scripts/build.mjs bench  only build/bench.wasm: the core, and loops for bench/ that the package does not have
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as esbuild from 'esbuild';
import { INTEGRATIONS } from './integrations.mjs';
import { LATE, PARTS, divide } from './parts.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const require = createRequire(import.meta.url);
const at = (...parts) => path.join(root, ...parts);

/** Runs a dependency's command line with this Node, which works wherever npm put it and on every platform. */
function runNode(script, ...args) {
  const { status } = spawnSync(process.execPath, [script, ...args], { cwd: root, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1); // it has said why
}

const asc = at('node_modules/assemblyscript/bin/asc.js');

async function buildBench() {
  await mkdir(at('build'), { recursive: true });
  runNode(asc, 'assembly/bench.ts', '--target', 'release', '--outFile', 'build/bench.wasm');
}

async function buildCore() {
  await mkdir(at('build'), { recursive: true });
  // Not in asconfig.json: asc takes a relative path there for the name of a package.
  const transform = ['--transform', at('scripts/as-bind-transform.mjs')];
  runNode(asc, 'assembly/check/pool.ts', '--target', 'debug', ...transform);
  runNode(asc, '--target', 'release', ...transform);

  await inline('core', 'build/release.wasm');
}

/** Modules of their own, which an engine starts when one of their compressors is used first. */
async function buildCompressors() {
  for (const name of ['compressors', 'optimal']) {
    const config = ['--config', `asconfig.${name}.json`];
    runNode(asc, ...config, '--target', 'debug');
    runNode(asc, ...config, '--target', 'release');
    await inline(name, `build/${name}-release.wasm`);
  }
}

/** A JavaScript file and its declaration, so that tsc, jest and esbuild need no loader for binary files. */
async function inline(name, file) {
  const wasm = await readFile(at(file));
  await writeFile(at(`build/${name}-inline.js`), `export const ${name}Base64 =\n  '${wasm.toString('base64')}';\n`);
  await writeFile(at(`build/${name}-inline.d.ts`), `export declare const ${name}Base64: string;\n`);
}

/** The script and style of `analyze --html`: minified, as every such report carries them. */
async function buildHtmlReport() {
  await mkdir(at('build'), { recursive: true });
  // Pages are handed around, so uPlot's licence, which asks to be in every copy, is in each.
  const licence = await readFile(require.resolve('uplot/LICENSE'), 'utf8');
  const { outputFiles } = await esbuild.build({
    absWorkingDir: root,
    entryPoints: ['cli/html/main.ts'],
    banner: { js: `/*! Holds uPlot.\n${licence}\n*/` },
    bundle: true,
    minify: true,
    format: 'iife',
    target: 'es2022',
    charset: 'ascii',
    legalComments: 'inline',
    write: false,
  });
  const [{ text: script }] = outputFiles;
  // It stands in an element, which this would end.
  if (/<\/script|<!--/i.test(script)) throw new Error('the script of the HTML report holds what HTML would end it at');
  const styles = [require.resolve('uplot/dist/uPlot.min.css'), at('cli/html/style.css')];
  const texts = await Promise.all(styles.map((file) => readFile(file, 'utf8')));
  const { code: style } = await esbuild.transform(texts.join('\n'), { loader: 'css', minify: true });
  const lines = Object.entries({ htmlScript: script, htmlStyle: style });
  const source = lines.map(([name, text]) => `export const ${name} =\n  ${JSON.stringify(text)};\n`).join('');
  await writeFile(at('build/html-report.js'), source);
  const declarations = lines.map(([name]) => `export declare const ${name}: string;\n`).join('');
  await writeFile(at('build/html-report.d.ts'), declarations);
}

/** What every bundle shares. Not minified: see check-size.mjs. */
const common = {
  absWorkingDir: root,
  outdir: 'dist',
  bundle: true,
  format: 'esm',
  target: 'es2022',
  external: ['node:*'],
  legalComments: 'inline',
  logLevel: 'warning',
};

/** The command line uses the library as any other program does: through its entries, and by import, not by copy. */
const importLibrary = {
  name: 'import-library',
  setup({ onResolve }) {
    onResolve({ filter: /^\.{1,2}\// }, ({ path: request, resolveDir }) => {
      const inBindings = path.relative(at('bindings'), path.resolve(resolveDir, request));
      if (inBindings === 'index.js') return { path: './index.node.js', external: true };
      const entry = INTEGRATIONS.find(
        ({ name }) => path.resolve(resolveDir, request) === at(`integrations/${name}.js`),
      );
      if (entry) return { path: `./${entry.name}.js`, external: true };
      if (inBindings.startsWith('..')) return undefined;
      return { errors: [{ text: `cli/ may import bindings/index.js only, not bindings/${inBindings}` }] };
    });
  },
};

/** zram-wasm/external is the same library with the core in a file of its own. */
const externalCore = {
  name: 'external-core',
  setup({ onResolve }) {
    onResolve({ filter: /\/default-source\.js$/ }, () => ({ path: at('bindings/core/default-source.external.ts') }));
  },
};

/** What a bundle never calls, and need not carry. */
const without = (filter, ...names) => ({
  name: 'without',
  setup({ onResolve, onLoad }) {
    onResolve({ filter }, ({ path: request }) => ({ path: request, namespace: 'without' }));
    const contents = names
      .map((name) => `export function ${name}() { throw new Error('not in this bundle'); }`)
      .join('\n');
    onLoad({ filter: /^/, namespace: 'without' }, () => ({ contents }));
  },
});
/** zram-wasm/parallel compiles the core once and instantiates modules: as-bind is for bytes. */
const withoutAsBind = without(/^as-bind\//, 'instantiateSync');
/** There nothing is compressed: that is done in the workers. */
const withoutCompressors = {
  name: 'without-compressors',
  setup({ onResolve, onLoad }) {
    const contents = {
      './deflate.js': "export const deflateCompressor = () => ({ name: 'deflate' });",
      './pako.js': 'export const loadPako = () => undefined;',
      '../../build/compressors-inline.js': "export const compressorsBase64 = '';",
      '../../build/optimal-inline.js': "export const optimalBase64 = '';",
    };
    onResolve({ filter: /\/(?:deflate|pako|(?:compressors|optimal)-inline)\.js$/ }, ({ path: request }) => ({
      path: request,
      namespace: 'without-compressors',
    }));
    onLoad({ filter: /^/, namespace: 'without-compressors' }, ({ path: request }) => ({ contents: contents[request] }));
  },
};
/** Its workers are sent that module. */
const withoutCore = without(/\/default-source\.js$|^as-bind\//, 'defaultSource', 'instantiateSync');

/** base/errors.ts is a file of its own, which the other bundles import: one ZramError, so `instanceof` works across entries. */
const importErrors = {
  name: 'import-errors',
  setup({ onResolve, onLoad }) {
    // By way of one module in between: imported once a bundle, not once a source file.
    onResolve({ filter: /\/errors\.js$/ }, ({ namespace }) =>
      namespace === 'errors' ? { path: './errors.js', external: true } : { path: 'errors', namespace: 'errors' },
    );
    onLoad({ filter: /^/, namespace: 'errors' }, () => ({ contents: "export { ZramError } from './errors.js';" }));
  },
};

/** An integration imports the library and other integrations as its users do, so that there is one of each. */
const importEntries = {
  name: 'import-entries',
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^\.{1,2}\// }, ({ path: request, resolveDir, namespace, kind, importer }) => {
      if (namespace === 'errors') return { path: './errors.js', external: true };
      const file = path.relative(root, path.resolve(resolveDir, request)).split(path.sep).join('/');
      if (file === 'bindings/base/errors.js') return { path: 'errors', namespace: 'errors' };
      if (file === 'bindings/index.js') return { path: './index.js', external: true };
      if (file.startsWith('bindings/')) return { errors: [{ text: `${importer} may not import ${file}` }] };
      const entry = INTEGRATIONS.find(({ name }) => file === `integrations/${name}.js`);
      return entry && kind !== 'entry-point' ? { path: `./${entry.name}.js`, external: true } : undefined;
    });
    onLoad({ filter: /^/, namespace: 'errors' }, () => ({ contents: "export { ZramError } from './errors.js';" }));
  },
};

/**
 * Writes a bundle. The lines that divide classes become ASCII: one character beyond Latin-1 makes V8 hold, and read, all of
 * the source in two bytes a character.
 */
async function write(options, finish = (text) => text) {
  const { outputFiles } = await esbuild.build({ ...options, write: false });
  for (const { path: file, text } of outputFiles) {
    const written = finish(text).replaceAll('─', '-');
    if (/[^\0-\xff]/.test(written)) throw new Error(`${file} has characters beyond Latin-1`);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, written);
  }
}

/** A bundle in one file. Its tables for deflate are made when they are needed. */
async function writeWhole(options) {
  const { plugins } = await divide(options, LATE);
  await write({ ...options, plugins: [...options.plugins, ...plugins] });
}

/** `zram-wasm` for Node.js. Minified, since what is not in it is not read at the import; index.js is there to be read. */
async function writeDivided(options) {
  const small = { ...options, minify: true, lineLimit: 120 };
  const { plugins, finish, files } = await divide(small, Object.keys(PARTS), './parts');
  await write(
    { ...small, plugins: [...small.plugins, ...plugins], outfile: 'dist/index.node.js', outdir: undefined },
    finish,
  );
  for (const [name, text] of await files()) {
    await mkdir(path.dirname(at('dist/parts', name)), { recursive: true });
    await writeFile(at('dist/parts', name), `${NOTICE}\n${text}`);
  }
}

/** Many bundlers keep a comment like this one, so the notices can be found from what a user of ours ships. */
const NOTICE =
  '/*! zram-wasm, MIT. Holds parts under MIT, BSD-2-Clause and Apache-2.0: see its THIRD-PARTY-NOTICES.md */';

async function bundle() {
  const { peerDependencies } = JSON.parse(await readFile(at('package.json'), 'utf8'));
  const library = { ...common, outbase: 'bindings', platform: 'neutral' };
  await write({
    ...library,
    entryPoints: [
      { in: 'bindings/base/errors.ts', out: 'errors' },
      { in: 'bindings/node.ts', out: 'node' },
    ],
    plugins: [importErrors],
  });
  const main = { ...library, banner: { js: NOTICE } };
  const index = { ...main, entryPoints: ['bindings/index.ts'], plugins: [importErrors] };
  await writeWhole(index);
  await writeDivided(index);
  await writeWhole({ ...main, entryPoints: ['bindings/external.ts'], plugins: [importErrors, externalCore] });
  await write({
    ...main,
    entryPoints: ['bindings/parallel.ts'],
    plugins: [importErrors, externalCore, withoutAsBind, withoutCompressors],
  });
  // One file that imports nothing, so that it can be put anywhere.
  await writeWhole({
    ...main,
    entryPoints: [{ in: 'bindings/parallel/fleet/worker.ts', out: 'parallel-worker' }],
    plugins: [withoutCore],
    footer: { js: 'export {};' }, // says that it is a module
  });

  await write(
    {
      ...library,
      outbase: 'integrations',
      entryPoints: INTEGRATIONS.map(({ name }) => `integrations/${name}.ts`),
      external: ['node:*', ...Object.keys(peerDependencies)],
      plugins: [importEntries],
    },
    // By its name, the package is the one file of it that the program imports; a page without a bundler knows no names.
    (text) => text.replaceAll('import("./index.js")', 'import("zram-wasm").catch(() => import("./index.js"))'),
  );

  if (existsSync(at('cli/main.ts'))) {
    await esbuild.build({
      ...common,
      entryPoints: [{ in: 'cli/main.ts', out: 'cli' }],
      platform: 'node',
      banner: { js: '#!/usr/bin/env node' },
      plugins: [importLibrary],
    });
    await chmod(at('dist/cli.js'), 0o755);
  }
}

/**
 * The entries' declarations, and what they refer to, are published; those of innards are not. What tsc writes to
 * build/types/bindings and build/types/integrations comes to one folder, as the bundles do.
 */
async function publishDeclarations() {
  const types = at('build/types');
  const placeOf = (file) => at('dist', path.relative(types, file).replace(/^(?:bindings|integrations)[/\\]/, ''));
  const published = new Set();
  const publish = async (file) => {
    if (published.has(file)) return;
    published.add(file);
    const text = await readFile(file, 'utf8');
    const folder = path.dirname(placeOf(file));
    const needed = [];
    const moved = text.replace(/((?:from |import\()['"])(\.{1,2}\/[^'"]+)\.js(?=['"])/g, (_, before, name) => {
      const imported = path.resolve(path.dirname(file), `${name}.d.ts`);
      needed.push(imported);
      const to = path
        .relative(folder, placeOf(imported))
        .split(path.sep)
        .join('/')
        .replace(/\.d\.ts$/, '');
      return `${before}${to.startsWith('.') ? to : `./${to}`}.js`;
    });
    await mkdir(folder, { recursive: true });
    await writeFile(placeOf(file), moved);
    for (const each of needed) await publish(each);
  };
  for (const entry of ['index', 'external', 'node', 'parallel'])
    await publish(path.join(types, `bindings/${entry}.d.ts`));
  for (const { name } of INTEGRATIONS) await publish(path.join(types, `integrations/${name}.d.ts`));
}

const part = process.argv[2];
if (part === 'bench') {
  await buildBench();
} else if (part === 'js') {
  await buildHtmlReport();
  await bundle();
  await copyFile(at('build/release.wasm'), at('dist/core.wasm'));
} else {
  await buildCore();
  await buildCompressors();
  await buildHtmlReport();
  if (part !== 'core') {
    await rm(at('dist'), { recursive: true, force: true });
    await bundle();
    await copyFile(at('build/release.wasm'), at('dist/core.wasm'));
    await rm(at('build/types'), { recursive: true, force: true });
    runNode(require.resolve('typescript/bin/tsc'), '--project', 'tsconfig.build.json');
    await publishDeclarations();
  }
}
