import { existsSync, statSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

import { describe, expect, test } from '@jest/globals';

import { anchorsOf, apiDocuments, documents, linksOf } from './markdown.js';

const files = [...documents(), ...apiDocuments()];

/** What is wrong with a link, or nothing. */
function problem(file: string, target: string): string | undefined {
  if (/^https?:/.test(target)) return undefined;
  const [path = '', anchor] = target.split('#');
  const destination = path === '' ? file : normalize(join(dirname(file), decodeURIComponent(path)));
  if (!existsSync(destination)) return 'no such file';
  if (anchor === undefined) return undefined;
  if (!destination.endsWith('.md') || statSync(destination).isDirectory()) return 'an anchor in what is no document';
  return anchorsOf(destination).has(decodeURIComponent(anchor)) ? undefined : 'no such heading';
}

describe('links between the documents', () => {
  test.each(files)('%s', (file) => {
    const wrong = linksOf(file).flatMap(({ target, line }) => {
      const reason = problem(file, target);
      return reason === undefined ? [] : [`${file}:${line}: ${target}: ${reason}`];
    });
    expect(wrong).toEqual([]);
  });

  test('every document is reached from the README', () => {
    const reached = new Set(['README.md']);
    for (const file of reached) {
      for (const { target } of linksOf(file)) {
        const path = normalize(join(dirname(file), target.split('#')[0] ?? ''));
        if (files.includes(path)) reached.add(path);
      }
    }
    expect(files.filter((file) => !reached.has(file))).toEqual([]);
  });
});
