/** How an input was read: its format, where its pages were, and what there is to know about that. */

export const FORMATS = ['raw', 'elf', 'kdump', 'lime', 'qemu', 'v86', 'sqlite', 'rastate'] as const;
export type Format = (typeof FORMATS)[number];

/** What is told of an input that is a file, in its report and as JSON. */
export interface DumpFacts {
  readonly format: Format;
  readonly extents: number;
  /** Where in a page of the file pages of memory begin: offsets modulo 4096, most bytes first, 8 at most. */
  readonly remainders: readonly number[];
  /** Bytes of the file that are no memory: headers, notes, descriptors, padding. */
  readonly bytesOutside: number;
  /** Pages that the dump names and does not have. */
  readonly pagesNotInDump: number;
  /** Pages that it has twice, counted once. */
  readonly pagesRepeated: number;
}

export interface Contents extends DumpFacts {
  /** Bytes for which a regular file has nothing allocated: they read as zeros that may never have been in memory. */
  readonly holes: number;
  /** Zeros that were added to fill pages. */
  readonly bytesPadded: number;
  /** Sentences without their full stops. */
  readonly notes: readonly string[];
  /** The sentence that says where the file ended too early. */
  readonly truncated?: string | undefined;
}

/** Of a file that is taken as it is: one extent from its start. */
export function rawContents(holes: number, note?: string): Contents {
  return {
    format: 'raw',
    extents: 1,
    remainders: [0],
    bytesOutside: 0,
    pagesNotInDump: 0,
    pagesRepeated: 0,
    holes,
    bytesPadded: 0,
    notes: note === undefined ? [] : [note],
  };
}
