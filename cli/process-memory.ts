/**
 * The resident memory of a process on Linux that a kernel would swap out to zram.
 *
 * Which pages: those of private mappings that are present and anonymous by /proc/PID/pagemap, files' pages that the process
 * has written to among them; and those of memory shared without a file (mmap, memfd, shm), each once, in whichever mappings and
 * processes it is. The list is fixed when the process is opened; a page that is gone when its turn to be read comes is
 * counted as vanished. The process keeps running.
 *
 * An address that was never touched is not present. One that was only read is: there stands the kernel's one page of
 * zeros, which pagemap does not distinguish from others. A mapping has as many of them as it has present pages beyond
 * `Anonymous` of /proc/PID/smaps: that many pages of zeros are left out.
 *
 * When a process looks at itself, the engine's linear memory has to be left out: it would be stored into itself. The
 * engine's address is not known to JavaScript, so the caller puts a random marker at the start of a page in there, and
 * the mapping that holds the marker is left out. V8 gives each linear memory a mapping of its own between guard regions,
 * so nothing else goes with it.
 */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs';

import { CliError, codeOf, messageOf } from './errors.js';
import type { Input } from './inputs.js';
import {
  ENTRY_BYTES,
  findResident,
  isSharedMemory,
  isSwappable,
  PageRuns,
  PAGE_BYTES,
  parseSmaps,
  SharedPages,
  type Mapping,
} from './page-list.js';

/** Entries read at once: 64 KiB, which covers 32 MiB of addresses. */
const ENTRIES_MAX = 8192;
/** Entry of /proc/PID/auxv that holds the kernel's page size (AT_PAGESZ of elf.h). */
const AUXV_PAGE_SIZE = 6n;
/** Enough random bytes at a page's start that no other page begins with them. */
export const MARKER_BYTES = 64;

const ZEROS = Buffer.alloc(PAGE_BYTES);

/** What the pages of the runs from `firstRun` on have in common. */
interface ListedMapping {
  readonly firstRun: number;
  readonly isShared: boolean;
  /** Pages of zeros still to be left out. */
  pagesOnlyRead: number;
}

/** The kernel's page size by /proc/self/auxv; entries are pairs of 8-byte words on the 64-bit systems that differ. */
export function kernelPageBytes(): number {
  const auxv = readFileSync('/proc/self/auxv');
  for (let at = 0; at + 16 <= auxv.length; at += 16) {
    if (auxv.readBigUInt64LE(at) === AUXV_PAGE_SIZE) return Number(auxv.readBigUInt64LE(at + 8));
  }
  return PAGE_BYTES;
}

function explain(pid: number, error: unknown): CliError {
  switch (codeOf(error)) {
    case 'ENOENT':
      return new CliError(`process ${String(pid)} does not exist`);
    case 'ESRCH':
      return new CliError(`process ${String(pid)} has no memory of its own: it has ended or is a kernel thread`);
    case 'EACCES':
    case 'EPERM':
      return new CliError(
        `cannot read the memory of process ${String(pid)}: ` +
          'that needs the rights of a debugger (root, or CAP_SYS_PTRACE; see kernel.yama.ptrace_scope)',
      );
    default:
      return new CliError(`cannot read the memory of process ${String(pid)}: ${messageOf(error)}`);
  }
}

/** The listed pages of one process as a stream of bytes. Files under /proc answer at once, so reads are synchronous. */
export class ProcessMemory implements Input {
  readonly kind = 'process';
  readonly name: string;
  readonly pid: number;
  /** Pages of the mapping that held the marker, in 4096-byte pages. */
  pagesLeftOut = 0;
  /** Pages that were listed, and were gone or unreadable when their turn came. */
  pagesVanished = 0;
  /** Pages that were left out as the process has only read there. */
  pagesOnlyRead = 0;
  readonly #runs = new PageRuns();
  readonly #mappings: ListedMapping[] = [];
  /** Number of the mapping that is read. */
  #mapping = 0;
  readonly #pageBytes: number;
  readonly #entries = new Uint8Array(ENTRIES_MAX * ENTRY_BYTES);
  readonly #memory: number;
  readonly #pagemap: number;
  #open = true;
  #run = 0;
  #pagesDone = 0;

