/** The legend: what the colours mean, how many pages have each, and buttons that leave only those pages bright. */
import { h } from '../ui/dom.js';
import { whole } from '../ui/format.js';
import type { Pages } from './pages.js';
import { CATEGORIES, isOf, type Category, type CategoryText, type Palette } from './palette.js';

interface Entry {
  readonly category: Category;
  readonly button: HTMLButtonElement;
  readonly swatch: HTMLElement;
  readonly count: HTMLElement;
}

export class Legend {
  readonly element: HTMLElement;
  readonly #entries: Entry[];
  #chosen: Category | undefined;

  constructor(
    categories: readonly Category[],
    texts: Partial<Record<Category, CategoryText>>,
    onchoose: (category: Category | undefined) => void,
  ) {
    this.#entries = categories.map((category) => {
      const { label, help } = texts[category] ?? CATEGORIES.find(({ id }) => id === category)!;
      const swatch = h('span', { class: `swatch swatch-${category}`, 'aria-hidden': 'true' });
      const count = h('span', { class: 'count' }, '0');
      const button = h(
        'button',
        { type: 'button', class: 'legend-entry', 'aria-pressed': 'false', title: help, 'data-category': category },
        swatch,
        h('span', {}, label),
        count,
      );
      button.addEventListener('click', () => {
        this.#chosen = this.#chosen === category ? undefined : category;
        for (const entry of this.#entries) {
          entry.button.setAttribute('aria-pressed', String(entry.category === this.#chosen));
        }
        onchoose(this.#chosen);
      });
      return { category, button, swatch, count };
    });
    this.element = h(
      'div',
      { class: 'legend', role: 'group', 'aria-label': 'States of pages' },
      ...this.#entries.map(({ button }) => button),
    );
  }

  paint(palette: Palette): void {
    for (const { category, swatch } of this.#entries) swatch.style.background = palette.css(category);
  }

  count({ states, total }: Pages): void {
    const byState = new Uint32Array(256);
    for (let n = 0; n < total; n++) byState[states[n]!]!++;
    for (const { category, button, count } of this.#entries) {
      const pages = byState.reduce((sum, pages, state) => (isOf(state, category) ? sum + pages : sum), 0);
      count.textContent = whole(pages);
      button.disabled = pages === 0 && this.#chosen !== category;
    }
  }
}
