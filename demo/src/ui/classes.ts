/** The pool's size classes: the kernel's zsmalloc/<pool>/classes table, for people. */
import type { SizeClassStats } from 'zram-wasm';
import { h } from './dom.js';
import { whole } from './format.js';

const COLUMNS = ['bytes', 'objects', 'room', 'pages', 'merged', 'freeable'];

export class Classes {
  readonly element: HTMLElement;
  readonly #body = h('tbody');

  constructor() {
    const head = h(
      'tr',
      {},
      ...COLUMNS.map((name) => h('th', { scope: 'col' }, name)),
      h('th', { scope: 'col' }, 'full'),
    );
    this.element = h(
      'div',
      { class: 'table-scroll', tabindex: 0, role: 'region', 'aria-label': 'Size classes' },
      h('table', {}, h('thead', {}, head), this.#body),
    );
  }

  show(classes: readonly SizeClassStats[]): void {
    const rows = classes.filter(({ pagesUsed, merged }) => pagesUsed > 0 || merged > 0);
    this.#body.replaceChildren(
      ...rows.map(({ size, objectsUsed, objectsAllocated, pagesUsed, merged, freeable }) => {
        const meter = h('meter', { min: 0, max: 1, 'aria-label': `Fullness of class ${size}` });
        meter.value = objectsAllocated === 0 ? 0 : objectsUsed / objectsAllocated;
        const figures = [size, objectsUsed, objectsAllocated, pagesUsed, merged, freeable];
        return h('tr', {}, ...figures.map((figure) => h('td', {}, whole(figure))), h('td', {}, meter));
      }),
    );
    if (rows.length === 0) {
      this.#body.append(h('tr', {}, h('td', { colspan: COLUMNS.length + 1, class: 'none' }, 'No objects are stored.')));
    }
  }
}
