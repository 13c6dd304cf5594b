import type { AsyncBacking } from '../../bindings/index.js';

/** Storage with batches that keeps what it is given, and a log of it. */
export class BatchBacking implements AsyncBacking {
  readonly asynchronous = true;
  readonly batchSize: number = 8;
  readonly objects: boolean = false;
  readonly keepsArrays: boolean = true;
  readonly held = new Map<number, Uint8Array>();
  readonly log: { what: 'read' | 'write'; slots: number[]; bytes: number }[] = [];
  readonly discarded: number[] = [];
  /** What a read of a slot gives. */
  heldIn = (slot: number): Uint8Array => this.held.get(slot)!;
  /** What it returns for a batch, instead of nothing. */
  answer: (slots: readonly number[]) => unknown = () => undefined;

  constructor(
    options: { batchSize?: number; objects?: boolean; keepsArrays?: boolean } = {},
    readonly slots = 1024,
  ) {
    Object.assign(this, options);
  }

  read(): Promise<void> {
    throw new Error('it has batches');
  }

  write(): Promise<void> {
    throw new Error('it has batches');
  }

  async readMany(slots: readonly number[], pages: readonly Uint8Array[]): Promise<unknown> {
    this.#note('read', slots, pages);
    await Promise.resolve();
    for (const [n, slot] of slots.entries()) {
      const held = this.held.get(slot)!;
      if (held.length !== pages[n].length) throw new Error(`${held.length} bytes are there, not ${pages[n].length}`);
      pages[n].set(this.heldIn(slot).subarray(0, held.length));
    }
    return this.answer(slots);
  }

  async writeMany(slots: readonly number[], pages: readonly Uint8Array[]): Promise<unknown> {
    this.#note('write', slots, pages);
    await Promise.resolve();
    for (const [n, slot] of slots.entries()) this.held.set(slot, pages[n].slice());
    return this.answer(slots);
  }

  discard(slots: readonly number[]): void {
    this.discarded.push(...slots);
    for (const slot of slots) this.held.delete(slot);
  }

  #note(what: 'read' | 'write', slots: readonly number[], pages: readonly Uint8Array[]): void {
    this.log.push({ what, slots: [...slots], bytes: pages.reduce((sum, { length }) => sum + length, 0) });
  }
}
