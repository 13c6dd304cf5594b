/** The numbers that cross between the core and the bindings have the same names and values on both sides. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import * as layout from '../bindings/core/layout.js';

/** Constants of a file of the core, by name. Expressions are of numbers alone. */
function constantsOf(file: string): Map<string, number> {
  const text = readFileSync(`assembly/${file}.ts`, 'utf8');
  const found = [...text.matchAll(/^(?:export )?const ([A-Z_\d]+): u32 = (\d+)(?: << (\d+))?;/gm)];
  return new Map(found.map(([, name, value, shift = '0']) => [name, Number(value) << Number(shift)]));
}

const upper = (name: string): string => name.replace(/[A-Z]/g, '_$&').toUpperCase();

test('blocks of statistics, what a difference is, and what extents hold', () => {
  const expected = Object.entries(layout).flatMap(([block, names]) =>
    typeof names === 'object'
      ? Object.entries(names).map(([name, n]): [string, number] => [`${block}_${upper(name)}`, n])
      : [],
  );
  expect(expected.length).toBeGreaterThan(40);
  const ofCore = [...constantsOf('exports/stats'), ...constantsOf('zram/difference'), ...constantsOf('zram/extents')];
  expect(ofCore.sort()).toEqual(expected.sort());
});

test('codecs', () => {
  const constants = constantsOf('common');
  for (const name of ['CODEC_RAW', 'CODEC_LZ4', 'CODEC_PAGE', 'CODEC_LZ4HC', 'CODEC_FOREIGN'] as const) {
    expect([name, constants.get(name)]).toEqual([name, layout[name]]);
  }
});

test('the states of a slot', () => {
  const constants = new Map([
    ...constantsOf('zram/slot'),
    ...constantsOf('zram/table'),
    ...constantsOf('zram/slot-state'),
  ]);
  for (const name of ['SAME', 'HUGE', 'STORED', 'WRITTEN_BACK', 'IDLE', 'INCOMPRESSIBLE', 'PICKED'] as const) {
    expect([name, constants.get(`SLOT_${name}`)]).toEqual([name, layout[`STATE_${name}`]]);
  }
  expect(constants.get('STATE_MERGED')).toBe(layout.STATE_MERGED);
});
