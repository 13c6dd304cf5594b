/** Packs: save files whose comment holds the length of each image, which need not be a whole number of pages. */
import { createReadStream } from 'node:fs';

import { ZramError, type Engine, type Zram, type ZramSnapshot } from '../bindings/index.js';
import type { Source } from './dumps/reader.js';
import { CliError, reasonOf } from './errors.js';
import { mebibytes } from './format.js';
import { ImageMap } from './image-map.js';
import { FileInput } from './inputs.js';
import { CHUNK_BYTES } from './storing.js';
import type { Surroundings } from './surroundings.js';

/** An image of a pack. */
export interface PackedImage {
  readonly name: string;
  readonly bytes: number;
  readonly zram: Zram;
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

/** Loads a pack; all of it is checked before any of it is returned. @throws CliError that names the file */
export async function loadPack(engine: Engine, path: string, io: Surroundings): Promise<PackedImage[]> {
  if (path !== '-') await FileInput.open(path); // for its messages
  const source = path === '-' ? io.stdin : createReadStream(path, { highWaterMark: CHUNK_BYTES });
  try {
    const { devices, comment } = await engine.loadAll(counted(source, path, io.progress));
    const known = parseComment(comment);
    return [...devices].map(([name, device]) => imageOf(name, device, known));
  } catch (error) {
    if (!(error instanceof ZramError)) throw error;
    throw new CliError(`cannot load '${path}': ${error.message}`);
  }
}

function imageOf(name: string, device: Zram | ZramSnapshot, { bytes, maps }: Comment): PackedImage {
  const zram = 'writePage' in device ? device : device.clone();
  const disksize = Number(zram.sysfs.read('disksize'));
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
