/** The core that came with the package, inlined: no file to find, in any runtime and under any bundler. */
import { coreBase64 } from '../../build/core-inline.js';
import type { CoreSource } from './source.js';

export function defaultSource(): CoreSource {
  // Decoded by native code where there is some: the loop below runs once, interpreted, and takes 3 ms.
  const { Buffer } = globalThis as { Buffer?: typeof globalThis.Buffer };
  if (Buffer) return Buffer.from(coreBase64, 'base64');
  const text = atob(coreBase64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
