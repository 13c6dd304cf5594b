/** How an input goes into a pack: as it is, or with its pages on pages of the device. */
import { DumpInput } from './dump-input.js';
import { CliError } from './errors.js';
import { ImageMap, type Piece } from './image-map.js';
import { FileInput, type Input } from './inputs.js';
import { SourceInput } from './source-input.js';

/** Of all maps of a pack, as text: its comment has to fit in a section of 16 MiB. */
const MAPS_LENGTH_MAX = 8 * 1024 * 1024;

/** What is stored of an input. */
export interface Layout {
  /** The bytes of the device, from its first on. */
  readonly input: Input;
  /** Length of the image, if it is not that of the input. */
  readonly bytes?: number;
  /** Where the image's bytes are on the device; undefined: where they are in the image. */
  readonly map?: string;
  /** Why a dump is packed as it is, in a sentence without its full stop. */
  readonly note?: string;
}

/** @param mapsLength of the maps that the pack has already @throws CliError if it cannot go into one */
export function layoutOf(input: Input, mapsLength: number): Layout {
  if (!(input instanceof DumpInput)) return { input };
  const { dump, source, name } = input;
  if (input.of instanceof FileInput && input.of.isMade)
    throw new CliError(`'${name}' has no end, as it is made while it is read: pack its memory, with --memory`);
  const asItIs = (note: string): Layout => ({
    input: new SourceInput(input, source),
    note: `'${name}' was packed as it is: ${note}; with --memory, its memory is packed instead`,
  });
  if (dump.extents === undefined)
    return asItIs('its pages are compressed, and could not be compressed again to the same bytes');
  if (source.bytes === undefined) return asItIs('its length is not known');
  const tooLong = 'where its pages are does not fit in the pack';
  if (!ImageMap.isNeeded(dump.extents)) return { input: new SourceInput(input, source) };
  if (!ImageMap.fits(dump.extents, MAPS_LENGTH_MAX - mapsLength)) return asItIs(tooLong);
  const map = ImageMap.of(dump.extents, source.bytes);
  const text = map.encode();
  if (mapsLength + text.length > MAPS_LENGTH_MAX) return asItIs(tooLong);
  return { input: new LaidOutInput(input, map), bytes: source.bytes, map: text };
}

/** The bytes of a device on which an image is laid out by its map. */
class LaidOutInput implements Input {
  readonly kind: Input['kind'];
  readonly name: string;
  readonly bytes: number;
  readonly #pieces: Iterator<Piece, unknown>;
  /** What is left of a piece: where it is in the image, and its length. */
  #at = -1;
  #left = 0;
  #given = 0;

  constructor(
    readonly of: DumpInput,
    map: ImageMap,
  ) {
    this.kind = of.kind;
    this.name = of.name;
    this.bytes = map.deviceBytes;
    this.#pieces = map.layout();
  }

  async read(out: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < out.length && (this.#left > 0 || this.#next())) {
      const length = Math.min(this.#left, out.length - filled);
      const part = out.subarray(filled, filled + length);
      if (this.#at < 0) part.fill(0);
      else await this.of.reader.fill(this.#at, part, 'the dump');
      if (this.#at >= 0) this.#at += length;
      this.#left -= length;
      filled += length;
    }
    // The remainder ends inside a page.
    const padding = Math.min(out.length - filled, this.bytes - this.#given - filled);
    out.fill(0, filled, filled + padding);
    this.#given += filled + padding;
    return filled + padding;
  }

  close(): Promise<void> {
    return this.of.close();
  }

  #next(): boolean {
    const next = this.#pieces.next();
    if (next.done === true) return false;
    this.#at = next.value.at;
    this.#left = next.value.length;
    return true;
  }
}
