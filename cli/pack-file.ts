/** Packs: save files whose comment holds the length of each image, which need not be a whole number of pages. */
import { createReadStream } from 'node:fs';

import { ZramError, type Engine, type Zram, type ZramSnapshot } from '../bindings/index.js';
import { CliError, reasonOf } from './errors.js';
import { mebibytes } from './format.js';
import { FileInput } from './inputs.js';
import { CHUNK_BYTES } from './storing.js';
import type { Surroundings } from './surroundings.js';

/** An image of a pack. */
export interface PackedImage {
  readonly name: string;
  readonly bytes: number;
  readonly zram: Zram;
}

export function commentOf(images: readonly { readonly name: string; readonly bytes: number }[]): string {
  return JSON.stringify({ bytes: Object.fromEntries(images.map(({ name, bytes }) => [name, bytes])) });
}

/** The lengths of images, if the comment holds them; another program may have written it. */
function lengthsOf(comment: string | undefined): ReadonlyMap<string, unknown> {
  try {
    const { bytes } = JSON.parse(comment ?? '{}') as { bytes?: unknown };
    return new Map(typeof bytes === 'object' && bytes !== null ? Object.entries(bytes) : []);
  } catch {
    return new Map();
  }
}

/** Loads a pack; all of it is checked before any of it is returned. @throws CliError that names the file */
export async function loadPack(engine: Engine, path: string, io: Surroundings): Promise<PackedImage[]> {
  if (path !== '-') await FileInput.open(path); // for its messages
  const source = path === '-' ? io.stdin : createReadStream(path, { highWaterMark: CHUNK_BYTES });
  try {
    const { devices, comment } = await engine.loadAll(counted(source, path, io.progress));
    const lengths = lengthsOf(comment);
    return [...devices].map(([name, device]) => imageOf(name, device, lengths.get(name)));
  } catch (error) {
    if (!(error instanceof ZramError)) throw error;
    throw new CliError(`cannot load '${path}': ${error.message}`);
  }
}

function imageOf(name: string, device: Zram | ZramSnapshot, length: unknown): PackedImage {
  const zram = 'writePage' in device ? device : device.clone();
  const disksize = Number(zram.sysfs.read('disksize'));
  const known = typeof length === 'number' && Number.isSafeInteger(length) && length >= 0 && length <= disksize;
  return { name, bytes: known ? length : disksize, zram };
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
