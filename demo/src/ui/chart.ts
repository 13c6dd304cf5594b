/** Lines over time, drawn by uPlot in the page's colours. */
import uPlot from 'uplot';
import { onThemeChange } from './theme.js';
import { bytes } from './format.js';

export interface Line {
  readonly label: string;
  /** Name of a CSS variable. */
  readonly colour: string;
  readonly dash?: number[];
}

export interface ChartOptions {
  readonly label: string;
  readonly lines: readonly Line[];
  readonly height: number;
  /** What the x axis counts, and how it is written. */
  readonly x: { readonly label: string; readonly format: (value: number) => string; readonly steps?: number[] };
}

/** So many points are kept; then every second one goes, so that the whole past stays in view. */
const POINTS_MAX = 600;

/** Bytes are told in binary units: so are the steps of their axis. */
const POWERS_OF_TWO = Array.from({ length: 44 }, (_, n) => 2 ** n);

/** A value of the legend: uPlot has none where nobody points, and none before there is data. */
function told(value: number | null | undefined, format: (value: number) => string): string {
  return value === null || value === undefined ? '–' : format(value);
}

export class Chart {
  readonly element: HTMLElement;
  readonly #options: ChartOptions;
  #plot: uPlot | undefined;
  #data: number[][];
  /** As the observer saw it last: asking the element would lay the page out. */
  #width = 0;

  constructor(options: ChartOptions) {
    this.#options = options;
    this.#data = this.#none();
    this.element = document.createElement('div');
    this.element.className = 'chart';
    this.element.role = 'img';
    this.element.ariaLabel = options.label;
    // In the next frame: a plot that is made or resized at once changes the layout that is being told of.
    new ResizeObserver(([entry]) => {
      const width = Math.floor(entry!.contentRect.width);
      requestAnimationFrame(() => this.#resize(width));
    }).observe(this.element);
    onThemeChange(() => this.#make());
  }

  get length(): number {
    return this.#data[0]!.length;
  }

  push(x: number, values: readonly number[]): void {
    for (const [n, value] of [x, ...values].entries()) this.#data[n]!.push(value);
    if (this.length > POINTS_MAX) {
      // The last point stays: it is the present.
      const last = this.length - 1;
      this.#data = this.#data.map((column) => column.filter((_, n) => n % 2 === 0 || n === last));
    }
    this.#show();
  }

  clear(): void {
    this.#data = this.#none();
    this.#show();
  }

  #none(): number[][] {
    return [[], ...this.#options.lines.map(() => [])];
  }

  #show(): void {
    const plot = this.#plot;
    if (plot === undefined || this.#width === 0) return;
    plot.setData(this.#data as uPlot.AlignedData);
    // Nobody points at the chart: the legend tells the present.
    if (plot.cursor.left === undefined || plot.cursor.left < 0) plot.setLegend({ idx: this.length - 1 }, false);
  }

  #resize(width: number): void {
    this.#width = width;
    if (width === 0) return;
    if (this.#plot === undefined) this.#make();
    else if (this.#plot.width !== width) this.#plot.setSize({ width, height: this.#options.height });
    this.#show();
  }

  #make(): void {
    const width = this.#width;
    if (width === 0) return;
    this.#plot?.destroy();
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string): string => style.getPropertyValue(name).trim();
    const axis = { stroke: colour('--muted'), grid: { stroke: colour('--line'), width: 1 }, ticks: { show: false } };
    const { x, lines, height } = this.#options;
    this.#plot = new uPlot(
      {
        width,
        height,
        padding: [10, 12, 0, 0],
        cursor: { points: { size: 6 } },
        scales: { x: { time: false }, y: { range: (_, __, max) => [0, Math.max(max * 1.08, 1)] } },
        axes: [
          { ...axis, values: (_, values) => values.map(x.format), size: 28, ...(x.steps ? { incrs: x.steps } : {}) },
          { ...axis, values: (_, values) => values.map(bytes), incrs: POWERS_OF_TWO, size: 68 },
        ],
        series: [
          { label: x.label, value: (_, value) => told(value, x.format) },
          ...lines.map(({ label, colour: name, dash }) => ({
            label,
            stroke: colour(name),
            width: 2,
            points: { show: false },
            value: (_: uPlot, value: number | null | undefined) => told(value, bytes),
            ...(dash ? { dash } : {}),
          })),
        ],
      },
      this.#data as uPlot.AlignedData,
      this.element,
    );
  }
}
