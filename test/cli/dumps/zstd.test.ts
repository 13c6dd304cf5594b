/** States of v86 inside of zstd, where Node.js has it (22.15): as the states themselves; nothing else in zstd is read. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as zlib from 'node:zlib';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { analyzeJson, run } from '../run.js';
import { fixtures } from './builders.js';
import { v86 } from './builders-states.js';

/** Node's types of Node 20 do not know it. */
const { zstdCompressSync } = zlib as { zstdCompressSync?: (bytes: Uint8Array) => Buffer };

let folder: string;
const at = (...parts: string[]): string => join(folder, ...parts);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'zram-wasm-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

(zstdCompressSync ? test.skip : test)('without zstd, the sentence says how to decompress it', async () => {
  writeFileSync(at('state'), Buffer.from('28b52ffd04580100', 'hex'));
  const { status, err } = await run(['analyze', at('state')]);
  expect({ status, err }).toMatchObject({ status: 1, err: expect.stringContaining("'zstd -dc IN > OUT'") });
});

(zstdCompressSync ? describe : describe.skip)('with zstd', () => {
  const compressed = (bytes: Uint8Array) => zstdCompressSync!(bytes);
  const { file } = v86(3);
  beforeAll(() => {
    writeFileSync(at('plain'), file);
    writeFileSync(at('state'), compressed(file));
  });

  test('its figures and pages are those of the state', async () => {
    const [plain, state] = [await analyzeJson([at('plain')]), await analyzeJson([at('state')])];
    expect(state.inputs[0]).toMatchObject({
      format: 'v86',
      pages: plain.inputs[0].pages,
      extents: plain.inputs[0].extents,
      remainders: [],
      notes: ['it was compressed with zstd'],
    });
    expect(state.algorithms[0].mm_stat).toEqual(plain.algorithms[0].mm_stat);
    expect(await analyzeJson([at('state'), '--format', 'v86'])).toMatchObject({ inputs: [{ format: 'v86' }] });
    const { out } = await run(['diff', at('plain'), at('state')]);
    expect(out).toContain('no difference');
  });

  test('a pack gives its file back, and can be compared', async () => {
    const { status, err } = await run(['pack', at('state'), at('plain'), '-o', at('pack.zram')]);
    expect({ status, err }).toMatchObject({ status: 0, err: expect.stringContaining('was packed as it is') });
    expect((await run(['unpack', at('pack.zram'), '-o', at('out')])).status).toBe(0);
    expect(readFileSync(at('out', 'state')).equals(readFileSync(at('state')))).toBe(true);
    expect((await run(['pack', at('state'), '-o', at('one.zram')])).status).toBe(0);
    const { out } = await run(['diff', at('one.zram'), at('plain')]);
    expect(out).toContain('no difference');
    expect((await run(['pack', '--memory', at('state'), '-o', at('memory.zram')])).status).toBe(0);
  });

  test.each([
    ['another dump', () => compressed(fixtures(1)[0].file), /is compressed with zstd, which is not read: 'zstd -dc/],
    ['an empty file', () => compressed(Buffer.alloc(0)), /is compressed with zstd, which is not read/],
    [
      'another version of v86',
      () => compressed(Buffer.concat([file.subarray(0, 4), Buffer.alloc(100, 7)])),
      /not read/,
    ],
    [
      'a state that is cut',
      () => compressed(file.subarray(0, 40)),
      /the file ends inside the JSON|cannot be in the file/,
    ],
    ['zstd that is cut', () => compressed(file).subarray(0, 3000), /not read|it cannot be decompressed: /],
    [
      'no zstd',
      () => Buffer.concat([Buffer.from('28b52ffd', 'hex'), Buffer.alloc(5000, 0x11)]),
      /cannot be decompressed/,
    ],
  ])('%s is refused', async (_, bytes, message) => {
    writeFileSync(at('other'), bytes());
    const { status, out, err } = await run(['analyze', at('other')]);
    expect({ status, out, err }).toMatchObject({ status: 1, out: '', err: expect.stringMatching(message) });
  });

  test('a state that ends early is read as far as it goes', async () => {
    writeFileSync(at('early'), compressed(file.subarray(0, file.length - 4096)));
    const { status, err } = await run(['analyze', at('early')]);
    expect({ status, err }).toMatchObject({ status: 1, err: expect.stringContaining('is truncated') });
  });

  test('what follows the state is not taken, however much it is', async () => {
    const bomb = Buffer.concat([file, Buffer.alloc(200 * 1024 * 1024)]);
    writeFileSync(at('bomb'), compressed(bomb));
    const found = await analyzeJson([at('bomb')]);
    expect(found.inputs[0].pages).toBe(26);
  });

  test('from a pipe, it says how', async () => {
    async function* stdin(): AsyncGenerator<Uint8Array> {
      yield compressed(file);
    }
    const { status, err } = await run(['analyze', '-'], { stdin: stdin() });
    expect({ status, err }).toMatchObject({ status: 1, err: expect.stringContaining("'zstd -dc IN > OUT'") });
  });
});
