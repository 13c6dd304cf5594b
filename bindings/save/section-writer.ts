/** Builds the sections of a save file one after the other, and writes them to the sink in pieces. */
import { copyOf } from '../base/bytes.js';
import { crc32InTurns } from './crc32.js';
import { CHECKSUM_BYTES, MAGIC, PAGES, PREAMBLE_BYTES, SECTION_HEAD_BYTES, VERSION } from './format.js';
import type { SinkWriter } from './sink.js';

/** A piece is written when it has this many bytes: enough that the cost of a write call is negligible. */
const PIECE_BYTES = 256 * 1024;
/** Most bytes of a record, including the run before it and the head and checksum of a section. */
const RECORD_BYTES_MAX = 4096 + 96;

export class SectionWriter {
  readonly #sink: SinkWriter;
  /** The current piece, of which the sink receives a copy. */
  #buffer = new Uint8Array(2 * RECORD_BYTES_MAX);
  #at = 0;
  /** Where the open section of records begins in the buffer, if there is one. */
  #records: number | undefined;
  #checksum = 0;

  constructor(sink: SinkWriter) {
    this.#sink = sink;
  }

  preamble(): Promise<void> {
    this.bytes(MAGIC);
    new DataView(this.#buffer.buffer).setUint32(MAGIC.length, VERSION, true);
    this.#at = PREAMBLE_BYTES;
    return this.#addToChecksum(0);
  }

  /** Writes a whole section. */
  async section(type: string, ...parts: readonly Uint8Array[]): Promise<void> {
    await this.endRecords();
    const length = parts.reduce((sum, part) => sum + part.length, 0);
    this.#makeRoom(SECTION_HEAD_BYTES + length + CHECKSUM_BYTES);
    const start = this.#at;
    this.#at += SECTION_HEAD_BYTES;
    for (const part of parts) this.bytes(part);
    await this.#endSection(start, type);
  }

  /** To be called before each record: opens a section of records, unless one is open. */
  record(): void {
    this.#makeRoom(RECORD_BYTES_MAX);
    if (this.#records !== undefined) return;
    this.#records = this.#at;
    this.#at += SECTION_HEAD_BYTES;
  }

  /** Ends the open section of records, if there is one. */
  async endRecords(): Promise<void> {
    const start = this.#records;
    this.#records = undefined;
    if (start !== undefined) await this.#endSection(start, PAGES);
  }

  /** Whether the piece is large enough to be written. */
  get full(): boolean {
    return this.#at >= PIECE_BYTES;
  }

  byte(value: number): void {
    this.#buffer[this.#at++] = value;
  }

  /** Writes a whole number below 2^32 as LEB128: seven bits in each byte, the lowest first. */
  number(value: number): void {
    for (; value > 127; value = Math.floor(value / 128)) this.byte((value % 128) | 128);
    this.byte(value);
  }

  bytes(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Writes the piece to the sink, once the sink has taken the one before. */
  async flush(): Promise<void> {
    await this.endRecords();
    if (this.#at === 0) return;
    const piece = copyOf(this.#buffer, 0, this.#at);
    this.#at = 0;
    await this.#sink.write(piece);
  }

  async #endSection(start: number, type: string): Promise<void> {
    const view = new DataView(this.#buffer.buffer);
    for (let n = 0; n < type.length; n++) this.#buffer[start + n] = type.charCodeAt(n);
    view.setUint32(start + 4, this.#at - start - SECTION_HEAD_BYTES, true);
    await this.#addToChecksum(start);
    view.setUint32(this.#at, this.#checksum, true);
    this.#at += CHECKSUM_BYTES;
  }

  async #addToChecksum(start: number): Promise<void> {
    this.#checksum = await crc32InTurns(this.#buffer.subarray(start, this.#at), this.#checksum);
  }

  #makeRoom(bytes: number): void {
    if (this.#at + bytes <= this.#buffer.length) return;
    const larger = new Uint8Array(Math.max(this.#at + bytes, 2 * this.#buffer.length));
    larger.set(this.#buffer.subarray(0, this.#at));
    this.#buffer = larger;
  }
}
