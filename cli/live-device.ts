/**
 * A zram device of the running kernel as an input: the pages that it holds, and what the kernel says of it.
 *
 * Which slots hold a page is in block_state, where the kernel has that. Else all are read: a slot that holds nothing
 * reads as zeros, like one that holds a page of them. orig_data_size says how many pages there are, so as many pages of
 * zeros as are beyond that are left out. Where they stood does not matter, since zeros take no memory.
 *
 * Reading is by page past the page cache (direct-reader.ts). It takes the idle marks off pages, as any reading does.
 */
import { createReadStream, readFileSync, readdirSync } from 'node:fs';
import { release } from 'node:os';

import type { KernelVersion } from '../bindings/index.js';
import { findChainSize } from './chain-size.js';
import { DirectReader } from './direct-reader.js';
import { CliError, codeOf, reasonOf, UsageError } from './errors.js';
import { nonZeroPages } from './held-pages.js';
import type { Input } from './inputs.js';
import type { LiveFacts } from './live-facts.js';
import { PAGE_BYTES } from './page-list.js';
import { kernelPageBytes } from './process-memory.js';
import { CHUNK_BYTES } from './storing.js';
import {
  chosenAlgorithm,
  HeldSlots,
  kernelOfRelease,
  parseMmStat,
  parsePagesWrittenBack,
  parseRecompressors,
} from './zram-attributes.js';

const CHUNK_PAGES = CHUNK_BYTES / PAGE_BYTES;
/** Of /sys/block/zramN/stat: the number of writes (Documentation/block/stat.rst). */
const WRITES_COLUMN = 4;

/** The device's name by `--zram`: a number, or the path that has it. @throws UsageError */
export function toZramName(text: string): string {
  const number = /^(?:\/dev\/zram)?([0-9]{1,9})$/.exec(text)?.[1];
  if (number !== undefined) return `zram${String(Number(number))}`;
  throw new UsageError(`--zram must be the number of a device, as 0, or its path, as /dev/zram0, not '${text}'`);
}

export class LiveDevice implements Input {
  readonly kind = 'zram';
  readonly name: string;
  /** Known when it is closed: mm_stat was another than before, or pages were written. */
  hasChanged = false;
  /** The disk's length in pages. */
  readonly #slots: number;
  readonly #state: string;
  #position = 0;
  #pagesRead = 0;
  #open = true;

  /**
   * @param name as `zram0`
   * @param kernel whose rules it has; undefined: those of the running kernel
   * @throws CliError
   */
  static async open(name: string, kernel: KernelVersion | undefined): Promise<LiveDevice> {
    if (process.platform !== 'linux') throw new CliError('--zram needs /sys/block, which only Linux has');
    const path = `/dev/${name}`;
    let reader: DirectReader | undefined;
    try {
      // The attributes are readable for all; the device says who may know its content.
      checkThere(name);
      reader = await DirectReader.open(path, CHUNK_BYTES);
      // What the page cache still has to write is written now, and not between the two looks at mm_stat.
      await reader.handle.sync();
      const state = readState(name);
      const facts = { ...readFacts(name, kernel), ...stateFacts(state) };
      return new LiveDevice(name, facts, reader, await readHeld(name, facts.disksize), state);
    } catch (error) {
      await reader?.close();
      if (error instanceof CliError) throw error;
      throw new CliError(`cannot read '${path}': ${reasonOf(error)}`);
    }
  }

  private constructor(
    readonly device: string,
    readonly facts: LiveFacts,
    readonly reader: DirectReader,
    /** Undefined where the kernel has no block_state, or not for us. */
    readonly held: HeldSlots | undefined,
    state: State,
  ) {
    this.name = facts.path;
    this.#slots = facts.disksize / PAGE_BYTES;
    this.#state = textOf(state);
  }

  /** Pages in memory: those on a backing device are left out, if it is known which they are. */
  get pages(): number {
    return this.held?.held ?? this.facts.mmStat.origDataSize / PAGE_BYTES;
  }

  get bytes(): number {
    return this.pages * PAGE_BYTES;
  }

  async read(out: Uint8Array): Promise<number> {
    const room = Math.min(CHUNK_PAGES, Math.floor(out.length / PAGE_BYTES));
    try {
      for (let filled = 0; ;) {
        const run = this.#nextRun(room);
        if (run === undefined) return this.#addZeros(out, room);
        const pages = await this.reader.read(run.index * PAGE_BYTES, run.count * PAGE_BYTES);
        if (pages.length < run.count * PAGE_BYTES) throw new CliError(`'${this.name}' ended before its disksize`);
        this.#position = run.index + run.count;
        filled = this.#take(pages, out);
        if (filled > 0) return filled;
      }
    } catch (error) {
      if (error instanceof CliError) throw error;
      throw new CliError(`cannot read '${this.name}': ${reasonOf(error)}`);
    }
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#open = false;
    try {
      this.hasChanged = textOf(readState(this.device)) !== this.#state;
    } catch {
      this.hasChanged = true; // it was taken away
    }
    await this.reader.close();
  }

