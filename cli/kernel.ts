/** The kernel whose rules an analysis has, and what is known of its figures. */
import { KERNELS, type KernelVersion, type ZsPool } from '../bindings/index.js';
import type { KernelFacts } from './analysis.js';
import { UsageError } from './errors.js';

/** @throws UsageError */
export function toKernel(text: string): KernelVersion {
  if (Object.hasOwn(KERNELS, text)) return text as KernelVersion;
  throw new UsageError(`--kernel must be one of ${Object.keys(KERNELS).join(', ')}, not '${text}'`);
}

export function kernelFacts(
  { kernel, hugeClassSize }: ZsPool,
  chainSize = KERNELS[kernel].chainSize as number,
): KernelFacts {
  const { version, compressorDefault } = KERNELS[kernel];
  return { version, chainSize, hugeClassSize, compressorDefault };
}

/** Why a compressor's figures were computed and not compared with this kernel's; undefined: they were compared. */
export function whyComputed(kernel: KernelVersion, algorithm: string): string | undefined {
  const { compressorsVerified, zstd } = KERNELS[kernel];
  if (compressorsVerified.includes(algorithm)) return undefined;
  const here = process.versions.zstd;
  const versions = here === undefined || here === zstd ? '' : `, here ${here}`;
  const code = algorithm === 'zstd' ? ` (zstd ${zstd} there${versions})` : '';
  return `${algorithm} was not compared with a kernel ${kernel}${code}`;
}
