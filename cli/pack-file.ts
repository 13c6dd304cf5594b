/** Packs: save files whose comment holds the length of each image, which need not be a whole number of pages. */
import { createReadStream } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';

import {
  Zram,
  ZramError,
  type Engine,
  type LoadOptions,
  type SaveReport,
  type ZramSnapshot,
} from '../bindings/index.js';
import type { Source } from './dumps/reader.js';
import { CliError, reasonOf } from './errors.js';
import { mebibytes } from './format.js';
import { ImageMap } from './image-map.js';
import { FileInput } from './inputs.js';
import type { OutputWriter } from './output-writer.js';
import { CHUNK_BYTES } from './storing.js';
import type { Surroundings } from './surroundings.js';

/** The first bytes of a save file. */
const PACK_MAGIC = Buffer.from('\x89ZRAM\r\n\x1a', 'latin1');

/** An image of a pack. */
export interface PackedImage {
  readonly name: string;
  readonly bytes: number;
  /** A snapshot, if it was one when it was saved. */
  readonly zram: Zram | ZramSnapshot;
  /** Where its bytes are on the device; undefined: from the first page on. */
  readonly map: ImageMap | undefined;
}

/** @param maps as `ImageMap.encode` makes them, by the names of images */
export function commentOf(
  images: readonly { readonly name: string; readonly bytes: number }[],
  maps: ReadonlyMap<string, string>,
): string {
  const bytes = Object.fromEntries(images.map(({ name, bytes }) => [name, bytes]));
  return JSON.stringify(maps.size === 0 ? { bytes } : { bytes, maps: Object.fromEntries(maps) });
}

/**
 * Writes devices and snapshots of one pool as a pack. They are saved as they are when it is called.
 * @param onBytes called with the number of bytes so far
 * @throws CliError of the output; ZramError ENOMEM
 */
export async function writePack(
  out: OutputWriter,
  devices: ReadonlyMap<string, Zram | ZramSnapshot>,
  comment: string,
  onBytes: (bytes: number) => void = () => undefined,
): Promise<SaveReport> {
  let written = 0;
  let failure: unknown;
  const sink = {
    write: async (bytes: Uint8Array) => {
      onBytes(written);
      written += bytes.length;
      await out.write(bytes).catch((error: unknown) => {
        failure = error;
        throw error;
      });
    },
  };
  try {
    return await Zram.saveAll(sink, devices, { comment });
  } catch (error) {
    throw failure ?? error; // of a sink the library reports only that it failed
  }
}

interface Comment {
  readonly bytes: ReadonlyMap<string, unknown>;
  readonly maps: ReadonlyMap<string, unknown>;
}

/** The lengths and maps of images, if the comment holds them; another program may have written it. */
function parseComment(comment: string | undefined): Comment {
  const entries = (value: unknown) =>
    new Map<string, unknown>(typeof value === 'object' && value !== null ? Object.entries(value) : []);
  try {
    const { bytes, maps } = JSON.parse(comment ?? '{}') as { bytes?: unknown; maps?: unknown };
    return { bytes: entries(bytes), maps: entries(maps) };
  } catch {
    return { bytes: new Map(), maps: new Map() };
  }
}

/** Whether a file is a pack. Only a regular one can be looked at: bytes that are read from a pipe are gone. @throws CliError */
export async function isPack(path: string): Promise<boolean> {
  if (path === '-' || (await FileInput.open(path)).bytes === undefined) return false;
  let handle: FileHandle | undefined;
  try {
    handle = await open(path);
    const start = Buffer.alloc(PACK_MAGIC.length);
    await handle.read(start, 0, start.length, 0);
    return start.equals(PACK_MAGIC);
  } catch (error) {
    throw new CliError(`cannot read '${path}': ${reasonOf(error)}`);
  } finally {
    await handle?.close();
  }
}

/** Loads a pack; all of it is checked before any of it is returned. @throws CliError that names the file */
export async function loadPack(
  engine: Engine,
  path: string,
  io: Pick<Surroundings, 'stdin' | 'progress'>,
  options: Omit<LoadOptions, 'backing'> = {},
): Promise<PackedImage[]> {
  if (path !== '-') await FileInput.open(path); // for its messages
  const source = path === '-' ? io.stdin : createReadStream(path, { highWaterMark: CHUNK_BYTES });
  try {
    const { devices, comment } = await engine.loadAll(counted(source, path, io.progress), options);
    const known = parseComment(comment);
    return [...devices].map(([name, device]) => imageOf(name, device, known));
  } catch (error) {
    if (!(error instanceof ZramError)) throw error;
    throw new CliError(`cannot load '${path}': ${error.message}`);
  }
}

function imageOf(name: string, zram: Zram | ZramSnapshot, { bytes, maps }: Comment): PackedImage {
  const { disksize } = zram;
  const length = bytes.get(name);
  const isLength = typeof length === 'number' && Number.isSafeInteger(length) && length >= 0;
  const text = maps.get(name);
  if (text !== undefined) {
    const map = isLength ? ImageMap.decode(text, length, disksize) : undefined;
    if (map === undefined) throw new ZramError('EINVAL', `the map of image '${name}' does not fit its device.`);
    return { name, bytes: map.bytes, zram, map };
  }
  return { name, bytes: isLength && length <= disksize ? length : disksize, zram, map: undefined };
}

/** The bytes of a packed image, by their offsets in it. */
export class PackedSource implements Source {
  readonly name: string;
  readonly bytes: number;

  constructor(readonly image: PackedImage) {
    this.name = image.name;
    this.bytes = image.bytes;
  }

  read(offset: number, out: Uint8Array): Promise<number> {
    const { zram, map, bytes } = this.image;
    const wanted = Math.max(0, Math.min(out.length, bytes - offset));
    if (wanted === 0) return Promise.resolve(0); // it may lie beyond the device
    let filled = 0;
    for (const { at, length } of map?.pieces(offset, offset + wanted) ?? [{ at: offset, length: wanted }]) {
      zram.read(at, length, out.subarray(filled));
      filled += length;
    }
    return Promise.resolve(wanted);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

async function* counted(
  source: AsyncIterable<Uint8Array>,
  path: string,
  progress: Surroundings['progress'],
): AsyncGenerator<Uint8Array> {
  let bytes = 0;
  try {
    for await (const chunk of source) {
      progress(() => `loading ${path}: ${mebibytes(bytes)}`);
      bytes += chunk.length;
      yield chunk;
    }
  } catch (error) {
    throw new CliError(reasonOf(error));
  }
}
