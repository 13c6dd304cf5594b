/** `--at`: extents that the user names, of files without a header whose pages do not begin at multiples of 4096. */
import { CliError, UsageError } from '../errors.js';
import { dumpOf, type Dump } from './dump.js';
import { Extents } from './extents.js';
import type { Reader } from './reader.js';

export interface Range {
  readonly offset: number;
  /** Undefined: to the next range, or to the end. */
  readonly bytes: number | undefined;
}

/** OFFSET[:BYTES], each decimal or with 0x before it; several in any order. @throws UsageError */
export function parseRanges(texts: readonly string[]): Range[] {
  const ranges = texts.map((text) => {
    const match = /^(0x[0-9a-f]+|[0-9]+)(?::(0x[0-9a-f]+|[0-9]+))?$/i.exec(text);
    const [offset, bytes] = [Number(match?.[1]), match?.[2] === undefined ? undefined : Number(match[2])];
    if (!Number.isSafeInteger(offset + (bytes ?? 0)) || bytes === 0)
      throw new UsageError(`--at must be OFFSET or OFFSET:BYTES, both whole numbers of bytes, not '${text}'`);
    return { offset, bytes };
  });
  ranges.sort((a, b) => a.offset - b.offset);
  for (const [index, { offset, bytes = 1 }] of ranges.entries()) {
    if (offset + bytes > (ranges[index + 1]?.offset ?? Infinity))
      throw new UsageError(`--at names byte ${offset + bytes - 1} twice`);
  }
  return ranges;
}

/** @throws CliError if the file does not reach to where a range is */
export async function readRanges(reader: Reader, ranges: readonly Range[]): Promise<Dump> {
  const extents = new Extents(reader.name);
  const size = reader.bytes ?? (await endOf(reader));
  for (const [index, { offset, bytes }] of ranges.entries()) {
    const end = bytes === undefined ? Math.min(size, ranges[index + 1]?.offset ?? size) : offset + bytes;
    if (end > size || offset >= size)
      throw new CliError(`'${reader.name}' has ${size} bytes, and --at names bytes from ${offset} to ${end}`);
    extents.addPlain(offset, end - offset);
  }
  return dumpOf(reader, { format: 'raw', extents });
}

/** Where a device ends, which does not say so: between a place that can be read and one that cannot. */
async function endOf(reader: Reader): Promise<number> {
  const there = async (offset: number) => (await reader.upTo(offset, 1)).length > 0;
  let [low, high] = [0, 1];
  while (high < Number.MAX_SAFE_INTEGER / 2 && (await there(high - 1))) [low, high] = [high, high * 2];
  while (low + 1 < high) {
    const middle = Math.floor((low + high) / 2);
    if (await there(middle - 1)) low = middle;
    else high = middle;
  }
  return (await there(low)) ? low + 1 : low;
}
