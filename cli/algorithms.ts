/** The compressors that the command line accepts. */
import { ZramError, type Engine } from '../bindings/index.js';
import { CliError, UsageError } from './errors.js';

/** Not part of this package: Node's own, or a package that may be installed beside it. */
const LOADED = 'zstd';

/**
 * The names, each once, or the default where none was given. Their compressors are loaded.
 * @throws UsageError for an unknown name; CliError for a compressor that is not installed
 */
export async function chooseAlgorithms(engine: Engine, names: readonly string[]): Promise<string[]> {
  const available = [...new Set([...engine.compressors, LOADED])];
  for (const name of names) {
    if (!available.includes(name))
      throw new UsageError(`unknown algorithm '${name}'; available: ${available.join(', ')}`);
    try {
      await engine.loadCompressor(name);
    } catch (error) {
      throw error instanceof ZramError ? new CliError(error.message) : error;
    }
  }
  return names.length > 0 ? [...new Set(names)] : available.slice(0, 1);
}