  /**
   * Opens the process and fixes the list of its pages.
   * @param shared pages that other processes have listed; those of this one are added
   * @throws CliError if that is impossible or not allowed
   */
  static open(pid: number, shared: SharedPages, marker?: Uint8Array): ProcessMemory {
    if (process.platform !== 'linux') throw new CliError('--pid needs /proc, which only Linux has; name files instead');
    try {
      return new ProcessMemory(pid, shared, marker);
    } catch (error) {
      throw explain(pid, error);
    }
  }

  private constructor(
    pid: number,
    readonly shared: SharedPages,
    marker?: Uint8Array,
  ) {
    this.pid = pid;
    const folder = `/proc/${String(pid)}`;
    const command = readFileSync(`${folder}/comm`, 'utf8').trimEnd();
    this.name = pid === process.pid ? `this process (pid ${String(pid)})` : `pid ${String(pid)} (${command})`;
    this.#pageBytes = kernelPageBytes();
    this.#memory = openSync(`${folder}/mem`, 'r');
    try {
      this.#pagemap = openSync(`${folder}/pagemap`, 'r');
    } catch (error) {
      closeSync(this.#memory);
      throw error;
    }
    try {
      for (const mapping of parseSmaps(readFileSync(`${folder}/smaps`, 'utf8')))
        if (isSwappable(mapping, this.#pageBytes)) this.#list(mapping, marker);
      if (marker !== undefined && this.pagesLeftOut === 0) throw new Error("the engine's memory was not found in it");
    } catch (error) {
      this.#close();
      throw error;
    }
  }

  get pages(): number {
    return this.#runs.pageCount - this.pagesOnlyRead;
  }

  get bytes(): number {
    return this.pages * PAGE_BYTES;
  }

  /** Fills `out` with the next pages that are still there; 0 is the end. */
  read(out: Uint8Array): Promise<number> {
    let filled = 0;
    while (this.#run < this.#runs.length && filled + this.#pageBytes <= out.length) {
      const address = this.#runs.addressAt(this.#run) + this.#pagesDone * PAGE_BYTES;
      const left = (this.#runs.pagesAt(this.#run) - this.#pagesDone) * PAGE_BYTES;
      const room = out.length - filled - ((out.length - filled) % this.#pageBytes);
      const bytes = Math.min(left, room, ENTRIES_MAX * this.#pageBytes);
      const mapping = this.#mappingOf(this.#run);
      const part = out.subarray(filled, filled + bytes);
      const got = this.#readPresent(part, address, mapping.isShared);
      this.pagesVanished += (bytes - got) / PAGE_BYTES;
      filled += this.#withoutOnlyRead(part.subarray(0, got), mapping);
      this.#pagesDone += bytes / PAGE_BYTES;
      if (bytes === left) {
        this.#run += 1;
        this.#pagesDone = 0;
      }
    }
    return Promise.resolve(filled);
  }

  close(): Promise<void> {
    this.#close();
    return Promise.resolve();
  }

  #close(): void {
    if (!this.#open) return;
    this.#open = false;
    closeSync(this.#memory);
    closeSync(this.#pagemap);
  }

  /** Reads `count` pagemap entries; fewer arrive when the process has ended. */
  #readEntries(address: number, count: number): number {
    const bytes = readSync(this.#pagemap, this.#entries, {
      length: count * ENTRY_BYTES,
      position: (address / this.#pageBytes) * ENTRY_BYTES,
    });
    return Math.floor(bytes / ENTRY_BYTES);
  }

  #mappingOf(run: number): ListedMapping {
    while ((this.#mappings[this.#mapping + 1]?.firstRun ?? Infinity) <= run) this.#mapping += 1;
    return this.#mappings[this.#mapping];
  }

  /** Adds the resident pages of a mapping, or leaves all of them out if one begins with the marker. */
  #list(mapping: Mapping, marker: Uint8Array | undefined): void {
    const runsBefore = this.#runs.startMapping();
    const pagesBefore = this.#runs.pageCount;
    const isShared = isSharedMemory(mapping);
    for (let address = mapping.start; address < mapping.end;) {
      const from = address;
      const wanted = Math.min((mapping.end - from) / this.#pageBytes, ENTRIES_MAX);
      const got = this.#readEntries(from, wanted);
      findResident(this.#entries, got, isShared, (first, count) => {
        const start = from + first * this.#pageBytes;
        if (isShared) this.#addShared(mapping, start, count);
        else this.#runs.add(start, (count * this.#pageBytes) / PAGE_BYTES);
      });
      if (got < wanted) break;
      address += wanted * this.#pageBytes;
    }
    const pages = this.#runs.pageCount - pagesBefore;
    if (marker !== undefined && !isShared && this.#holds(marker, runsBefore)) {
      this.pagesLeftOut += pages;
      this.#runs.truncate(runsBefore);
      return;
    }
    const pagesOnlyRead = isShared ? 0 : Math.max(0, pages - mapping.anonymousBytes / PAGE_BYTES);
    this.#mappings.push({ firstRun: runsBefore, isShared, pagesOnlyRead });
  }

  /** Adds what of shared memory no other mapping has listed. */
  #addShared(mapping: Mapping, start: number, count: number): void {
    for (let page = 0; page < count; page++) {
      const address = start + page * this.#pageBytes;
      const number = (mapping.offset + address - mapping.start) / this.#pageBytes;
      if (this.shared.take(mapping.object, number)) this.#runs.add(address, this.#pageBytes / PAGE_BYTES);
    }
  }

  /** Moves pages together over those that nothing was written to; returns the bytes that are left. */
  #withoutOnlyRead(pages: Uint8Array, mapping: ListedMapping): number {
    let kept = 0;
    for (let at = 0; at < pages.length; at += PAGE_BYTES) {
      if (mapping.pagesOnlyRead > 0 && ZEROS.equals(pages.subarray(at, at + PAGE_BYTES))) {
        mapping.pagesOnlyRead -= 1;
        this.pagesOnlyRead += 1;
        continue;
      }
      if (kept < at) pages.copyWithin(kept, at, at + PAGE_BYTES);
      kept += PAGE_BYTES;
    }
    return kept;
  }

  /** Whether a page of the runs from `run` on begins with the marker. */
  #holds(marker: Uint8Array, run: number): boolean {
    // At an odd address, so that this copy of the marker can never stand at the start of a page itself.
    const start = Buffer.allocUnsafeSlow(MARKER_BYTES + 1).subarray(1);
    for (; run < this.#runs.length; run++) {
      for (let page = 0; page < this.#runs.pagesAt(run); page++) {
        const position = this.#runs.addressAt(run) + page * PAGE_BYTES;
        if (readOrZero(this.#memory, start, position) === MARKER_BYTES && start.equals(marker)) return true;
      }
    }
    return false;
  }

  /**
   * Reads those pages of a range that are still present, without gaps; returns their bytes. A page that was freed or
   * swapped out since it was listed would read as zeros that the process does not have, so presence is checked again.
   */
  #readPresent(out: Uint8Array, address: number, isShared: boolean): number {
    let filled = 0;
    const got = this.#readEntries(address, out.length / this.#pageBytes);
    findResident(this.#entries, got, isShared, (first, count) => {
      let position = address + first * this.#pageBytes;
      const end = position + count * this.#pageBytes;
      while (position < end) {
        const bytes = readOrZero(this.#memory, out.subarray(filled, filled + end - position), position);
        const whole = bytes - (bytes % PAGE_BYTES);
        filled += whole;
        // The page after the last whole one stopped the read: continue after it.
        position += whole + (position + whole < end ? PAGE_BYTES : 0);
      }
    });
    return filled;
  }
}

/** Reads memory of a process; an address that has gone gives 0 bytes (the kernel answers EIO). */
function readOrZero(file: number, out: Uint8Array, position: number): number {
  try {
    return readSync(file, out, { position });
  } catch (error) {
    if (codeOf(error) === 'EIO' || codeOf(error) === 'EFAULT') return 0;
    throw error;
  }
}
