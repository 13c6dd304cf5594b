/** Text and bytes, with Node's `Buffer` where there is one. */
import { wrongValue } from './errors.js';

/** What this uses of Node's Buffer. */
interface BufferLike extends Uint8Array<ArrayBuffer> {
  toString(encoding?: string): string;
}
interface BufferClass {
  from(text: string, encoding?: string): BufferLike;
  from(buffer: ArrayBufferLike, offset: number, length: number): BufferLike;
  byteLength(text: string, encoding?: string): number;
  isEncoding(name: string): boolean;
}

const { Buffer: NodeBuffer } = globalThis as { Buffer?: BufferClass };
const encoder = new TextEncoder();

/** Names of encodings, as Node has them. */
export type Encoding =
  | 'ascii'
  | 'utf8'
  | 'utf-8'
  | 'utf16le'
  | 'utf-16le'
  | 'ucs2'
  | 'ucs-2'
  | 'base64'
  | 'base64url'
  | 'latin1'
  | 'binary'
  | 'hex';

const UTF8 = new Set(['utf8', 'utf-8', 'UTF8', 'UTF-8']);

/** How to go from bytes to text and back where there is no Buffer. */
interface Codec {
  decode(bytes: Uint8Array): string;
  encode(text: string): Uint8Array;
}

const LATIN1: Codec = {
  decode(bytes) {
    let text = '';
    for (const byte of bytes) text += String.fromCharCode(byte);
    return text;
  },
  encode: (text) => Uint8Array.from({ length: text.length }, (_, n) => text.charCodeAt(n)),
};
const BASE64: Codec = {
  decode: (bytes) => btoa(LATIN1.decode(bytes)),
  encode: (text) =>
    LATIN1.encode(
      atob(
        text
          .replaceAll('-', '+')
          .replaceAll('_', '/')
          .replace(/[^A-Za-z0-9+/]/g, ''),
      ),
    ),
};
const BASE64_URL: Codec = {
  decode: (bytes) => BASE64.decode(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', ''),
  encode: (text) => BASE64.encode(text),
};
const HEX: Codec = {
  decode: (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join(''),
  encode: (text) =>
    Uint8Array.from(/^(?:[0-9a-f]{2})*/i.exec(text)?.[0].match(/../g) ?? [], (pair) => parseInt(pair, 16)),
};
const UTF16: Codec = {
  decode(bytes) {
    let text = ''; // not by a TextDecoder, which replaces halves of pairs
    for (let n = 0; n + 1 < bytes.length; n += 2) text += String.fromCharCode(bytes[n] + 256 * bytes[n + 1]);
    return text;
  },
  encode(text) {
    const bytes = new Uint8Array(2 * text.length);
    const view = new DataView(bytes.buffer);
    for (let n = 0; n < text.length; n++) view.setUint16(2 * n, text.charCodeAt(n), true);
    return bytes;
  },
};
const ASCII: Codec = {
  decode: (bytes) => LATIN1.decode(bytes.map((byte) => byte & 127)),
  encode: (text) => LATIN1.encode(text),
};
const UTF_8: Codec = {
  decode: (bytes) => new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes),
  encode: (text) => encoder.encode(text),
};
const CODECS = new Map<string, Codec>([
  ...[...UTF8].map((name) => [name, UTF_8] as const),
  ...['latin1', 'binary'].map((name) => [name, LATIN1] as const),
  ...['utf16le', 'utf-16le', 'ucs2', 'ucs-2'].map((name) => [name, UTF16] as const),
  ['ascii', ASCII],
  ['base64', BASE64],
  ['base64url', BASE64_URL],
  ['hex', HEX],
]);

/** @throws TypeError ERR_INVALID_ARG_VALUE: an encoding that is not known */
export function checkEncoding(encoding: unknown): void {
  if (typeof encoding === 'string' && (CODECS.has(encoding) || NodeBuffer?.isEncoding(encoding))) return;
  throw wrongValue('encoding', 'is invalid encoding', encoding);
}

/** @param encoding one that `checkEncoding` has passed */
export function decode(bytes: Uint8Array, encoding: string): string {
  if (NodeBuffer) return NodeBuffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(encoding);
  return (CODECS.get(encoding) as Codec).decode(bytes);
}

/** @param encoding one that `checkEncoding` has passed */
export function encode(text: string, encoding: string): Uint8Array {
  return NodeBuffer ? NodeBuffer.from(text, encoding) : (CODECS.get(encoding) as Codec).encode(text);
}

/** As a Buffer where there is one, of the same memory. */
export function asBuffer(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return NodeBuffer ? NodeBuffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) : bytes;
}

export function utf8Length(text: string): number {
  return NodeBuffer ? NodeBuffer.byteLength(text) : encoder.encode(text).length;
}

/** Whether an entry of a directory can have this name, apart from its length. */
export function isEntryName(name: string): boolean {
  return name !== '' && name !== '.' && name !== '..' && !/[/\0]/.test(name);
}
