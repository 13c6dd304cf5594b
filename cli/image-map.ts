/**
 * Where the bytes of an image stand on its device in a pack. An image whose pages begin elsewhere than at multiples of
 * 4096 would share nothing with another one, so each extent of pages begins on a page of the device, and what stands
 * between extents (headers, notes) is joined behind all of them, as one remainder:
 *
 *     image   | gap | extent | gap | extent | tail |
 *     device  | extent, padded | extent, padded | gap gap tail |
 *
 * A stream of a guest has as many extents as the guest has pages, most of them alike, so the map is kept as runs of these.
 */
import { Extents, EXTENTS_MAX, PLAIN, pagesOfExtent } from './dumps/extents.js';
import { PAGE_BYTES } from './page-list.js';

/** Extents one after the other, alike: `gap` bytes, then `bytes` of pages, the first of which begin at `shift` of a page. */
interface Run {
  readonly gap: number;
  readonly bytes: number;
  readonly shift: number;
  readonly count: number;
}

interface PlacedRun extends Run {
  /** Where the first gap begins in the image, where its extent's pages on the device, and where that gap in the remainder. */
  readonly imageAt: number;
  readonly deviceAt: number;
  readonly remainderAt: number;
}

/** Bytes of an image that stand together on the device. */
export interface Piece {
  readonly at: number;
  readonly length: number;
}

export class ImageMap {
  readonly #runs: PlacedRun[] = [];
  /** Where the remainder begins on the device. */
  readonly #remainderAt: number;
  /** Length of the device. */
  readonly deviceBytes: number;

  private constructor(
    runs: readonly Run[],
    /** Length of the image. */
    readonly bytes: number,
  ) {
    let [imageAt, deviceAt, remainderAt] = [0, 0, 0];
    for (const run of runs) {
      this.#runs.push({ ...run, imageAt, deviceAt, remainderAt });
      imageAt += (run.gap + run.bytes) * run.count;
      deviceAt += pagesOfExtent(run) * PAGE_BYTES * run.count;
      remainderAt += run.gap * run.count;
    }
    const tail = bytes - imageAt;
    if (tail > 0) this.#runs.push({ gap: tail, bytes: 0, shift: 0, count: 1, imageAt, deviceAt, remainderAt });
    this.#remainderAt = deviceAt;
    this.deviceBytes = deviceAt + Math.ceil((remainderAt + Math.max(tail, 0)) / PAGE_BYTES) * PAGE_BYTES;
  }

  /** Whether there is something to do: pages of the file stand where no page of a device can. */
  static isNeeded(extents: Extents): boolean {
    for (const { offset, shift, encoding } of extents)
      if (encoding === PLAIN && (offset - shift) % PAGE_BYTES !== 0) return true;
    return false;
  }

  /** @param bytes length of the file */
  static of(extents: Extents, bytes: number): ImageMap {
    return new ImageMap([...runsOf(extents)], bytes);
  }

  /** Whether the text of a map can have `length` characters: a run takes four bytes at least, and in memory many more. */
  static fits(extents: Extents, length: number): boolean {
    let left = Math.floor((length * 3) / 4 / 4);
    for (const _ of runsOf(extents)) if (--left < 0) return false;
    return true;
  }

  /** The map as text: four numbers a run, in LEB128, as base64. */
  encode(): string {
    const bytes: number[] = [];
    for (const { gap, bytes: length, shift, count } of this.#runs) {
      if (length === 0) continue; // the tail
      for (let number of [gap, length, shift, count]) {
        for (; number >= 0x80; number = Math.floor(number / 0x80)) bytes.push((number % 0x80) + 0x80);
        bytes.push(number);
      }
    }
    return Buffer.from(bytes).toString('base64');
  }

