/** The reports of `pack`, `unpack` and `diff`, as text and as JSON. */
import type { Difference, ImageDifference, ImageFacts } from './diff.js';
import { exactBytes, humanBytes, number, percent, plural, shorten, table } from './format.js';
import type { Packed } from './pack.js';
import { PAGE_BYTES } from './page-list.js';
import type { Report } from './surroundings.js';
import type { Unpacked } from './unpack.js';

const NAME_WIDTH = 60;

export function packReport(packed: Packed): Report {
  const { output, algorithm, images, bytes, pages, objects, pagesMerged } = packed;
  const total = images.reduce((sum, image) => sum + image.bytes, 0);
  const rows = images.map((image) => [
    shorten(image.name, NAME_WIDTH),
    plural(image.pages, 'page'),
    humanBytes(image.bytes),
    image.format === 'raw' ? '' : image.format,
  ]);
  return {
    text: () =>
      [
        `Packed with ${algorithm}: ${plural(images.length, 'image')}, ${exactBytes(total)}`,
        ...table(rows, [0, 3]),
        `${output === '-' ? 'Standard output' : shorten(output, NAME_WIDTH)} has ${exactBytes(bytes)}, ${percent(bytes, total)} of the images.`,
        `It holds ${plural(objects, 'object')} for ${plural(pages, 'page')}; ${number(pagesMerged)} share the object of another page.`,
      ].join('\n'),
    json: (version) => stringify({ version, ...packed }),
  };
}

export function unpackReport(unpacked: Unpacked): Report {
  const { file, images } = unpacked;
  const rows = images.map(({ path, bytes }) => [shorten(path, NAME_WIDTH), exactBytes(bytes)]);
  return {
    text: () =>
      [`Unpacked ${shorten(file, NAME_WIDTH)}: ${plural(images.length, 'image')}`, ...table(rows, [0])].join('\n'),
    json: (version) => stringify({ version, ...unpacked }),
  };
}

export function diffReport(difference: Difference): Report {
  const { a, b, images, onlyInA, onlyInB } = difference;
  const onlyIn = (side: string, names: readonly string[]) =>
    names.map((name) => `only in ${shorten(side, NAME_WIDTH)}: ${shorten(name, NAME_WIDTH)}`);
  const same = images.every(({ pages, by, a, b }) => pages === 0 && (by === 'address' || a.bytes === b.bytes));
  const identical = same && onlyInA.length + onlyInB.length === 0;
  const textOf = (image: ImageDifference) => (image.by === 'address' ? addressText(image) : imageText(image));
  return {
    text: () => [...images.flatMap(textOf), ...onlyIn(a, onlyInA), ...onlyIn(b, onlyInB)].join('\n'),
    json: (version) => stringify({ version, identical, ...difference }),
  };
}

function imageText({ a, b, ranges, pages }: ImageDifference): string[] {
  const lines = [`${shorten(a.name, NAME_WIDTH)} and ${shorten(b.name, NAME_WIDTH)}`];
  if (a.bytes !== b.bytes) lines.push(`  ${exactBytes(a.bytes)}, and ${exactBytes(b.bytes)}`);
  const rows = ranges.map(({ index, count }) => [
    count === 1 ? `page ${number(index)}` : `pages ${number(index)} - ${number(index + count - 1)}`,
    plural(count, 'page'),
  ]);
  const total = number(Math.ceil(Math.max(a.bytes, b.bytes) / PAGE_BYTES));
  if (pages > 0) lines.push(...table(rows, [0]), `  ${number(pages)} of ${total} pages differ`);
  else lines.push(a.bytes === b.bytes ? '  no difference' : '  all pages are equal: the longer one ends with zeros');
  return lines;
}

/** Of pages at addresses, which are told as such. */
function addressText({
  a,
  b,
  ranges,
  pages,
  pagesTotal = 0,
  pagesOnlyInA = 0,
  pagesOnlyInB = 0,
}: ImageDifference): string[] {
  const address = (page: number) => `0x${(BigInt(page) * BigInt(PAGE_BYTES)).toString(16)}`;
  const rows = ranges.map(({ space, index, count }) => [
    `${count === 1 ? 'page at' : 'pages from'} ${address(index)}${space === undefined ? '' : ` of ${space}`}`,
    plural(count, 'page'),
  ]);
  const name = ({ name, format }: ImageFacts) =>
    `${shorten(name, NAME_WIDTH)} (${format}, by ${format === 'raw' ? 'offset' : 'address'})`;
  const lines = [`${name(a)} and ${name(b)}`];
  if (pages === 0) return [...lines, '  no difference'];
  const only = [
    ...(pagesOnlyInA > 0 ? [`${number(pagesOnlyInA)} only in the first`] : []),
    ...(pagesOnlyInB > 0 ? [`${number(pagesOnlyInB)} only in the second`] : []),
  ];
  const where = only.length === 0 ? '' : `: ${only.join(', ')}`;
  return [...lines, ...table(rows, [0]), `  ${number(pages)} of ${number(pagesTotal)} pages differ${where}`];
}

function stringify(value: object): string {
  return JSON.stringify(value, null, 2);
}
