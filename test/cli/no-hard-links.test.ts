/** File systems without hard links (FAT, some of the network): a file that is there stays all the same. */
import * as fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, jest, test } from '@jest/globals';

jest.unstable_mockModule('node:fs', () => ({
  ...fs,
  linkSync: () => {
    throw Object.assign(new Error('link'), { code: 'EPERM' });
  },
}));
const { Replacement } = await import('../../cli/replacement.js');

test('a file without a name yet gets one that nothing has, and no other', () => {
  const folder = fs.mkdtempSync(join(tmpdir(), 'zram-wasm-'));
  const finish = (content: string) => {
    const replacement = new Replacement(join(folder, 'image'), undefined);
    try {
      const descriptor = replacement.open();
      fs.writeSync(descriptor, content);
      replacement.finish(descriptor, false, new Set());
    } catch (error) {
      replacement.discard();
      throw error;
    }
  };
  finish('first');
  expect(() => finish('second')).toThrow('EEXIST');
  expect(fs.readdirSync(folder)).toEqual(['image']);
  expect(fs.readFileSync(join(folder, 'image'), 'utf8')).toBe('first');
  fs.rmSync(folder, { recursive: true });
});
