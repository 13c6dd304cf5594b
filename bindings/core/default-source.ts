/** The core that is shipped with the package, inlined: no file to locate, in any runtime and under any bundler. */
import { coreBase64 } from '../../build/core-inline.js';
import { fromBase64 } from '../base/base64.js';
import type { CoreSource } from './source.js';

export function defaultSource(): CoreSource {
  return fromBase64(coreBase64);
}
