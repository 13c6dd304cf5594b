/**
 * Runs the documents' snippets as a newcomer would: with the package packed and installed elsewhere, each in a process
 * and a folder of its own.
 *
 * - `js` and `ts`: a module that imports 'zram-wasm'. Where lines end in `// → text`, what the module prints is compared
 *   with these texts.
 * - `sh`: run by bash, in an empty folder below the one where the package is installed.
 * - After the language may stand `no-run: reason`. Snippets in other languages are not run.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { transform } from 'esbuild';

import { Installed, environment } from '../package/installed.js';
import { documents, snippetsOf, type Snippet } from './markdown.js';

const LANGUAGES_RUN = ['js', 'ts', 'sh'];
/** A snippet takes well under a second, but for those that wait; a busy machine gets time. */
const TIMEOUT = 30_000;
const LANGUAGES_SHOWN = ['', 'text', 'json', 'html', 'mermaid'];

let installed: Installed;

beforeAll(async () => {
  installed = await Installed.make();
  // What the adapters serve, and what users come from, as they have it installed.
  for (const peer of ['just-bash', '@zenfs/core', 'memfs']) {
    mkdirSync(dirname(installed.path(`node_modules/${peer}`)), { recursive: true });
    symlinkSync(
      fileURLToPath(new URL(`../../node_modules/${peer}`, import.meta.url)),
      installed.path(`node_modules/${peer}`),
    );
  }
  // npx takes a second to find what is installed, each time; test/package runs the command by npm.
  mkdirSync(installed.path('bin'));
  writeFileSync(installed.path('bin/npx'), '#!/bin/sh\nexec "$@"\n', { mode: 0o755 });
}, 60_000);

afterAll(() => installed.remove());

interface Outcome {
  status: number | null;
  out: string;
  err: string;
}

/** Runs to the end of the process itself; what it left in the background is ended. */
function run(command: string, args: string[], cwd: string): Promise<Outcome> {
  return new Promise((done, failed) => {
    const PATH = [installed.path('bin'), installed.path('node_modules/.bin'), process.env['PATH']].join(delimiter);
    const env = { ...environment(), PATH, npm_config_offline: 'true' };
    const child = spawn(command, args, { cwd, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
    let out = '';
    let err = '';
    child.stdout.on('data', (bytes) => (out += String(bytes)));
    child.stderr.on('data', (bytes) => (err += String(bytes)));
    child.on('error', failed);
    child.on('exit', () => {
      try {
        process.kill(-child.pid!);
      } catch {
        // Nothing was left.
      }
    });
    child.on('close', (status) => done({ status, out, err }));
  });
}

async function runSnippet(snippet: Snippet): Promise<Outcome> {
  const place = mkdtempSync(installed.path('run-'));
  if (snippet.language === 'sh') return run('bash', ['-euo', 'pipefail', '-c', snippet.text], place);
  const { code } = await transform(snippet.text, { loader: 'ts', format: 'esm', target: 'node20' });
  writeFileSync(join(place, 'snippet.mjs'), snippet.language === 'ts' ? code : snippet.text);
  return run(process.execPath, ['snippet.mjs'], place);
}

const snippets = documents().flatMap(snippetsOf);
const name = ({ file, line, language }: Snippet): string => `${file}:${line} (${language})`;

describe('snippets', () => {
  const running = snippets.filter(({ language, info }) => LANGUAGES_RUN.includes(language) && info === '');
  test.each(running.map((snippet) => [name(snippet), snippet] as const))(
    '%s runs',
    async (_, snippet) => {
      const { status, out, err } = await runSnippet(snippet);
      // Not every user may read the memory of another process.
      if (snippet.text.includes('--pid') && /--pid needs \/proc|needs the rights of a debugger/.test(err)) return;
      expect({ status, err }).toEqual({ status: 0, err: '' });
      const promised = [...snippet.text.matchAll(/\/\/ → (.*)$/gm)].map(([, text = '']) => text.trim());
      if (promised.length > 0) expect(out.trimEnd().split('\n')).toEqual(promised);
    },
    TIMEOUT,
  );

  test('are in a known language, and say why where they are not run', () => {
    const odd = snippets.filter(({ language, info }) =>
      LANGUAGES_RUN.includes(language) ? !/^(no-run: .+)?$/.test(info) : !LANGUAGES_SHOWN.includes(language),
    );
    expect(odd.map(name)).toEqual([]);
  });

  test('the README shows one that needs no other', () => {
    const [first] = running.filter(({ file, language }) => file === 'README.md' && language === 'js');
    expect(first?.text).toMatch(/^import .* from 'zram-wasm';/m);
  });
});
