/**
 * Reads the sections of a save file one after the other, and checks the checksum of each before its content is used.
 */
import { ZramError } from '../base/errors.js';
import { crc32, crc32InTurns } from './crc32.js';
import {
  CHECKSUM_BYTES,
  damaged,
  MAGIC,
  PREAMBLE_BYTES,
  SECTION_BYTES_MAX,
  SECTION_HEAD_BYTES,
  VERSION,
} from './format.js';
import type { SourceReader } from './source.js';

/** A section with a correct checksum. */
export interface Section {
  readonly type: string;
  /** Valid until the next section is read. */
  readonly payload: Uint8Array;
  /** Offset of the payload in the file. */
  readonly offset: number;
}

export class SectionReader {
  #checksum = 0;

  constructor(readonly source: SourceReader) {}

  /** @throws ZramError EINVAL: not a save file, or one of another version */
  async preamble(): Promise<void> {
    const bytes = await this.source.take(PREAMBLE_BYTES);
    if (!bytes) throw damaged(0, `it has fewer than ${PREAMBLE_BYTES} bytes`);
    if (!MAGIC.every((byte, i) => byte === bytes[i])) {
      throw new ZramError('EINVAL', 'this is not a save file, at byte 0: its first bytes differ.');
    }
    const version = u32(bytes, MAGIC.length);
    if (version !== VERSION) {
      throw new ZramError(
        'EINVAL',
        `the save file must have version ${VERSION} of the format, not ${version}, at byte ${MAGIC.length}: use a release that reads it.`,
      );
    }
    this.#checksum = crc32(bytes);
  }

  /** @throws ZramError EINVAL: the file ends here, or the section is damaged */
  async next(): Promise<Section> {
    const { source } = this;
    const start = source.offset;
    const head = await source.take(SECTION_HEAD_BYTES);
    if (!head) throw damaged(start, 'it ends before its end section');
    const length = u32(head, 4);
    const type = String.fromCharCode(...head.subarray(0, 4));
    if (length > SECTION_BYTES_MAX)
      throw damaged(start + 4, `section length ${length} exceeds the limit of ${SECTION_BYTES_MAX} bytes`);
    const headSum = crc32(head, this.#checksum);
    const bytes = await source.take(length + CHECKSUM_BYTES);
    if (!bytes) throw damaged(start, 'it ends in the middle of this section');
    const payload = bytes.subarray(0, length);
    const checksum = await crc32InTurns(payload, headSum);
    if (u32(bytes, length) !== checksum) throw damaged(start, 'the checksum of this section is wrong');
    this.#checksum = checksum;
    return { type, payload, offset: start + SECTION_HEAD_BYTES };
  }
}

function u32(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length).getUint32(at, true);
}
