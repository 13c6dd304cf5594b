/** `cp` of a PageFs beside Node's, on the same tree: what it copies, what it asks `filter`, and how it fails. */
import * as nodeFs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { PageFs } from '../../../integrations/fs.js';
import { contentsOf, type Fs } from './operations.js';

let top: string;

beforeAll(() => {
  top = nodeFs.realpathSync(nodeFs.mkdtempSync(join(tmpdir(), 'zram-wasm-cp-')));
  process.umask(0o022);
});
afterAll(() => nodeFs.rmSync(top, { recursive: true, force: true }));

function plant(fs: Fs): void {
  for (const each of ['from/deep', 'empty', 'there/deep']) fs.mkdirSync(`${top}/${each}`, { recursive: true });
  for (const each of ['from/a', 'from/deep/b', 'there/a', 'there/deep/c', 'file']) {
    fs.writeFileSync(`${top}/${each}`, each, { mode: 0o640 });
    fs.utimesSync(`${top}/${each}`, 1, each.length);
  }
  fs.symlinkSync('deep/b', `${top}/from/link`);
}

type Options = nodeFs.CopySyncOptions;
/** A call, as the part of a path from and to, and what a filter leaves out. */
type Call = [from: string, to: string, options?: Options, without?: string];
const all: Options = { recursive: true };
const CALLS: Call[] = [
  ['from', 'new', all],
  ['from/', 'new/', all, 'b'],
  ['from', 'new/one/two', all, 'deep'],
  // With a filter, as without one cpSync of Node.js 24 does not go through links.
  ['from', 'there', { ...all, dereference: true }, 'none'],
  ['from', 'there', { ...all, force: false }],
  ['from', 'there', { ...all, force: false, errorOnExist: true }],
  ['file', 'there/a', { mode: nodeFs.constants.COPYFILE_EXCL }],
  ['from', 'new', { ...all, preserveTimestamps: true, verbatimSymlinks: true }],
  ['file', 'there/a', { preserveTimestamps: true }],
  ['from/link', 'new'],
  ['from/link', 'there/a'],
  ['none', 'new', all],
  ['none', 'new', all, 'none'],
  ['from', 'new'],
  ['from', 'from/deep/new'],
  ['from', 'from/deep/new', all],
  ['from', 'file', all],
  ['file', 'empty'],
  ['file', 'file'],
];

async function outcomeOf(fs: Fs, [from, to, options, without]: Call, later: boolean): Promise<unknown> {
  const asked: string[][] = [];
  const filter = (source: string, destination: string): boolean => {
    asked.push([source, destination]);
    return !source.endsWith(`/${String(without)}`);
  };
  const given = without === undefined ? options : { ...options, filter };
  let code: unknown;
  try {
    if (!later) fs.cpSync(`${top}/${from}`, `${top}/${to}`, given);
    else {
      const answer = (...paths: [string, string]): Promise<boolean> => Promise.resolve(filter(...paths));
      const asynchronous = without === undefined ? options : { ...options, filter: answer };
      await fs.promises.cp(`${top}/${from}`, `${top}/${to}`, asynchronous);
    }
  } catch (error) {
    ({ code } = error as { code: unknown });
    expect(code).toEqual(expect.any(String));
  }
  return { code, asked: asked.sort(), contents: code === undefined && contentsOf(fs, top) };
}

describe.each([
  ['cpSync', false],
  ['promises.cp, with a filter that answers later', true],
] as const)('%s', (_name, later) => {
  test.each(CALLS)('%s to %s, %j, %j left out', async (...call) => {
    const pageFs = await PageFs.create();
    const page = pageFs as unknown as Fs;
    nodeFs.rmSync(top, { recursive: true });
    for (const fs of [nodeFs, page]) {
      fs.mkdirSync(top, { recursive: true });
      plant(fs);
    }
    expect(await outcomeOf(page, call, later)).toEqual(await outcomeOf(nodeFs, call, later));
    pageFs.destroy();
  });
});

test('a filter of cpSync that answers later is refused, as it would copy everything', async () => {
  const fs = await PageFs.create();
  fs.mkdirSync('/from/deep', { recursive: true });
  const filter = (): never => Promise.resolve(false) as never;
  const refused = expect.objectContaining({ code: 'ERR_INVALID_RETURN_VALUE' }) as unknown as Error;
  expect(() => fs.cpSync('/from', '/to', { recursive: true, filter })).toThrow(refused);
  expect(fs.readdirSync('/')).toEqual(['from']);
  const wrong = expect.objectContaining({ code: 'ERR_INVALID_ARG_TYPE' }) as unknown as Error;
  expect(() => fs.cpSync('/from', '/to', { recursive: true, filter: 'deep' as never })).toThrow(wrong);
  fs.destroy();
});
