/** Replaces default-source.ts in `zram-wasm/external`: the core is a file beside the bundle. */
import { besideBundle } from '../base/beside.js';
import type { CoreSource } from './source.js';

export function defaultSource(): CoreSource {
  // A literal, so that bundlers find the file and copy it.
  return besideBundle('core.wasm', () => new URL('./core.wasm', import.meta.url));
}
