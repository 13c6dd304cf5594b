/**
 * Kernels: where versions of Linux differ in what zram takes, refuses and counts. Each difference is a field of this table,
 * and nothing else compares versions. docs/kernels.md has the same table with the commits, and says what was run and what
 * was only read.
 */
import { ZramError } from './errors.js';
import { describe } from './messages.js';

/** A version of Linux whose rules a device or pool can have. A later version is as the last one before it. */
export type KernelVersion = '6.1' | '6.12' | '6.18' | '7.1';

/** What zram and zsmalloc of one version do, built with all of their options and with the defaults of mainline. */
export interface KernelProfile {
  /** The version: its key in `KERNELS`. */
  readonly version: KernelVersion;

  /** Most 4 KiB frames that a zspage chains, if `chainSize` is left out. */
  readonly chainSize: 4 | 8;
  /** What `chainSize` may be. Before 6.3 it was no matter of the configuration. */
  readonly chainSizes: readonly (4 | 8 | 16)[];
  /**
   * How many frames a zspage of a size class chains: as many as waste the fewest bytes, or, before 6.3, as many as are used to
   * the highest whole per cent; of equal ones the fewest.
   */
  readonly zspageRule: 'wasted-bytes' | 'used-percent';

  /** The compressors, in the order of `comp_algorithm`. */
  readonly compressors: readonly string[];
  /** Compressors that `comp_algorithm` takes, and lists only while they are chosen. */
  readonly compressorsUnlisted: readonly string[];
  /** The compressor of a device that was not given one. */
  readonly compressorDefault: string;
  /**
   * Compressors whose figures were compared with this kernel's, page by page. Figures of others are computed. `deflate` is
   * meant as pako makes it, and `zstd` in the version `zstd`, which decides its bytes.
   */
  readonly compressorsVerified: readonly string[];
  /** The version of zstd's code. */
  readonly zstd: string;

  /** Attributes of other versions that this one does not have. */
  readonly attributesAbsent: readonly string[];
  /** Attributes of this version that the library does not have. */
  readonly attributesMissing: readonly string[];
  /** `algorithm_params` is taken after the disksize, too. */
  readonly paramsAfterInit: boolean;
  /** `algorithm_params` knows `deflate.winbits`; else it is passed over, as any unknown word. */
  readonly paramsWinbits: boolean;
  /**
   * Where `algo=` and `priority=` are both given, to `algorithm_params` or `recompress`, that priority must have that
   * compressor. Else `algo=` decides; for `recompress` it is the first of that name from that priority on.
   */
  readonly paramsMustAgree: boolean;
  /** `recompress` tries one compressor after the other, if none is named; else it takes that of priority 1. */
  readonly recompressChains: boolean;
  /** `recompress` takes priority 0, that of the primary compressor, for 1; else it is EINVAL. */
  readonly recompressCorrects: boolean;
  /** `writeback` takes `type=`, `page_indexes=`, and several pages and ranges at once. */
  readonly writebackRanges: boolean;
  /** `writeback` knows the type `incompressible`. */
  readonly writebackIncompressible: boolean;
  /** The error of `writeback` for a page outside the disk. */
  readonly writebackOutside: 'EINVAL' | 'ERANGE';
}

/** zram's own backends, as since 6.12 their order. */
const BACKENDS = ['lzo-rle', 'lzo', 'lz4', 'lz4hc', 'zstd', 'deflate', '842'] as const;

const V6_18: KernelProfile = {
  version: '6.18',
  chainSize: 8,
  chainSizes: [4, 8, 16],
  zspageRule: 'wasted-bytes',
  compressors: BACKENDS,
  compressorsUnlisted: [],
  compressorDefault: 'lzo-rle',
  compressorsVerified: ['lzo-rle', 'lzo', 'lz4', 'zstd'],
  zstd: '1.5.7',
  attributesAbsent: ['compressed_writeback', 'writeback_batch_size'], // 7.0: 4c1d61389e8e, e828cccb72ed
  attributesMissing: [],
  paramsAfterInit: true,
  paramsWinbits: true,
  paramsMustAgree: false,
  recompressChains: true,
  recompressCorrects: true,
  writebackRanges: true,
  writebackIncompressible: true,
  writebackOutside: 'ERANGE',
};

const V7_1: KernelProfile = {
  ...V6_18,
  version: '7.1',
  compressorsVerified: [],
  attributesAbsent: [],
  paramsAfterInit: false, // 7.1: 241f9005b1c8, also in 7.0.10
  paramsMustAgree: true, // 7.1: 301f39220096
  recompressChains: false, // 7.1: cedfa028b54e
  recompressCorrects: false, // 7.1: ed19b9d5504f
};

const V6_12: KernelProfile = {
  ...V6_18,
  version: '6.12',
  compressorsVerified: ['lzo-rle', 'lzo', 'lz4', 'lz4hc', 'zstd', 'deflate'],
  zstd: '1.5.2', // 6.15: 65d1f5507ed2
  attributesMissing: ['max_comp_streams'], // gone in 6.15
  paramsWinbits: false, // 6.16: dc75a0d93bd5
  writebackRanges: false, // 6.16: cf42d4cccf0d
  writebackOutside: 'EINVAL', // 6.16: cf42d4cccf0d
};

const V6_1: KernelProfile = {
  ...V6_12,
  version: '6.1',
  chainSize: 4, // 6.3: b46402fa894f makes it 8
  chainSizes: [4], // 6.3: 4ff93b292c0b
  zspageRule: 'used-percent', // 6.3: 6260ae358345
  compressors: ['lzo', 'lzo-rle', 'lz4', 'lz4hc', 'zstd'],
  compressorsUnlisted: ['deflate'], // whatever else the crypto API has
  compressorsVerified: ['lzo-rle', 'lzo', 'lz4', 'lz4hc', 'deflate'],
  zstd: '1.4.10',
  attributesAbsent: [...V6_18.attributesAbsent, 'algorithm_params', 'recomp_algorithm', 'recompress'], // 6.12: 4eac932103a5; 6.2
  writebackIncompressible: false, // 6.2
};

/** The profiles of all versions that devices and pools can have, oldest first. */
export const KERNELS: Readonly<Record<KernelVersion, KernelProfile>> = Object.freeze({
  '6.1': frozen(V6_1),
  '6.12': frozen(V6_12),
  '6.18': frozen(V6_18),
  '7.1': frozen(V7_1),
});

/** What files and callers that name no kernel mean. */
export const KERNEL_DEFAULT: KernelVersion = '6.18';

function frozen(profile: KernelProfile): KernelProfile {
  for (const value of Object.values(profile)) Object.freeze(value);
  return Object.freeze(profile);
}

export function isKernelVersion(value: unknown): value is KernelVersion {
  return typeof value === 'string' && Object.hasOwn(KERNELS, value);
}

/** The profile of an option `kernel`. @throws ZramError EINVAL */
export function kernelOf(version: unknown = KERNEL_DEFAULT): KernelProfile {
  if (isKernelVersion(version)) return KERNELS[version];
  throw new ZramError('EINVAL', `kernel must be one of ${Object.keys(KERNELS).join(', ')}, not ${describe(version)}.`);
}

/** The compressor of a device that names none: the kernel's own if a kernel is named, else LZ4. */
export function defaultCompressorOf(version: unknown): string {
  return version === undefined ? 'lz4' : kernelOf(version).compressorDefault;
}
