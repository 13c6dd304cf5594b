/**
 * `analyze`: stores the pages of all inputs on one zram device for each algorithm, and measures what becomes of them.
 *
 * The inputs stand one after the other on the device, each from a page of its own, so that equal pages of different
 * inputs meet in one pool as they would on a machine. One chunk is read at a time and goes to every device, so that all
 * of them get the same bytes, also of memory that changes while it is read.
 */
import { createHash, type Hash } from 'node:crypto';

import { Engine, ZramError, type Zram } from '../bindings/index.js';
import { CliError, UsageError } from './errors.js';
import { number, plural } from './format.js';
import { readFully, type Input } from './inputs.js';
import { openInputs } from './open-inputs.js';
import { PAGE_BYTES } from './page-list.js';
import { ProcessMemory } from './process-memory.js';

/** Read, stored and verified at once: enough that a call costs nothing beside its pages. */
const CHUNK_BYTES = 1024 * 1024;
/** A device is sparse and its size costs nothing, so it is made larger than any input whose end is not known. */
const DISK_BYTES = 1024 ** 4;
/** Rows of the histogram of compressed sizes. */
const HISTOGRAM_ROWS = 8;
const HISTOGRAM_ROW_BYTES = PAGE_BYTES / HISTOGRAM_ROWS;

export interface AnalyzeOptions {
  readonly files: readonly string[];
  readonly pids: readonly number[];
  /** Empty stands for the default. */
  readonly algorithms: readonly string[];
}

export interface InputFacts {
  readonly kind: Input['kind'];
  readonly name: string;
  readonly bytes: number;
  readonly pages: number;
  /** Zeros that were added to fill the last page. */
  readonly paddedBytes: number;
  /** Of a process: pages that were gone when they should be read. */
  readonly pagesVanished: number;
  /** Of this process: pages of the engine's own memory. */
  readonly pagesLeftOut: number;
}

/** What one algorithm made of one input. */
export interface InputResult {
  readonly samePages: number;
  readonly hugePages: number;
  readonly comprDataSize: number;
  /** Pages whose object also serves another page, of this or another input, after the merge. */
  pagesSharing: number;
}

export const STEPS = ['read', 'store', 'merge', 'compact', 'load', 'checksum'] as const;
export type Step = (typeof STEPS)[number];
export interface StepTime {
  milliseconds: number;
  /** Bytes of pages that the step went over. */
  bytes: number;
}

export interface AlgorithmResult {
  readonly algorithm: string;
  readonly inputs: readonly InputResult[];
  readonly mmStat: { readonly before: MmStat; readonly afterMerge: MmStat; readonly afterCompact: MmStat };
  readonly merge: ReturnType<Zram['merge']>;
  readonly compact: ReturnType<Zram['compact']>;
  /** Pages that are not same-filled, by compressed size. */
  readonly histogram: readonly { readonly from: number; readonly to: number; readonly pages: number }[];
  readonly steps: Readonly<Record<Step, StepTime>>;
}
type MmStat = Zram['mmStat'];

export interface Analysis {
  readonly inputs: readonly InputFacts[];
  readonly algorithms: readonly AlgorithmResult[];
  /** The sentence that says why and where the inputs were not stored to their end. */
  readonly stopped?: string;
  /** Something to know about the choice of inputs. */
  readonly note?: string;
  /** What the analysis itself took. */
  readonly memory: { readonly engineUsed: number; readonly engineReserved: number; readonly peakRss: number };
}

export interface AnalyzeIo {
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly maxMemory: string | undefined;
  readonly progress: (text: string) => void;
}

/** @throws CliError, UsageError */
export async function analyze(options: AnalyzeOptions, io: AnalyzeIo): Promise<Analysis> {
  const engine = await Engine.create({ maxMemory: io.maxMemory });
  const inputs: Input[] = [];
  try {
    const devices = chooseAlgorithms(engine, options.algorithms).map((algorithm) => new Device(engine, algorithm));
    const note = await openInputs(inputs, engine, options, io.stdin);
    return { ...(await new Run(devices, io.progress).finish(inputs)), ...note, memory: memoryTaken(engine) };
  } finally {
    for (const input of inputs) await input.close();
    engine.destroy();
  }
}

function memoryTaken(engine: Engine): Analysis['memory'] {
  const { used, reserved } = engine.memory;
  return { engineUsed: used, engineReserved: reserved, peakRss: process.resourceUsage().maxRSS * 1024 };
}

