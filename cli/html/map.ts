/** The page map: a cell for each page, row by row, on a canvas. Of very many pages, several share a cell. */
import { SIZE_BITS } from './data.js';
import { colourOf } from './states.js';

const CELL_MAX = 16;
const HEIGHT_MAX = 720;
/** Rows of one pixel: a canvas of this height works in every browser. */
const ROWS_MAX = 8192;

export interface Layout {
  readonly columns: number;
  readonly rows: number;
  /** CSS pixels. */
  readonly cell: number;
  readonly pagesPerCell: number;
}

/** Cells as large as fit a window of the given width, of whole pixels. */
export function layOut(pages: number, width: number): Layout {
  let cell = CELL_MAX;
  const rowsOf = (size: number): number => Math.ceil(pages / Math.floor(width / size));
  while (cell > 1 && rowsOf(cell) * cell > HEIGHT_MAX) cell -= 1;
  const columns = Math.max(1, Math.floor(width / cell));
  const pagesPerCell = Math.max(1, Math.ceil(pages / (columns * ROWS_MAX)));
  return { columns, rows: Math.max(1, Math.ceil(pages / pagesPerCell / columns)), cell, pagesPerCell };
}

/** Draws the map and returns its layout. */
export function drawMap(canvas: HTMLCanvasElement, states: Uint16Array, width: number): Layout {
  const layout = layOut(states.length, width);
  const { columns, rows, cell, pagesPerCell } = layout;
  const image = new ImageData(columns, rows);
  const cells = Math.ceil(states.length / pagesPerCell);
  for (let at = 0; at < cells; at++) {
    const [red, green, blue] = colourOf(largest(states.subarray(at * pagesPerCell, (at + 1) * pagesPerCell)));
    image.data.set([red, green, blue, 0xff], 4 * at);
  }
  const small = new OffscreenCanvas(columns, rows);
  small.getContext('2d')?.putImageData(image, 0, 0);
  canvas.width = columns * cell;
  canvas.height = rows * cell;
  const context = canvas.getContext('2d');
  if (context === null) return layout;
  context.imageSmoothingEnabled = false;
  context.drawImage(small, 0, 0, canvas.width, canvas.height);
  return layout;
}

/** The page under a point of the canvas, in CSS pixels from its corner: the first one of the cell. */
export function pageAt({ columns, cell, pagesPerCell }: Layout, x: number, y: number): number {
  return (Math.floor(y / cell) * columns + Math.floor(x / cell)) * pagesPerCell;
}

/** The state of the page with the largest object: it stands for its cell. */
function largest(states: Uint16Array): number {
  return states.reduce((best, state) => ((state & SIZE_BITS) > (best & SIZE_BITS) ? state : best));
}
