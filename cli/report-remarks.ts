/** What there is to know about an input of `analyze`, in sentences: how it was read, and what of it was left out. */
import type { InputFacts } from './analysis.js';
import { humanBytes, number, plural, shorten, wrapped } from './format.js';
import { PAGE_BYTES } from './page-list.js';

const NAME_WIDTH = 36;

export function remarksOn(input: InputFacts): string[] {
  const { kind, name, pages, paddedBytes, pagesVanished, pagesOnlyRead, pagesLeftOut } = input;
  const remarks: string[] = [];
  if (pages === 0) remarks.push(`${kind === 'process' ? 'no resident anonymous memory' : 'empty'}, 0 pages`);
  remarks.push(...contentsOf(input));
  if (paddedBytes > 0) {
    const what = input.format === undefined || input.format === 'raw' ? 'the last page' : 'pages';
    remarks.push(`${plural(paddedBytes, 'zero byte')} added to fill ${what}`);
  }
  if (pagesVanished > 0) remarks.push(`${plural(pagesVanished, 'page')} vanished before they could be read`);
  if (pagesOnlyRead > 0)
    remarks.push(`${plural(pagesOnlyRead, 'page')} of zeros left out: addresses that were read and never written`);
  if (pagesLeftOut > 0) remarks.push(`${plural(pagesLeftOut, 'page')} of the engine itself left out`);
  return remarks.flatMap((remark) => wrapped(`${shorten(name, NAME_WIDTH)}: ${remark}`));
}

/** zram holds what was swapped out, `--pid` reads what was not. */
export function swapRemarks(inputs: readonly InputFacts[]): string[] {
  if (!inputs.some(({ kind }) => kind === 'process')) return [];
  return wrapped(
    'Of a process the resident memory was read, while zram holds what was swapped out: pages that were used less, and may compress better or worse.',
  );
}

function contentsOf(input: InputFacts): string[] {
  const { format = 'raw', extents = 1, remainders = [], bytesOutside = 0 } = input;
  const { pagesNotInDump = 0, pagesRepeated = 0, holes = 0, notes = [] } = input;
  const remarks: string[] = [];
  if (format !== 'raw' || bytesOutside > 0) {
    const at = remainders.length === 0 ? '' : `, whose pages begin at ${remainders.join(', ')} modulo ${PAGE_BYTES}`;
    remarks.push(
      `read as ${format}: ${plural(extents, 'extent')}${at}; ${plural(bytesOutside, 'byte')} outside of them`,
    );
  }
  if (pagesNotInDump > 0)
    remarks.push(
      `${plural(pagesNotInDump, 'page')} that it names ${pagesNotInDump === 1 ? 'is' : 'are'} not in it, and not counted`,
    );
  if (pagesRepeated > 0) remarks.push(`${plural(pagesRepeated, 'page')} it has twice, counted once`);
  if (holes > 0) {
    const most = number(Math.ceil(holes / PAGE_BYTES));
    remarks.push(`${humanBytes(holes)} of it are holes: up to ${most} same-filled pages more than anything holds`);
  }
  return [...remarks, ...notes];
}