/** The names, each once. @throws UsageError for one that the engine does not have */
function chooseAlgorithms(engine: Engine, names: readonly string[]): string[] {
  const device = engine.createZram();
  // The attribute's text is the kernel's: all names, the chosen one in brackets.
  const attribute = device.sysfs.read('comp_algorithm').trim().split(/\s+/);
  device.destroy();
  const available = attribute.map((name) => name.replace(/^\[(.*)\]$/, '$1'));
  for (const name of names) {
    if (!available.includes(name))
      throw new UsageError(`there is no algorithm '${name}'; available: ${available.join(', ')}`);
  }
  const chosen = attribute.findIndex((name) => name.startsWith('['));
  return names.length > 0 ? [...new Set(names)] : available.slice(chosen, chosen + 1);
}

/** Adds the time of `work` to a step. */
function timed<T>(time: StepTime, bytes: number, work: () => T): T {
  const start = performance.now();
  const result = work();
  time.milliseconds += performance.now() - start;
  time.bytes += bytes;
  return result;
}

const noTime = (): StepTime => ({ milliseconds: 0, bytes: 0 });

/** The device of one algorithm, and what was measured on it. */
class Device {
  readonly zram: Zram;
  readonly store = noTime();
  readonly inputs: InputResult[] = [];
  #last: MmStat;

  constructor(
    engine: Engine,
    readonly algorithm: string,
  ) {
    this.zram = engine.createZram({ disksize: DISK_BYTES, compAlgorithm: algorithm });
    this.#last = this.zram.mmStat;
  }

  /** Stores whole pages and returns how many found room. */
  write(index: number, pages: Uint8Array): number {
    try {
      timed(this.store, pages.length, () => this.zram.writePages(index, pages));
      return pages.length / PAGE_BYTES;
    } catch (error) {
      if (error instanceof ZramError && error.code === 'ENOMEM') return error.pagesDone ?? 0;
      throw error;
    }
  }

  /** Ends the row of one input: what the columns have grown by since the last. */
  endInput(): void {
    const now = this.zram.mmStat;
    this.inputs.push({
      samePages: now.samePages - this.#last.samePages,
      hugePages: now.hugePages - this.#last.hugePages,
      comprDataSize: now.comprDataSize - this.#last.comprDataSize,
      pagesSharing: 0,
    });
    this.#last = now;
  }
}

/** One analysis: fills the devices, then finishes them one by one. */
class Run {
  // Made when the page lists are fixed already: this buffer is no part of what is analysed.
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  readonly #hash: Hash = createHash('sha256');
  readonly #read = noTime();
  readonly #checksum = noTime();
  readonly #facts: InputFacts[] = [];
  #pages = 0;
  #stopped: string | undefined;

  constructor(
    readonly devices: readonly Device[],
    readonly progress: (text: string) => void,
  ) {}

