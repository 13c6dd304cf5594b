/**
 * What a page's colour says. The colours are of Okabe and Ito's set, which people with any colour vision can tell apart;
 * compressed pages go from light to dark with their size, so that lightness alone orders them.
 */
import { CHANGED, HUGE, IDLE, MERGED, RECOMPRESSED, SAME, STORED, WRITTEN_BACK } from '../engine/protocol.js';

export type Theme = 'light' | 'dark';
export type Category =
  'empty' | 'same' | 'compressed' | 'merged' | 'huge' | 'recompressed' | 'writtenBack' | 'idle' | 'changed';

/** Bytes of a size step as a shift: eight steps of 512 bytes. */
const STEP_SHIFT = 9;
const STEPS = 8;
const STATES = 256;

interface Colours {
  readonly background: string;
  readonly empty: string;
  readonly same: string;
  /** Of the smallest and the largest compressed page. */
  readonly compressed: readonly [string, string];
  readonly merged: string;
  readonly huge: string;
  readonly recompressed: string;
  readonly writtenBack: string;
  /** What lights up: the pages that share an object. */
  readonly lit: string;
}

const COLOURS: Record<Theme, Colours> = {
  light: {
    background: '#f6f8fa',
    empty: '#e7ebf0',
    same: '#aab4c0',
    compressed: ['#8fcdf3', '#004f80'],
    merged: '#009e73',
    huge: '#d55e00',
    recompressed: '#e69f00',
    writtenBack: '#cc79a7',
    lit: '#111418',
  },
  dark: {
    background: '#12161c',
    empty: '#1d232c',
    same: '#5a6573',
    compressed: ['#b5e2fb', '#1277bd'],
    merged: '#12b886',
    huge: '#e8701a',
    recompressed: '#f0b429',
    writtenBack: '#d58fb8',
    lit: '#fff3a3',
  },
};

/** What is told of a category. */
export interface CategoryText {
  readonly label: string;
  readonly help: string;
}

/**
 * In the legend's order. A page is drawn as one of them; `idle` is told besides. Of a history only, pages that changed stand
 * out from all others; nothing is recompressed there, so they have its colour.
 */
export const CATEGORIES: readonly (CategoryText & { readonly id: Category })[] = [
  { id: 'same', label: 'same-filled', help: 'One value over and over, such as zeros: takes no memory of the pool' },
  { id: 'compressed', label: 'compressed', help: 'Has an object of its own; darker is larger' },
  { id: 'merged', label: 'merged', help: 'Shares its object with other, identical pages' },
  { id: 'huge', label: 'huge', help: 'Did not compress: stored as it is' },
  { id: 'recompressed', label: 'recompressed', help: 'Packed again by a second, stronger compressor' },
  { id: 'writtenBack', label: 'written back', help: 'On the backing device, not in memory' },
  { id: 'changed', label: 'changed', help: 'Differs from the state before' },
  { id: 'idle', label: 'idle', help: 'Not touched since pages were marked idle; drawn faint' },
];

export function categoryOf(state: number): Category {
  if ((state & CHANGED) !== 0) return 'changed';
  if ((state & STORED) === 0) return 'empty';
  if ((state & WRITTEN_BACK) !== 0) return 'writtenBack';
  if ((state & SAME) !== 0) return 'same';
  if ((state & MERGED) !== 0) return 'merged';
  if ((state & RECOMPRESSED) !== 0) return 'recompressed';
  if ((state & HUGE) !== 0) return 'huge';
  return 'compressed';
}

export function isOf(state: number, category: Category): boolean {
  if (category === 'idle') return (state & IDLE) !== 0;
  return categoryOf(state) === category;
}

/** The index of a page's colour in the tables. */
export function colourIndex(state: number, size: number): number {
  const step = size >>> STEP_SHIFT;
  return state | ((step < STEPS ? step : STEPS - 1) << 8);
}

type Rgb = readonly [number, number, number];

function rgb(hex: string): Rgb {
  return [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16)) as unknown as Rgb;
}

function mix(a: Rgb, b: Rgb, part: number): Rgb {
  return a.map((value, n) => Math.round(value + (b[n]! - value) * part)) as unknown as Rgb;
}

/** As ImageData has it in memory; every machine that runs a browser is little-endian. */
function packed([red, green, blue]: Rgb): number {
  return ((255 << 24) | (blue << 16) | (green << 8) | red) >>> 0;
}

export interface Palette {
  readonly background: string;
  /** By `colourIndex`: as they are, and faint, for pages that are not meant. */
  readonly bright: Uint32Array;
  readonly faint: Uint32Array;
  readonly lit: string;
  readonly litPacked: number;
  css(category: Category): string;
}

function colourOf(colours: Colours, category: Category, step: number): Rgb {
  if (category === 'compressed') return mix(rgb(colours.compressed[0]), rgb(colours.compressed[1]), step / (STEPS - 1));
  if (category === 'changed') return rgb(colours.recompressed);
  if (category === 'idle') return mix(rgb(colours.compressed[0]), rgb(colours.background), 0.6);
  return rgb(colours[category]);
}

const IDLE_FAINTNESS = 0.6;
const FAINTNESS = 0.78;

export function paletteOf(theme: Theme): Palette {
  const colours = COLOURS[theme];
  const background = rgb(colours.background);
  const bright = new Uint32Array(STATES * STEPS);
  const faint = new Uint32Array(STATES * STEPS);
  for (let step = 0; step < STEPS; step++) {
    for (let state = 0; state < STATES; state++) {
      let colour = colourOf(colours, categoryOf(state), step);
      if ((state & IDLE) !== 0) colour = mix(colour, background, IDLE_FAINTNESS);
      bright[state | (step << 8)] = packed(colour);
      faint[state | (step << 8)] = packed(mix(colour, background, FAINTNESS));
    }
  }
  return {
    background: colours.background,
    bright,
    faint,
    lit: colours.lit,
    litPacked: packed(rgb(colours.lit)),
    css(category) {
      if (category === 'compressed')
        return `linear-gradient(135deg, ${colours.compressed[0]}, ${colours.compressed[1]})`;
      return `rgb(${colourOf(colours, category, STEPS - 1).join(' ')})`;
    },
  };
}
