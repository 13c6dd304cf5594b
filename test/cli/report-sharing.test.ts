import { describe, expect, test } from '@jest/globals';

import type { ClassResult, InputFacts } from '../../cli/analysis.js';
import { TEXT_WIDTH } from '../../cli/format.js';
import { CLASS_ROWS_MAX, classesText, MATRIX_INPUTS_MAX, sharingText } from '../../cli/report-sharing.js';

const row = (size: number, merged: number): ClassResult => ({ size, objects: 10, merged, bytesSaved: size * merged });

describe('the merge by size class', () => {
  test('has a row for each class and one for all', () => {
    expect(classesText([row(64, 3), row(2048, 1000)])).toEqual([
      '      size  objects  merged  bytes saved',
      '        64       10       3          192',
      '     2,048       10   1,000    2,048,000',
      '  together       20   1,003    2,048,192',
    ]);
  });

  test('sums the classes that save the least', () => {
    const classes = Array.from({ length: 20 }, (_, i) => row(32 + 16 * i, i === 0 ? 1000 : 1));
    const lines = classesText(classes);
    expect(lines).toHaveLength(1 + CLASS_ROWS_MAX + 2);
    expect(lines[1]).toBe('        32       10   1,000       32,000');
    // Of the others, the smallest.
    const rest = classes.slice(1, 9).reduce((sum, { bytesSaved }) => sum + bytesSaved, 0);
    expect(lines.at(-2)).toBe(`    8 more       80       8  ${rest.toLocaleString('en-US').padStart(11)}`);
    expect(lines.at(-1)).toMatch(/^ {2}together +200 +1,019 /);
  });

  test('a merge that found nothing says so', () => {
    expect(classesText([])).toEqual(['  Nothing was merged.']);
  });
});

describe('the matrix', () => {
  const inputs = (count: number, name = (i: number) => `${i}.img`): InputFacts[] =>
    Array.from({ length: count }, (_, i) => ({
      kind: 'file',
      name: name(i),
      bytes: 0,
      pages: 0,
      paddedBytes: 0,
      pagesVanished: 0,
      pagesOnlyRead: 0,
      pagesLeftOut: 0,
    }));
  const square = (count: number, value: number): number[][] =>
    Array.from({ length: count }, () => new Array<number>(count).fill(value));

  test('has a row and a column for each input', () => {
    const lines = sharingText(
      {
        pages: [
          [2, 1234],
          [5, 0],
        ],
      },
      inputs(2),
    );
    expect(lines.slice(0, 3)).toEqual(['            1      2', '  1  0.img  2  1,234', '  2  1.img  5      0']);
    expect(lines.join(' ')).toContain('Same-filled pages are left out.');
    expect(lines.join(' ')).not.toContain('These are the first');
  });

  test.each([1, 999, 123_456, 9_999_999, 123_456_789])('fits a line with numbers such as %p', (value) => {
    const lines = sharingText(
      { pages: square(14, value) },
      inputs(14, (i) => `/a/long/path/to/an/image/of/pages/number-${i}.img`),
    );
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(TEXT_WIDTH);
    const [, shown] = /These are the first ([0-9]+) of 14 inputs/.exec(lines.join('\n'))!;
    expect(Number(shown)).toBeLessThanOrEqual(MATRIX_INPUTS_MAX);
    expect(Number(shown)).toBeGreaterThanOrEqual(6);
    expect(lines[1]).toMatch(/^ {2,3}1 {2}\.\.\.\S+-0\.img +[0-9]/);
  });
});
