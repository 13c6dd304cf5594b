/** Saving: devices and snapshots of one pool to one file, which has each object once. */
import { CODEC_LZ4, CODEC_PAGE, CODEC_RAW, type Encoder } from '../compressors/codecs.js';
import { PAGE_SIZE, checkOptions } from '../arguments.js';
import { copyOf } from '../bytes.js';
import { ZramError } from '../errors.js';
import { encodeVerified } from '../post-process/recompress.js';
import { describe } from '../size.js';
import { STATE_INCOMPRESSIBLE, STATE_WRITTEN_BACK, type StoredPages } from '../stored-pages.js';
import { ZramSnapshot, pagesOfAny } from '../zram-snapshot.js';
import { lz4Level, type ZramState } from '../zram-state.js';
import { Zram } from '../zram.js';
import {
  CODEC,
  DEVICE,
  END,
  FILE_CODEC_PAGE,
  HEAD,
  INCOMPRESSIBLE,
  PAGES,
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
import { Group, HELD, Numbering, groupsOf } from './groups.js';
import { SectionWriter } from './section-writer.js';
import { SinkWriter } from './sink.js';

/** Devices and snapshots that go to one file: by name, or a list, whose names are '0', '1' and so on. */
export type Saved =
  | readonly (Zram | ZramSnapshot)[]
  | ReadonlyMap<string, Zram | ZramSnapshot>
  | {
      /** A device or snapshot by its name. */
      readonly [name: string]: Zram | ZramSnapshot;
    };

/** For `Zram.saveAll`. */
export interface SaveOptions {
  /** A text of one's own, which `Zram.loadAll` gives back. */
  comment?: string | undefined;
}

/** What was saved. */
export interface SaveReport {
  /** Of the file. */
  readonly bytes: number;
  /** Pages that hold something, of all devices and snapshots together. */
  readonly pages: number;
  /** Distinct objects: each is in the file once. */
  readonly objects: number;
  /** How long it took, the sink's time included. */
  readonly milliseconds: number;
}

/** A device or snapshot to save, as it was when the call began. */
interface Item {
  readonly name: string;
  readonly snapshot: boolean;
  readonly pages: StoredPages;
  readonly state: ZramState;
}

/** @internal As `Zram.saveAll`. */
export async function saveAll(sink: unknown, saved: unknown, options: SaveOptions | undefined): Promise<SaveReport> {
  checkOptions(options, ['comment'], 'saveAll');
  const comment = options?.comment;
  if (comment !== undefined && typeof comment !== 'string') {
    throw new ZramError('EINVAL', `comment must be a text, not ${describe(comment)}.`);
  }
  const start = performance.now();
  const copies: ZramSnapshot[] = [];
  try {
    const items = [...entriesOf(saved)].map(([name, value]) => itemOf(name, value, copies));
    checkPool(items);
    const writer = new SinkWriter(sink);
    try {
      const { pages, objects } = await new Saving(items, writer).save(comment);
      return Object.freeze({ bytes: writer.bytes, pages, objects, milliseconds: performance.now() - start });
    } catch (error) {
      await writer.abort(error);
      throw error;
    }
  } finally {
    for (const copy of copies) copy.destroy();
  }
}

function entriesOf(saved: unknown): Iterable<[string, unknown]> {
  if (typeof saved === 'object' && saved !== null) {
    const map = saved as Partial<ReadonlyMap<string, unknown>>;
    if (typeof map.entries === 'function' && !Array.isArray(saved)) return map.entries();
    return Object.entries(saved);
  }
  throw new ZramError('EINVAL', `a list, a Map or an object of devices is needed, not ${describe(saved)}.`);
}

function itemOf(name: unknown, value: unknown, copies: ZramSnapshot[]): Item {
  if (typeof name !== 'string') throw new ZramError('EINVAL', `a name is a text, not ${describe(name)}.`);
  const pages = pagesOfAny(value);
  if (value instanceof ZramSnapshot) return { name, snapshot: true, pages, state: ZramSnapshot.stateOf(value) };
  // What is written to the device meanwhile is not for this file.
  const zram = value as Zram;
  const copy = zram.snapshot();
  copies.push(copy);
  return { name, snapshot: false, pages: pagesOfAny(copy), state: Zram.stateOf(zram) };
}

function checkPool(items: readonly Item[]): void {
  const [first] = items;
  if (!first) throw new ZramError('EINVAL', 'there is nothing to save: name a device or snapshot.');
  for (const { name, pages } of items) {
    if (pages.core === first.pages.core && pages.pool.address === first.pages.pool.address) continue;
    throw new ZramError(
      'EINVAL',
      `${describe(name)} is on another pool than ${describe(first.name)}: save it by itself.`,
    );
  }
}

/** A run of records that become one. */
interface Run {
  kind: number;
  count: number;
  /** RECORD_FORK: the distance. */
  distance: number;
  /** RECORD_FILL. */
  value: Uint8Array;
}

const NO_VALUE = new Uint8Array(0);

class Saving {
  readonly #items: readonly Item[];
  readonly #pages: readonly StoredPages[];
  readonly #numbering: Numbering;
  readonly #out: SectionWriter;
  readonly #sink: SinkWriter;
  /** Numbers in the file, by those in the engine. */
  readonly #codecs = new Map<number, number>();
  #objects = 0;
  /** Where a reader is. */
  #device = 0;
  #page = 0;
  #run: Run | undefined;

  constructor(items: readonly Item[], sink: SinkWriter) {
    this.#items = items;
    this.#pages = items.map(({ pages }) => pages);
    this.#numbering = new Numbering(this.#pages);
    this.#sink = sink;
    this.#out = new SectionWriter(sink);
  }

  async save(comment: string | undefined): Promise<{ pages: number; objects: number }> {
    const { objects, pagesStored } = this.#numbering;
    await this.#written(this.#out.preamble());
    await this.#json(HEAD, { devices: this.#items.length, objects, comment } satisfies HeadJson);
    for (const [n, item] of this.#items.entries()) await this.#saveSettings(item, pagesStored[n]);
    this.#out.begin();
    for (const group of groupsOf(this.#pages)) {
      for (let device = 0; device < this.#pages.length; device++) await this.#saveGroup(group, device);
    }
    this.#endRun();
    await this.#flush();
    await this.#out.section(END);
    await this.#sink.end();
    return { pages: pagesStored.reduce((sum, n) => sum + n, 0), objects };
  }

  // ── settings ───────────────────────────────────────────────────────────────────────────────────────────────────

  async #saveSettings({ name, snapshot, pages, state }: Item, pagesStored: number): Promise<void> {
    const algorithms: DeviceJson['algorithms'][number][] = [];
    for (const [priority, algorithm] of state.algorithms.entries()) {
      if (!algorithm) continue;
      const encoder = pages.core.codecs.encoder(algorithm.name, algorithm.params);
      algorithms.push({ priority, codec: await this.#codecOf(encoder), level: algorithm.params.level });
    }
    await this.#json(DEVICE, {
      name,
      snapshot,
      diskPages: pages.pages,
      pagesStored,
      algorithms,
      dedup: state.dedup,
      memLimit: state.limitPages * PAGE_SIZE,
      verifyCompressors: state.verifyCompressors,
      trackEntryActime: state.tracksTime,
      chainSize: state.poolOptions.chainSize,
      shrinker: state.poolOptions.shrinker,
    } satisfies DeviceJson);
  }

  async #json(type: string, value: object): Promise<void> {
    const text = new TextEncoder().encode(JSON.stringify(value));
    if (text.length > SECTION_BYTES_MAX) throw new ZramError('EINVAL', 'the comment is too long to be saved.');
    await this.#written(this.#out.section(type, text));
  }

  /** The number in the file of a compressor with its parameters; written when it is first needed. */
  async #codecOf({ name, codec, params }: Encoder): Promise<number> {
    const known = this.#codecs.get(codec);
    if (known !== undefined) return known;
    const { level, winbits, dictionary } = codec === CODEC_LZ4 ? {} : params;
    const json = { name, level, winbits, dictionary: dictionary?.length } satisfies CodecJson;
    const text = new TextEncoder().encode(JSON.stringify(json));
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, text.length, true);
    if (4 + text.length + (dictionary?.length ?? 0) > SECTION_BYTES_MAX) {
      throw new ZramError('EINVAL', `the dictionary of ${name} is too large to be saved.`);
    }
    await this.#written(this.#out.section(CODEC, length, text, dictionary ?? NO_VALUE));
    this.#codecs.set(codec, this.#codecs.size + 1);
    return this.#codecs.size;
  }

  // ── pages ──────────────────────────────────────────────────────────────────────────────────────────────────────

  async #saveGroup(group: Group, device: number): Promise<void> {
    for (let page = 0; page < group.pagesOf(device); page++) {
      const state = group.state(device, page);
      if (state === 0) continue;
      const index = group.first + page;
      const flag = (state & STATE_INCOMPRESSIBLE) === 0 ? 0 : INCOMPRESSIBLE;
      const distance = group.distance(device, page);
      if (distance > 0) this.#put(device, index, RECORD_FORK | flag, distance, NO_VALUE);
      else if ((state & HELD) === 0) this.#put(device, index, RECORD_FILL, 0, this.#fillValue(device, index));
      else await this.#saveHeld(group, device, page, flag);
      if (this.#out.full) await this.#flush();
    }
    this.#endRun();
  }

  #fillValue(device: number, index: number): Uint8Array {
    return copyOf(this.#pages[device].peek(index), 0, 8);
  }

  /** A page that an object or a block holds, which no earlier device has at this page. */
  async #saveHeld(group: Group, device: number, page: number, flag: number): Promise<void> {
    const index = group.first + page;
    const number = this.#numbering.next();
    if (number < this.#objects) {
      this.#go(device, index, RECORD_SHARE | flag);
      this.#out.number(number);
      return;
    }
    const pages = this.#pages[device];
    const { codec, bytes } =
      group.state(device, page) & STATE_WRITTEN_BACK
        ? await this.#readBack(device, index)
        : this.#payload(pages, index);
    const fileCodec = codec === FILE_CODEC_PAGE ? codec : await this.#codecInRecords(pages, codec);
    this.#go(device, index, RECORD_OBJECT | flag);
    this.#out.number(fileCodec);
    this.#out.number(bytes.length);
    this.#out.bytes(bytes);
    this.#objects++;
  }

  /** The object of a page: the engine's codec, 0 for a page as it is, and a copy of its bytes. */
  #payload({ core, address }: StoredPages, index: number): { codec: number; bytes: Uint8Array } {
    const result = core.raw.zramPayload(address, index);
    const codec = result >>> 16;
    const plain = codec === CODEC_RAW || codec === CODEC_PAGE;
    return { codec: plain ? FILE_CODEC_PAGE : codec, bytes: copyOf(core.page(), 0, result & 0xffff) };
  }

  /** A page on the backing device, compressed by the primary compressor as if it had just been written. */
  async #readBack(device: number, index: number): Promise<{ codec: number; bytes: Uint8Array }> {
    const { pages, state } = this.#items[device];
    const page = await pages.readPagesAsync(index, 1, undefined);
    this.#live();
    const { core } = pages;
    const { name, params } = state.algorithms[0] as { name: string; params: Encoder['params'] };
    const encoder = core.codecs.encoder(name, params);
    let block: Uint8Array;
    if (encoder.codec === CODEC_LZ4) {
      core.page().set(page);
      const length = core.raw.lz4Compress(lz4Level(params));
      block = copyOf(core.staging(), PAGE_SIZE, PAGE_SIZE + Math.min(length, PAGE_SIZE));
    } else {
      block = copyOf(encodeVerified(state, encoder, page));
      this.#live();
    }
    core.raw.poolStats(pages.pool.address);
    const huge = block.length >= core.number(7);
    return huge ? { codec: FILE_CODEC_PAGE, bytes: page } : { codec: encoder.codec, bytes: block };
  }

  /** As `#codecOf`, in the middle of records. */
  async #codecInRecords({ core }: StoredPages, codec: number): Promise<number> {
    const known = this.#codecs.get(codec);
    if (known !== undefined) return known;
    const encoder = codec === CODEC_LZ4 ? core.codecs.encoder('lz4', {}) : core.codecs.find(codec);
    if (!encoder) throw new ZramError('EIO', `an object has the codec ${codec}, which this engine does not know.`);
    this.#endRun();
    await this.#flush();
    const made = await this.#codecOf(encoder);
    this.#out.begin();
    return made;
  }

  // ── records ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A page that may go on with the run before it. */
  #put(device: number, index: number, kind: number, distance: number, value: Uint8Array): void {
    const run = this.#run;
    const next = this.#device === device && this.#page === index;
    if (run && next && run.kind === kind && run.distance === distance && sameValue(run.value, value)) {
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
    this.#out.byte(run.kind);
    this.#out.number(run.count);
    if ((run.kind & ~INCOMPRESSIBLE) === RECORD_FORK) this.#out.number(run.distance);
    else this.#out.bytes(run.value);
  }

  /** A record of one page. */
  #go(device: number, index: number, kind: number): void {
    this.#moveTo(device, index);
    this.#out.byte(kind);
    this.#page = index + 1;
  }

  #moveTo(device: number, index: number): void {
    this.#endRun();
    if (this.#device === device && this.#page === index) return;
    this.#out.byte(RECORD_AT);
    this.#out.number(device);
    this.#out.number(index);
    this.#device = device;
    this.#page = index;
  }

  /** Ends the section of records, if there is anything in it, and begins the next. */
  async #flush(): Promise<void> {
    this.#endRun();
    if (!this.#out.filled) return;
    await this.#written(this.#out.end(PAGES));
    this.#out.begin();
  }

  async #written(section: Promise<void>): Promise<void> {
    await section;
    this.#live();
  }

  /** Whoever else ran meanwhile may have ended what is saved. */
  #live(): void {
    for (const [n, pages] of this.#pages.entries()) {
      if (pages.ended) {
        throw new ZramError('EINVAL', `${describe(this.#items[n].name)} was destroyed while it was saved.`);
      }
    }
  }
}

function sameValue(a: Uint8Array, b: Uint8Array): boolean {
  return a.every((byte, i) => byte === b[i]);
}
