/**
 * Stores the inputs. One chunk is read at a time and goes to every device, so that all of them get the same bytes, even
 * of memory that changes while it is read, and so that inputs may be larger than memory.
 *
 * The inputs follow one another on a device, each starting at a page of its own.
 */
import { createHash, type Hash } from 'node:crypto';

import type { InputFacts } from './analysis.js';
import { DISK_BYTES, type Device } from './device.js';
import { mebibytes, plural } from './format.js';
import { endInput, readFully, type Input } from './inputs.js';
import { PAGE_BYTES } from './page-list.js';
import { ProcessMemory } from './process-memory.js';
import { noTime, timed, type StepTime } from './step-time.js';
import type { Surroundings } from './surroundings.js';

/** Read, stored and verified at a time: large enough that the cost of a call does not count beside its pages. */
export const CHUNK_BYTES = 1024 * 1024;

/** What was stored, the same on all devices. */
export interface Stored {
  readonly inputs: readonly InputFacts[];
  readonly pages: number;
  /** SHA-256 of all pages. */
  readonly digest: string;
  /** Why storing stopped before the end of the inputs. */
  readonly stopped: string | undefined;
  readonly read: StepTime;
  readonly checksum: StepTime;
}

/** Stores the inputs on all devices. */
export async function storeInputs(
  inputs: readonly Input[],
  devices: readonly Device[],
  io: Pick<Surroundings, 'progress' | 'remark'>,
): Promise<Stored> {
  return new Storing(devices, io).finish(inputs);
}

class Storing {
  // Allocated after the page lists are fixed, so that the buffer is not part of what is analysed.
  readonly #chunk = new Uint8Array(CHUNK_BYTES);
  readonly #hash: Hash = createHash('sha256');
  readonly #read = noTime();
  readonly #checksum = noTime();
  readonly #facts: InputFacts[] = [];
  #pages = 0;
  #chunks = 0;
  #stopped: string | undefined;
  /** The first input that ended too early. */
  #truncated: string | undefined;

  constructor(
    readonly devices: readonly Device[],
    readonly io: Pick<Surroundings, 'progress' | 'remark'>,
  ) {}

  async finish(inputs: readonly Input[]): Promise<Stored> {
    for (const input of inputs) {
      await this.#store(input);
      await endInput(input, this.io.remark);
      if (this.#stopped !== undefined) break;
    }
    return {
      inputs: this.#facts,
      pages: this.#pages,
      digest: this.#hash.digest('hex'),
      stopped: this.#stopped ?? this.#truncated,
      read: this.#read,
      checksum: this.#checksum,
    };
  }

  /** Stores an input to its end, or to the end of the memory. */
  async #store(input: Input): Promise<void> {
    let bytes = 0;
    let pages = 0;
    let paddedBytes = 0;
    for (let got = CHUNK_BYTES; got === CHUNK_BYTES;) {
      this.io.progress(() => `storing ${input.name}: ${mebibytes(bytes)}${progressEnd(input)}`);
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
    const { pagesVanished, pagesOnlyRead, pagesLeftOut } =
      input instanceof ProcessMemory ? input : { pagesVanished: 0, pagesOnlyRead: 0, pagesLeftOut: 0 };
    const { bytesPadded = 0, truncated, ...contents } = input.contents ?? {};
    if (truncated !== undefined) this.#truncated ??= `${truncated}; the report covers what is there`;
    // A dump gives whole pages, and has filled them up itself. What was stopped has lost its end.
    const padded = this.#stopped === undefined ? bytesPadded + paddedBytes : paddedBytes;
    bytes -= padded - paddedBytes;
    const { kind, name } = input;
    const counts = { bytes, pages, paddedBytes: padded, pagesVanished, pagesOnlyRead, pagesLeftOut };
    this.#facts.push({ kind, name, ...counts, ...contents });
  }

  /** Stores the chunk's first pages on every device; returns how many pages all of them have stored. */
  #storeChunk(wanted: number): number {
    let pages = Math.min(wanted, DISK_BYTES / PAGE_BYTES - this.#pages);
    const devices = this.#nextOrder();
    for (const [position, device] of devices.entries()) {
      const stored = device.write(this.#pages, this.#chunk.subarray(0, pages * PAGE_BYTES));
      if (stored === pages) continue;
      // All devices must hold the same pages: those before this one discard the excess.
      const end = (this.#pages + pages) * PAGE_BYTES;
      pages = stored;
      const from = (this.#pages + pages) * PAGE_BYTES;
      for (const other of devices.slice(0, position)) other.zram.discard(from, end - from);
    }
    const bytes = pages * PAGE_BYTES;
    timed(this.#checksum, bytes, () => this.#hash.update(this.#chunk.subarray(0, bytes)));
    this.#pages += pages;
    return pages;
  }

  /** Each chunk starts with another device: the first one pays for cold caches and code, and all take turns at that. */
  #nextOrder(): Device[] {
    const first = this.#chunks++ % this.devices.length;
    return [...this.devices.slice(first), ...this.devices.slice(0, first)];
  }

  #whyFull(): string {
    return this.#pages * PAGE_BYTES === DISK_BYTES
      ? `the device of ${mebibytes(DISK_BYTES)} is full`
      : 'out of memory for compressed pages';
  }
}

const progressEnd = ({ bytes }: Input): string => (bytes === undefined ? '' : ` of ${mebibytes(bytes)}`);
