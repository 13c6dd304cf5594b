/**
 * The script of the report as a web page. It asks for nothing over a network: the data is in the page, and names in it are
 * put there as text, never as markup.
 */
import type { HtmlAlgorithm, HtmlData } from './data.js';
import { SIZE_BITS } from './data.js';
import { drawMap, pageAt, type Layout } from './map.js';
import { plotClasses, plotMemory, plotSizes } from './plots.js';
import { CATEGORIES, CATEGORY_NAMES, categoryOf, css, unpack } from './states.js';

interface Shown {
  readonly algorithm: HtmlAlgorithm;
  readonly states: Uint16Array;
}

function element(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`the page has no '${id}'`);
  return found;
}

const { inputs, algorithms } = JSON.parse(element('data').textContent) as HtmlData;
const number = (value: number): string => value.toLocaleString('en-US');

/** The legend, with the number of pages of each kind. */
function showLegend(states: Uint16Array): void {
  const counts = new Map(CATEGORY_NAMES.map((name) => [name, 0]));
  for (const state of states) {
    const name = categoryOf(state);
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  const items = CATEGORY_NAMES.filter((name) => (counts.get(name) ?? 0) > 0).map((name) => {
    const { label, help, colours } = CATEGORIES[name];
    const item = document.createElement('li');
    const swatch = document.createElement('span');
    swatch.style.background = `linear-gradient(90deg, ${css(colours[0])}, ${css(colours[1])})`;
    item.append(swatch, `${label}: ${number(counts.get(name) ?? 0)} (${help})`);
    item.dataset['category'] = name;
    item.dataset['pages'] = String(counts.get(name) ?? 0);
    return item;
  });
  element('legend').replaceChildren(...items);
}

function describe(states: Uint16Array, page: number): string {
  if (page >= states.length) return '';
  const state = states[page];
  let first = 0;
  const input = inputs.find(({ pages }) => page < (first += pages));
  const inInput = page - first + (input?.pages ?? 0);
  const size = state & SIZE_BITS;
  const bytes = size === 0 ? '' : `, ${number(size)} bytes`;
  return `page ${number(inInput)} of ${input?.name ?? ''}: ${CATEGORIES[categoryOf(state)].label}${bytes}`;
}

function show({ algorithm, states }: Shown): void {
  const canvas = element('map') as HTMLCanvasElement;
  const layout: Layout = drawMap(canvas, states, element('map-frame').clientWidth);
  canvas.onmousemove = ({ offsetX, offsetY }) => {
    element('under').textContent = describe(states, pageAt(layout, offsetX, offsetY));
  };
  const several =
    layout.pagesPerCell === 1 ? '' : ` A cell is ${number(layout.pagesPerCell)} pages, as its largest object.`;
  element('map-note').textContent = `${number(states.length)} pages, row by row.${several}`;
  showLegend(states);
  plotClasses(element('classes'), algorithm);
}

async function start(): Promise<void> {
  const shown = await Promise.all(
    algorithms.map(async (algorithm) => ({ algorithm, states: await unpack(algorithm.states) })),
  );
  const choice = element('algorithm') as HTMLSelectElement;
  choice.replaceChildren(...algorithms.map(({ name }, n) => new Option(name, String(n))));
  const showChosen = (): void => show(shown[choice.selectedIndex]);
  const showAll = (): void => {
    plotMemory(element('memory'), algorithms);
    plotSizes(
      element('sizes'),
      algorithms.map(({ name }) => name),
      shown.map(({ states }) => states),
    );
    showChosen();
  };
  choice.onchange = showChosen;
  window.onresize = showAll;
  showAll();
  document.documentElement.dataset['drawn'] = 'true';
}

void start();
