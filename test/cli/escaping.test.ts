/** Names are anybody's: nothing of them reaches a terminal but what prints, and JSON says them exactly. */
import { mkdirSync, writeFileSync } from 'node:fs';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { messageLine, printable, printableJson, printableLines } from '../../cli/escaping.js';
import { Zram } from '../../bindings/index.js';
import { savedAll } from '../save/support.js';
import { Place } from './place.js';

const TIMEOUT_MILLISECONDS = 60_000;
/** All that a terminal might act on, but for the ends of our own lines. */
const ACTIVE = /[^\P{Cc}\n]|[\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

const NAMES = {
  'an escape sequence': '\x1b]0;owned\x07\x1b[2J',
  'a C1 control': 'a\u009b2Jb\u0085c',
  DEL: 'a\x7fb',
  'a line end': 'done\nzram-wasm: all is well\r',
  'bidi controls': 'gnp\u202e.img\u2066\u200f',
  'other ends of lines': 'a\u2028b\u2029c',
  'invisible characters': 'a\u200b\u{e0041}\ufeffb',
};

describe('text', () => {
  test.each(Object.entries(NAMES))('%s does not get through', (_, name) => {
    for (const text of [printable(name), messageLine(name)])
      expect(text).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u);
    expect(printableLines(name)).not.toMatch(ACTIVE);
    expect(printableJson(JSON.stringify({ name }, null, 2))).not.toMatch(ACTIVE);
  });

  test('what prints stays', () => {
    for (const name of ['disk 1.img', 'Диск.img', 'ディスク', '💾.img', "a'b\\c"]) expect(printable(name)).toBe(name);
  });

  test('JSON says the same', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.string(), (name, other) => {
        const json = printableJson(JSON.stringify({ name: [name, '\u202e\ud800\x9b'], [other]: name }, null, 2));
        expect(json).not.toMatch(ACTIVE);
        expect(JSON.parse(json)).toEqual({ name: [name, '\u202e\ud800\x9b'], [other]: name });
      }),
    );
  });

  test('a message is a line of a length that can be read', () => {
    const line = messageLine(`cannot write '${'n'.repeat(2 ** 20)}': its name is too long`);
    expect(line.length).toBeLessThan(1100);
    expect(line).toMatch(/^cannot write 'n+ \.\.\. n+': its name is too long$/);
  });
});

(process.platform === 'win32' ? describe.skip : describe)('the command', () => {
  let place: Place;
  beforeAll(() => {
    place = new Place();
  });
  afterAll(() => place.remove());

  test(
    'prints nothing of them in reports and messages, of names in packs and of files',
    async () => {
      const all = Object.values(NAMES);
      for (const [index, name] of [all.slice(0, 4).join(''), all.slice(4).join('')].entries()) {
        const folder = `${index}`;
        mkdirSync(place.at(folder));
        writeFileSync(place.at(folder, name), 'an image');
        using zram = await Zram.create({ disksize: '8K' });
        zram.writePage(0, Buffer.alloc(4096, 'page'));
        writeFileSync(place.at(folder, 'a.zram'), await savedAll({ [name]: zram, b: zram }));
        writeFileSync(place.at(folder, 'damaged.zram'), await savedAll({ [`${name}/`]: zram }));
        const file = `${folder}/${name}`;
        const said = [
          place.cli('unpack', `${folder}/a.zram`, '-o', `${folder}/out`),
          place.cli('unpack', `${folder}/a.zram`, '-o', `${folder}/out`), // already exists
          place.cli('unpack', `${folder}/damaged.zram`, '-o', `${folder}/out`), // a name that no file can have
          place.cli('unpack', `${folder}/a.zram`, '-o', file), // a folder that is a file
          place.cli('diff', `${folder}/a.zram`, file),
          place.cli('pack', file, `${file}-`, '-o', 'x.zram'),
          place.cli('pack', file, '-o', file),
          place.cli('analyze', file, '--json'),
          place.cli('analyze', file, file),
          place.cli('analyze', '--algorithm', name, file),
          place.cli('analyze', `--${name}`, file),
          place.cli(name),
        ];
        for (const { stdout, stderr } of said) expect(stdout + stderr).not.toMatch(ACTIVE);
        for (const { status, stderr } of said) if (status !== 0) expect(stderr).toMatch(/^zram-wasm: [^\n]+\n$/);
        expect(JSON.parse(said[7].stdout).inputs[0].name).toBe(file);
      }
    },
    TIMEOUT_MILLISECONDS,
  );
});
