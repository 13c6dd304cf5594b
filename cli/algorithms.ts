/** The compressors that the command line can be told. */
import { ZramError, type Engine } from '../bindings/index.js';
import { CliError, UsageError } from './errors.js';

const DEFAULT = 'lz4';
/** Not in the package: Node's own, or a package that may be installed beside it. */
const LOADED = 'zstd';

/**
 * The names, each once; the default where there is none. They can be used from now on.
 * @throws UsageError for one that there is not; CliError for one that is not installed
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
  return names.length > 0 ? [...new Set(names)] : [DEFAULT];
}
