/**
 * The parts of the library that many programs never call. In Node.js, `zram-wasm` is index.node.js, which loads each of them
 * from a file of its own when it is first called: V8 reads every function of a module when that is imported, called or not.
 * Everywhere else the library is one file; there, the parts in LATE are evaluated when they are first called.
 *
 * The sources know nothing of it. Where a file outside of a part imports a function or a class of the part, the build gives
 * it a stand-in, which loads the part and is then replaced by what it stands for. Such a class is made by `new` or asked by a
 * static method; before the part is loaded, nothing is an instance of it. What a part imports from outside is handed to it,
 * so that there is one of each.
 */
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as esbuild from 'esbuild';

/** What the paths of their files begin with. */
export const PARTS = {
  backing: ['bindings/backing/backing-device.ts', 'bindings/backing/file'],
  deflate: ['node_modules/fflate/'],
  history: ['bindings/history/'],
  save: ['bindings/save/'],
  upkeep: [
    'bindings/device/post-process/',
    'bindings/device/prefetch.ts',
    'bindings/device/sysfs/attributes.ts',
    'bindings/device/sysfs/text.ts',
  ],
  zswap: ['bindings/zswap/'],
};

/** fflate makes its tables when it is evaluated, which takes longer than reading all the rest. */
export const LATE = ['deflate'];

/** Stands for `require` until esbuild is done, which would write a function of its own. */
const REQUIRE = 'require_of_a_bundler';

/**
 * Divides a bundle in which all imports are of names.
 * @param {import('esbuild').BuildOptions} options of the bundle
 * @param {string[]} names of the parts, as far as they are in it
 * @param {string} [folder] where the parts go, as the bundle has it; without one they stay in the bundle
 * @returns the plugin, and for a folder `finish`, by which the bundle's text is completed, and the parts' texts by name
 */
