/** The core that came with the package, inlined: no file to find, in any runtime and under any bundler. */
import { coreBase64 } from '../../build/core-inline.js';
import { fromBase64 } from '../base/base64.js';
import type { CoreSource } from './source.js';

export function defaultSource(): CoreSource {
  return fromBase64(coreBase64);
}
