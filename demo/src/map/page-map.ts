/** The page map as an element: canvas, legend, tools, and what is told of the page under pointer or cursor. */
import { CHANGED, IDLE, STORED, type PageStates } from '../engine/protocol.js';
import { h, uniqueId } from '../ui/dom.js';
import { bytes, count, whole } from '../ui/format.js';
import { currentTheme, onThemeChange } from '../ui/theme.js';
import { View } from './grid.js';
import { Legend } from './legend.js';
import { Pages } from './pages.js';
import { CATEGORIES, categoryOf, paletteOf, type Category, type CategoryText } from './palette.js';
import { Pointer } from './pointer.js';
import { Renderer } from './renderer.js';

const PAGE_BYTES = 4096;
const ZOOM_STEP = 1.5;
/** Rows that Page Up and Page Down go. */
const PAGE_KEY_ROWS = 16;

export interface PageMapOptions {
  readonly label: string;
  /** Names what a page belongs to. */
  readonly describe: (page: number) => string;
  readonly categories: readonly Category[];
  /** What categories are called here, where that is another thing. */
  readonly labels?: Partial<Record<Category, CategoryText>>;
  /** What is shown while there are no pages. */
  readonly empty?: HTMLElement;
}

export class PageMap {
  readonly element: HTMLElement;
  readonly #options: PageMapOptions;
  readonly #canvas: HTMLCanvasElement;
  readonly #renderer: Renderer;
  readonly #view = new View();
  readonly #pages = new Pages();
  readonly #legend: Legend;
  readonly #inspector = h('p', { class: 'inspector' });
  readonly #spoken = h('p', { class: 'visually-hidden', 'aria-live': 'polite' });
  readonly #zoomText = h('span', { class: 'zoom-text' }, '1×');
  #palette = paletteOf(currentTheme());
  #page = -1;
  #sharers = 0;
  #category: Category | undefined;
  #frame = 0;

