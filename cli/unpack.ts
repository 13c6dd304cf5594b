/** `unpack`: the images of a pack to files, with holes where there is nothing. */
import { mkdir, type FileHandle } from 'node:fs/promises';
import { join } from 'node:path';

import { Engine } from '../bindings/index.js';
import { CliError, reasonOf } from './errors.js';
import { mebibytes, shorten } from './format.js';
import { OutputFile, cannotWrite } from './output-file.js';
import { loadPack, type PackedImage } from './pack-file.js';
import { PAGE_BYTES } from './page-list.js';
import { CHUNK_BYTES } from './storing.js';
import type { Surroundings } from './surroundings.js';

export interface UnpackOptions {
  readonly file: string;
  readonly folder: string;
  /** Files that are there are replaced. */
  readonly force: boolean;
}

export interface Unpacked {
  readonly file: string;
  readonly images: readonly { readonly name: string; readonly path: string; readonly bytes: number }[];
}

const CHUNK_PAGES = CHUNK_BYTES / PAGE_BYTES;
const NAME_WIDTH = 60;

/** @throws CliError */
export async function unpack({ file, folder, force }: UnpackOptions, io: Surroundings): Promise<Unpacked> {
  const engine = await Engine.create({ maxMemory: io.maxMemory });
  try {
    const images = await loadPack(engine, file, io);
    for (const { name } of images) checkName(name);
    try {
      await mkdir(folder, { recursive: true });
    } catch (error) {
      throw new CliError(`cannot make the folder '${folder}': ${reasonOf(error)}`);
    }
    const written: { name: string; path: string; bytes: number }[] = [];
    for (const image of images) {
      const path = join(folder, image.name);
      const output = await OutputFile.open(path, force);
      await output.write((handle) => writeImage(image, handle, path, io.progress));
      written.push({ name: image.name, path, bytes: image.bytes });
    }
    return { file, images: written };
  } finally {
    engine.destroy();
  }
}

/** A name comes out of a file that may be anybody's: it must not lead out of the folder. */
function checkName(name: string): void {
  if (name !== '' && name !== '.' && name !== '..' && !/[/\\\0]/.test(name)) return;
  throw new CliError(`an image has the name '${shorten(name, NAME_WIDTH)}', which no file can have here`);
}

async function writeImage(
  { name, bytes, zram }: PackedImage,
  handle: FileHandle,
  path: string,
  progress: Surroundings['progress'],
): Promise<void> {
  const chunk = new Uint8Array(CHUNK_BYTES);
  const states = new Uint32Array(2 * CHUNK_PAGES);
  try {
    await handle.truncate(bytes);
    for (let at = 0; at < bytes; at += CHUNK_BYTES) {
      progress(`writing ${name}: ${mebibytes(at)} of ${mebibytes(bytes)}`);
      const length = Math.min(CHUNK_BYTES, bytes - at);
      const pages = Math.ceil(length / PAGE_BYTES);
      // The state of a page that holds nothing is 0, and so is the number of its object.
      if (zram.pageStates(at / PAGE_BYTES, pages, states.fill(0)).every((word) => word === 0)) continue;
      zram.readPages(at / PAGE_BYTES, pages, chunk);
      // A file system may take a part at a time.
      for (let done = 0; done < length;) {
        done += (await handle.write(chunk, done, length - done, at + done)).bytesWritten;
      }
    }
  } catch (error) {
    throw cannotWrite(path, error);
  }
}
