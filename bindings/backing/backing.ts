/** Backing: where pages go that are written back. */
import { PAGE_SIZE, checkBytes, checkInteger } from '../arguments.js';
import { ZramError } from '../errors.js';

/**
 * A device of fixed slots, 4096 bytes each, numbered from 0. A call that fails throws; what it throws is taken as an
 * I/O error (`EIO`), and the page stays in memory.
 */
export interface Backing {
  /** Number of slots. */
  readonly slots: number;
  /** Fills `page`, 4096 bytes, from a slot that was written before. */
  read(slot: number, page: Uint8Array): void;
  /** Writes `page`, 4096 bytes, to a slot. `page` is only valid during the call. */
  write(slot: number, page: Uint8Array): void;
}

/** Tests what a backing of the library is called with: a wrong slot or page is EINVAL before anything has changed. */
export function checkTransfer(slots: number, slot: unknown, page: unknown): void {
  checkInteger(slot, 'slot', 0, slots - 1);
  checkBytes(page, 'page');
  if (page.length === PAGE_SIZE) return;
  throw new ZramError('EINVAL', `page must have ${PAGE_SIZE} bytes, not ${page.length}.`);
}

/** Hands out slot numbers, those given back first. */
export class SlotAllocator {
  readonly #freed: number[] = [];
  #fresh = 0;

  constructor(readonly slots: number) {}

  /** A slot that is not in use; undefined when there is none. */
  take(): number | undefined {
    return this.#freed.pop() ?? (this.#fresh < this.slots ? this.#fresh++ : undefined);
  }

  put(slot: number): void {
    this.#freed.push(slot);
  }
}
