import { describe, expect, test } from '@jest/globals';

import { bar, exactBytes, humanBytes, number, percent, plural, shorten, table } from '../../cli/format.js';

test('number groups thousands', () => {
  expect(number(0)).toBe('0');
  expect(number(1234567)).toBe('1,234,567');
  expect(number(1234.56, 1)).toBe('1,234.6');
});

test.each([
  [0, '0 bytes'],
  [1, '1 byte'],
  [1023, '1,023 bytes'],
  [1024, '1.0 KiB'],
  [1536 * 1024, '1.5 MiB'],
  [3 * 1024 ** 3, '3.0 GiB'],
  [2048 * 1024 ** 4, '2,048.0 TiB'],
])('humanBytes(%p) is %p', (bytes, text) => {
  expect(humanBytes(bytes)).toBe(text);
});

test('exactBytes gives both, and small figures once', () => {
  expect(exactBytes(52011008)).toBe('52,011,008 bytes (49.6 MiB)');
  expect(exactBytes(39)).toBe('39 bytes');
});

test('plural and percent', () => {
  expect(plural(1, 'page')).toBe('1 page');
  expect(plural(2000, 'page')).toBe('2,000 pages');
  expect(percent(1, 8)).toBe('12.5 %');
  expect(percent(0, 0)).toBe('0.0 %');
});

test('a bar is in proportion, and never hides what is there', () => {
  expect(bar(10, 10, 20)).toBe('#'.repeat(20));
  expect(bar(5, 10, 20)).toBe('#'.repeat(10));
  expect(bar(1, 1000000, 20)).toBe('#');
  expect(bar(0, 0, 20)).toBe('');
});

test('a table aligns words to the left and numbers to the right', () => {
  const rows = [
    ['', 'pages'],
    ['a', '1,000'],
    ['long', '7'],
  ];
  expect(table(rows, [0])).toEqual(['        pages', '  a     1,000', '  long      7']);
});

describe('shorten', () => {
  test('keeps a short name and the end of a long one', () => {
    expect(shorten('disk.img', 20)).toBe('disk.img');
    expect(shorten('/a/very/long/path/to/disk.img', 15)).toBe('.../to/disk.img');
  });

  test('control characters cannot reach the terminal', () => {
    expect(shorten('a\nb\x1b[2Jc', 20)).toBe('a?b?[2Jc');
  });
});
