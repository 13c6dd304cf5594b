/** How many pages the running kernel chains to a zspage at most: that is decided when the kernel is built. */
import { readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';

import { KERNELS, type KernelVersion, type PoolOptions } from '../bindings/index.js';
import { chainSizeIn } from './zram-attributes.js';

export interface ChainSize {
  readonly chainSize: NonNullable<PoolOptions['chainSize']>;
  /** The file that says so; `kernel` where kernels of that version have no other; or `assumed`. */
  readonly from: string;
  /** Why it is assumed, as a sentence without its full stop. */
  readonly assumedBecause?: string;
}

/** Where distributions put the configuration of a release (`uname -r`). */
const places = (release: string): string[] => [
  '/proc/config.gz',
  `/boot/config-${release}`,
  `/lib/modules/${release}/config`,
];

/** The first configuration of this kernel that can be read. */
function readConfiguration(release: string): { path: string; text: string } | undefined {
  for (const path of places(release)) {
    try {
      const bytes = readFileSync(path);
      return { path, text: (path.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('latin1') };
    } catch {
      // It is not there, or not for everyone to read: the next one may be.
    }
  }
  return undefined;
}

/** The chain size for the rules of `kernel` by the configuration of `release`. */
export function findChainSize(
  kernel: KernelVersion,
  release: string,
  configuration = readConfiguration(release),
): ChainSize {
  const { chainSize, chainSizes } = KERNELS[kernel];
  if (chainSizes.length === 1) return { chainSize, from: 'kernel' };
  const assume = (reason: string): ChainSize => ({ chainSize, from: 'assumed', assumedBecause: reason });
  if (configuration === undefined) {
    const [first, ...rest] = places(release);
    return assume(`neither ${first} nor ${rest.join(' nor ')} can be read`);
  }
  const { path, text } = configuration;
  const configured = chainSizeIn(text);
  const known = chainSizes.find((size) => size === configured);
  if (known !== undefined) return { chainSize: known, from: path };
  if (configured === undefined) return assume(`${path} has no CONFIG_ZSMALLOC_CHAIN_SIZE`);
  return assume(`${path} has ${String(configured)}, and only ${chainSizes.join(', ')} can be computed`);
}
