/** Makes the sections of a save file, one after the other, and gives them to the sink. */
import { crc32 } from './crc32.js';
import { CHECKSUM_BYTES, MAGIC, PREAMBLE_BYTES, SECTION_HEAD_BYTES, VERSION } from './format.js';
import type { OwnBytes, SinkWriter } from './sink.js';

/** A section of records ends when it has as many: enough that a write to a file costs nothing beside it. */
const SECTION_BYTES = 256 * 1024;
/** What one record may take at most. */
const RECORD_BYTES_MAX = 4096 + 32;

export class SectionWriter {
  readonly #sink: SinkWriter;
  #buffer: OwnBytes = new Uint8Array(0);
  #at = 0;
  #checksum = 0;

  constructor(sink: SinkWriter) {
    this.#sink = sink;
  }

  async preamble(): Promise<void> {
    const bytes = new Uint8Array(PREAMBLE_BYTES);
    bytes.set(MAGIC);
    new DataView(bytes.buffer).setUint32(MAGIC.length, VERSION, true);
    this.#checksum = crc32(bytes);
    await this.#sink.write(bytes);
  }

  /** A whole section at once. */
  async section(type: string, ...parts: readonly Uint8Array[]): Promise<void> {
    this.begin(parts.reduce((sum, { length }) => sum + length, 0));
    for (const part of parts) this.bytes(part);
    await this.end(type);
  }

  /** Begins a section of records, or one of so many bytes. */
  begin(bytes = SECTION_BYTES + RECORD_BYTES_MAX): void {
    this.#buffer = new Uint8Array(SECTION_HEAD_BYTES + bytes + CHECKSUM_BYTES);
    this.#at = SECTION_HEAD_BYTES;
  }

  /** Whether something was put since `begin`. */
  get filled(): boolean {
    return this.#at > SECTION_HEAD_BYTES;
  }

  /** Whether a section of records has all that it should have. */
  get full(): boolean {
    return this.#at >= SECTION_BYTES;
  }

  byte(value: number): void {
    this.#buffer[this.#at++] = value;
  }

  /** A whole number below 2^32, seven bits a byte, the lowest first. */
  number(value: number): void {
    for (; value > 127; value = Math.floor(value / 128)) this.byte((value % 128) | 128);
    this.byte(value);
  }

  bytes(bytes: Uint8Array): void {
    this.#buffer.set(bytes, this.#at);
    this.#at += bytes.length;
  }

  /** Ends the section, and waits until the sink took the one before it. */
  async end(type: string): Promise<void> {
    const view = new DataView(this.#buffer.buffer);
    this.#buffer.set(new TextEncoder().encode(type));
    view.setUint32(4, this.#at - SECTION_HEAD_BYTES, true);
    this.#checksum = crc32(this.#buffer.subarray(0, this.#at), this.#checksum);
    view.setUint32(this.#at, this.#checksum, true);
    const section = this.#buffer.subarray(0, this.#at + CHECKSUM_BYTES);
    this.#buffer = new Uint8Array(0); // the sink's from now on
    this.#at = SECTION_HEAD_BYTES;
    await this.#sink.write(section);
  }
}
