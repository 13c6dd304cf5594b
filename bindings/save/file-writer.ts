/** Writes a save file: settings first, then the pages of all devices, group by group, each object once. */
import { copyOf, isBytes, lengthOf, sameBytes, viewOf } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { describe, textOf } from '../base/messages.js';
import { pause, pauseDue } from '../base/pacer.js';
import { codecParams, type Encoder, type EncoderHold } from '../compressors/codecs.js';
import type { CompressorParams } from '../compressors/compressor.js';
import { CODEC_LZ4, CODEC_LZ4HC, CODEC_PAGE, STATE_INCOMPRESSIBLE, STATE_WRITTEN_BACK } from '../core/layout.js';
import type { Device } from '../device/device.js';
import type { Disk } from '../device/disk.js';
import { encodeStaged } from '../device/encode.js';
import {
  ATTACHMENT,
  CODEC,
  DEVICE,
  END,
  FILE_CODEC_PAGE,
  HEAD,
  INCOMPRESSIBLE,
  RECORD_AT,
  RECORD_FILL,
  RECORD_FORK,
  RECORD_OBJECT,
  RECORD_SHARE,
  SECTION_BYTES_MAX,
  type CodecJson,
  type DeviceJson,
  type HeadJson,
} from './format.js';
import { groupsOf, HELD, type GroupPart, type Numbering } from './groups.js';
import { SectionWriter } from './section-writer.js';
import type { SinkWriter } from './sink.js';

/** A compressor with its parameters. */
interface Algorithm {
  readonly name: string;
  readonly params: CompressorParams;
}

/** A device or snapshot to save, as it was when the call began. */
export interface Item {
  readonly name: string;
  readonly snapshot: boolean;
  readonly pages: Disk;
  readonly state: Device;
  /** By priority. */
  readonly algorithms: readonly (Algorithm | undefined)[];
  readonly settings: Omit<DeviceJson, 'name' | 'snapshot' | 'diskPages' | 'pagesStored' | 'algorithms'>;
}

/** An object as written to a file: the compressor, undefined for an uncompressed page, and the bytes. */
interface Payload {
  readonly algorithm: Algorithm | undefined;
  readonly bytes: Uint8Array;
}

/** A run of pages that is written as one record. */
interface Run {
  kind: number;
  count: number;
  /** For RECORD_FORK: the distance. */
  distance: number;
  /** For RECORD_FILL: the value. */
  value: Uint8Array;
}

const NO_VALUE = new Uint8Array(0);
/** Most bytes of an attachment in one section: as many as others have. */
const ATTACHED_BYTES = 256 * 1024;

export class FileWriter {
  readonly #items: readonly Item[];
  readonly #numbering: Numbering;
  readonly #out: SectionWriter;
  readonly #sink: SinkWriter;
  readonly #codecs: CodecSections;
  /** Keeps the codecs of the engine from being reclaimed until the file is written. */
  readonly #encoders: EncoderHold;
  #objects = 0;
  /** The position of a reader of the file so far. */
  #device = 0;
  #page = 0;
  #run: Run | undefined;

  constructor(items: readonly Item[], numbering: Numbering, sink: SinkWriter) {
    this.#items = items;
    this.#numbering = numbering;
    this.#sink = sink;
    this.#out = new SectionWriter(sink);
    this.#codecs = new CodecSections(this.#out);
    this.#encoders = items[0].pages.core.codecs.hold();
  }

  /** @param attachment pieces of any length, taken one by one as they are written */
  async write(
    comment: string | undefined,
    attachment: Iterable<unknown> | undefined,
  ): Promise<{ pages: number; objects: number }> {
    try {
      return await this.#write(comment, attachment);
    } finally {
      this.#encoders.end();
    }
  }