  /**
   * What `encode` made, out of a file that may be anybody's.
   * @param bytes length of the image @param disksize of its device
   * @returns undefined if it is not a map, or goes beyond either
   */
  static decode(text: unknown, bytes: number, disksize: number): ImageMap | undefined {
    if (typeof text !== 'string') return undefined;
    const encoded = Buffer.from(text, 'base64');
    // Node accepts much that is not base64.
    const numbers = encoded.toString('base64') === text ? leb128(encoded) : undefined;
    if (numbers === undefined || numbers.length === 0 || numbers.length % 4 !== 0) return undefined;
    const runs: Run[] = [];
    let [imageBytes, extents] = [0, 0];
    for (let at = 0; at < numbers.length; at += 4) {
      const [gap = 0, length = 0, shift = 0, count = 0] = numbers.slice(at, at + 4);
      if (length === 0 || count === 0 || shift >= PAGE_BYTES) return undefined;
      imageBytes += (gap + length) * count;
      extents += count;
      // No dump has more, and each takes time: a few bytes could keep a reader busy for hours.
      if (imageBytes > bytes || extents > EXTENTS_MAX) return undefined;
      runs.push({ gap, bytes: length, shift, count });
    }
    const map = new ImageMap(runs, bytes);
    return map.deviceBytes === disksize ? map : undefined;
  }

  /** The bytes of the image from `offset` to `end`, in their order, each piece where it stands on the device. */
  *pieces(offset = 0, end = this.bytes): Generator<Piece> {
    for (let index = this.#runAt(offset); offset < end; index++) {
      const run = this.#runs.at(index);
      if (run === undefined) return;
      const period = run.gap + run.bytes;
      const runEnd = Math.min(end, run.imageAt + period * run.count);
      while (offset < runEnd) {
        const extent = Math.floor((offset - run.imageAt) / period);
        const inside = offset - run.imageAt - extent * period;
        const isGap = inside < run.gap;
        const at = isGap
          ? this.#remainderAt + run.remainderAt + extent * run.gap + inside
          : run.deviceAt + extent * pagesOfExtent(run) * PAGE_BYTES + run.shift + (inside - run.gap);
        const length = Math.min((isGap ? run.gap : period) - inside, runEnd - offset);
        yield { at, length };
        offset += length;
      }
    }
  }

  /** The bytes of the device in their order: where each piece is in the image, -1 for zeros that pad. */
  *layout(): Generator<Piece> {
    for (const { gap, bytes, shift, count, imageAt } of this.#runs) {
      const padding = pagesOfExtent({ bytes, shift }) * PAGE_BYTES - shift - bytes;
      for (let extent = 0; bytes > 0 && extent < count; extent++) {
        if (shift > 0) yield { at: -1, length: shift };
        yield { at: imageAt + extent * (gap + bytes) + gap, length: bytes };
        if (padding > 0) yield { at: -1, length: padding };
      }
    }
    for (const { gap, bytes, count, imageAt } of this.#runs) {
      for (let extent = 0; gap > 0 && extent < count; extent++)
        yield { at: imageAt + extent * (gap + bytes), length: gap };
    }
  }

  /** The run in which a byte of the image is. */
  #runAt(offset: number): number {
    let [low, high] = [0, this.#runs.length];
    while (low + 1 < high) {
      const middle = (low + high) >> 1;
      if ((this.#runs[middle]?.imageAt ?? Infinity) <= offset) low = middle;
      else high = middle;
    }
    return low;
  }
}

/** Extents in the order of the file, those alike as one run. */
function* runsOf(extents: Extents): Generator<Run> {
  let end = 0;
  let run = { gap: 0, bytes: 0, shift: 0, count: 0 };
  for (const { offset, bytes, shift } of inFileOrder(extents)) {
    // Two extents may name the same bytes; they stand on the device once.
    if (offset < end) continue;
    const gap = offset - end;
    end = offset + bytes;
    if (run.gap === gap && run.bytes === bytes && run.shift === shift) {
      run.count += 1;
      continue;
    }
    if (run.count > 0) yield run;
    run = { gap, bytes, shift, count: 1 };
  }
  if (run.count > 0) yield run;
}

/** Extents that stand in the file as they are, by their offsets. */
function inFileOrder(extents: Extents): Extents {
  const found = new Extents();
  for (const extent of extents) if (extent.encoding === PLAIN) found.add(extent);
  found.sortByOffset();
  return found;
}

/** Numbers below 2^53; undefined if a byte is left or one is too large. */
function leb128(bytes: Buffer): number[] | undefined {
  const numbers: number[] = [];
  let [number, scale] = [0, 1];
  for (const byte of bytes) {
    number += (byte % 0x80) * scale;
    scale *= 0x80;
    if (!Number.isSafeInteger(number) || scale > 2 ** 63) return undefined;
    if (byte >= 0x80) continue;
    numbers.push(number);
    [number, scale] = [0, 1];
  }
  return scale === 1 ? numbers : undefined;
}
