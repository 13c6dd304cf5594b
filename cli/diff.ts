/** `diff`: the pages in which two images differ. Both are read piece by piece, packs from memory. */
import { open } from 'node:fs/promises';
import { basename } from 'node:path';

import { Engine, type PageRange } from '../bindings/index.js';
import { CliError } from './errors.js';
import { mebibytes } from './format.js';
import { FileInput, StdinInput, readFully, type Input } from './inputs.js';
import { loadPack, type PackedImage } from './pack-file.js';
import { PAGE_BYTES } from './page-list.js';
import { CHUNK_BYTES } from './storing.js';
import type { Surroundings } from './surroundings.js';

/** How a save file begins. */
const PACK_MAGIC = Buffer.from('\x89ZRAM\r\n\x1a', 'latin1');

export interface Difference {
  readonly a: string;
  readonly b: string;
  readonly images: readonly ImageDifference[];
  /** Names of images that only one of two packs has. */
  readonly onlyInA: readonly string[];
  readonly onlyInB: readonly string[];
}

export interface ImageDifference {
  readonly a: ImageFacts;
  readonly b: ImageFacts;
  readonly ranges: readonly PageRange[];
  /** Pages in all ranges. */
  readonly pages: number;
}

export interface ImageFacts {
  /** Of the image in its pack, or of the file. */
  readonly name: string;
  readonly bytes: number;
}

/** @throws CliError */
export async function diff(a: string, b: string, io: Surroundings): Promise<Difference> {
  const engine = await Engine.create({ maxMemory: io.maxMemory });
  const opened: Input[] = [];
  try {
    const sideA = await openSide(engine, a, io);
    opened.push(...sideA);
    const sideB = await openSide(engine, b, io);
    opened.push(...sideB);
    const images: ImageDifference[] = [];
    for (const [one, other] of pairsOf(sideA, sideB)) images.push(await compare(one, other, io.progress));
    const single = sideA.length === 1 && sideB.length === 1;
    const onlyIn = (side: readonly Input[], other: readonly Input[]) =>
      single ? [] : side.map(nameOf).filter((name) => !other.some((one) => nameOf(one) === name));
    return { a, b, images, onlyInA: onlyIn(sideA, sideB), onlyInB: onlyIn(sideB, sideA) };
  } finally {
    for (const input of opened) await input.close();
    engine.destroy();
  }
}

/** An image that is read, or the images of a pack. */
async function openSide(engine: Engine, path: string, io: Surroundings): Promise<Input[]> {
  if (path === '-') return [new StdinInput(io.stdin)];
  const input = await FileInput.open(path);
  if (!(await isPack(input, path))) return [input];
  return (await loadPack(engine, path, io)).map((image) => new PackedInput(image));
}

/** Only a regular file can be looked at first: what is read of a pipe is gone. */
async function isPack({ bytes }: Input, path: string): Promise<boolean> {
  if (bytes === undefined) return false;
  const handle = await open(path);
  try {
    const start = Buffer.alloc(PACK_MAGIC.length);
    await handle.read(start, 0, start.length, 0);
    return start.equals(PACK_MAGIC);
  } finally {
    await handle.close();
  }
}

/** Images of a pack have no folder: that of a file does not count. */
function nameOf({ name }: Input): string {
  return basename(name);
}

function pairsOf(a: readonly Input[], b: readonly Input[]): (readonly [Input, Input])[] {
  const [firstA, firstB] = [a[0], b[0]];
  if (a.length === 1 && b.length === 1) return [[firstA, firstB]];
  const pairs = a.flatMap((one) =>
    b.filter((other) => nameOf(other) === nameOf(one)).map((other) => [one, other] as const),
  );
  if (pairs.length > 0) return pairs;
  throw new CliError('of packs with several images those of one name are compared, and no name is in both');
}

async function compare(a: Input, b: Input, progress: Surroundings['progress']): Promise<ImageDifference> {
  const [chunkA, chunkB] = [Buffer.alloc(CHUNK_BYTES), Buffer.alloc(CHUNK_BYTES)];
  const ranges: { index: number; count: number }[] = [];
  let [bytesA, bytesB, index, pages] = [0, 0, 0, 0];
  for (let got = CHUNK_BYTES; got === CHUNK_BYTES;) {
    progress(`comparing ${a.name} and ${b.name}: ${mebibytes(index * PAGE_BYTES)}`);
    const [gotA, gotB] = [await readFully(a, chunkA), await readFully(b, chunkB)];
    got = Math.max(gotA, gotB);
    bytesA += gotA;
    bytesB += gotB;
    chunkA.fill(0, gotA);
    chunkB.fill(0, gotB);
    const same = gotA === gotB && chunkA.equals(chunkB);
    for (let at = 0; at < got; at += PAGE_BYTES, index++) {
      // A page that only one of them has differs, also where it is zeros.
      const both = at < gotA && at < gotB;
      if (same || (both && chunkA.compare(chunkB, at, at + PAGE_BYTES, at, at + PAGE_BYTES) === 0)) continue;
      const last = ranges.at(-1);
      if (last && last.index + last.count === index) last.count++;
      else ranges.push({ index, count: 1 });
      pages++;
    }
  }
  return { a: { name: a.name, bytes: bytesA }, b: { name: b.name, bytes: bytesB }, ranges, pages };
}

/** An image of a pack, as something that is read from its beginning. */
class PackedInput implements Input {
  readonly kind = 'file';
  readonly name: string;
  readonly bytes: number;
  #at = 0;

  constructor(readonly image: PackedImage) {
    this.name = image.name;
    this.bytes = image.bytes;
  }

  read(out: Uint8Array): Promise<number> {
    const length = Math.min(out.length, this.bytes - this.#at);
    this.image.zram.read(this.#at, length, out);
    this.#at += length;
    return Promise.resolve(length);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
