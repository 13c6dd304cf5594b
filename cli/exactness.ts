/** Whose code a compressor is, and how far its bytes are from those of a kernel. */
import { createRequire } from 'node:module';

import { KERNELS, type CompressorInfo, type Engine, type KernelVersion } from '../bindings/index.js';
import type { AlgorithmLine, Stage } from './algorithm-line.js';

type Compressors = Pick<Engine, 'compressorInfo'>;

const ZSTD_LEVEL = 3;

/**
 * Bytes by which a page differs at most between two versions of zstd, by level; 0: it is the same. Measured on the pages of
 * the tests and on real memory; what is not here was not measured.
 */
const ZSTD_APART: readonly { versions: readonly [string, string]; levels: Readonly<Record<number, number>> }[] = [
  { versions: ['1.4.10', '1.5.7'], levels: { 3: 177 } },
  { versions: ['1.4.10', '1.5.6'], levels: { 3: 177 } },
  { versions: ['1.5.2', '1.5.7'], levels: { 1: 9, 3: 18, 5: 15, 9: 0 } },
  { versions: ['1.5.2', '1.5.6'], levels: { 3: 0, 9: 0 } },
  { versions: ['1.5.2', '1.5.4'], levels: { 3: 0, 5: 0, 9: 0 } },
  { versions: ['1.5.7', '1.5.6'], levels: { 3: 18, 9: 0 } },
];

const DEFLATE_APART = 'single pages up to ±1023 bytes, sums -1.4 to +0.6 %';

/** Of the compressors of a line that are not this package's own code: whose they are. */
export function codeOf(engine: Compressors, { stages }: AlgorithmLine): string[] {
  const infos = [...new Set(stages.map(({ name }) => name))].map((name) => engine.compressorInfo(name));
  return infos.filter(({ code }) => code !== 'zram-wasm').map(describeCode);
}

function describeCode({ name, code, version }: CompressorInfo): string {
  if (code === 'pako') return `${name} (${code}${pakoVersion()}: the kernel's bytes)`;
  if (code === 'fflate') return `${name} (${code}: not the kernel's bytes, ${DEFLATE_APART})`;
  return `${name} (${version ?? 'of an unknown version'}, of ${code})`;
}

function pakoVersion(): string {
  try {
    return ` ${(createRequire(import.meta.url)('pako/package.json') as { version: string }).version}`;
  } catch {
    return '';
  }
}

/** Why the figures of a line are not, or may not be, the kernel's to the byte; undefined: they are. */
export function whyComputed(engine: Compressors, kernel: KernelVersion, { stages }: AlgorithmLine): string | undefined {
  const reasons = stages.map((stage) => whyStageComputed(engine, kernel, stage));
  const found = new Set(reasons.filter((reason) => reason !== undefined));
  return found.size === 0 ? undefined : [...found].join('; ');
}

function whyStageComputed(engine: Compressors, kernel: KernelVersion, { name, params }: Stage): string | undefined {
  const { compressorsVerified, zstd } = KERNELS[kernel];
  const { code, version } = engine.compressorInfo(name);
  if (code === 'fflate')
    return `${name} is fflate's, ${DEFLATE_APART}; with the package pako it has the kernel's bytes`;
  if (name === 'zstd' && version !== zstd) {
    const apart = zstdApart(zstd, version, Number(params.get('level') ?? ZSTD_LEVEL) || ZSTD_LEVEL);
    if (apart !== 0 || !compressorsVerified.includes(name)) {
      const size = apart === undefined ? 'by how much was not measured' : `± ${apart} bytes a page`;
      return `zstd: ${size}, because kernel ${kernel} has zstd ${zstd} and this is ${version ?? 'an unknown version'}`;
    }
  }
  return compressorsVerified.includes(name) ? undefined : `${name} was not compared with a kernel ${kernel}`;
}

function zstdApart(there: string, here: string | undefined, level: number): number | undefined {
  const pair = ZSTD_APART.find(
    ({ versions }) => here !== undefined && versions.includes(there) && versions.includes(here),
  );
  return pair?.levels[level];
}
