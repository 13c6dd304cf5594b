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
  readonly tables: readonly (readonly [from: number, to: number])[];
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
