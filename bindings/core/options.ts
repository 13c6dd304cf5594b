/** The options of an engine. */
import { readList, readOptions } from '../base/arguments.js';
import { ZramError } from '../base/errors.js';
import { describe } from '../base/messages.js';
import { parseSize, type Size } from '../base/size.js';
import type { Compressor } from '../compressors/compressor.js';
import { readCompressor } from '../compressors/registered.js';
import type { CoreSource } from './source.js';

/** The options of an engine; `create` of pools, devices, zswaps and histories takes them as well. */
export interface EngineOptions {
  /**
   * The core's code, to replace the copy shipped with the package (edge runtimes, one compilation for many engines).
   */
  module?: CoreSource | undefined;
  /** Bytes to which linear memory may grow; default and most: 4 GiB less 64 KiB. Reaching it is `ENOMEM`. */
  maxMemory?: Size | undefined;
  /** Compressors besides the built-in ones, as for `registerCompressor`. */
  compressors?: readonly Compressor[] | undefined;
}

export const ENGINE_OPTIONS = ['module', 'maxMemory', 'compressors'] as const;
const MEMORY_MAX = 65535 * 65536;

export interface EngineSettings {
  readonly module: CoreSource | undefined;
  readonly maxMemory: number;
  readonly compressors: readonly Compressor[];
}

/** The options, each read once. @throws ZramError EINVAL */
export function readEngineOptions(given: EngineOptions | undefined, call: string): EngineSettings {
  const { module, maxMemory = MEMORY_MAX, compressors = [] } = readOptions(given, ENGINE_OPTIONS, call);
  if (module !== undefined && (typeof module !== 'object' || module === null)) {
    throw new ZramError(
      'EINVAL',
      `module must be bytes, a WebAssembly.Module, a Response or a URL, not ${describe(module)}.`,
    );
  }
  const list = readList(compressors, 'compressors');
  if (!list)
    throw new ZramError('EINVAL', `compressors must be an array of compressors, not ${describe(compressors)}.`);
  return { module, maxMemory: parseSize(maxMemory, 'maxMemory'), compressors: list.map(readCompressor) };
}