export async function divide(options, names, folder) {
  const { absWorkingDir: root, target } = options;
  const partOf = (file) => names.find((name) => PARTS[name].some((beginning) => file.startsWith(beginning)));
  const quoted = JSON.stringify;

  const sources = new Map();
  /** By importing file, what its requests mean. */
  const targets = new Map();
  // Not with the plug-in that makes a bundle import ZramError: what is shared with a part is what the bundle then has.
  const plugins = options.plugins.filter(({ name }) => name !== 'import-errors');
  const { metafile } = await esbuild.build({ ...options, plugins, metafile: true, write: false });
  for (const [file, { imports }] of Object.entries(metafile.inputs)) {
    if (!existsSync(path.join(root, file))) continue; // another plug-in's
    sources.set(file, readFileSync(path.join(root, file), 'utf8'));
    targets.set(file, new Map(imports.map(({ original, path: to }) => [original, to])));
  }

  /** By part, then by file, the names that cross its border: outwards, and inwards. */
  const given = new Map(names.map((name) => [name, new Map()]));
  const taken = new Map(names.map((name) => [name, new Map()]));
  const note = (map, file, name) => map?.set(file, (map.get(file) ?? new Set()).add(name));
  for (const [file, source] of sources) {
    // Without types, and in esbuild's own writing.
    const { code } = await esbuild.transform(source, { loader: path.extname(file).slice(1), target });
    for (const [, list, request] of code.matchAll(/^import\s*\{([^}]*)\}\s*from "([^"]+)"/gm)) {
      const to = targets.get(file).get(request);
      if (partOf(file) === partOf(to)) continue;
      for (const each of list.split(',')) {
        const [name] = each.trim().split(' as ');
        note(given.get(partOf(to)), to, name);
        note(taken.get(partOf(file)), to, name);
      }
    }
  }
  const hash = createHash('sha256');
  for (const [file, source] of sources) hash.update(`${file}\n${source}`);
  const id = hash.digest('hex').slice(0, 16);
  /** In a folder of this build: Deno runs what it has kept, compiled, of a file that was at the same place. */
  const fileOf = (part) => `${id}/${part}.cjs`;

  /** A stand-in for what a file exports; a number or a text needs none. */
  function standIn(file, name) {
    const source = sources.get(file);
    const [, kind, rest] =
      new RegExp(`^export (?:async )?(function|class|const) ${name}\\b(.*)`, 'm').exec(source) ?? [];
    if (kind === 'function') return `export let ${name} = (...args) => (load(), ${name}(...args));\n`;
    if (kind === 'class') {
      const [body] = source.slice(source.indexOf(`export class ${name}`)).split(/^\}/m);
      const statics = [...body.matchAll(/^ {2}static (?:async )?(\w+)[<(]/gm)].map(([, method]) => method);
      const made = `export let ${name} = function (...args) { load(); return new ${name}(...args); };\n`;
      return made + statics.map((one) => `${name}.${one} = (...args) => (load(), ${name}.${one}(...args));\n`).join('');
    }
    const [, literal] = /^(?:: \w+)? = (-?[\w.]+|'[^']*');/.exec(rest ?? '') ?? [];
    if (literal) return `export const ${name} = ${literal};\n`;
    throw new Error(`${name} of ${file} has no stand-in: functions, classes, numbers and texts have`);
  }
  const standInsOf = (part) =>
    [...given.get(part)].flatMap(([file, list]) => [...list].map((name) => standIn(file, name))).join('');
  const listOf = (set) => [...set].join(', ');
  const importsOf = (map) =>
    [...map]
      .map(([file, list]) => `import { ${listOf(list)} } from ${quoted(`/${file.replace(/ts$/, 'js')}`)};\n`)
      .join('');
  const replacedOf = (standIns) => listOf([...standIns.matchAll(/^export let (\w+)/gm)].map(([, name]) => name));

  /** Follows requests, those of the sources and those that are written here: `/` and a file. @param place what becomes of it */
  const follow = (place) => ({
    name: 'follow',
    setup({ onResolve }) {
      onResolve({ filter: /^/ }, ({ path: request, importer }) => {
        const requests = targets.get(path.relative(root, importer).split(path.sep).join('/'));
        const written = [request.slice(1), request.slice(1).replace(/js$/, 'ts')].find((each) => sources.has(each));
        const file = requests ? requests.get(request) : written;
        return sources.has(file) ? (place(file) ?? { path: path.join(root, file) }) : undefined;
      });
    },
  });

  /** All of a part, as statements that take what it imports from `shared` and assign what it exports to `part`. */
  async function bodyOf(part) {
    const shared = {
      name: 'shared',
      setup({ onLoad }) {
        onLoad({ filter: /^/, namespace: 'shared' }, ({ path: file }) => ({
          contents: `export const { ${listOf(taken.get(part).get(file))} } = shared[${quoted(file)}];`,
        }));
      },
    };
    const { outputFiles } = await esbuild.build({
      ...options,
      entryPoints: undefined,
      banner: undefined,
      footer: undefined,
      stdin: { contents: `${importsOf(given.get(part))}part = { ${replacedOf(standInsOf(part))} };`, resolveDir: root },
      plugins: [follow((file) => (partOf(file) === part ? undefined : { path: file, namespace: 'shared' })), shared],
      write: false,
    });
    return outputFiles[0].text;
  }

  /** The module that has a part's stand-ins. */
  async function doorOf(part) {
    const standIns = standInsOf(part);
    const shared = [...taken.get(part)].map(([file, list]) => `${quoted(file)}: { ${listOf(list)} }`);
    const file = quoted(`${folder}/${fileOf(part)}`);
    const made = folder
      ? `loadPart(${file}, ${quoted(id)}, shared, () => ${REQUIRE}(${file}))`
      : `(() => { let part;\n${await bodyOf(part)}\nreturn part; })()`;
    return `import { loadPart } from './bindings/base/part.ts';
      ${importsOf(taken.get(part))}
      ${standIns}
      function load() {
        const shared = { ${shared.join(', ')} };
        ({ ${replacedOf(standIns)} } = ${made});
      }`;
  }

  const doors = {
    name: 'doors',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /^door:/ }, ({ path: request }) => ({ path: request.slice(5), namespace: 'door' }));
      onLoad({ filter: /^/, namespace: 'door' }, async ({ path: part }) => ({
        contents: await doorOf(part),
        resolveDir: root,
      }));
      onLoad({ filter: /^/, namespace: 'stand-in' }, ({ path: file }) => {
        const part = partOf(file);
        return { contents: `export { ${listOf(given.get(part).get(file))} } from 'door:${part}';` };
      });
    },
  };
  return {
    plugins: [doors, follow((file) => (partOf(file) ? { path: file, namespace: 'stand-in' } : undefined))],
    finish: (text) => text.replaceAll(REQUIRE, 'require'),
    /** The texts of the parts' files. */
    files: () =>
      Promise.all(
        names.map(async (part) => [
          fileOf(part),
          `'use strict';\nexports.build = ${quoted(id)};\nexports.make = (shared) => {\nlet part;\n${await bodyOf(part)}return part;\n};\n`,
        ]),
      ),
  };
}
