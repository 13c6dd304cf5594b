/** What is stored, and how much of it the sources have in common. */
import type { SourceSharing } from '../engine/protocol.js';
import { h } from './dom.js';
import { bytes, percent, whole } from './format.js';

export class Sources {
  readonly element = h('div', { class: 'sources' });
  #sources: readonly SourceSharing[] = [];

  show(sources: readonly SourceSharing[]): void {
    this.#sources = sources;
    if (sources.length === 0) {
      this.element.replaceChildren(h('p', { class: 'hint' }, 'Nothing yet. Several files show what they share.'));
      return;
    }
    this.element.replaceChildren(
      h(
        'div',
        { class: 'table-scroll', tabindex: 0, role: 'region', 'aria-label': 'What is stored' },
        h(
          'table',
          {},
          h(
            'thead',
            {},
            h(
              'tr',
              {},
              ...['stored', 'size', 'same-filled', 'repeats inside', 'also elsewhere'].map((text) =>
                h('th', { scope: 'col' }, text),
              ),
            ),
          ),
          h('tbody', {}, ...sources.map(row)),
        ),
      ),
    );
  }

  /** The name of what a page belongs to, and where in it the page is. */
  describe(page: number): string {
    const source = this.#sources.find(({ firstPage, pages }) => page >= firstPage && page < firstPage + pages);
    if (source === undefined) return 'of what is being stored';
    return `at ${bytes((page - source.firstPage) * 4096)} of ${source.name}`;
  }
}

function row({ name, bytes: size, pages, samePages, sharedInside, sharedOutside }: SourceSharing): HTMLElement {
  const share = (part: number): HTMLElement =>
    h('td', { title: `${whole(part)} of ${whole(pages)} pages` }, percent(part, pages));
  return h(
    'tr',
    { 'data-source': name },
    h('th', { scope: 'row', title: name }, name),
    h('td', {}, bytes(size)),
    share(samePages),
    share(sharedInside),
    share(sharedOutside),
  );
}
