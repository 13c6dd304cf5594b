/** Save files taken apart and put together again, by the rules of `docs/format.md`, right or wrong. */
import { crcOf } from './reference-save.js';

export interface RawSection {
  type: string;
  payload: Uint8Array;
}

const PREAMBLE_BYTES = 12;
const FRAME_BYTES = 12;

export function partsOf(file: Uint8Array): { preamble: Uint8Array; sections: RawSection[] } {
  const view = new DataView(file.buffer, file.byteOffset, file.length);
  const sections: RawSection[] = [];
  for (let at = PREAMBLE_BYTES; at < file.length;) {
    const length = view.getUint32(at + 4, true);
    const type = Buffer.from(file.subarray(at, at + 4)).toString('latin1');
    sections.push({ type, payload: Uint8Array.from(file.subarray(at + 8, at + 8 + length)) });
    at += FRAME_BYTES + length;
  }
  return { preamble: Uint8Array.from(file.subarray(0, PREAMBLE_BYTES)), sections };
}

/** A file with right lengths and checksums. */
export function fileOf(preamble: Uint8Array, sections: readonly RawSection[]): Uint8Array<ArrayBuffer> {
  const length = sections.reduce((sum, { payload }) => sum + FRAME_BYTES + payload.length, preamble.length);
  const file = new Uint8Array(length);
  file.set(preamble);
  let at = preamble.length;
  for (const { type, payload } of sections) {
    file.set(Buffer.from(type, 'latin1').subarray(0, 4), at);
    new DataView(file.buffer).setUint32(at + 4, payload.length, true);
    file.set(payload, at + 8);
    at += FRAME_BYTES + payload.length;
  }
  return resealed(file);
}

/** The same bytes with right checksums wherever the lengths lead to. */
export function resealed(file: Uint8Array): Uint8Array<ArrayBuffer> {
  const sealed = Uint8Array.from(file);
  const view = new DataView(sealed.buffer);
  let checksum = crcOf(sealed.subarray(0, PREAMBLE_BYTES));
  for (let at = PREAMBLE_BYTES; at + FRAME_BYTES <= sealed.length;) {
    const end = at + 8 + view.getUint32(at + 4, true);
    if (end + 4 > sealed.length) break;
    checksum = crcOf(sealed.subarray(at, end), checksum);
    view.setUint32(end, checksum, true);
    at = end + 4;
  }
  return sealed;
}

/** One record of a PAGE section. */
export interface RawRecord {
  kind: number;
  numbers: number[];
  bytes: Uint8Array;
}

export function recordsOf(payload: Uint8Array): RawRecord[] {
  const records: RawRecord[] = [];
  let at = 0;
  const number = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = payload[at++];
      value += (byte & 127) * scale;
      if (!(byte > 127)) return value;
    }
  };
  const take = (length: number): Uint8Array => Uint8Array.from(payload.subarray(at, (at += length)));
  const none = new Uint8Array(0);
  while (at < payload.length) {
    const kind = payload[at++];
    const shape = kind & 127;
    if (shape <= 2) records.push({ kind, numbers: [number(), number()], bytes: none });
    else if (shape === 3) records.push({ kind, numbers: [number()], bytes: take(8) });
    else if (shape === 4) {
      const codec = number();
      records.push({ kind, numbers: [codec], bytes: take(number()) });
    } else records.push({ kind, numbers: [number()], bytes: none });
  }
  return records;
}

/** @param long a number of which takes a byte more than it needs */
export function payloadOf(records: readonly RawRecord[], long = false): Uint8Array {
  const out: number[] = [];
  const number = (value: number): void => {
    for (; value > 127; value = Math.floor(value / 128)) out.push((value % 128) | 128);
    if (long) out.push(value | 128, 0);
    else out.push(value);
  };
  for (const { kind, numbers, bytes } of records) {
    out.push(kind);
    for (const each of numbers) number(each);
    if ((kind & 127) === 4) number(bytes.length);
    for (const byte of bytes) out.push(byte);
  }
  return Uint8Array.from(out);
}
