/** The core that came with the package, inlined: no file to find, in any runtime and under any bundler. */
import { coreBase64 } from '../build/core-inline.js';
import type { CoreSource } from './core.js';

export function defaultSource(): CoreSource {
  const text = atob(coreBase64);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
