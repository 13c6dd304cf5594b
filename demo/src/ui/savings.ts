/** Where the bytes went: a bar of what was stored, in what is held and what same-filled pages, merging and packing saved. */
import type { MmStat } from 'zram-wasm';
import { h } from './dom.js';
import { bytes, percent, times } from './format.js';

const PAGE_BYTES = 4096;

const PARTS = [
  { id: 'held', label: 'held in memory' },
  { id: 'compression', label: 'saved by compression' },
  { id: 'merging', label: 'saved by merging' },
  { id: 'same', label: 'saved by same-fill' },
  { id: 'backing', label: 'written back' },
] as const;
type Part = (typeof PARTS)[number]['id'];

/**
 * Splits orig_data_size. A merged page saves all of its 4096 bytes, and so does one that is on the backing device; what remains is compression's, less what the
 * allocator wastes. Data that does not compress can take more than it has: then nothing is saved.
 */
export function savings(
  { origDataSize, memUsedTotal, samePages, pagesMerged }: MmStat,
  writtenBack: number,
): Record<Part, number> {
  const same = samePages * PAGE_BYTES;
  const merging = pagesMerged * PAGE_BYTES;
  const backing = writtenBack * PAGE_BYTES;
  const compression = Math.max(0, origDataSize - memUsedTotal - same - merging - backing);
  return { held: memUsedTotal, compression, merging, same, backing };
}

export class Savings {
  readonly element: HTMLElement;
  readonly #ratio = h('strong', { class: 'ratio' }, '–');
  readonly #sentence = h('p', { class: 'sentence' }, 'Nothing is stored yet.');
  readonly #rows = new Map<Part, { segment: HTMLElement; value: HTMLElement }>();

  constructor() {
    const bar = h('div', { class: 'bar', 'aria-hidden': 'true' });
    const list = h('dl', { class: 'parts' });
    for (const { id, label } of PARTS) {
      const segment = h('span', { class: `segment part-${id}` });
      const value = h('dd', { 'data-part': id }, '–');
      bar.append(segment);
      list.append(
        h('div', {}, h('dt', {}, h('span', { class: `swatch part-${id}`, 'aria-hidden': 'true' }), label), value),
      );
      this.#rows.set(id, { segment, value });
    }
    this.element = h(
      'div',
      { class: 'savings' },
      h('div', { class: 'headline' }, this.#ratio, this.#sentence),
      bar,
      list,
    );
  }

  show(stat: MmStat, writtenBack: number): void {
    const { origDataSize, memUsedTotal } = stat;
    const parts = savings(stat, writtenBack);
    const sum = Object.values(parts).reduce((total, part) => total + part, 0);
    for (const [id, { segment, value }] of this.#rows) {
      segment.style.flexGrow = String(sum === 0 ? 0 : parts[id] / sum);
      value.textContent = origDataSize === 0 ? '–' : `${bytes(parts[id])} · ${percent(parts[id], origDataSize)}`;
      value.dataset['bytes'] = String(parts[id]);
    }
    this.#ratio.textContent = memUsedTotal === 0 ? '–' : times(origDataSize / memUsedTotal);
    this.#sentence.textContent =
      origDataSize === 0
        ? 'Nothing is stored yet.'
        : `${bytes(origDataSize)} of pages in ${bytes(memUsedTotal)} of memory`;
  }
}
