/** The compressors that the command line accepts. */
import { KERNELS, ZramError, type Engine, type KernelVersion } from '../bindings/index.js';
import { lineOf, type AlgorithmLine } from './algorithm-line.js';
import { CliError, UsageError } from './errors.js';

/** Not part of this package: Node's own, or a package that may be installed beside it. */
const LOADED = 'zstd';

/** Where neither a compressor nor a kernel is named. */
const DEFAULT = 'lz4';

/**
 * The lines; where none was given the default of the kernel, if one was named. Their compressors are loaded.
 * @throws UsageError for an unknown name; CliError for a compressor that is not installed
 */
export async function chooseAlgorithms(
  engine: Engine,
  lines: readonly AlgorithmLine[],
  kernel?: KernelVersion,
): Promise<readonly AlgorithmLine[]> {
  const available = [...new Set([...engine.compressors, LOADED])];
  const wanted =
    lines.length > 0 ? lines : [lineOf(kernel === undefined ? DEFAULT : KERNELS[kernel].compressorDefault)];
  for (const { name } of wanted.flatMap(({ stages }) => stages)) {
    if (!available.includes(name)) {
      const why = lines.length > 0 || kernel === undefined ? '' : `, the default of kernel ${kernel}`;
      throw new UsageError(`unknown algorithm '${name}'${why}; available: ${available.join(', ')}`);
    }
    try {
      await engine.loadCompressor(name);
    } catch (error) {
      throw error instanceof ZramError ? new CliError(error.message) : error;
    }
  }
  return wanted;
}

/**
 * As `chooseAlgorithms`, with the compressor of a live device in front, if there is one. Where that cannot be used,
 * `missing` says why, and the others are compared without it.
 */
export async function chooseBeside(
  own: string | undefined,
  engine: Engine,
  lines: readonly AlgorithmLine[],
  kernel?: KernelVersion,
): Promise<{ readonly algorithms: readonly AlgorithmLine[]; readonly missing?: string }> {
  if (own === undefined || lines.some(({ text }) => text === own))
    return { algorithms: await chooseAlgorithms(engine, lines, kernel) };
  try {
    return { algorithms: await chooseAlgorithms(engine, [lineOf(own), ...lines], kernel) };
  } catch (error) {
    if (!(error instanceof CliError)) throw error;
    // If one of those that were named cannot be used, that is thrown from here.
    return { algorithms: await chooseAlgorithms(engine, lines, kernel), missing: error.message.replace(/\.$/, '') };
  }
}
