/** Takes the place of core-source.ts in `zram-wasm/external`: the core as a file beside the bundle. */
import type { CoreSource } from './core.js';

export function defaultSource(): CoreSource {
  // Literal, so that bundlers see the file and bring it along.
  return new URL('./core.wasm', import.meta.url);
}
