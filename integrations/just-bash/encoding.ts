/** File content as just-bash passes it: bytes, or text in one of its encodings. */
import type { BufferEncoding, FileContent } from 'just-bash';

/** An encoding, or options that hold one. */
export type EncodingOption =
  | {
      /** As just-bash names it. */
      encoding?: BufferEncoding | null;
    }
  | BufferEncoding
  | undefined;

/** Characters that are made of bytes at a time: arguments of one call. */
const CHUNK = 8192;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function encodingOf(options: EncodingOption): BufferEncoding {
  const encoding = typeof options === 'object' ? options.encoding : options;
  return encoding ?? 'utf8';
}

/** Text becomes bytes as just-bash's own file systems make them: `ascii` is taken as UTF-8 there. */
export function toBytes(content: FileContent, options: EncodingOption): Uint8Array {
  if (typeof content !== 'string') return content;
  switch (encodingOf(options)) {
    case 'binary':
    case 'latin1':
      return fromCodes(content);
    case 'base64':
      return fromCodes(atob(content));
    case 'hex':
      return Uint8Array.from({ length: content.length >>> 1 }, (_, at) =>
        parseInt(content.slice(2 * at, 2 * at + 2), 16),
      );
    default:
      return encoder.encode(content);
  }
}

export function toText(bytes: Uint8Array, options: EncodingOption): string {
  switch (encodingOf(options)) {
    case 'binary':
    case 'latin1':
      return toCodes(bytes);
    case 'base64':
      return btoa(toCodes(bytes));
    case 'hex':
      return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
    default:
      return decoder.decode(bytes);
  }
}

/** A byte for each character. */
function fromCodes(text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) bytes[at] = text.charCodeAt(at);
  return bytes;
}

/** A character for each byte. */
export function toCodes(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < bytes.length; at += CHUNK) text += String.fromCharCode(...bytes.subarray(at, at + CHUNK));
  return text;
}
