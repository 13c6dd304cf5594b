/** Fills devices from the records of a save file. */
import { PAGE_SIZE } from '../base/arguments.js';
import { ZramError } from '../base/errors.js';
import { pause, pauseDue } from '../base/pacer.js';
import type { CompressorParams } from '../compressors/compressor.js';
import type { Core } from '../core/core.js';
import { CODEC_FOREIGN, CODEC_PAGE, STATE_INCOMPRESSIBLE } from '../core/layout.js';
import type { Disk } from '../device/disk.js';
import {
  damaged,
  FILE_CODEC_PAGE,
  GROUP_PAGES,
  INCOMPRESSIBLE,
  RECORD_AT,
  RECORD_FILL,
  RECORD_FORK,
  RECORD_OBJECT,
  RECORD_SHARE,
} from './format.js';
import type { Section } from './section-reader.js';

/** A compressor of the file. */
export interface LoadedCodec {
  readonly name: string;
  readonly params: CompressorParams;
  /** Its codec in the engine, which the loader holds. */
  readonly codec: number;
}

// Errors of the core.
const ENOMEM = -12;

export class PageLoader {
  readonly devices: Disk[] = [];
  /** Number of objects so far. */
  objects = 0;
  /** By the object's number in the file: a handle and, if a device deduplicates, the hash of the page. */
  #handles = new Uint32Array(1024);
  #hashes = new Uint32Array(1024);
  /** The position of the next page. */
  #device = 0;
  #page = 0;
  /** The last run that was forked from another device, until its group is complete. */
  #forked: { to: Disk; index: number; from: Disk } | undefined;
  #payload: Uint8Array = new Uint8Array(0);
  /** The offset in the payload, and that of the payload in the file. */
  #at = 0;
  #offset = 0;

  /** @param codecs the file's compressors, number 1 first */
  constructor(
    readonly core: Core,
    readonly codecs: readonly LoadedCodec[],
  ) {}

  /** @throws ZramError EINVAL: a record is wrong, or a device was destroyed meanwhile; ENOMEM */
  async take({ payload, offset }: Section): Promise<void> {
    this.#payload = payload;
    this.#offset = offset;
    for (this.#at = 0; this.#at < payload.length;) {
      if (pauseDue()) await pause();
      const record = this.#byte();
      const kind = record & ~INCOMPRESSIBLE;
      if (kind === RECORD_AT && record === kind) this.#moveTo(this.#number(), this.#number());
      else this.#pages(kind, record !== kind);
    }
    this.#unite();
  }