  async #write(
    comment: string | undefined,
    attachment: Iterable<unknown> | undefined,
  ): Promise<{ pages: number; objects: number }> {
    const { objects, pagesStored } = this.#numbering;
    await this.#out.preamble();
    await this.#json(HEAD, { devices: this.#items.length, objects, comment } satisfies HeadJson);
    for (const [n, item] of this.#items.entries()) await this.#writeSettings(item, pagesStored[n]);
    if (attachment !== undefined) await this.#attach(attachment);
    await this.#flush();
    this.#checkLive();
    for await (const parts of groupsOf(this.#items.map(({ pages }) => pages))) {
      for (const part of parts) await this.#writePart(part);
    }
    await this.#flush();
    this.#checkLive();
    await this.#out.section(END);
    await this.#flush();
    await this.#sink.end();
    return { pages: pagesStored.reduce((sum, n) => sum + n, 0), objects };
  }

  async #writeSettings({ name, snapshot, pages, algorithms, settings }: Item, pagesStored: number): Promise<void> {
    const numbers: DeviceJson['algorithms'][number][] = [];
    for (const [priority, algorithm] of algorithms.entries()) {
      if (!algorithm) continue;
      const codec = this.#codecs.find(algorithm) ?? (await this.#codecs.add(algorithm));
      const { level, favorDecSpeed } = algorithm.params;
      numbers.push({ priority, codec, level, favorDecSpeed });
    }
    const json = { name, snapshot, diskPages: pages.pages, pagesStored, algorithms: numbers, ...settings };
    await this.#json(DEVICE, json satisfies DeviceJson);
    if (this.#out.full) await this.#flush();
  }

  /** At least one section, so that an attachment of no bytes is not the same as none. */
  async #attach(pieces: Iterable<unknown>): Promise<void> {
    let sections = 0;
    try {
      for (const piece of pieces) {
        if (!isBytes(piece)) {
          throw new ZramError('EINVAL', `the attachment must be of Uint8Arrays, not of ${describe(piece)}.`);
        }
        for (let at = 0; at < lengthOf(piece) || at === 0; at += ATTACHED_BYTES) {
          if (pauseDue()) await pause();
          await this.#out.section(ATTACHMENT, viewOf(piece, at, at + ATTACHED_BYTES));
          sections++;
          if (this.#out.full) await this.#flush();
        }
      }
    } catch (error) {
      throw error instanceof ZramError ? error : new ZramError('EIO', `the attachment failed: ${textOf(error)}.`);
    }
    if (sections === 0) await this.#out.section(ATTACHMENT);
  }

  async #json(type: string, value: object): Promise<void> {
    await this.#out.section(type, jsonBytes(value));
  }

  /** Devices may have been destroyed while this call yielded. */
  #checkLive(): void {
    for (const { name, pages } of this.#items) {
      if (pages.ended) throw new ZramError('EINVAL', `cannot save ${describe(name)}: it was destroyed meanwhile.`);
    }
  }

  // ── pages ──────────────────────────────────────────────────────────────────────────────────────────────────────

  async #writePart(part: GroupPart): Promise<void> {
    for (let page = 0; page < part.count; page++) {
      if (pauseDue()) await pause();
      const state = part.state(page);
      if (state === 0) continue;
      part.pages.checkAlive();
      const index = part.first + page;
      const flag = (state & STATE_INCOMPRESSIBLE) === 0 ? 0 : INCOMPRESSIBLE;
      const distance = part.distances[page];
      if (distance > 0) this.#put(part.device, index, RECORD_FORK | flag, distance, NO_VALUE);
      else if ((state & HELD) === 0)
        this.#put(part.device, index, RECORD_FILL, 0, copyOf(part.pages.peek(index), 0, 8));
      else await this.#writeHeld(part, page, flag);
      if (this.#out.full) await this.#flush();
    }
    this.#endRun();
  }

  /** Writes a page held by an object or a block that no earlier device has at this page. */
  #writeHeld(part: GroupPart, page: number, flag: number): Promise<void> | undefined {
    const index = part.first + page;
    const number = this.#numbering.next();
    if (number < this.#objects) {
      this.#go(part.device, index, RECORD_SHARE | flag);
      this.#out.number(number);
      return undefined;
    }
    this.#objects++;
    const asIs = (payload: Payload): Promise<void> | undefined => this.#writeObject(part.device, index, flag, payload);
    if ((part.state(page) & STATE_WRITTEN_BACK) !== 0) return this.#readBack(part.device, index).then(asIs);
    return asIs(this.#payload(part.pages, index));
  }

  #writeObject(device: number, index: number, flag: number, payload: Payload): Promise<void> | undefined {
    const { algorithm } = payload;
    const codec = algorithm ? this.#codecs.find(algorithm) : FILE_CODEC_PAGE;
    if (codec === undefined) {
      this.#endRun();
      return this.#codecs.add(algorithm as Algorithm).then(() => this.#writeObject(device, index, flag, payload));
    }
    this.#go(device, index, RECORD_OBJECT | flag);
    this.#out.number(codec);
    this.#out.number(payload.bytes.length);
    this.#out.bytes(payload.bytes);
    return undefined;
  }

  /** The object of a page, as it is stored. */
  #payload(pages: Disk, index: number): Payload {
    const { core, address } = pages;
    const result = core.raw.zramPayload(address, index);
    const codec = result >>> 16;
    const bytes = copyOf(core.page(), 0, result & 0xffff);
    if (codec === CODEC_PAGE) return { algorithm: undefined, bytes };
    if (codec === CODEC_LZ4) return { algorithm: LZ4, bytes };
    if (codec === CODEC_LZ4HC) return { algorithm: LZ4HC, bytes };
    const encoder = this.#encoders.find(codec);
    if (!encoder)
      throw new ZramError('EIO', `cannot save page ${index}: its codec ${codec} is not known to this engine.`);
    if (!isTrusted(encoder)) checkDecodes(pages, index, codec, bytes);
    return { algorithm: encoder, bytes };
  }

  /** A page on the backing device, compressed by the primary compressor as if it were written now. */
  async #readBack(device: number, index: number): Promise<Payload> {
    const { pages, state, algorithms } = this.#items[device];
    const page = await pages.readPagesAsync(index, 1, undefined);
    pages.checkAlive();
    if (isSameFilled(page)) {
      throw new ZramError('EIO', `cannot save page ${index}: the backing returned another page than was written.`);
    }
    const { core } = pages;
    const primary = algorithms[0] as Algorithm;
    const encoder = this.#encoders.encoder(primary.name, primary.params);
    const length = encodeStaged(state, encoder, page);
    pages.checkAlive();
    if (length >= pages.pool.hugeClassSize) return { algorithm: undefined, bytes: page };
    const bytes = copyOf(core.staging(), 0, length);
    if (!isTrusted(encoder)) checkDecodes(pages, index, encoder.codec, bytes);
    return { algorithm: primary, bytes };
  }

  // ── records ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** Adds a page to the current run, or begins a new one. */
  #put(device: number, index: number, kind: number, distance: number, value: Uint8Array): void {
    const run = this.#run;
    const next = this.#device === device && this.#page === index;
    if (run && next && run.kind === kind && run.distance === distance && sameBytes(run.value, value)) {
      run.count++;
      this.#page++;
      return;
    }
    this.#moveTo(device, index);
    this.#run = { kind, count: 1, distance, value };
    this.#page = index + 1;
  }

  #endRun(): void {
    const run = this.#run;
    this.#run = undefined;
    if (!run) return;
    this.#out.record();
    this.#out.byte(run.kind);
    this.#out.number(run.count);
    if ((run.kind & ~INCOMPRESSIBLE) === RECORD_FORK) this.#out.number(run.distance);
    else this.#out.bytes(run.value);
  }

  /** Begins a record of one page. */
  #go(device: number, index: number, kind: number): void {
    this.#moveTo(device, index);
    this.#out.record();
    this.#out.byte(kind);
    this.#page = index + 1;
  }

  #moveTo(device: number, index: number): void {
    this.#endRun();
    if (this.#device === device && this.#page === index) return;
    this.#out.record();
    this.#out.byte(RECORD_AT);
    this.#out.number(device);
    this.#out.number(index);
    this.#device = device;
    this.#page = index;
  }

  async #flush(): Promise<void> {
    this.#endRun();
    await this.#out.flush();
  }
}

