/** Inputs by their formats: raw ones are read as they come, of dumps the pages, by address. */
import { readRanges, type Range } from './dumps/by-hand.js';
import { rawContents, type Contents, type Format } from './dumps/contents.js';
import { detect, HEAD_BYTES, readDump } from './dumps/detect.js';
import type { Dump, PageCursor, Places } from './dumps/dump.js';
import { FileSource, Reader, Spool, type Source } from './dumps/reader.js';
import { readV86InZstd, ZSTD_MAGIC, type Holding } from './dumps/zstd.js';
import { FileInput, readFully, StdinInput, type Input } from './inputs.js';
import { PAGE_BYTES } from './page-list.js';
import { SourceInput } from './source-input.js';

/** How files are to be read. */
export interface Reading {
  readonly format: Format | 'auto';
  /** Extents named by hand; none for most files. */
  readonly at: readonly Range[];
}

/** What opening an input takes beside its name. */
export interface Opening extends Holding {
  readonly reading: Reading;
  readonly stdin: AsyncIterable<Uint8Array>;
}

/**
 * Opens a file, or '-' for standard input. A dump's tables are read and checked at once; a pipe is looked at when its turn comes,
 * as whoever writes to it may have to write to another one first.
 * @throws CliError
 */
export async function openInput(path: string, opening: Opening): Promise<Input> {
  const input = path === '-' ? new StdinInput(opening.stdin) : await FileInput.open(path);
  if (!(input instanceof FileInput && input.isSeekable)) return new PipeInput(input, opening);
  const source = new FileSource(path, input.name, input.isMade ? undefined : input.bytes);
  const reader = new Reader(source);
  try {
    const dump = await understand(reader, opening.reading, opening);
    if ('facts' in dump) return new DumpInput(input, source, reader, dump, input.holes);
    input.contents = rawContents(input.holes, dump.note);
    return input;
  } finally {
    await reader.close();
  }
}

/** The pages of a dump in any other source; undefined if that is raw. @throws CliError */
export async function dumpIn(
  of: Pick<Input, 'kind' | 'name' | 'identity'>,
  source: Source,
  reading: Reading,
  holding?: Holding,
): Promise<DumpInput | undefined> {
  const reader = new Reader(source);
  const dump = await understand(reader, reading, holding);
  return 'facts' in dump ? new DumpInput(of, source, reader, dump, 0) : undefined;
}

/** An input whose format is known: a pipe gets one when its first bytes are there. */
export async function understood(input: Input): Promise<Input> {
  return input instanceof PipeInput ? input.understood() : input;
}

interface Raw {
  readonly note?: string;
}

/** @param holding what is to be decompressed as a whole; undefined: that is refused */
async function understand(reader: Reader, reading: Reading, holding?: Holding): Promise<Dump | Raw> {
  if (reading.at.length > 0) return readRanges(reader, reading.at);
  if (reading.format === 'raw') return {};
  const head = Buffer.from(await reader.upTo(0, HEAD_BYTES));
  if (holding && ['auto', 'v86'].includes(reading.format) && head.subarray(0, 4).equals(ZSTD_MAGIC)) {
    const state = await readV86InZstd(reader, holding);
    if (state !== undefined) return state;
  }
  if (reading.format !== 'auto') return readDump(reader, reading.format);
  const { format, note } = detect(reader.name, head, reader.bytes);
  if (format !== 'raw') return readDump(reader, format);
  return note === undefined ? {} : { note };
}

/** The pages of a dump, each whole. */
export class DumpInput implements Input {
  readonly contents: Contents;
  #cursor: PageCursor | undefined;

  constructor(
    readonly of: Pick<Input, 'kind' | 'name' | 'identity'>,
    readonly source: Source,
    readonly reader: Reader,
    readonly dump: Dump,
    holes: number,
  ) {
    const { facts, bytesPadded, notes, truncated } = dump;
    this.contents = { ...facts, holes, bytesPadded, notes, truncated };
  }

  get kind(): Input['kind'] {
    return this.of.kind;
  }

  get name(): string {
    return this.of.name;
  }

  get identity(): string | undefined {
    return this.of.identity;
  }

  get bytes(): number {
    return this.dump.pages * PAGE_BYTES;
  }

  async read(out: Uint8Array): Promise<number> {
    return (await this.nextPages(out)) * PAGE_BYTES;
  }

  /** As `PageCursor.next`. */
  nextPages(out: Uint8Array, places?: Places): Promise<number> {
    this.#cursor ??= this.dump.cursor();
    return this.#cursor.next(out, places);
  }

  async close(): Promise<void> {
    this.#cursor = undefined;
    await this.dump.close?.();
    await this.reader.close();
  }
}

/** What comes out of a pipe. A raw image streams; a dump is held compressed until all of it is there. */
class PipeInput implements Input {
  readonly kind: Input['kind'];
  readonly name: string;
  readonly bytes = undefined;
  readonly identity: string | undefined;
  #understood: Promise<Input> | undefined;
  #contents: Contents | undefined;

  constructor(
    readonly input: Input,
    readonly opening: Opening,
  ) {
    this.kind = input.kind;
    this.name = input.name;
    this.identity = input.identity;
  }

  get contents(): Contents | undefined {
    return this.#contents;
  }

  understood(): Promise<Input> {
    return (this.#understood ??= this.#understand());
  }

  async read(out: Uint8Array): Promise<number> {
    return (await this.understood()).read(out);
  }

  async close(): Promise<void> {
    const opened = this.#understood;
    await this.input.close();
    if (opened === undefined) return;
    // A failure of it was told when it was read.
    const input = await opened.catch(() => undefined);
    await input?.close();
  }

  async #understand(): Promise<Input> {
    const { engine, reading, progress } = this.opening;
    const head = Buffer.alloc(HEAD_BYTES);
    const got = await readFully(this.input, head);
    const start = new StartedInput(this.input, head.subarray(0, got));
    const size = got < HEAD_BYTES ? got : undefined;
    const found = reading.format === 'auto' ? detect(this.name, start.head, size) : { format: reading.format };
    if (found.format === 'raw' && reading.at.length === 0) {
      this.#contents = rawContents(0, found.note);
      return start;
    }
    const spool = await Spool.of(start, engine, progress);
    const reader = new Reader(spool);
    const dump = await understand(reader, reading);
    if (!('facts' in dump)) {
      // With its length known, the second field does not fit after all.
      this.#contents = rawContents(0, dump.note);
      return new SourceInput(this, spool);
    }
    const input = new DumpInput(this, spool, reader, dump, 0);
    this.#contents = input.contents;
    return input;
  }
}

/** An input of which the first bytes were read already. */
class StartedInput implements Input {
  readonly kind: Input['kind'];
  readonly name: string;
  readonly bytes = undefined;
  #left: Buffer;

  constructor(
    readonly input: Input,
    readonly head: Buffer,
  ) {
    this.kind = input.kind;
    this.name = input.name;
    this.#left = head;
  }

  read(out: Uint8Array): Promise<number> {
    if (this.#left.length === 0) return this.input.read(out);
    const bytes = this.#left.copy(out);
    this.#left = this.#left.subarray(bytes);
    return Promise.resolve(bytes);
  }

  close(): Promise<void> {
    return this.input.close();
  }
}