  #nextRun(room: number): { readonly index: number; readonly count: number } | undefined {
    if (this.held !== undefined) return this.held.nextRun(this.#position, room);
    const count = Math.min(room, this.#slots - this.#position);
    return count === 0 ? undefined : { index: this.#position, count };
  }

  /** Copies what the device holds, as far as that is known, and returns its bytes. */
  #take(pages: Buffer, out: Uint8Array): number {
    let filled = 0;
    const ranges = this.held === undefined ? nonZeroPages(pages) : [{ index: 0, count: pages.length / PAGE_BYTES }];
    for (const { index, count } of ranges) {
      out.set(pages.subarray(index * PAGE_BYTES, (index + count) * PAGE_BYTES), filled);
      filled += count * PAGE_BYTES;
    }
    this.#pagesRead += filled / PAGE_BYTES;
    return filled;
  }

  /** At the end the pages of zeros that there have to be, beside all others. */
  #addZeros(out: Uint8Array, room: number): number {
    const count = Math.max(0, Math.min(room, this.pages - this.#pagesRead));
    out.fill(0, 0, count * PAGE_BYTES);
    this.#pagesRead += count;
    return count * PAGE_BYTES;
  }
}

/** What shows whether a device has changed, and what is reported of it. */
interface State {
  readonly mmStat: string;
  readonly bdStat: string | undefined;
  readonly writes: string | undefined;
}

const attribute = (name: string, of: string): string => readFileSync(`/sys/block/${name}/${of}`, 'utf8');

/** An attribute that kernels have by their version and configuration. */
function attributeIfThere(name: string, of: string): string | undefined {
  try {
    return attribute(name, of);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function readState(name: string): State {
  const writes = attributeIfThere(name, 'stat')?.trim().split(/\s+/)[WRITES_COLUMN];
  return { mmStat: attribute(name, 'mm_stat'), bdStat: attributeIfThere(name, 'bd_stat'), writes };
}

/** Reading pages back is counted in bd_stat, so only the number of pages on the backing device shows a change. */
const textOf = ({ mmStat, bdStat, writes }: State): string =>
  [mmStat.trim(), bdStat === undefined ? 0 : parsePagesWrittenBack(bdStat), writes].join(' ');

const stateFacts = ({ mmStat, bdStat }: State): Pick<LiveFacts, 'mmStat' | 'pagesWrittenBack'> => ({
  mmStat: parseMmStat(mmStat),
  pagesWrittenBack: bdStat === undefined ? 0 : parsePagesWrittenBack(bdStat),
});

function checkThere(name: string): void {
  const devices = readdirSync('/sys/block').filter((one) => /^zram[0-9]+$/.test(one));
  if (devices.includes(name)) return;
  const others = devices.length === 0 ? 'no zram device' : devices.join(', ');
  throw new CliError(`cannot read '/dev/${name}': there is no such device; this machine has ${others}`);
}

function readFacts(name: string, wanted: KernelVersion | undefined): Omit<LiveFacts, 'mmStat' | 'pagesWrittenBack'> {
  const path = `/dev/${name}`;
  const running = release();
  const disksize = Number(attribute(name, 'disksize'));
  if (disksize === 0) throw new CliError(`cannot read '${path}': it is not in use, its disksize is 0`);
  const kernel = wanted ?? kernelOfRelease(running);
  if (kernel === undefined)
    throw new CliError(`cannot choose the rules for kernel ${running}: it is older than 6.1; name one with --kernel`);
  if (kernelPageBytes() !== PAGE_BYTES)
    throw new CliError(
      `cannot compute '${path}': pages of this kernel must have ${PAGE_BYTES} bytes, not ${kernelPageBytes()}`,
    );
  const algorithm = chosenAlgorithm(attribute(name, 'comp_algorithm'));
  if (algorithm === undefined) throw new Error('comp_algorithm names no compressor that is chosen');
  const recompressors = parseRecompressors(attributeIfThere(name, 'recomp_algorithm') ?? '');
  return { path, release: running, kernel, chain: findChainSize(kernel, running), disksize, algorithm, recompressors };
}

/** By block_state of debugfs, which takes CONFIG_ZRAM_MEMORY_TRACKING, debugfs where it belongs, and root. */
async function readHeld(name: string, disksize: number): Promise<HeldSlots | undefined> {
  const held = new HeldSlots(disksize / PAGE_BYTES);
  try {
    // A stream without a start reads from where the file is. That matters: its positions count slots, not bytes.
    const path = `/sys/kernel/debug/zram/${name}/block_state`;
    for await (const text of createReadStream(path, 'latin1')) held.add(text as string);
    return held;
  } catch (error) {
    if (['ENOENT', 'EACCES', 'EPERM'].includes(codeOf(error) ?? '')) return undefined;
    throw error;
  }
}
