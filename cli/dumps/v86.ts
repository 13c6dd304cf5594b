/**
 * States of v86, version 6: a header, JSON, and the buffers that the JSON refers to. Entry 0 of its `state` is the size of
 * the memory, entry 77 the memory without its pages of zeros, entry 78 a bitmap of the pages that are there.
 */
import { PAGE_BYTES } from '../page-list.js';
import { messageOf } from '../errors.js';
import { dumpOf, endsEarly, type Dump } from './dump.js';
import { Extents, PLAIN, ZEROS } from './extents.js';
import type { Reader } from './reader.js';

export const V86_MAGIC = Buffer.from([0x76, 0x86, 0x76, 0x86]);
const VERSION = 6;
const HEADER_BYTES = 16;
/** A state of 20 MB has some 100 KB of it. */
const JSON_BYTES_MAX = 64 * 1024 * 1024;
/** Arrays and objects in it, each of which takes 30 bytes and more when it is parsed: those of 600,000 files of a guest. */
const JSON_OBJECTS_MAX = 2 ** 21;
/** Addresses of the machine have 32 bits. */
const MEMORY_BYTES_MAX = 2 ** 32;
const MEMORY_SIZE = 0;
const PACKED_MEMORY = 77;
const BITMAP = 78;

export function v86Misfit(head: Buffer, size: number | undefined): string | undefined {
  if (head.length < HEADER_BYTES) return 'it ends inside its header';
  const [version, total] = [head.readInt32LE(4), head.readInt32LE(8)];
  if (version !== VERSION) return `its version is ${version}, not ${VERSION}`;
  return size === undefined || total === size ? undefined : `it says to have ${total} bytes, and has ${size}`;
}

interface BufferPlace {
  readonly offset: number;
  readonly bytes: number;
}

/** @throws CliError */
export async function readV86(reader: Reader): Promise<Dump> {
  const head = await reader.exactly(0, HEADER_BYTES, 'the header');
  if (!head.subarray(0, 4).equals(V86_MAGIC)) throw reader.wrong(0, 'it is not a state of v86');
  const [version, total, jsonBytes] = [head.readInt32LE(4), head.readInt32LE(8), head.readInt32LE(12)];
  if (version !== VERSION) throw reader.wrong(4, `its version is ${version}, not ${VERSION}`);
  if (jsonBytes < 0 || jsonBytes > JSON_BYTES_MAX || !reader.reaches(HEADER_BYTES + jsonBytes))
    throw reader.wrong(12, `its JSON of ${jsonBytes} bytes cannot be in the file`);
  // Of a file that does not say its length, before there is memory for it.
  if (jsonBytes > 0) await reader.exactly(HEADER_BYTES + jsonBytes - 1, 1, 'the JSON');
  const text = Buffer.alloc(jsonBytes);
  await reader.fill(HEADER_BYTES, text, 'the JSON');
  const { state, infos } = parse(reader, text);
  const base = Math.ceil((HEADER_BYTES + jsonBytes) / 4) * 4;
  const places = infos.map((info) => placeOf(reader, info, base, total));
  checkApart(reader, places);
  const extents = new Extents(reader.name);
  const memory = await addMemory(reader, extents, state, places);
  for (const [id, place] of places.entries()) {
    if (place.bytes < PAGE_BYTES || memory.has(id)) continue;
    extents.spaces.push(`buffer ${id}`);
    const space = extents.spaces.length - 1;
    extents.add({ ...place, page: 0, shift: 0, space, encoding: PLAIN });
  }
  const size = reader.bytes ?? total;
  if (size >= total) return dumpOf(reader, { format: 'v86', extents });
  return truncatedDump(reader, extents, size);
}

/** What is whole of a state that ends too early. */
function truncatedDump(reader: Reader, extents: Extents, size: number): Dump {
  const kept = new Extents(reader.name);
  kept.spaces.push(...extents.spaces.slice(1));
  let missing = 0;
  for (const extent of extents) {
    const here = extent.encoding === ZEROS ? extent.bytes : Math.max(0, Math.min(extent.bytes, size - extent.offset));
    const bytes = here === extent.bytes ? here : here - (here % PAGE_BYTES);
    if (bytes > 0) kept.add({ ...extent, bytes });
    missing += Math.ceil((extent.bytes - bytes) / PAGE_BYTES);
  }
  const truncated = endsEarly(reader, size, missing);
  return dumpOf(reader, { format: 'v86', extents: kept, pagesNotInDump: missing, truncated });
}

