/** Geometry of the page map, in device pixels: pages row by row in cells of one size, seen through a window. */

/** Larger cells would show nothing more. */
export const CELL_MAX = 48;
/** In a window that shows few pages, cells are not blown up beyond this. */
const FITTED_CELL_MAX = 24;

export interface Window {
  readonly width: number;
  readonly height: number;
}

/** How many columns fill a window with `count` square cells best, and the cells' size: whole pixels, unless below one. */
export function fit(count: number, { width, height }: Window): { columns: number; cell: number } {
  if (count === 0 || width === 0 || height === 0) return { columns: 1, cell: FITTED_CELL_MAX };
  let cell = Math.min(FITTED_CELL_MAX, Math.floor(Math.sqrt((width * height) / count)));
  while (cell >= 1) {
    const columns = Math.floor(width / cell);
    if (columns * Math.floor(height / cell) >= count) return { columns, cell };
    cell--;
  }
  const columns = Math.ceil(Math.sqrt((count * width) / height));
  return { columns, cell: Math.min(width / columns, height / Math.ceil(count / columns)) };
}

/** What part of the grid the window shows: `cell` pixels a page, the grid's corner at (x, y). */
export class View {
  count = 0;
  columns = 1;
  cell = 1;
  x = 0;
  y = 0;
  window: Window = { width: 0, height: 0 };
  #fitted = 1;
  /** The zoom that was asked for: small steps of a wheel add up here, while `cell` goes by whole pixels. */
  #wanted = 1;

  get rows(): number {
    return Math.ceil(this.count / this.columns);
  }

  get isFitted(): boolean {
    return this.cell <= this.#fitted;
  }

  get zoom(): number {
    return this.cell / this.#fitted;
  }

  /** Lays `count` pages out; keeps the zoom if the layout stays as it was. */
  layOut(count: number, window: Window): void {
    const { columns, cell } = fit(count, window);
    const sameLayout = columns === this.columns && cell === this.#fitted;
    const wasFitted = this.isFitted;
    Object.assign(this, { count, columns, window });
    this.#fitted = cell;
    if (!sameLayout || wasFitted) this.fit();
    else this.#clamp();
  }

  fit(): void {
    this.cell = this.#wanted = this.#fitted;
    this.#clamp();
  }

  /** Zooms so that what is at (x, y) stays there. Above one pixel a cell, cells have whole pixels: they look alike. */
  zoomAt(x: number, y: number, factor: number): void {
    this.#wanted = Math.min(Math.max(this.#wanted * factor, this.#fitted), Math.max(CELL_MAX, this.#fitted));
    const cell = this.#wanted >= 1 ? Math.round(this.#wanted) : this.#wanted;
    const ratio = cell / this.cell;
    this.cell = cell;
    this.x = x - (x - this.x) * ratio;
    this.y = y - (y - this.y) * ratio;
    this.#clamp();
  }

  panBy(dx: number, dy: number): void {
    this.x += dx;
    this.y += dy;
    this.#clamp();
  }

  /** The page at a place of the window, or -1. */
  pageAt(x: number, y: number): number {
    const column = Math.floor((x - this.x) / this.cell);
    const row = Math.floor((y - this.y) / this.cell);
    if (column < 0 || column >= this.columns || row < 0) return -1;
    const page = row * this.columns + column;
    return page < this.count ? page : -1;
  }

  /** The place of a page's cell in the window. */
  cellOf(page: number): { x: number; y: number } {
    return {
      x: this.x + (page % this.columns) * this.cell,
      y: this.y + Math.floor(page / this.columns) * this.cell,
    };
  }

  /** Pans as little as shows a page. */
  reveal(page: number): void {
    const { x, y } = this.cellOf(page);
    const { width, height } = this.window;
    this.panBy(nearest(x, this.cell, width), nearest(y, this.cell, height));
  }

  #clamp(): void {
    this.x = clampAxis(this.x, this.columns * this.cell, this.window.width);
    this.y = clampAxis(this.y, this.rows * this.cell, this.window.height);
    // Whole pixels, so that cells do not blur.
    if (this.cell >= 1) [this.x, this.y] = [Math.round(this.x), Math.round(this.y)];
  }
}

function nearest(at: number, size: number, length: number): number {
  if (at < 0) return -at;
  return Math.min(0, length - (at + size));
}

/** A grid that is smaller than the window begins at its corner; a larger one leaves no gap. */
function clampAxis(at: number, size: number, length: number): number {
  return size <= length ? 0 : Math.min(0, Math.max(at, length - size));
}
