/**
 * Draws the map: one pixel a page into a picture, and the picture scaled into the window. The price of a redraw is that
 * of a pass over one byte array, however far the map is zoomed.
 */
import { isOf, colourIndex, type Category, type Palette } from './palette.js';
import type { Pages } from './pages.js';
import type { View } from './grid.js';

/** Cells of so many device pixels have lines between them, and show their size in figures. */
const LINED_CELL = 5;
const LABELLED_CELL = 34;
/** So few pages light up with a mark that can be seen where a page is one pixel. */
const MARKED_PAGES_MAX = 4096;
const MARK = 3;

export interface Lighting {
  /** The page under the pointer or the cursor, or -1. */
  readonly page: number;
  /** The object whose pages light up, or 0. */
  readonly object: number;
  /** The only category that is not drawn faint. */
  readonly category: Category | undefined;
}

export class Renderer {
  readonly #context: CanvasRenderingContext2D;
  readonly #picture = new OffscreenCanvas(1, 1);
  #image = new ImageData(1, 1);
  #pixels = new Uint32Array(this.#image.data.buffer);
  /** Pages to paint again; all of them when what they are painted with is another. */
  #dirtyFirst = Infinity;
  #dirtyEnd = 0;
  #paintedWith: { palette: Palette; object: number; category: Category | undefined; count: number } | undefined;

  constructor(canvas: HTMLCanvasElement) {
    this.#context = canvas.getContext('2d', { alpha: false })!;
  }

  /** Tells that the states of some pages are not those that were drawn. */
  invalidate(first: number, end: number): void {
    this.#dirtyFirst = Math.min(this.#dirtyFirst, first);
    this.#dirtyEnd = Math.max(this.#dirtyEnd, end);
  }

  draw(pages: Pages, view: View, palette: Palette, lighting: Lighting): void {
    const context = this.#context;
    const { width, height } = view.window;
    context.fillStyle = palette.background;
    context.fillRect(0, 0, width, height);
    if (view.count === 0) return;
    this.#paint(pages, view, palette, lighting);
    context.imageSmoothingEnabled = view.cell < 1;
    const { columns, rows, cell, x, y } = view;
    context.drawImage(this.#picture, 0, 0, columns, rows, x, y, columns * cell, rows * cell);
    if (cell >= LINED_CELL) this.#lines(view, palette);
    if (cell >= LABELLED_CELL) this.#labels(pages, view, lighting);
    if (lighting.object !== 0 && cell < LINED_CELL) this.#marks(pages, view, palette, lighting);
    if (lighting.page >= 0) this.#outline(view, palette, lighting.page);
  }

  /** Brings the picture up to date. */
  #paint(pages: Pages, { columns, rows, count }: View, palette: Palette, { object, category }: Lighting): void {
    const before = this.#paintedWith;
    const resized = this.#image.width !== columns || this.#image.height !== rows;
    if (resized) {
      this.#picture.width = columns;
      this.#picture.height = rows;
      this.#image = new ImageData(columns, rows);
      this.#pixels = new Uint32Array(this.#image.data.buffer);
    }
    const sameColours = before?.palette === palette && before.object === object && before.category === category;
    if (resized || !sameColours || before.count !== count) this.invalidate(0, columns * rows);
    this.#paintedWith = { palette, object, category, count };
    const first = this.#dirtyFirst;
    const end = Math.min(this.#dirtyEnd, columns * rows);
    this.#dirtyFirst = Infinity;
    this.#dirtyEnd = 0;
    if (first >= end) return;
    this.#paintPages(pages, first, Math.min(end, count), palette, object, category);
    if (end > count) this.#pixels.fill(0, count);
    const row = Math.floor(first / columns);
    const context = this.#picture.getContext('2d')!;
    context.putImageData(this.#image, 0, 0, 0, row, columns, Math.ceil(end / columns) - row);
  }

  #paintPages(
    { states, sizes, objects }: Pages,
    first: number,
    end: number,
    { bright, faint, litPacked }: Palette,
    object: number,
    category: Category | undefined,
  ): void {
    const pixels = this.#pixels;
    if (object !== 0) {
      for (let n = first; n < end; n++) {
        pixels[n] = objects[n] === object ? litPacked : faint[colourIndex(states[n]!, sizes[n]!)]!;
      }
    } else if (category !== undefined) {
      const meant = Uint8Array.from({ length: 256 }, (_, state) => Number(isOf(state, category)));
      for (let n = first; n < end; n++) {
        const colours = meant[states[n]!] === 1 ? bright : faint;
        pixels[n] = colours[colourIndex(states[n]!, sizes[n]!)]!;
      }
    } else {
      for (let n = first; n < end; n++) pixels[n] = bright[colourIndex(states[n]!, sizes[n]!)]!;
    }
  }

  #lines({ window, columns, rows, cell, x, y }: View, palette: Palette): void {
    const context = this.#context;
    context.fillStyle = palette.background;
    const right = Math.min(window.width, x + columns * cell);
    const bottom = Math.min(window.height, y + rows * cell);
    const thickness = cell >= 16 ? 2 : 1;
    for (let at = x % cell; at <= right; at += cell) context.fillRect(at - thickness, 0, thickness, bottom);
    for (let at = y % cell; at <= bottom; at += cell) context.fillRect(0, at - thickness, right, thickness);
  }

