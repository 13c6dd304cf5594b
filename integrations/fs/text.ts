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

/** @throws TypeError ERR_INVALID_ARG_VALUE: an encoding that is not known, or not without Node's Buffer */
export function checkEncoding(encoding: unknown): void {
  if (typeof encoding === 'string' && UTF8.has(encoding)) return;
  if (typeof encoding === 'string' && NodeBuffer?.isEncoding(encoding)) return;
  if (NodeBuffer === undefined && encoding === 'latin1') return;
  throw wrongValue('encoding', 'is invalid encoding', encoding);
}

export function decode(bytes: Uint8Array, encoding: string): string {
  if (NodeBuffer) {
    return NodeBuffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString(encoding);
  }
  if (UTF8.has(encoding)) return new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes);
  let text = '';
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

export function encode(text: string, encoding: string): Uint8Array {
  if (NodeBuffer) return NodeBuffer.from(text, encoding);
  if (UTF8.has(encoding)) return encoder.encode(text);
  return Uint8Array.from(text, (letter) => letter.charCodeAt(0));
}

/** As a Buffer where there is one, of the same memory. */
export function asBuffer(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  return NodeBuffer ? NodeBuffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) : bytes;
}

export function utf8Length(text: string): number {
  return NodeBuffer ? NodeBuffer.byteLength(text) : encoder.encode(text).length;
}
