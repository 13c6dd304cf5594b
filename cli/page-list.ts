/**
 * The list of a process's resident pages that a kernel would swap: mappings come from /proc/PID/smaps, and their pages
 * from the entries of /proc/PID/pagemap. Addresses are in bytes; a number holds them exactly, as user addresses end far
 * below 2^53.
 *
 * Formats: Documentation/filesystems/proc.rst and Documentation/admin-guide/mm/pagemap.rst of the kernel.
 */

/** The unit of all page counts, whatever the kernel's own page size is. */
export const PAGE_BYTES = 4096;
/** A pagemap entry is 8 bytes for each page of the kernel's size. */
export const ENTRY_BYTES = 8;
/** Bits 63 (present) and 61 (file page or shared anonymous) of an entry, in its high half. */
const PRESENT = 0x8000_0000;
const FILE_OR_SHARED = 0x2000_0000;

/** A mapping by /proc/PID/smaps; addresses are bytes, `end` is exclusive. */
export interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly permissions: string;
  /** Where in its file or shared memory it begins. */
  readonly offset: number;
  /** Device and inode: the same for all mappings of one file or shared memory. */
  readonly object: string;
  readonly path: string;
  /** Bytes that were written: of these each has a page of its own. */
  readonly anonymousBytes: number;
  /** Size of its pages, which that of the kernel's is but for huge ones that are never swapped. */
  readonly pageBytes: number;
}

export function parseSmaps(text: string): Mapping[] {
  const mappings: { -readonly [name in keyof Mapping]: Mapping[name] }[] = [];
  for (const line of text.split('\n')) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) ([0-9a-f]+) (\S+ \d+) *(.*)$/.exec(line);
    if (match === null) {
      const [, name, kilobytes] = /^(\w+): +(\d+) kB$/.exec(line) ?? [];
      const last = mappings.at(-1);
      if (last !== undefined && name === 'Anonymous') last.anonymousBytes = Number(kilobytes) * 1024;
      if (last !== undefined && name === 'KernelPageSize') last.pageBytes = Number(kilobytes) * 1024;
      continue;
    }
    const [, start = '', end = '', permissions = '', offset = '', object = '', path = ''] = match;
    mappings.push({
      start: Number.parseInt(start, 16),
      end: Number.parseInt(end, 16),
      permissions,
      offset: Number.parseInt(offset, 16),
      object,
      path,
      anonymousBytes: 0,
      pageBytes: PAGE_BYTES,
    });
  }
  return mappings;
}

/** Whether it is memory that processes share, and that no disk has: of mmap, memfd_create, shmget and shm_open. */
export function isSharedMemory({ permissions, path }: Mapping): boolean {
  return permissions[3] === 's' && /^(?:\/dev\/zero \(deleted\)|\/memfd:|\/SYSV|\/dev\/shm\/|\[anon_shmem:)/.test(path);
}

/** Whether a kernel swaps pages of a mapping: what a process wrote, files' pages included that it wrote to privately. */
export function isSwappable(mapping: Mapping, kernelPageBytes: number): boolean {
  const { permissions, path, anonymousBytes, pageBytes } = mapping;
  if (pageBytes !== kernelPageBytes || /^\[(?:vvar|vdso|vsyscall)/.test(path)) return false;
  return permissions[3] === 'p' ? anonymousBytes > 0 : isSharedMemory(mapping);
}

/** Pages of shared memory that were listed: in every mapping and process they are the same. A bit a page, in pieces. */
export class SharedPages {
  static readonly #pieceBytes = 512;
  readonly #pieces = new Map<string, Uint8Array>();

  /** Lists a page by its number in its object; false if it was listed already. */
  take(object: string, page: number): boolean {
    const [byte, bit] = [Math.floor(page / 8), 1 << (page % 8)];
    const key = `${object} ${Math.floor(byte / SharedPages.#pieceBytes)}`;
    let piece = this.#pieces.get(key);
    if (piece === undefined) this.#pieces.set(key, (piece = new Uint8Array(SharedPages.#pieceBytes)));
    const at = byte % SharedPages.#pieceBytes;
    const before = piece[at] ?? 0;
    piece[at] = before | bit;
    return (before & bit) === 0;
  }
}

/** A list of pages as runs of neighbours: 16 bytes a run, so that the list of a large process stays small. */
export class PageRuns {
  #addresses = new Float64Array(256);
  #pages = new Float64Array(256);
  /** Runs in the list. */
  length = 0;
  /** Pages in all runs. */
  pageCount = 0;
  #firstOfMapping = 0;

  /** The pages added next belong to another mapping, so they begin a new run. Returns its number. */
  startMapping(): number {
    this.#firstOfMapping = this.length;
    return this.length;
  }

  /** Adds pages; they join the last run of the mapping if they follow it. */
  add(address: number, pages: number): void {
    this.pageCount += pages;
    const last = this.length - 1;
    if (last >= this.#firstOfMapping && this.addressAt(last) + this.pagesAt(last) * PAGE_BYTES === address) {
      this.#pages[last] = this.pagesAt(last) + pages;
      return;
    }
    if (this.length === this.#addresses.length) this.#grow();
    this.#addresses[this.length] = address;
    this.#pages[this.length] = pages;
    this.length += 1;
  }

  addressAt(run: number): number {
    return this.#addresses[run] ?? 0;
  }

  pagesAt(run: number): number {
    return this.#pages[run] ?? 0;
  }

  /** Removes the runs from `length` on. */
  truncate(length: number): void {
    while (this.length > length) {
      this.length -= 1;
      this.pageCount -= this.pagesAt(this.length);
    }
  }

  #grow(): void {
    const addresses = new Float64Array(this.length * 2);
    const pages = new Float64Array(this.length * 2);
    addresses.set(this.#addresses);
    pages.set(this.#pages);
    this.#addresses = addresses;
    this.#pages = pages;
  }
}

/**
 * Calls `found` for each run of present pages among `count` pagemap entries (numbers of entries).
 * @param shared of shared memory, else of anonymous pages
 */
export function findResident(
  entries: Uint8Array,
  count: number,
  shared: boolean,
  found: (first: number, count: number) => void,
): void {
  const words = new Uint32Array(entries.buffer, entries.byteOffset, count * 2);
  let first = -1;
  for (let i = 0; i < count; i++) {
    const high = words[i * 2 + 1] ?? 0;
    const resident = (high & PRESENT) !== 0 && ((high & FILE_OR_SHARED) !== 0) === shared;
    if (resident && first < 0) first = i;
    if (!resident && first >= 0) {
      found(first, i - first);
      first = -1;
    }
  }
  if (first >= 0) found(first, count - first);
}
