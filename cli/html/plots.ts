/** The plots, by uPlot. Nothing moves: they are made once, and again when the algorithm changes. */
import uPlot from 'uplot';

import { PAGE_BYTES, SAME, SIZE_BITS, type HtmlAlgorithm } from './data.js';

const HEIGHT = 260;
/** Of Okabe and Ito, for lines. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#111418'];
const GREY = '#aab4c0';
/** Bytes of a step of the histogram. */
const STEP = 64;

const counts = new Intl.NumberFormat('en-US');
const number = (value: number): string => counts.format(value);
const bytes = (value: number): string => {
  const [unit, name] = value < 1024 ** 2 ? [1024, 'KiB'] : [1024 ** 2, 'MiB'];
  return `${number(Math.round((10 * value) / unit) / 10)} ${name}`;
};

/** Bytes are given in binary units: so are the steps of their axis. */
const POWERS_OF_TWO = Array.from({ length: 44 }, (_, n) => 2 ** n);

const colourAt = (n: number): string => COLOURS[n % COLOURS.length] ?? GREY;

interface Axis {
  readonly label: string;
  readonly format: (value: number) => string;
  /** Steps between its marks, to choose from; those of uPlot are decimal. */
  readonly incrs?: number[];
}

function plot(
  element: HTMLElement,
  [x, y]: readonly [Axis, Axis],
  range: uPlot.Range.MinMax,
  series: uPlot.Series[],
  data: (number | null)[][],
): void {
  element.replaceChildren();
  const axis = ({ label, format, ...rest }: Axis): uPlot.Axis => ({
    label,
    values: (_, splits) => splits.map(format),
    ...rest,
  });
  const value = (of: Axis) => (_: uPlot, one: number | null) => (one === null ? '-' : of.format(one));
  new uPlot(
    {
      width: element.clientWidth,
      height: HEIGHT,
      scales: { x: { time: false, range }, y: { range: (_, __, max) => [0, Math.max(1, max * 1.08)] } },
      axes: [axis(x), { ...axis(y), size: 80 }],
      series: [{ label: x.label, value: value(x) }, ...series.map((one) => ({ ...one, value: value(y) }))],
    },
    data as uPlot.AlignedData,
    element,
  );
}

/** Pages by compressed size, a line for each algorithm. */
export function plotSizes(element: HTMLElement, names: readonly string[], states: readonly Uint16Array[]): void {
  const steps = PAGE_BYTES / STEP;
  const columns = states.map((of) => {
    const pages = new Array<number>(steps).fill(0);
    for (const state of of) {
      const size = state & SIZE_BITS;
      if (size === 0 || (state & SAME) !== 0) continue;
      const step = Math.floor((size - 1) / STEP);
      pages[step] = (pages[step] ?? 0) + 1;
    }
    return pages;
  });
  const stepped = uPlot.paths.stepped?.({ align: -1 });
  const series = names.map((label, n) => ({
    label,
    stroke: colourAt(n),
    width: 2,
    points: { show: false },
    ...(stepped === undefined ? {} : { paths: stepped }),
  }));
  const ends = Array.from({ length: steps }, (_, step) => (step + 1) * STEP);
  const axes = [
    { label: `compressed size, bytes (steps of ${STEP})`, format: number },
    { label: 'pages', format: number },
  ] as const;
  plot(element, axes, [0, PAGE_BYTES], series, [ends, ...columns]);
}

function bars(label: string, fill: string, align: -1 | 0 | 1, part: number, most: number): uPlot.Series {
  const paths = uPlot.paths.bars?.({ size: [part, most], align });
  return { label, stroke: fill, fill, points: { show: false }, ...(paths === undefined ? {} : { paths }) };
}

/** Memory before and after merging and compacting, two bars for each algorithm. */
export function plotMemory(element: HTMLElement, algorithms: readonly HtmlAlgorithm[]): void {
  const places = algorithms.map((_, n) => n);
  const nameOf = (place: number): string => algorithms[place]?.name ?? '';
  const series = [bars('before', GREY, -1, 0.3, 80), bars('merged and compacted', colourAt(2), 1, 0.3, 80)];
  plot(
    element,
    [
      { label: 'algorithm', format: nameOf, incrs: [1] },
      { label: 'mem_used_total', format: bytes, incrs: POWERS_OF_TWO },
    ],
    [-0.6, algorithms.length - 0.4],
    series,
    [places, algorithms.map(({ memory }) => memory.before), algorithms.map(({ memory }) => memory.afterCompact)],
  );
}

/** Size classes in which the merge found something. */
export function plotClasses(element: HTMLElement, { classes }: HtmlAlgorithm): void {
  const series = [bars('objects left', GREY, -1, 0.45, 12), bars('pages merged', colourAt(2), 1, 0.45, 12)];
  plot(
    element,
    [
      { label: 'size class, bytes', format: number },
      { label: 'objects, pages', format: number },
    ],
    [0, PAGE_BYTES + STEP],
    series,
    [classes.map(({ size }) => size), classes.map(({ objects }) => objects), classes.map(({ merged }) => merged)],
  );
}