// ── compressors ──────────────────────────────────────────────────────────────────────────────────────────────────

const LZ4: Algorithm = { name: 'lz4', params: {} };
const LZ4HC: Algorithm = { name: 'lz4hc', params: {} };
/** Compressors of this package. Objects of others are decoded before they are saved, so that the file can be read. */
const TRUSTED = [LZ4.name, 'deflate', 'zstd'];

function isTrusted({ foreign, name }: Encoder): boolean {
  return !foreign || TRUSTED.includes(name);
}

function checkDecodes({ core }: Disk, index: number, codec: number, bytes: Uint8Array): void {
  const page = core.codecs.tryDecode(codec, bytes);
  if (page && !isSameFilled(page)) return;
  throw new ZramError('EIO', `cannot save page ${index}: its object does not decompress to the page that was written.`);
}

/** A same-filled page, which is stored as a value and never as an object. */
function isSameFilled(page: Uint8Array): boolean {
  return page.every((byte, at) => byte === page[at % 8]);
}

/** The compressors of a file, by name and parameters. There are few, so the search is linear. */
class CodecSections {
  readonly #known: Algorithm[] = [];

  constructor(readonly out: SectionWriter) {}

  /** The compressor's number in the file; undefined if it was not written yet. */
  find({ name, params }: Algorithm): number | undefined {
    const found = this.#known.findIndex(
      (one) => one.name === name && sameParams(codecParams(name, one.params), codecParams(name, params)),
    );
    return found < 0 ? undefined : found + 1;
  }

  /** Writes a compressor. Returns its number. */
  async add(algorithm: Algorithm): Promise<number> {
    const { name, params } = algorithm;
    const { level, winbits, dictionary } = codecParams(name, params);
    const text = jsonBytes({ name, level, winbits, dictionary: dictionary?.length } satisfies CodecJson);
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, text.length, true);
    if (4 + text.length + (dictionary?.length ?? 0) > SECTION_BYTES_MAX) {
      throw new ZramError(
        'EINVAL',
        `cannot save the dictionary of ${name}: it must fit a section of ${SECTION_BYTES_MAX} bytes.`,
      );
    }
    await this.out.section(CODEC, length, text, dictionary ?? NO_VALUE);
    return this.#known.push(algorithm);
  }
}

function sameParams(a: CompressorParams, b: CompressorParams): boolean {
  if (a === b) return true;
  if (a.level !== b.level || a.winbits !== b.winbits) return false;
  if (!a.dictionary || !b.dictionary) return a.dictionary === b.dictionary;
  return a.dictionary === b.dictionary || sameBytes(a.dictionary, b.dictionary);
}

function jsonBytes(value: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}
