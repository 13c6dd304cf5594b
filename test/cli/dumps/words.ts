/** What fixtures are, and the integers that they are written in. */

/** A fixture: its file, and the memory that is in it. */
export interface Fixture {
  readonly name: string;
  readonly format: string;
  readonly file: Buffer;
  /** Pages as they should come out, in their order. */
  readonly pages: Buffer;
  /** Number of each page: its address divided by 4096; undefined where the format knows none. */
  readonly places?: readonly number[];
  /** Whether the pages stand in the file as they are. */
  readonly isPlain: boolean;
  /** Where tables are, that changes may be made where they matter. */
  readonly tables: readonly Table[];
  /** Where a table is text, with the numbers that say how long it and the file are, 4 bytes each. */
  readonly text?: { readonly at: number; readonly bytes: number; readonly lengthAt: number; readonly totalAt: number };
}

/** Bytes of a file that say where others are. */
export interface Table {
  readonly at: number;
  readonly bytes: number;
  /** Of one of its entries. */
  readonly entryBytes: number;
  /** Most of its numbers have so many bytes, from its start on. */
  readonly word: 2 | 4 | 8;
  readonly big: boolean;
}

export const table = (
  at: number,
  bytes: number,
  { entryBytes = bytes, word = 4, big = false }: Partial<Table> = {},
): Table => ({ at, bytes, entryBytes, word, big });

/** How many pages fixtures have: as many as tests of figures need, or few, of which many can be made. */
export interface Sizes {
  readonly isSmall?: boolean;
}

export const u16 = (value: number, big = false): Buffer => {
  const bytes = Buffer.alloc(2);
  if (big) bytes.writeUInt16BE(value);
  else bytes.writeUInt16LE(value);
  return bytes;
};
export const u32 = (value: number, big = false): Buffer => {
  const bytes = Buffer.alloc(4);
  if (big) bytes.writeUInt32BE(value);
  else bytes.writeUInt32LE(value);
  return bytes;
};
export const u64 = (value: number | bigint, big = false): Buffer => {
  const bytes = Buffer.alloc(8);
  if (big) bytes.writeBigUInt64BE(BigInt.asUintN(64, BigInt(value)));
  else bytes.writeBigUInt64LE(BigInt.asUintN(64, BigInt(value)));
  return bytes;
};
