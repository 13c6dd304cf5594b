/** Takes the place of core-source.ts in `zram-wasm/external`: the core as a file beside the bundle. */
import { besideBundle } from '../base/beside.js';
import type { CoreSource } from './source.js';

export function defaultSource(): CoreSource {
  // Literal, so that bundlers see the file and bring it along.
  return besideBundle('core.wasm', () => new URL('./core.wasm', import.meta.url));
}