  async finish(inputs: readonly Input[]): Promise<Omit<Analysis, 'memory'>> {
    for (const input of inputs) {
      await this.#store(input);
      if (this.#stopped !== undefined) break;
    }
    const digest = this.#hash.digest('hex');
    const algorithms = this.devices.map((device) => this.#measure(device, digest));
    return { inputs: this.#facts, algorithms, ...(this.#stopped === undefined ? {} : { stopped: this.#stopped }) };
  }

  /** Stores an input to its end, or to the end of the memory. */
  async #store(input: Input): Promise<void> {
    let bytes = 0;
    let pages = 0;
    let paddedBytes = 0;
    for (let got = CHUNK_BYTES; got === CHUNK_BYTES;) {
      this.progress(`storing ${input.name}: ${mebibytes(bytes)}${progressEnd(input)}`);
      const start = performance.now();
      got = await readFully(input, this.#chunk);
      this.#read.milliseconds += performance.now() - start;
      this.#read.bytes += got;
      if (got === 0) break;
      const wanted = Math.ceil(got / PAGE_BYTES);
      this.#chunk.fill(0, got, wanted * PAGE_BYTES);
      const stored = this.#storeChunk(wanted);
      pages += stored;
      bytes += Math.min(got, stored * PAGE_BYTES);
      if (stored < wanted) {
        this.#stopped = `${this.#whyFull()} after ${plural(pages, 'page')} of '${input.name}'; the report covers what was stored`;
        break;
      }
      paddedBytes = wanted * PAGE_BYTES - got;
    }
    for (const device of this.devices) device.endInput();
    const { pagesVanished, pagesLeftOut } =
      input instanceof ProcessMemory ? input : { pagesVanished: 0, pagesLeftOut: 0 };
    this.#facts.push({ kind: input.kind, name: input.name, bytes, pages, paddedBytes, pagesVanished, pagesLeftOut });
  }

  /** Stores the chunk's first pages on every device; returns how many all of them have taken. */
  #storeChunk(wanted: number): number {
    let pages = Math.min(wanted, DISK_BYTES / PAGE_BYTES - this.#pages);
    for (const [position, device] of this.devices.entries()) {
      const stored = device.write(this.#pages, this.#chunk.subarray(0, pages * PAGE_BYTES));
      if (stored === pages) continue;
      // All devices tell of the same pages: those before this one give back what they have beyond.
      const end = (this.#pages + pages) * PAGE_BYTES;
      pages = stored;
      const from = (this.#pages + pages) * PAGE_BYTES;
      for (const other of this.devices.slice(0, position)) other.zram.discard(from, end - from);
    }
    const bytes = pages * PAGE_BYTES;
    timed(this.#checksum, bytes, () => this.#hash.update(this.#chunk.subarray(0, bytes)));
    this.#pages += pages;
    return pages;
  }

  #whyFull(): string {
    return this.#pages * PAGE_BYTES === DISK_BYTES
      ? `the device of ${mebibytes(DISK_BYTES)} is full`
      : 'out of memory for compressed pages';
  }

  #measure(device: Device, digest: string): AlgorithmResult {
    const { zram, algorithm, inputs } = device;
    const bytes = this.#pages * PAGE_BYTES;
    const steps = {
      read: { ...this.#read },
      store: device.store,
      merge: noTime(),
      compact: noTime(),
      load: noTime(),
      checksum: { ...this.#checksum },
    };
    const before = zram.mmStat;
    this.progress(`${algorithm}: merging`);
    const merge = timed(steps.merge, bytes, () => zram.merge());
    const afterMerge = zram.mmStat;
    const compact = timed(steps.compact, bytes, () => zram.compact());
    const afterCompact = zram.mmStat;
    this.#verify(device, steps, digest);
    const histogram = this.#inspect(device);
    return { algorithm, inputs, mmStat: { before, afterMerge, afterCompact }, merge, compact, histogram, steps };
  }

  /** Reads every page back and compares the checksum with that of the pages that were stored. */
  #verify({ zram, algorithm }: Device, steps: Record<Step, StepTime>, digest: string): void {
    const hash = createHash('sha256');
    for (let index = 0; index < this.#pages;) {
      const count = Math.min(CHUNK_BYTES / PAGE_BYTES, this.#pages - index);
      const bytes = count * PAGE_BYTES;
      timed(steps.load, bytes, () => zram.readPages(index, count, this.#chunk));
      timed(steps.checksum, bytes, () => hash.update(this.#chunk.subarray(0, bytes)));
      index += count;
      this.progress(`${algorithm}: verifying ${mebibytes(index * PAGE_BYTES)}`);
    }
    if (hash.digest('hex') !== digest)
      throw new CliError(`${algorithm}: pages read back differ from those stored; this is a bug in zram-wasm`);
  }

  /** Goes over the state of every page: the histogram, and each input's pages that share. */
  #inspect({ zram, inputs }: Device): AlgorithmResult['histogram'] {
    const counts = new Array<number>(HISTOGRAM_ROWS).fill(0);
    let index = 0;
    for (const [position, row] of inputs.entries()) {
      const end = index + (this.#facts[position]?.pages ?? 0);
      for (; index < end; index++) {
        const state = zram.blockState(index);
        if (state === undefined || state.same) continue;
        const bucket = Math.floor((state.comprSize - 1) / HISTOGRAM_ROW_BYTES);
        counts[bucket] = (counts[bucket] ?? 0) + 1;
        if (state.merged) row.pagesSharing += 1;
      }
    }
    return counts.map((pages, row) => ({
      from: row * HISTOGRAM_ROW_BYTES + 1,
      to: (row + 1) * HISTOGRAM_ROW_BYTES,
      pages,
    }));
  }
}

const mebibytes = (bytes: number): string => `${number(Math.floor(bytes / 1024 ** 2))} MiB`;
const progressEnd = ({ bytes }: Input): string => (bytes === undefined ? '' : ` of ${mebibytes(bytes)}`);
