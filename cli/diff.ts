/** `diff`: the pages in which two images differ. */
import { basename } from 'node:path';

import { Engine } from '../bindings/index.js';
import { compareByAddress, hasAddresses, type AddressRange } from './comparing-addresses.js';
import { compareInputs, comparePacked } from './comparing.js';
import { dumpIn, openInput, understood, type Reading } from './dump-input.js';
import type { Format } from './dumps/contents.js';
import { CliError } from './errors.js';
import { endInput, type Input } from './inputs.js';
import { isPack, loadPack, PackedSource, type PackedImage } from './pack-file.js';
import type { Surroundings } from './surroundings.js';

export interface Difference {
  readonly a: string;
  readonly b: string;
  readonly images: readonly ImageDifference[];
  /** Names of images that only one of two packs has. */
  readonly onlyInA: readonly string[];
  readonly onlyInB: readonly string[];
  /** The sentence that says which file ended too early. */
  readonly truncated: string | undefined;
}

export interface ImageDifference {
  readonly a: ImageFacts;
  readonly b: ImageFacts;
  /** What the pages are numbered by: their place, or their address divided by 4096. */
  readonly by: 'place' | 'address';
  readonly ranges: readonly AddressRange[];
  /** Pages in all ranges. */
  readonly pages: number;
  /** By address: pages that one of them has, or both. */
  readonly pagesTotal?: number;
  /** By address: of the pages in the ranges, those at addresses that only one of them has. */
  readonly pagesOnlyInA?: number;
  readonly pagesOnlyInB?: number;
}

export interface ImageFacts {
  /** Of the image in its pack, or of the file. */
  readonly name: string;
  readonly format: Format;
  /** Of a dump: of its pages. */
  readonly bytes: number;
}

/** @throws CliError */
export async function diff(a: string, b: string, reading: Reading, io: Surroundings): Promise<Difference> {
  const engine = await Engine.create({ maxMemory: io.maxMemory });
  const opened: Input[] = [];
  try {
    const sideA = await openSide(engine, a, reading, io);
    opened.push(...sideA);
    const sideB = await openSide(engine, b, reading, io);
    opened.push(...sideB);
    const images: ImageDifference[] = [];
    let truncated: string | undefined;
    for (const [one, other] of pairsOf(sideA, sideB)) {
      const [readA, readB] = [await understood(one), await understood(other)];
      images.push(await compare(readA, readB, io));
      truncated ??= readA.contents?.truncated ?? readB.contents?.truncated;
    }
    const single = sideA.length === 1 && sideB.length === 1;
    const onlyIn = (side: readonly Input[], other: readonly Input[]) => {
      const names = new Set(other.map(nameOf));
      return single ? [] : side.map(nameOf).filter((name) => !names.has(name));
    };
    return { a, b, images, onlyInA: onlyIn(sideA, sideB), onlyInB: onlyIn(sideB, sideA), truncated };
  } finally {
    for (const input of opened) await input.close();
    engine.destroy();
  }
}

/** One image to be read, or the images of a pack. */
async function openSide(engine: Engine, path: string, reading: Reading, io: Surroundings): Promise<Input[]> {
  if (!(await isPack(path))) return [await openInput(path, { engine, reading, ...io })];
  const inputs: Input[] = [];
  for (const image of await loadPack(engine, path, io)) {
    const source = new PackedSource(image);
    const input = new PackedInput(image);
    const of = { kind: 'file', name: image.name } as const;
    inputs.push((await dumpIn(of, source, reading, { engine, ...io })) ?? input);
  }
  return inputs;
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
  const found = await differences(a, b, io);
  for (const input of [a, b]) await endInput(input, io.remark);
  const { bytesA, bytesB, ...rest } = found;
  const factsOf = ({ name, contents }: Input, bytes: number) => ({ name, format: contents?.format ?? 'raw', bytes });
  return { a: factsOf(a, bytesA), b: factsOf(b, bytesB), ...rest };
}

type Found = Omit<ImageDifference, 'a' | 'b'> & { readonly bytesA: number; readonly bytesB: number };

async function differences(a: Input, b: Input, io: Surroundings): Promise<Found> {
  if (a instanceof PackedInput && b instanceof PackedInput && !a.image.map && !b.image.map)
    return { by: 'place', ...comparePacked(a.image, b.image) };
  const isRaw = ({ contents }: Input) => (contents?.format ?? 'raw') === 'raw' && !(contents?.bytesOutside ?? 0);
  if ((hasAddresses(a) && (hasAddresses(b) || isRaw(b))) || (isRaw(a) && hasAddresses(b)))
    return { by: 'address', ...(await compareByAddress(a, b, io.progress)) };
  return { by: 'place', ...(await compareInputs(a, b, io.progress)) };
}

/** An image of a pack, read from its beginning like a file. */
class PackedInput implements Input {
  readonly kind = 'file';
  readonly name: string;
  readonly bytes: number;
  readonly #source: PackedSource;
  #at = 0;

  constructor(readonly image: PackedImage) {
    this.name = image.name;
    this.bytes = image.bytes;
    this.#source = new PackedSource(image);
  }

  async read(out: Uint8Array): Promise<number> {
    const length = await this.#source.read(this.#at, out);
    this.#at += length;
    return length;
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}