  /** Where all pages of a group are another device's, the two share the group's part of the table again. */
  #unite(): void {
    const forked = this.#forked;
    this.#forked = undefined;
    if (!forked || forked.to.ended || forked.from.ended) return;
    this.core.raw.zramLoadUnited(forked.to.address, forked.index, forked.from.address);
  }

  #moveTo(device: number, page: number): void {
    this.#unite();
    if (device >= this.devices.length) throw this.#wrong(`device ${device} does not exist`);
    this.#device = device;
    this.#page = page;
  }

  #pages(kind: number, incompressible: boolean): void {
    const run = kind === RECORD_FORK || kind === RECORD_FILL;
    const count = run ? this.#number() : 1;
    const pages = this.devices[this.#device];
    if (pages.ended) throw new ZramError('EINVAL', 'cannot load the file: the engine was destroyed meanwhile.');
    const index = this.#page;
    if (index + count > pages.pages) throw this.#wrong(`page ${index + count - 1} is out of range`);
    if (count === 0 || (index % GROUP_PAGES) + count > GROUP_PAGES)
      throw this.#wrong(`a run of ${count} pages is empty or leaves its group`);
    if (kind === RECORD_FORK) this.#fork(pages, count, this.#number());
    else if (kind === RECORD_FILL && !incompressible) this.#fill(pages, count, this.#bytes(8));
    else if (kind === RECORD_OBJECT) this.#object(pages);
    else if (kind === RECORD_SHARE) this.#share(pages, this.#number());
    else throw this.#wrong('the record type is unknown');
    for (let n = 0; incompressible && n < count; n++) {
      this.#check(this.core.raw.zramChangeFlags(pages.address, index + n, STATE_INCOMPRESSIBLE, 0, 0));
    }
    this.#page = index + count;
  }

  #fork(pages: Disk, count: number, distance: number): void {
    const from = this.devices[this.#device - distance];
    const right = distance > 0 && from !== undefined && this.#page + count <= from.pages;
    if (!right) throw this.#wrong(`device ${this.#device} has no device ${distance} before it with these pages`);
    const { core, address } = pages;
    this.#check(core.raw.zramLoadForked(address, this.#page, count, from.address, pages.clock()));
    this.#forked = { to: pages, index: this.#page, from };
  }

  #fill(pages: Disk, count: number, value: Uint8Array): void {
    const { core, address } = pages;
    const end = this.#page + count;
    if (core.raw.zramNextSlot(address, this.#page, 0, 0) >>> 0 < end) throw this.#wrong('a page is loaded twice');
    const page = core.page();
    for (let at = 0; at < PAGE_SIZE; at += value.length) page.set(value, at);
    for (let index = this.#page; index < end; index++) {
      if (core.raw.zramWritePage(address, index, pages.clock(), 0) !== 0) throw noRoom();
    }
  }

  #object(pages: Disk): void {
    const number = this.#number();
    const codec = this.#codecOf(number);
    const length = this.#number();
    if (length === 0 || length > PAGE_SIZE) throw this.#wrong(`an object must have 1 to 4096 bytes, not ${length}`);
    const block = this.#bytes(length);
    const { core, address } = pages;
    if (codec >= CODEC_FOREIGN) {
      const page = core.codecs.tryDecode(codec, block);
      if (!page) throw this.#wrong(`an object does not decompress with ${this.codecs[number - 1]?.name}`);
      if (pages.ended) throw new ZramError('EINVAL', 'cannot load the file: the engine was destroyed meanwhile.');
      core.staging().set(page, PAGE_SIZE);
    }
    core.page().set(block);
    const handle = core.raw.zramLoadObject(address, this.#page, length, codec, pages.clock());
    this.#check(handle);
    this.#keep(handle, core.raw.zramLoadedHash());
  }

  #codecOf(number: number): number {
    if (number === FILE_CODEC_PAGE) return CODEC_PAGE;
    const found = this.codecs[number - 1];
    if (!found) throw this.#wrong(`compressor ${number} does not exist`);
    return found.codec;
  }

  #share(pages: Disk, number: number): void {
    if (number >= this.objects) throw this.#wrong(`object ${number} is used before it is defined`);
    const { core, address } = pages;
    const [handle, hash] = [this.#handles[number], this.#hashes[number]];
    this.#check(core.raw.zramLoadShared(address, this.#page, handle, hash, pages.clock()));
  }

  #keep(handle: number, hash: number): void {
    if (this.objects === this.#handles.length) {
      this.#handles = larger(this.#handles);
      this.#hashes = larger(this.#hashes);
    }
    this.#handles[this.objects] = handle;
    this.#hashes[this.objects++] = hash;
  }

  /** Checks a result of the core. */
  #check(result: number): void {
    if (result >= 0) return;
    if (result === ENOMEM) throw noRoom();
    throw this.#wrong(
      `the record for page ${this.#page} of device ${this.#device} does not decode to a page, or that page was already loaded`,
    );
  }

  // ── reading ────────────────────────────────────────────────────────────────────────────────────────────────────

  #byte(): number {
    if (this.#at >= this.#payload.length) throw this.#wrong('a record goes past its section');
    return this.#payload[this.#at++];
  }

  #number(): number {
    let value = 0;
    for (let unit = 1; unit <= 2 ** 28; unit *= 128) {
      const byte = this.#byte();
      value += (byte & 127) * unit;
      if (byte > 127) continue;
      if (value < 2 ** 32) return value;
      break;
    }
    throw this.#wrong('a number has more than 32 bits');
  }

  #bytes(length: number): Uint8Array {
    const start = this.#at;
    this.#at += length;
    if (this.#at > this.#payload.length) throw this.#wrong('a record goes past its section');
    return this.#payload.subarray(start, this.#at);
  }

  #wrong(what: string): ZramError {
    return damaged(this.#offset + Math.min(this.#at, this.#payload.length), what);
  }
}

function larger(array: Uint32Array<ArrayBuffer>): Uint32Array<ArrayBuffer> {
  const made = new Uint32Array(2 * array.length);
  made.set(array);
  return made;
}

function noRoom(): ZramError {
  return new ZramError('ENOMEM', 'cannot allocate memory for the pages of the file: memLimit or maxMemory is reached.');
}
