/** A backing that does whatever somebody's code and somebody's storage may do; and says what it did. */
import { PAGE_SIZE } from '../../bindings/base/arguments.js';
import type { Backing } from '../../bindings/index.js';
import { sameBytes } from './pages.js';

export const MISDEEDS = [
  ...['throws', 'gives a promise', 'gives a promise that rejects', 'gives a thenable', 'has a getter that throws'],
  ...['writes later', 'reads what was there before', 'reads another slot', 'reads nothing', 'detaches the array'],
] as const;
export type Misdeed = (typeof MISDEEDS)[number];

export interface Call {
  /** undefined: it does what it should. */
  readonly misdeed: Misdeed | undefined;
  /** Runs first, inside the call. */
  readonly before: (() => void) | undefined;
}

export class HostileBacking implements Backing {
  readonly slots: number;
  /** What the next call does. */
  next: () => Call = () => ({ misdeed: undefined, before: undefined });
  /** Told of each write before anything happens, and whether it was done. */
  onWrite: (page: Uint8Array) => void = () => undefined;
  /** Whether the last read gave the page that it was to give, as it should. */
  lastRead: { slot: number; page: Uint8Array | undefined } | undefined;
  readonly #disk = new Map<number, Uint8Array>();
  readonly #before = new Map<number, Uint8Array>();
  /** Writes that failed and are still on their way. */
  readonly #late: { slot: number; page: Uint8Array }[] = [];
  /** Arrays that it was given. */
  readonly #given: Uint8Array[] = [];

  constructor(slots: number) {
    this.slots = slots;
  }

  /** What is on its way arrives; and arrays that were given long ago are written over. */
  settle(): void {
    for (const { slot, page } of this.#late.splice(0)) this.#put(slot, page);
    for (const page of this.#given.splice(0)) page.fill(0xdd);
  }

  #put(slot: number, page: Uint8Array): void {
    const old = this.#disk.get(slot);
    if (old) this.#before.set(slot, old);
    this.#disk.set(slot, page);
  }

  write(slot: number, page: Uint8Array): void {
    if (page.length !== PAGE_SIZE || slot < 0 || slot >= this.slots) throw new Error('this is no page or no slot');
    const content = page.slice();
    this.onWrite(content);
    const { misdeed, before } = this.next();
    before?.();
    const result = refuse(misdeed, () => this.#late.push({ slot, page: content }));
    if (misdeed === 'detaches the array') structuredClone(page, { transfer: [page.buffer as ArrayBuffer] });
    this.#put(slot, content);
    if (page.length > 0) this.#given.push(page);
    return result as undefined;
  }

  read(slot: number, page: Uint8Array): void {
    const { misdeed, before } = this.next();
    before?.();
    this.lastRead = { slot, page: undefined };
    const result = refuse(misdeed, () => undefined);
    if (misdeed === 'reads what was there before') page.set(this.#before.get(slot) ?? new Uint8Array(PAGE_SIZE));
    else if (misdeed === 'reads another slot') page.set(this.#disk.get(slot + 1) ?? this.#disk.get(slot - 1) ?? []);
    else if (misdeed !== 'reads nothing') page.set(this.#disk.get(slot)!);
    if (result === undefined && misdeed !== 'detaches the array') this.lastRead.page = page.slice();
    if (misdeed === 'detaches the array') structuredClone(page, { transfer: [page.buffer as ArrayBuffer] });
    else this.#given.push(page);
    return result as undefined;
  }

  /** Whether the last read delivered this page. */
  delivered(page: Uint8Array): boolean {
    return this.lastRead?.page !== undefined && sameBytes(this.lastRead.page, page);
  }
}

/** Throws, or what is returned in the place of nothing. */
function refuse(misdeed: Misdeed | undefined, later: () => void): unknown {
  if (misdeed === 'throws') throw new Error('a bad sector');
  if (misdeed === 'writes later') {
    later();
    throw new Error('it took too long');
  }
  if (misdeed === 'gives a promise') return Promise.resolve();
  if (misdeed === 'gives a promise that rejects') return Promise.reject(new Error('a bad sector, later'));
  if (misdeed === 'gives a thenable') return { then: () => Promise.reject(new Error('a bad sector, later')) };
  if (misdeed === 'has a getter that throws') {
    return Object.defineProperty({}, 'then', {
      get() {
        throw new Error('nobody may look');
      },
    });
  }
  return undefined;
}
