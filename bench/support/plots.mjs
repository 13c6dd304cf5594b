/**
 * Plots for the report: SVG files drawn by echarts, without a browser. A section describes lines by their points; how they
 * look is decided here, for all of them.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';

const WIDTH = 760;
const HEIGHT = 380;
/** Okabe and Ito's colours, which people with any colour vision tell apart. */
const COLOURS = ['#0072B2', '#D55E00', '#009E73', '#CC79A7', '#E69F00', '#56B4E9'];
const SYMBOLS = ['circle', 'rect', 'triangle', 'diamond', 'roundRect', 'pin'];

/**
 * @typedef {object} Plot
 * @property {string} name of the file, without its ending
 * @property {string} title
 * @property {string} x what the axis shows
 * @property {string} y
 * @property {{ name: string, points: number[][] }[]} lines
 */

/** @param {Plot} plot */
function option({ title, x, y, lines }) {
  const axis = (name) => ({
    type: 'value',
    name,
    nameLocation: 'middle',
    nameGap: 34,
    min: 0,
    splitLine: { show: true },
  });
  return {
    animation: false,
    color: COLOURS,
    backgroundColor: '#ffffff',
    title: { text: title, left: 'center', textStyle: { fontSize: 15 } },
    legend: { top: 28 },
    grid: { left: 72, right: 28, top: 64, bottom: 56 },
    xAxis: axis(x),
    yAxis: { ...axis(y), nameGap: 52 },
    series: lines.map(({ name, points }, n) => ({
      type: 'line',
      name,
      data: points,
      symbol: SYMBOLS[n % SYMBOLS.length],
      symbolSize: 7,
    })),
  };
}

/**
 * Draws plots into a folder. @returns the names of those that were drawn: none where echarts is not installed
 * @param {Plot[]} plots
 */
export async function drawPlots(plots, folder) {
  let echarts;
  try {
    echarts = await import('echarts');
  } catch {
    console.error('echarts is not installed: there are no plots.');
    return [];
  }
  mkdirSync(folder, { recursive: true });
  for (const plot of plots) {
    const chart = echarts.init(null, null, { renderer: 'svg', ssr: true, width: WIDTH, height: HEIGHT });
    chart.setOption(option(plot));
    writeFileSync(path.join(folder, `${plot.name}.svg`), `${chart.renderToSVGString()}\n`);
    chart.dispose();
  }
  return plots.map(({ name }) => name);
}
