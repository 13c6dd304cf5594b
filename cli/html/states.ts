/** States of pages: unpacking them, and what each is called and coloured. */
import { MERGED, PAGE_BYTES, RECOMPRESSED, SAME, SIZE_BITS } from './data.js';

/** States as they were packed. Where the processor is big-endian, a view of 16 bits would swap them. */
export async function unpack(packed: string): Promise<Uint16Array> {
  const bytes = Uint8Array.from(atob(packed), (one) => one.charCodeAt(0));
  const stream = new Blob([bytes]).stream().pipeThrough(new DecompressionStream('deflate-raw'));
  const view = new DataView(await new Response(stream).arrayBuffer());
  return Uint16Array.from({ length: view.byteLength / 2 }, (_, page) => view.getUint16(2 * page, true));
}

export type Colour = readonly [red: number, green: number, blue: number];

export interface Category {
  readonly label: string;
  readonly help: string;
  /** From the smallest object to the largest; of one colour, twice the same. */
  readonly colours: readonly [Colour, Colour];
}

/** Okabe and Ito's colours, which people with any colour vision can tell apart. Lightness orders sizes. */
export const CATEGORIES = {
  same: {
    label: 'same-filled',
    help: 'one value over and over: no object',
    colours: [
      [170, 180, 192],
      [170, 180, 192],
    ],
  },
  compressed: {
    label: 'compressed',
    help: 'the darker, the larger',
    colours: [
      [143, 205, 243],
      [0, 79, 128],
    ],
  },
  recompressed: {
    label: 'recompressed',
    help: 'by a second compressor',
    colours: [
      [240, 200, 90],
      [190, 120, 0],
    ],
  },
  merged: {
    label: 'sharing',
    help: 'one object with other pages',
    colours: [
      [110, 215, 180],
      [0, 120, 87],
    ],
  },
  huge: {
    label: 'huge',
    help: 'stored as they are',
    colours: [
      [213, 94, 0],
      [213, 94, 0],
    ],
  },
  none: {
    label: 'not stored',
    help: 'no object',
    colours: [
      [231, 235, 240],
      [231, 235, 240],
    ],
  },
} as const satisfies Record<string, Category>;

export type CategoryName = keyof typeof CATEGORIES;
export const CATEGORY_NAMES = Object.keys(CATEGORIES) as CategoryName[];

export function categoryOf(state: number): CategoryName {
  if ((state & SAME) !== 0) return 'same';
  if ((state & MERGED) !== 0) return 'merged';
  if ((state & RECOMPRESSED) !== 0) return 'recompressed';
  const size = state & SIZE_BITS;
  if (size === 0) return 'none';
  return size === PAGE_BYTES ? 'huge' : 'compressed';
}

export function colourOf(state: number): Colour {
  const [small, large] = CATEGORIES[categoryOf(state)].colours;
  const part = (state & SIZE_BITS) / PAGE_BYTES;
  const mix = (from: number, to: number): number => Math.round(from + (to - from) * part);
  return [mix(small[0], large[0]), mix(small[1], large[1]), mix(small[2], large[2])];
}

export const css = ([red, green, blue]: Colour): string => `rgb(${red}, ${green}, ${blue})`;