function parse(reader: Reader, text: Buffer): { state: unknown[]; infos: unknown[] } {
  let objects = 0;
  for (const byte of text) if (byte === 0x5b || byte === 0x7b) objects += 1;
  if (objects > JSON_OBJECTS_MAX)
    throw reader.wrong(
      HEADER_BYTES,
      `its JSON has ${objects} brackets, more than the ${JSON_OBJECTS_MAX} that are read`,
    );
  let parsed: unknown;
  try {
    parsed = JSON.parse(text.toString('utf8'));
  } catch (error) {
    throw reader.wrong(HEADER_BYTES, `its JSON is broken: ${messageOf(error).split('\n')[0] ?? ''}`);
  }
  const { state, buffer_infos: infos } = (parsed ?? {}) as { state?: unknown; buffer_infos?: unknown };
  if (!Array.isArray(state)) throw reader.wrong(HEADER_BYTES, "'state' of its JSON is not an array");
  if (!Array.isArray(infos)) throw reader.wrong(HEADER_BYTES, "'buffer_infos' of its JSON is not an array");
  return { state, infos };
}

function placeOf(reader: Reader, info: unknown, base: number, total: number): BufferPlace {
  const { offset, length } = (info ?? {}) as { offset?: unknown; length?: unknown };
  const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
  if (!isCount(offset) || !isCount(length)) throw reader.wrong(HEADER_BYTES, 'a buffer has no offset and length');
  if (base + offset + length > total) throw reader.wrong(HEADER_BYTES, `a buffer at ${offset} ends beyond the file`);
  return { offset: base + offset, bytes: length };
}

/** A short file must not name the same bytes again and again. */
function checkApart(reader: Reader, places: readonly BufferPlace[]): void {
  let end = 0;
  for (const { offset, bytes } of [...places].sort((a, b) => a.offset - b.offset || a.bytes - b.bytes)) {
    if (offset < end && bytes > 0) throw reader.wrong(offset, 'two buffers overlap');
    end = Math.max(end, offset + bytes);
  }
}

/** Adds the memory, page by page as far as its bitmap has gaps; returns the buffers that it took. */
async function addMemory(
  reader: Reader,
  extents: Extents,
  state: readonly unknown[],
  places: readonly BufferPlace[],
): Promise<Set<number>> {
  const size = state[MEMORY_SIZE];
  if (typeof size !== 'number' || !Number.isInteger(size / PAGE_BYTES) || size <= 0 || size > MEMORY_BYTES_MAX)
    throw reader.wrong(HEADER_BYTES, "entry 0 of 'state' is not a size of memory");
  const [packedId, packed] = bufferOf(reader, state, PACKED_MEMORY, places);
  const [bitmapId, bitmap] = bufferOf(reader, state, BITMAP, places);
  const pages = size / PAGE_BYTES;
  if (bitmap.bytes < Math.ceil(pages / 8)) throw reader.wrong(bitmap.offset, 'the bitmap is shorter than the memory');
  const bits = Buffer.alloc(Math.ceil(pages / 8));
  await reader.fill(bitmap.offset, bits, 'the bitmap');
  let stored = 0;
  const isStored = (page: number) => ((bits[page >> 3] ?? 0) & (1 << (page & 7))) !== 0;
  for (let page = 0; page < pages;) {
    const [first, here] = [page, isStored(page)];
    while (page < pages && isStored(page) === here) page++;
    const bytes = (page - first) * PAGE_BYTES;
    const place = { page: first, shift: 0, space: 0, bytes };
    extents.add({ ...place, offset: packed.offset + stored, encoding: here ? PLAIN : ZEROS });
    if (here) stored += bytes;
  }
  if (stored !== packed.bytes) {
    throw reader.wrong(packed.offset, `the memory has ${packed.bytes} bytes, and its bitmap stands for ${stored}`);
  }
  return new Set([packedId, bitmapId]);
}

function bufferOf(
  reader: Reader,
  state: readonly unknown[],
  entry: number,
  places: readonly BufferPlace[],
): [id: number, place: BufferPlace] {
  const { buffer_id: id } = (state[entry] ?? {}) as { buffer_id?: unknown };
  const place = typeof id === 'number' ? places[id] : undefined;
  if (place === undefined) throw reader.wrong(HEADER_BYTES, `entry ${entry} of 'state' is not a buffer`);
  return [id as number, place];
}