  constructor(options: PageMapOptions) {
    this.#options = options;
    const help = h(
      'p',
      { class: 'visually-hidden', id: uniqueId('help') },
      'Arrow keys move over the pages, plus and minus zoom, 0 shows all, Home and End go to the first and the last page.',
    );
    this.#canvas = h('canvas', {
      tabindex: 0,
      role: 'application',
      'aria-label': options.label,
      'aria-roledescription': 'page map',
      'aria-describedby': help.id,
    });
    this.#renderer = new Renderer(this.#canvas);
    this.#legend = new Legend(options.categories, options.labels ?? {}, (category) => {
      this.#category = category;
      this.redraw();
    });
    this.#legend.paint(this.#palette);
    const tool = (label: string, text: string, run: () => void): HTMLElement =>
      h('button', { type: 'button', class: 'tool', 'aria-label': label, title: label, onclick: run }, text);
    const tools = h(
      'div',
      { class: 'tools', role: 'group', 'aria-label': 'Zoom' },
      tool('Zoom out', '−', () => this.#zoom(1 / ZOOM_STEP)),
      this.#zoomText,
      tool('Zoom in', '+', () => this.#zoom(ZOOM_STEP)),
      tool('Show all pages', '⤢', () => this.#fit()),
    );
    const frame = h('div', { class: 'map-frame' }, this.#canvas, tools, options.empty);
    this.element = h('div', { class: 'page-map' }, frame, this.#inspector, this.#legend.element, this.#spoken, help);
    this.#listen(frame);
    this.#tell();
  }

  /** The median, over some redraws, of the time that one takes: for the tests. */
  measureRedraw(times = 5): number {
    const taken = Array.from({ length: times }, () => {
      const begun = performance.now();
      this.#renderer.invalidate(0, this.#pages.total);
      this.#draw();
      return performance.now() - begun;
    });
    return taken.sort((a, b) => a - b)[times >> 1]!;
  }

  get pages(): Pages {
    return this.#pages;
  }

  update(states: PageStates): void {
    const hadNone = this.#pages.total === 0;
    this.#pages.update(states);
    this.#renderer.invalidate(states.first, states.first + states.states.length);
    if (this.#page >= this.#pages.total) this.#page = -1;
    this.element.classList.toggle('has-pages', this.#pages.total > 0);
    this.#view.layOut(this.#pages.total, this.#view.window);
    if (hadNone) this.#view.fit();
    this.#sharers = this.#page < 0 ? 0 : this.#pages.sharers(this.#page);
    this.#legend.count(this.#pages);
    this.redraw();
  }

  /** Asks for a redraw with the next frame. */
  redraw(): void {
    if (this.#frame !== 0) return;
    this.#frame = requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  /** Puts the cursor on a page. */
  select(page: number, speak: boolean): void {
    const next = page >= 0 && page < this.#pages.total ? page : -1;
    if (next === this.#page) return;
    this.#page = next;
    this.#sharers = next < 0 ? 0 : this.#pages.sharers(next);
    const text = this.#tell();
    if (speak) this.#spoken.textContent = text;
    this.redraw();
  }

  #draw(): void {
    const object = this.#page >= 0 && this.#sharers > 1 ? this.#pages.objects[this.#page]! : 0;
    this.#renderer.draw(this.#pages, this.#view, this.#palette, { page: this.#page, object, category: this.#category });
    this.#canvas.classList.toggle('zoomed', !this.#view.isFitted);
    this.#zoomText.textContent = `${Math.round(this.#view.zoom * 10) / 10}×`;
    this.#tell();
  }

  #tell(): string {
    const text = this.#page < 0 ? this.#overview() : this.#describe(this.#page);
    if (this.#inspector.textContent !== text) this.#inspector.textContent = text;
    return text;
  }

  #overview(): string {
    const { total } = this.#pages;
    if (total === 0) return 'Each page of 4096 bytes will be a cell.';
    return `${count(total, 'page')} of 4096 bytes. Point at one, or use the arrow keys.`;
  }

  #describe(page: number): string {
    const { states, sizes } = this.#pages;
    const state = states[page]!;
    const where = this.#options.describe(page);
    if ((state & STORED) === 0) return `Page ${whole(page)}, ${where}: nothing is stored.`;
    const category = categoryOf(state & ~CHANGED);
    const { label } = this.#options.labels?.[category] ?? CATEGORIES.find(({ id }) => id === category)!;
    const size =
      category === 'same'
        ? 'takes no memory'
        : `${whole(sizes[page]!)} of ${whole(PAGE_BYTES)} bytes (${bytes(sizes[page]!)})`;
    const sharing = this.#sharers > 1 ? `, one object for ${count(this.#sharers, 'page')}` : '';
    const more = [(state & IDLE) !== 0 ? ', idle' : '', (state & CHANGED) !== 0 ? ', changed in this state' : ''].join(
      '',
    );
    return `Page ${whole(page)}, ${where}: ${label}, ${size}${sharing}${more}.`;
  }

  #zoom(factor: number): void {
    const { width, height } = this.#view.window;
    this.#view.zoomAt(width / 2, height / 2, factor);
    this.redraw();
  }

  #fit(): void {
    this.#view.fit();
    this.redraw();
  }

  #listen(frame: HTMLElement): void {
    new ResizeObserver(() => this.#resize(frame)).observe(frame);
    onThemeChange((theme) => {
      this.#palette = paletteOf(theme);
      this.#legend.paint(this.#palette);
      this.redraw();
    });
    new Pointer(this.#canvas, {
      hover: (x, y) => this.select(this.#view.pageAt(x, y), false),
      leave: () => this.select(-1, false),
      pan: (dx, dy) => {
        this.#view.panBy(dx, dy);
        this.redraw();
      },
      zoom: (x, y, factor) => {
        this.#view.zoomAt(x, y, factor);
        this.redraw();
      },
      canPan: () => !this.#view.isFitted,
    });
    this.#canvas.addEventListener('keydown', (event) => this.#key(event));
    this.#canvas.addEventListener('blur', () => this.select(-1, false));
  }

  #resize(frame: HTMLElement): void {
    const ratio = devicePixelRatio;
    const width = Math.round(frame.clientWidth * ratio);
    const height = Math.round(frame.clientHeight * ratio);
    if (width === this.#canvas.width && height === this.#canvas.height) return;
    this.#canvas.width = width;
    this.#canvas.height = height;
    this.#view.layOut(this.#pages.total, { width, height });
    this.#draw();
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { columns } = this.#view;
    const last = this.#pages.total - 1;
    const from = Math.max(this.#page, 0);
    const moves: Record<string, number> = {
      ArrowLeft: from - (this.#page < 0 ? 0 : 1),
      ArrowRight: from + (this.#page < 0 ? 0 : 1),
      ArrowUp: from - columns,
      ArrowDown: from + columns,
      PageUp: from - columns * PAGE_KEY_ROWS,
      PageDown: from + columns * PAGE_KEY_ROWS,
      Home: 0,
      End: last,
    };
    const move = moves[event.key];
    if (move !== undefined) {
      const page = Math.min(Math.max(move, 0), last);
      this.select(page, true);
      if (page >= 0) this.#view.reveal(page);
    } else if (event.key === '+' || event.key === '=') {
      this.#zoomAtCursor(ZOOM_STEP);
    } else if (event.key === '-') {
      this.#zoomAtCursor(1 / ZOOM_STEP);
    } else if (event.key === '0') {
      this.#fit();
    } else {
      return;
    }
    event.preventDefault();
    this.redraw();
  }

  #zoomAtCursor(factor: number): void {
    if (this.#page < 0) return this.#zoom(factor);
    const { x, y } = this.#view.cellOf(this.#page);
    this.#view.zoomAt(x + this.#view.cell / 2, y + this.#view.cell / 2, factor);
    this.#view.reveal(this.#page);
  }
}
