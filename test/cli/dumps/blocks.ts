/** Pages as a kdump holds them: compressed with zlib, LZO or snappy, with the flag that says so. */
import { deflateSync } from 'node:zlib';

import { BareCompressors } from '../../support/compressors.js';

export interface Block {
  readonly flag: number;
  readonly bytes: Buffer;
}

export type Compress = (page: Buffer) => Block;

export const zlib: Compress = (page) => ({ flag: 1, bytes: deflateSync(page, { level: 1 }) });

let compressors: BareCompressors | undefined;
export const lzo: Compress = (page) => {
  compressors ??= new BareCompressors('release');
  return { flag: 2, bytes: Buffer.from(compressors.compress('lzo', page)) };
};

/** A simple compressor of snappy: matches of 4 bytes and more at the last place where their beginning stood. */
export const snappy: Compress = (page) => {
  const { length: total } = page;
  const parts: Buffer[] = [Buffer.from([(total & 127) | 128, ((total >> 7) & 127) | 128, total >> 14])];
  const seen = new Map<number, number>();
  let literals = 0;
  const flush = (end: number) => {
    const length = end - literals;
    if (length === 0) return;
    if (length <= 60) parts.push(Buffer.from([(length - 1) << 2]));
    else parts.push(Buffer.from([61 << 2, (length - 1) & 255, (length - 1) >> 8]));
    parts.push(page.subarray(literals, end));
  };
  for (let at = 0; at + 4 <= page.length;) {
    const key = page.readUInt32LE(at);
    const before = seen.get(key);
    seen.set(key, at);
    if (before === undefined) {
      at += 1;
      continue;
    }
    flush(at);
    const distance = at - before;
    let length = 4;
    while (length < 64 && at + length < page.length && page[before + length] === page[at + length]) length += 1;
    if (length < 12 && distance < 2048)
      parts.push(Buffer.from([1 | ((length - 4) << 2) | ((distance >> 8) << 5), distance & 255]));
    else parts.push(Buffer.from([2 | ((length - 1) << 2), distance & 255, distance >> 8]));
    at += length;
    literals = at;
  }
  flush(page.length);
  return { flag: 4, bytes: Buffer.concat(parts) };
};

/** LZO and snappy, by what is in the page. */
export const mixed: Compress = (page) => (page[0] % 2 === 0 ? lzo(page) : snappy(page));