  /** The compressed size in the cell: only where cells are so large that few of them are seen. */
  #labels({ sizes, objects }: Pages, view: View, { object, category }: Lighting): void {
    const context = this.#context;
    const { window, columns, rows, cell, x, y, count } = view;
    context.font = `600 ${Math.round(cell * 0.3)}px system-ui, sans-serif`;
    context.textAlign = 'center';
    context.textBaseline = 'middle';
    const left = Math.max(0, Math.floor(-x / cell));
    const right = Math.min(columns, Math.ceil((window.width - x) / cell));
    const bottom = Math.min(rows, Math.ceil((window.height - y) / cell));
    for (let row = Math.max(0, Math.floor(-y / cell)); row < bottom; row++) {
      for (let column = left; column < right; column++) {
        const page = row * columns + column;
        if (page >= count || sizes[page] === 0) continue;
        if (category !== undefined || (object !== 0 && objects[page] !== object)) continue;
        context.fillStyle = isDark(this.#pixels[page]!) ? '#fff' : '#111418';
        context.fillText(String(sizes[page]), x + (column + 0.5) * cell - 1, y + (row + 0.5) * cell);
      }
    }
  }

  #marks({ objects }: Pages, view: View, palette: Palette, { object }: Lighting): void {
    const context = this.#context;
    context.fillStyle = palette.lit;
    let marks = 0;
    const size = Math.max(MARK, view.cell);
    const inset = (size - view.cell) / 2;
    for (
      let page = objects.indexOf(object);
      page >= 0 && marks < MARKED_PAGES_MAX;
      page = objects.indexOf(object, page + 1)
    ) {
      const { x, y } = view.cellOf(page);
      context.fillRect(x - inset, y - inset, size, size);
      marks++;
    }
  }

  #outline(view: View, palette: Palette, page: number): void {
    const context = this.#context;
    const { x, y } = view.cellOf(page);
    const size = Math.max(view.cell, 7);
    const inset = (size - view.cell) / 2;
    context.lineWidth = 4;
    context.strokeStyle = palette.background;
    context.strokeRect(x - inset - 1, y - inset - 1, size + 1, size + 1);
    context.lineWidth = 2;
    context.strokeStyle = palette.lit;
    context.strokeRect(x - inset - 1, y - inset - 1, size + 1, size + 1);
  }
}

/** By the usual weights of the eye's sensitivity. */
function isDark(pixel: number): boolean {
  const [red, green, blue] = [pixel & 255, (pixel >>> 8) & 255, (pixel >>> 16) & 255];
  return red * 0.299 + green * 0.587 + blue * 0.114 < 115;
}
