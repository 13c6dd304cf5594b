/** `unpack`: writes the images of a pack to files, with holes where they have zeros. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';

import { Engine } from '../bindings/index.js';
import { CliError, reasonOf } from './errors.js';
import { identityOfFile } from './file-identity.js';
import { isFileName } from './file-name.js';
import { mebibytes, shorten } from './format.js';
import { heldPages, inChunks, type PageRange } from './held-pages.js';
import { OutputFile } from './output-file.js';
import type { OutputWriter } from './output-writer.js';
import { loadPack, type PackedImage } from './pack-file.js';
import { PAGE_BYTES } from './page-list.js';
import { CHUNK_BYTES } from './storing.js';
import type { Surroundings } from './surroundings.js';
import { writeMapped } from './unpack-mapped.js';

export interface UnpackOptions {
  readonly file: string;
  readonly folder: string;
  /** Whether existing files may be replaced. */
  readonly force: boolean;
}

export interface Unpacked {
  readonly file: string;
  readonly images: readonly { readonly name: string; readonly path: string; readonly bytes: number }[];
}

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
      throw new CliError(`cannot create the folder '${folder}': ${reasonOf(error)}`);
    }
    // All are checked before the first is written, so that a name that is taken leaves nothing half done.
    const prepared: { readonly image: PackedImage; readonly path: string; readonly output: OutputFile }[] = [];
    const pack = identityOfFile(file);
    for (const image of images) {
      const path = join(folder, image.name);
      const output = await OutputFile.prepare(path, { files: force, links: force }, io.remark);
      if (pack !== undefined && output.identity === pack)
        throw new CliError(`cannot replace '${path}': it is the pack that is being unpacked`);
      prepared.push({ image, path, output });
    }
    const made = new Set<string>();
    for (const { image, output } of prepared) {
      const held = heldPages(engine, image.zram);
      await output.write((out) => writeImage(image, held, out, io.progress), made);
    }
    return { file, images: prepared.map(({ image: { name, bytes }, path }) => ({ name, path, bytes })) };
  } finally {
    engine.destroy();
  }
}

/** A name comes from an untrusted file: it must not lead out of the folder, and no two names may mean one file. */
function checkName(name: string): void {
  if (isFileName(name)) return;
  throw new CliError(`cannot unpack the image '${shorten(name, NAME_WIDTH)}': no file can have that name here`);
}

async function writeImage(
  image: PackedImage,
  held: readonly PageRange[],
  out: OutputWriter,
  progress: Surroundings['progress'],
): Promise<void> {
  if (image.map !== undefined) return writeMapped(image, image.map, held, out, progress);
  const { name, bytes, zram } = image;
  const chunk = Buffer.alloc(CHUNK_BYTES);
  let at = 0;
  for (const { index, count } of inChunks(held)) {
    const from = index * PAGE_BYTES;
    if (from >= bytes) break;
    progress(() => `writing ${name}: ${mebibytes(from)} of ${mebibytes(bytes)}`);
    zram.readPages(index, count, chunk);
    const length = Math.min(count * PAGE_BYTES, bytes - from);
    await out.skip(from - at);
    await out.write(chunk.subarray(0, length));
    at = from + length;
  }
  await out.skip(bytes - at);
}
