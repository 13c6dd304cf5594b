/** `diff`: the pages in which two images differ. */
import { open, type FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';

import { Engine, type PageRange } from '../bindings/index.js';
import { compareInputs, comparePacked } from './comparing.js';
import { CliError, reasonOf } from './errors.js';
import { FileInput, StdinInput, endInput, type Input } from './inputs.js';
import { loadPack, type PackedImage } from './pack-file.js';
import type { Surroundings } from './surroundings.js';

/** The first bytes of a save file. */
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
    for (const [one, other] of pairsOf(sideA, sideB)) images.push(await compare(one, other, io));
    const single = sideA.length === 1 && sideB.length === 1;
    const onlyIn = (side: readonly Input[], other: readonly Input[]) => {
      const names = new Set(other.map(nameOf));
      return single ? [] : side.map(nameOf).filter((name) => !names.has(name));
    };
    return { a, b, images, onlyInA: onlyIn(sideA, sideB), onlyInB: onlyIn(sideB, sideA) };
  } finally {
    for (const input of opened) await input.close();
    engine.destroy();
  }
}

/** One image to be read, or the images of a pack. */
async function openSide(engine: Engine, path: string, io: Surroundings): Promise<Input[]> {
  if (path === '-') return [new StdinInput(io.stdin)];
  const input = await FileInput.open(path);
  if (!(await isPack(input, path))) return [input];
  return (await loadPack(engine, path, io)).map((image) => new PackedInput(image));
}

/** Only a regular file can be probed: bytes that are read from a pipe are gone. */
async function isPack({ bytes }: Input, path: string): Promise<boolean> {
  if (bytes === undefined) return false;
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

/** Images of a pack have no folder, so a file's folder does not count either. */
function nameOf({ name }: Input): string {
  return basename(name);
}

function pairsOf(a: readonly Input[], b: readonly Input[]): (readonly [Input, Input])[] {
  const [firstA, firstB] = [a[0], b[0]];
  if (a.length === 1 && b.length === 1) return [[firstA, firstB]];
  const named = new Map<string, Input[]>();
  for (const other of b) named.set(nameOf(other), [...(named.get(nameOf(other)) ?? []), other]);
  const pairs = a.flatMap((one) => (named.get(nameOf(one)) ?? []).map((other) => [one, other] as const));
  if (pairs.length > 0) return pairs;
  throw new CliError('cannot compare packs of several images: images are paired by name, and no name is in both');
}

async function compare(a: Input, b: Input, io: Surroundings): Promise<ImageDifference> {
  const { bytesA, bytesB, ranges, pages } =
    a instanceof PackedInput && b instanceof PackedInput
      ? comparePacked(a.image, b.image)
      : await compareInputs(a, b, io.progress);
  for (const input of [a, b]) await endInput(input, io.remark);
  return { a: { name: a.name, bytes: bytesA }, b: { name: b.name, bytes: bytesB }, ranges, pages };
}

/** An image of a pack, read from its beginning like a file. */
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
