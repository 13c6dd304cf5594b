/** The core that is shipped with the package, inlined: no file to locate, in any runtime and under any bundler. */
import { coreBase64 } from '../../build/core-inline.js';
import type { CoreSource } from './source.js';

export function defaultSource(): CoreSource {
  // Decoded natively where possible: the loop below runs only once, thus interpreted, and takes 3 ms.
  const { Buffer } = globalThis as { Buffer?: typeof globalThis.Buffer };
  if (Buffer) return Buffer.from(coreBase64, 'base64');
  const text = atob(coreBase64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
