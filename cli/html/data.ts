/** What the report as a web page shows: the shape of the data that it holds, as JSON. Sizes are bytes. */
export interface HtmlData {
  readonly inputs: readonly { readonly name: string; readonly pages: number }[];
  readonly algorithms: readonly HtmlAlgorithm[];
}

export interface HtmlAlgorithm {
  readonly name: string;
  /** mem_used_total. */
  readonly memory: { readonly before: number; readonly afterCompact: number };
  readonly classes: readonly { readonly size: number; readonly objects: number; readonly merged: number }[];
  /** The state of each page after the merge, see below: 16 bits each, little-endian, deflated, in base64. */
  readonly states: string;
}

/** Bits of a page's state. The bytes of its object are in those below; 0: it has none. */
export const SIZE_BITS = 0x1fff;
export const SAME = 0x2000;
export const MERGED = 0x4000;
export const RECOMPRESSED = 0x8000;

export const PAGE_BYTES = 4096;
