/**
 * The devices of some algorithms in one engine, on one thread. All of them are given the same pages, in chunks, and hold
 * the same ones at the end.
 */
import { ZramError, type Engine } from '../bindings/index.js';
import type { AlgorithmLine } from './algorithm-line.js';
import type { AlgorithmResult, KernelFacts, Sharing } from './analysis.js';
import { OwnChecker, type CheckerFor } from './checking.js';
import { Device, type Rules } from './device.js';
import { kernelFacts } from './kernel.js';
import { measure } from './measuring.js';
import { PAGE_BYTES } from './page-list.js';
import { sharingOf } from './sharing.js';
import { CHUNK_BYTES, type Stored, type Store } from './storing.js';

export interface DeviceSettings {
  readonly rules: Rules;
  /** A second device for each algorithm, with inline deduplication, takes the same pages to be compared. */
  readonly dedup: boolean;
  /** Whether the state of each page is kept. */
  readonly states: boolean;
}

/**
 * Pages of memory become a third or so, seldom more than half. What is missing is grown later, at the price of a collection of
 * garbage each time; what is too much is only addresses.
 */
const BYTES_PER_STORED = 2;

/** What was found on the devices. */
export interface Measured {
  readonly kernel: KernelFacts;
  readonly algorithms: readonly AlgorithmResult[];
  readonly sharing?: Sharing;
  readonly memory: { readonly engineUsed: number; readonly engineReserved: number };
}

/** Devices that measure what they have stored. */
export interface MeasuringStore extends Store {
  /** Threads that store. */
  readonly threads: number;
  /** Makes room for so many bytes of pages, as far as it can be had. */
  reserve(bytes: number): void;
  measure(stored: Stored, progress: (text: () => string) => void): Promise<Measured>;
  /** Ends what the store has started. */
  close(): Promise<void>;
}

/** The devices of one algorithm. */
interface Pair {
  readonly plain: Device;
  readonly inline: Device | undefined;
}

export class DeviceGroup implements MeasuringStore {
  readonly threads = 1;
  readonly #engine: Engine;
  readonly #states: boolean;
  readonly #chainSize: Rules['chainSize'];
  readonly #pairs: readonly Pair[];
  /** Of the first algorithm, then of the next one; with deduplication two each. */
  readonly devices: readonly Device[];
  #buffers: readonly Uint8Array[] = [];
  #chunks = 0;
  #isFull = false;

  /** @param algorithms at least one; their compressors are loaded */
  constructor(engine: Engine, algorithms: readonly AlgorithmLine[], { rules, dedup, states }: DeviceSettings) {
    this.#states = states;
    this.#chainSize = rules.chainSize;
    this.#engine = engine;
    this.#pairs = algorithms.map((algorithm) => ({
      plain: new Device(engine, algorithm, rules),
      inline: dedup ? new Device(engine, algorithm, { ...rules, dedup: true }) : undefined,
    }));
    this.devices = this.#pairs.flatMap(({ plain, inline }) => (inline === undefined ? [plain] : [plain, inline]));
  }

  reserve(bytes: number): void {
    try {
      this.#engine.reserve(Math.floor((bytes / BYTES_PER_STORED) * this.devices.length));
    } catch (error) {
      if (!(error instanceof ZramError) || error.code !== 'ENOMEM') throw error;
      // It grows step by step, then.
    }
  }

  makeBuffers(): readonly Uint8Array[] {
    return (this.#buffers = [new Uint8Array(CHUNK_BYTES)]);
  }

  write(index: number, buffer: number, wanted: number): Promise<number> {
    return Promise.resolve(this.#store(index, buffer, wanted));
  }

  /** Stores the buffer's first pages on every device; returns how many pages all of them have stored. */
  #store(index: number, buffer: number, wanted: number): number {
    if (this.#isFull) return 0;
    const chunk = this.#buffers[buffer] ?? new Uint8Array(0);
    let pages = wanted;
    const devices = this.#nextOrder();
    for (const [position, device] of devices.entries()) {
      const stored = device.write(index, chunk.subarray(0, pages * PAGE_BYTES));
      if (stored === pages) continue;
      // All devices must hold the same pages: those before this one discard the excess.
      this.#isFull = true;
      for (const other of devices.slice(0, position)) discard(other, index + stored, index + pages);
      pages = stored;
    }
    return pages;
  }

  truncate(from: number, to: number): void {
    for (const device of this.devices) discard(device, from, to);
  }

  endInput(): void {
    for (const device of this.devices) device.endInput();
  }

  /** @param checkerFor who compares what is read back */
  async measure(
    stored: Stored,
    progress: (text: () => string) => void,
    checkerFor: CheckerFor = (algorithm) => new OwnChecker(algorithm, () => new Uint8Array(CHUNK_BYTES)),
  ): Promise<Measured> {
    const algorithms: AlgorithmResult[] = [];
    for (const { plain, inline } of this.#pairs)
      algorithms.push(await measure(this.#engine, plain, inline, stored, this.#states, { progress, checkerFor }));
    const [first] = this.#pairs; // all devices hold the same pages
    const pages = stored.inputs.map((input) => input.pages);
    const { used, reserved } = this.#engine.memory;
    return {
      kernel: kernelFacts(first.plain.pool, this.#chainSize),
      algorithms,
      ...(pages.length < 2 ? {} : { sharing: sharingOf(first.plain, pages) }),
      memory: { engineUsed: used, engineReserved: reserved },
    };
  }

  /** Its engine is the caller's. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Each chunk starts with another device: the first one pays for cold caches and code, and all take turns at that. */
  #nextOrder(): Device[] {
    const first = this.#chunks++ % this.devices.length;
    return [...this.devices.slice(first), ...this.devices.slice(0, first)];
  }
}

function discard(device: Device, from: number, to: number): void {
  if (from < to) device.zram.discard(from * PAGE_BYTES, (to - from) * PAGE_BYTES);
}
