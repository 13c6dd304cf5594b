import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { FileInput, readFully, StdinInput } from '../../cli/inputs.js';

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'zram-wasm-'));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

async function* pieces(...sizes: number[]): AsyncGenerator<Uint8Array> {
  let value = 0;
  for (const size of sizes) yield Uint8Array.from({ length: size }, () => value++);
}

describe('FileInput', () => {
  test('reads a file in pieces and knows its size', async () => {
    const path = join(folder, 'file');
    writeFileSync(
      path,
      Uint8Array.from({ length: 10 }, (_, i) => i),
    );
    const input = await FileInput.open(path);
    expect(input.bytes).toBe(10);
    const out = new Uint8Array(8);
    expect(await readFully(input, out)).toBe(8);
    expect([...out]).toEqual([0, 1, 2, 3, 4, 5, 6, 7]);
    expect(await readFully(input, out)).toBe(2);
    expect([...out.subarray(0, 2)]).toEqual([8, 9]);
    expect(await readFully(input, out)).toBe(0);
    await input.close();
  });

  test.each([
    ['a missing file', 'missing', /^cannot read '.*missing': no such file$/],
    ['a directory', '.', /^cannot read '.*': it is a directory/],
    ['a path through a file', 'plain/below', /a part of its path is not a directory$/],
  ])('names %s', async (_, name, message) => {
    writeFileSync(join(folder, 'plain'), '');
    await expect(FileInput.open(join(folder, name))).rejects.toThrow(message);
  });

  (process.platform === 'linux' ? test : test.skip)('takes files that say 0 and hold something', async () => {
    const input = await FileInput.open('/proc/self/maps');
    expect(input.bytes).toBeUndefined();
    expect(await input.read(new Uint8Array(100))).toBe(100);
    await input.close();
  });
});

describe('StdinInput', () => {
  test('joins and splits what arrives', async () => {
    const input = new StdinInput(pieces(3, 0, 10, 1));
    const out = new Uint8Array(6);
    expect(await readFully(input, out)).toBe(6);
    expect([...out]).toEqual([0, 1, 2, 3, 4, 5]);
    expect(await readFully(input, out)).toBe(6);
    expect([...out]).toEqual([6, 7, 8, 9, 10, 11]);
    expect(await readFully(input, out)).toBe(2);
    expect(await readFully(input, out)).toBe(0);
    await input.close();
  });

  test('an input that breaks off is told as such', async () => {
    async function* broken(): AsyncGenerator<Uint8Array> {
      yield new Uint8Array(1);
      throw Object.assign(new Error('read EISDIR'), { code: 'EISDIR' });
    }
    const input = new StdinInput(broken());
    await expect(readFully(input, new Uint8Array(2))).rejects.toThrow('cannot read standard input: it is a directory');
  });
});
