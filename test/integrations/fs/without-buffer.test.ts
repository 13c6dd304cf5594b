/** Where there is no Buffer, as in browsers: bytes are plain, and every encoding gives what Node's gives. */
import { afterAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Engine } from '../../../bindings/index.js';
import { seedOfRun } from '../../support/random.js';

const NodeBuffer = globalThis.Buffer;
const ENCODINGS = ['utf8', 'latin1', 'binary', 'ascii', 'hex', 'base64', 'base64url', 'utf16le', 'ucs2'] as const;

Reflect.deleteProperty(globalThis, 'Buffer');
const { PageFs } = await import('../../../integrations/fs.js');
afterAll(() => void (globalThis.Buffer = NodeBuffer));

test('files are Uint8Arrays', () => {
  const fs = PageFs.createSync({ engine: Engine.createSync() });
  fs.writeFileSync('/f', 'grün');
  const bytes = fs.readFileSync('/f');
  expect(Object.getPrototypeOf(bytes)).toBe(Uint8Array.prototype);
  expect(fs.readFileSync('/f', 'utf8')).toBe('grün');
  expect(() => fs.readFileSync('/f', 'klingon' as 'utf8')).toThrow(/encoding/);
});

test('what is saved is loaded', async () => {
  const fs = PageFs.createSync({ engine: Engine.createSync() });
  fs.writeFileSync('/grün', 'grün');
  fs.symlinkSync('grün', '/verweis');
  const parts: Uint8Array[] = [];
  await fs.save({ write: (part) => void parts.push(part) });
  const loaded = await PageFs.load(new Blob(parts as Uint8Array<ArrayBuffer>[]));
  expect(loaded.readFileSync('/verweis', 'utf8')).toBe('grün');
  expect(fs.diff(loaded)).toEqual([]);
});

test('encodings are those of Node', () => {
  const fs = PageFs.createSync({ engine: Engine.createSync() });
  const property = fc.property(
    fc.uint8Array(),
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom(...ENCODINGS),
    (bytes, text, name) => {
      fs.writeFileSync('/f', bytes);
      const decoded = NodeBuffer.from(bytes).toString(name);
      expect([name, fs.readFileSync('/f', name)]).toEqual([name, decoded]);
      const given = name === 'hex' || name.startsWith('base64') ? decoded : text;
      fs.writeFileSync('/f', given, name);
      expect([name, [...fs.readFileSync('/f')]]).toEqual([name, [...NodeBuffer.from(given, name)]]);
    },
  );
  fc.assert(property, { numRuns: 500, seed: seedOfRun() });
});
