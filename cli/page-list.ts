/**
 * The list of a process's resident anonymous pages: mappings come from /proc/PID/maps, and their pages from the entries
 * of /proc/PID/pagemap. Addresses are in bytes; a number holds them exactly, as user addresses end far below 2^53.
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

/** One line of /proc/PID/maps; addresses are bytes, `end` is exclusive. */
export interface Mapping {
  readonly start: number;
  readonly end: number;
  readonly permissions: string;
  readonly inode: number;
  readonly path: string;
}

export function parseMaps(text: string): Mapping[] {
  const mappings: Mapping[] = [];
  for (const line of text.split('\n')) {
    const match = /^([0-9a-f]+)-([0-9a-f]+) (\S{4}) [0-9a-f]+ \S+ (\d+) *(.*)$/.exec(line);
    if (match === null) continue;
    const [, start = '', end = '', permissions = '', inode = '', path = ''] = match;
    mappings.push({
      start: Number.parseInt(start, 16),
      end: Number.parseInt(end, 16),
      permissions,
      inode: Number(inode),
      path,
    });
  }
  return mappings;
}

/** Whether a mapping can hold private anonymous pages that the process wrote. */
export function isAnonymous(mapping: Mapping): boolean {
  const { permissions, inode, path } = mapping;
  const special = path === '[vvar]' || path === '[vsyscall]';
  return permissions.startsWith('rw') && permissions[3] === 'p' && inode === 0 && !special;
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

/** Calls `found` for each run of present anonymous pages among `count` pagemap entries (numbers of entries). */
export function findResident(entries: Uint8Array, count: number, found: (first: number, count: number) => void): void {
  const words = new Uint32Array(entries.buffer, entries.byteOffset, count * 2);
  let first = -1;
  for (let i = 0; i < count; i++) {
    const high = words[i * 2 + 1] ?? 0;
    const resident = (high & PRESENT) !== 0 && (high & FILE_OR_SHARED) === 0;
    if (resident && first < 0) first = i;
    if (!resident && first >= 0) {
      found(first, i - first);
      first = -1;
    }
  }
  if (first >= 0) found(first, count - first);
}
