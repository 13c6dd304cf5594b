/** The pool's size classes: the kernel's zsmalloc/<pool>/classes table, for people. */
import type { SizeClassStats } from 'zram-wasm';
import { h } from './dom.js';
import { percent, whole } from './format.js';

const COLUMNS = ['bytes', 'objects', 'room', 'pages', 'merged', 'freeable'];
/** There may be two hundred rows: laid out in one go, they would hold the page for too long. */
const ROWS_PER_FRAME = 32;

export class Classes {
  readonly element: HTMLElement;
  readonly #body = h('tbody');
  #shown: readonly SizeClassStats[] = [];

  constructor() {
    const head = h(
      'tr',
      {},
      ...COLUMNS.map((name) => h('th', { scope: 'col' }, name)),
      h('th', { scope: 'col' }, 'full'),
    );
    this.element = h(
      'div',
      { class: 'table-scroll classes', tabindex: 0, role: 'region', 'aria-label': 'Size classes' },
      h('table', {}, h('thead', {}, head), this.#body),
    );
    this.show([]);
  }

  show(classes: readonly SizeClassStats[]): void {
    this.#shown = classes;
    const used = classes.filter(({ pagesUsed, merged }) => pagesUsed > 0 || merged > 0);
    if (used.length === 0) {
      const none = h('td', { colspan: COLUMNS.length + 1, class: 'none' }, 'No objects are stored.');
      this.#body.replaceChildren(h('tr', {}, none));
      return;
    }
    this.#fill(classes, used, 0);
  }

  /** Puts some rows in place of the old ones, and the others with the next frames. */
  #fill(classes: readonly SizeClassStats[], used: readonly SizeClassStats[], first: number): void {
    if (this.#shown !== classes) return; // newer ones came meanwhile
    const { children } = this.#body;
    for (const [n, row] of used
      .slice(first, first + ROWS_PER_FRAME)
      .map(rowOf)
      .entries()) {
      const old = children[first + n];
      if (old) old.replaceWith(row);
      else this.#body.append(row);
    }
    const next = first + ROWS_PER_FRAME;
    if (next < used.length) requestAnimationFrame(() => this.#fill(classes, used, next));
    else while (children.length > used.length) this.#body.lastElementChild!.remove();
  }
}

function rowOf({ size, objectsUsed, objectsAllocated, pagesUsed, merged, freeable }: SizeClassStats): HTMLElement {
  const figures = [size, objectsUsed, objectsAllocated, pagesUsed, merged, freeable];
  const full = objectsAllocated === 0 ? 0 : objectsUsed / objectsAllocated;
  const cell = h('td', { class: 'fullness' }, percent(objectsUsed, objectsAllocated));
  cell.style.backgroundSize = `${100 * full}% 3px`;
  return h('tr', {}, ...figures.map((figure) => h('td', {}, whole(figure))), cell);
}
