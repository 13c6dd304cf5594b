/**
 * The texts in which a kernel describes its zram devices: attributes of /sys/block/zramN, block_state of debugfs, and
 * the kernel's configuration. Documentation/admin-guide/blockdev/zram.rst explains the attributes.
 */
import { KERNELS, type KernelVersion, type MmStat } from '../bindings/index.js';
import { MM_STAT_COLUMNS } from './columns.js';

/** The columns that the kernel has; the library adds others. */
const LIVE_COLUMNS = MM_STAT_COLUMNS.slice(0, 9);

/** mm_stat as the kernel has it. */
export type LiveMmStat = Omit<MmStat, 'pagesMerged' | 'dupDataSize' | 'metaDataSize'>;

/** The compressor that is chosen for a priority. */
export interface Recompressor {
  readonly priority: number;
  readonly algorithm: string;
}

/** @throws Error if it does not have the nine columns that kernels have had since 5.15 */
export function parseMmStat(text: string): LiveMmStat {
  const numbers = text.trim().split(/\s+/).map(Number);
  if (numbers.length < LIVE_COLUMNS.length || !numbers.every(Number.isSafeInteger))
    throw new Error(`mm_stat must have ${LIVE_COLUMNS.length} numbers, not '${text.trim()}'`);
  return Object.fromEntries(LIVE_COLUMNS.map(([, , ours], i) => [ours, numbers[i]])) as unknown as LiveMmStat;
}

/** Under the kernel's names. */
export function liveColumns(mmStat: LiveMmStat): Record<string, number> {
  return Object.fromEntries(LIVE_COLUMNS.map(([kernel, , ours]) => [kernel, mmStat[ours as keyof LiveMmStat]]));
}

/** The compressor in brackets: `lzo [lz4] zstd`; undefined if none is in brackets. */
export function chosenAlgorithm(text: string): string | undefined {
  return /\[([^\]\s]+)\]/.exec(text)?.[1];
}

/** The lines of recomp_algorithm, as `#1: lzo lz4 [zstd]`: one for each priority that has a compressor. */
export function parseRecompressors(text: string): Recompressor[] {
  return text.split('\n').flatMap((line) => {
    const priority = /^#([0-9]+):/.exec(line)?.[1];
    const algorithm = chosenAlgorithm(line);
    return priority === undefined || algorithm === undefined ? [] : [{ priority: Number(priority), algorithm }];
  });
}

/** bd_count, the first column of bd_stat: pages on the backing device. */
export function parsePagesWrittenBack(text: string): number {
  return Number(/^\s*([0-9]+)/.exec(text)?.[1] ?? 0);
}

/** The value of CONFIG_ZSMALLOC_CHAIN_SIZE, an option since 6.3. */
export function chainSizeIn(configuration: string): number | undefined {
  const value = /^CONFIG_ZSMALLOC_CHAIN_SIZE=([0-9]+)$/m.exec(configuration)?.[1];
  return value === undefined ? undefined : Number(value);
}

/**
 * The profile whose size classes a release (`uname -r`) has. Profiles hold until the next one, save that those of 6.12
 * came with 6.3. undefined: older than all profiles.
 */
export function kernelOfRelease(release: string): KernelVersion | undefined {
  const [, major = '', minor = ''] = /^([0-9]+)\.([0-9]+)/.exec(release) ?? [];
  const rank = (version: string) => {
    const [first = 0, second = 0] = version.split('.').map(Number);
    return first * 1000 + second;
  };
  const own = rank(`${major}.${minor}`);
  if (own >= rank('6.3') && own < rank('6.12')) return '6.12';
  return (Object.keys(KERNELS) as KernelVersion[]).filter((version) => rank(version) <= own).at(-1);
}

/** The slots of a disk that hold a page in memory, by block_state: a bit for each, for disks have millions. */
export class HeldSlots {
  readonly #bits: Uint8Array;
  /** Pages on the backing device, which hold no memory. */
  writtenBack = 0;
  recompressed = 0;
  held = 0;
  #rest = '';

  constructor(readonly slots: number) {
    this.#bits = new Uint8Array(Math.ceil(slots / 8));
  }

  /**
   * Takes the next part of the text: lines of a slot's index, the time of its last access, and a letter for each flag
   * that it has. Slots that hold nothing have no line. Kernels differ in the number of flags, not in their letters.
   */
  add(text: string): void {
    const lines = `${this.#rest}${text}`.split('\n');
    this.#rest = lines.pop() ?? '';
    for (const line of lines) this.#take(line);
  }

  /** The first run of held slots from `from` on, of at most `max`. */
  nextRun(from: number, max: number): { readonly index: number; readonly count: number } | undefined {
    let index = from;
    while (index < this.slots && !this.#has(index)) index += this.#bits[index >>> 3] === 0 ? 8 - (index & 7) : 1;
    if (index >= this.slots) return undefined;
    let count = 1;
    while (count < max && index + count < this.slots && this.#has(index + count)) count += 1;
    return { index, count };
  }

  #has(index: number): boolean {
    return (this.#bits[index >>> 3] & (1 << (index & 7))) !== 0;
  }

  #take(line: string): void {
    const [, slot = '', flags = ''] = /^\s*([0-9]+)\s+[0-9.]+\s+([a-z.]+)$/.exec(line) ?? [];
    const index = Number(slot);
    if (slot === '' || index >= this.slots) throw new Error(`block_state has a line of another form: '${line}'`);
    if (flags.includes('w')) {
      this.writtenBack += 1;
      return;
    }
    if (flags.includes('r')) this.recompressed += 1;
    this.#bits[index >>> 3] |= 1 << (index & 7);
    this.held += 1;
  }
}
