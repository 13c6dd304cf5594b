/**
 * Imports go one way: no circle of files, and none from a lower layer to a higher one (layers.mjs). Imports of types count too:
 * whoever reads a file has to read what its types name.
 *
 * ESLint sees one file at a time. So the rule reads what the others import from the disk, once a run for each.
 */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import ts from 'typescript';
import { layerOf } from './layers.mjs';

const root = path.resolve(import.meta.dirname, '../..');
/** Imports by file; undefined for what is not a file. */
const cache = new Map();

/** Paths from the root, with `/` on every platform. */
const relativeTo = (file) => path.relative(root, file).split(path.sep).join('/');

function textOf(file) {
  try {
    return readFileSync(path.join(root, file), 'utf8');
  } catch {
    return undefined;
  }
}

/** What a text imports by a relative path, as { file, at }; files are those that are there. */
function importsOf(file, text) {
  return ts
    .preProcessFile(text, true, true)
    .importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
    .flatMap(({ fileName, pos }) => {
      const to = path.posix.join(path.posix.dirname(file), fileName);
      const found = [to.replace(/\.js$/, '.ts'), `${to}.ts`, to].find((each) => storedImports(each) !== undefined);
      return found === undefined ? [] : [{ file: found, at: pos }];
    });
}

function storedImports(file) {
  if (!cache.has(file)) {
    const text = /\.(ts|mjs|js)$/.test(file) ? textOf(file) : undefined;
    cache.set(file, text === undefined ? undefined : []); // a circle of files ends here
    if (text !== undefined)
      cache.set(
        file,
        importsOf(file, text).map((each) => each.file),
      );
  }
  return cache.get(file);
}

/** The way along imports from one file to another, both included; undefined when there is none. */
function wayBetween(from, to) {
  const before = new Map([[from, undefined]]);
  const queue = [from];
  for (const file of queue) {
    if (file === to) {
      const way = [];
      for (let each = to; each !== undefined; each = before.get(each)) way.unshift(each);
      return way;
    }
    for (const next of storedImports(file) ?? []) {
      if (before.has(next)) continue;
      before.set(next, file);
      queue.push(next);
    }
  }
  return undefined;
}

/** @type {import('eslint').Rule.RuleModule} */
export default {
  meta: {
    type: 'problem',
    schema: [],
    messages: {
      circle: 'this import closes a circle: {{way}}.',
      upwards: '{{from}} is below {{to}} and must not import it (scripts/lint/layers.mjs).',
    },
  },
  create(context) {
    const file = relativeTo(context.physicalFilename);
    return {
      Program() {
        const { text } = context.sourceCode;
        const own = layerOf(file);
        for (const { file: imported, at } of importsOf(file, text)) {
          const loc = context.sourceCode.getLocFromIndex(at);
          const way = wayBetween(imported, file);
          if (way) context.report({ loc, messageId: 'circle', data: { way: [file, ...way].join(' → ') } });
          const other = layerOf(imported);
          if (own && other && own.house === other.house && other.rank > own.rank) {
            context.report({ loc, messageId: 'upwards', data: { from: own.name, to: other.name } });
          }
        }
      },
    };
  },
};
