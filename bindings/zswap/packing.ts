/** What is written to one slot: a page, or as many objects as fit. */
import { PAGE_SIZE } from '../base/arguments.js';
import { allocate } from '../base/bytes.js';
import type { Placed } from './entries.js';

/** A page on its way to the backing. */
export interface Item extends Omit<Placed, 'slot'> {
  readonly entry: number;
  readonly key: number;
  readonly stamp: number;
}

export class Slotful {
  readonly items: Item[] = [];
  /** Bytes that are taken. */
  used = 0;
  readonly bytes: Uint8Array;

  /** @throws ZramError ENOMEM: the host has no memory for it */
  constructor(readonly size = PAGE_SIZE) {
    this.bytes = allocate(size);
  }

  add(item: Omit<Item, 'offset'>, content: Uint8Array): void {
    this.bytes.set(content, this.used);
    this.items.push({ ...item, offset: this.used });
    this.used += content.length;
  }
}

/** The fullest into which so many bytes fit (best fit); undefined: none. */
export function bestOf(slotfuls: readonly Slotful[], length: number): Slotful | undefined {
  let best: Slotful | undefined;
  for (const each of slotfuls) {
    if (each.used + length <= each.size && (best === undefined || each.used > best.used)) best = each;
  }
  return best;
}
