/**
 * A model of a device whose calls overlap and may fail: after all calls of a batch are settled, they are replayed in the order
 * in which they were made. For each page the model knows every content that it may have: one, unless a call failed half-way.
 */
import { ZramError } from '../../bindings/index.js';
import { LostPagesError, type ParallelStats, type ParallelZram } from '../../bindings/parallel.js';
import { ARRAY_KINDS, FLEETING, bytesOf } from '../support/arrays.js';
import { PAGE_SIZE, sameBytes } from '../support/pages.js';

/** Content of a page as text, so that equal contents are equal. */
type Content = string;

const textOf = (page: Uint8Array): Content => Buffer.from(page).toString('latin1');
const ZEROS = textOf(new Uint8Array(PAGE_SIZE));
/** The page is lost: it reads as EIO. */
const LOST: Content = 'lost';

export type ParallelOperation =
  /** `kind`: of ARRAY_KINDS */
  | { op: 'write'; offset: number; bytes: Uint8Array; kind?: string }
  /** `kind`: of ARRAY_KINDS, or of FLEETING; or 'none', without an array to read into */
  | { op: 'read'; offset: number; length: number; kind?: string }
  | { op: 'discard'; offset: number; length: number }
  | { op: 'merge' | 'compact' | 'stats' | 'reset' | 'idle' | 'recompress' }
  /** A call that is refused, for its arguments or because nothing may be called any more. */
  | { op: 'refused'; call: (zram: ParallelZram) => Promise<unknown> };

type Outcome = { operation: ParallelOperation; value: unknown } | { operation: ParallelOperation; error: unknown };

function codeOf(outcome: Outcome): string | undefined {
  if (!('error' in outcome)) return undefined;
  if (outcome.error instanceof ZramError) return outcome.error.code;
  throw outcome.error;
}

function fail(message: string): never {
  throw new Error(message);
}

export class ModelParallel {
  readonly #zram: ParallelZram;
  readonly #pages: Set<Content>[];
  /** Pages of the disk that something is stored at; those of failed writes may be or not. */
  readonly #stored: Set<boolean>[];
  #calls: Promise<Outcome>[] = [];
  #dying = false;
  /** Pages of all discards since there is a disk. */
  #notifyFree = 0;
  /** Whether there is a secondary compressor. */
  #recompresses: boolean;
  /** Calls that failed, by code. */
  readonly failures = new Map<string, number>();

  constructor(zram: ParallelZram, pages: number, recompresses = false) {
    this.#zram = zram;
    this.#recompresses = recompresses;
    this.#pages = Array.from({ length: pages }, () => new Set([ZEROS]));
    this.#stored = Array.from({ length: pages }, () => new Set([false]));
  }

  /** Makes the call and waits for nothing. What is passed in is overwritten at once. */
  call(operation: ParallelOperation): void {
    const settled = this.#make(operation).then(
      (value: unknown) => ({ operation, value }),
      (error: unknown) => ({ operation, error }),
    );
    this.#calls.push(settled);
  }

  #make(operation: ParallelOperation): Promise<unknown> {
    const zram = this.#zram;
    switch (operation.op) {
      case 'write': {
        const { offset, bytes, kind = 'plain' } = operation;
        const passed = ARRAY_KINDS[kind](bytes);
        const whole = offset % PAGE_SIZE === 0 && bytes.length % PAGE_SIZE === 0;
        const promise = !whole
          ? zram.write(offset, passed)
          : bytes.length === PAGE_SIZE
            ? zram.writePage(offset / PAGE_SIZE, passed)
            : zram.writePages(offset / PAGE_SIZE, passed);
        bytesOf(passed).fill(0x5a);
        return promise;
      }
      case 'read': {
        const { offset, length, kind = 'plain' } = operation;
        if (kind in FLEETING) {
          const { out, leave } = FLEETING[kind](length);
          const promise = this.#read(offset, length, out);
          leave();
          return promise;
        }
        if (kind === 'none') return this.#read(offset, length, undefined);
        const out = ARRAY_KINDS[kind](new Uint8Array(length + 1).fill(0xee));
        return this.#read(offset, length, out).then((given) => {
          if (given !== out) fail('a read gives another array than it was given');
          const bytes = bytesOf(out);
          if (bytes[length] !== 0xee) fail('a read went past its length');
          return bytes.subarray(0, length);
        });
      }
      case 'discard':
        return zram.discard(operation.offset, operation.length);
      case 'merge':
        return zram.merge();
      case 'compact':
        return zram.compact({ inPageOrder: true });
      case 'stats':
        return zram.stats();
      case 'idle':
        return zram.idle();
      case 'recompress':
        return zram.recompress();
      case 'refused':
        return operation.call(zram);
      case 'reset': {
        const first = zram.reset();
        return Promise.all([first, zram.init(this.#pages.length * PAGE_SIZE)]);
      }
    }
  }

  #read(offset: number, length: number, out: Uint8Array | undefined): Promise<Uint8Array> {
    const zram = this.#zram;
    const whole = offset % PAGE_SIZE === 0 && length % PAGE_SIZE === 0;
    if (!whole) return zram.read(offset, length, out);
    return length === PAGE_SIZE
      ? zram.readPage(offset / PAGE_SIZE, out)
      : zram.readPages(offset / PAGE_SIZE, length / PAGE_SIZE, out);
  }

  /** Waits for all calls and tests what they gave. */
  async settle(): Promise<void> {
    const outcomes = await Promise.all(this.#calls.splice(0));
    for (const outcome of outcomes) this.#replay(outcome);
  }

  #replay(outcome: Outcome): void {
    const { operation } = outcome;
    if (this.#dying) this.#loseAny();
    if (operation.op === 'refused') {
      if (codeOf(outcome) !== 'EINVAL') fail(`a wrong call ends with ${codeOf(outcome)}`);
      return;
    }
    if (operation.op === 'recompress' && !this.#recompresses) {
      if (codeOf(outcome) !== 'EINVAL') fail(`recompressing without a compressor ends with ${codeOf(outcome)}`);
      return;
    }
    if (operation.op === 'read' && operation.kind !== undefined && operation.kind in FLEETING) {
      // What was read before it was taken away may have been all.
      const code = codeOf(outcome);
      const lost = code === 'EIO' && (outcome as { error: unknown }).error instanceof LostPagesError;
      if (code !== undefined && code !== 'EINVAL' && !lost) throw (outcome as { error: unknown }).error;
      this.failures.set('fleeting', (this.failures.get('fleeting') ?? 0) + Number(code === 'EINVAL'));
      return;
    }
    const error = 'error' in outcome ? this.#known(outcome.error) : undefined;
    if (operation.op === 'write') this.#replayWrite(operation.offset, operation.bytes, error);
    else if (operation.op === 'discard') this.#replayDiscard(operation.offset, operation.length);
    else if (operation.op === 'read') {
      if (error) this.#replayFailedRead(operation.offset, operation.length, error);
      else this.#replayRead(operation.offset, operation.length, (outcome as { value: Uint8Array }).value);
    } else if (error) {
      throw error;
    } else if (operation.op === 'reset') {
      this.#recompresses = false;
      this.#notifyFree = 0;
      for (const page of this.#pages) this.#set(page, [ZEROS]);
      for (const stored of this.#stored) this.#set(stored, [false]);
    } else if (operation.op === 'stats') {
      this.#checkStats((outcome as { value: ParallelStats }).value);
    }
  }

  #known(error: unknown): ZramError {
    if (!(error instanceof ZramError)) throw error;
    if (error.code !== 'ENOMEM' && error.code !== 'EIO') throw error;
    this.failures.set(error.code, (this.failures.get(error.code) ?? 0) + 1);
    return error;
  }

  #set<T>(of: Set<T>, values: Iterable<T>): void {
    const all = [...values];
    of.clear();
    for (const value of all) of.add(value);
  }

  #span(offset: number, length: number) {
    const first = Math.floor(offset / PAGE_SIZE);
    const count = length === 0 ? 0 : Math.ceil((offset + length) / PAGE_SIZE) - first;
    return Array.from({ length: count }, (_, n) => {
      const start = (first + n) * PAGE_SIZE;
      const from = Math.max(start, offset);
      const to = Math.min(start + PAGE_SIZE, offset + length);
      return { n, index: first + n, at: from - offset, length: to - from, inPage: from - start };
    });
  }

  #replayWrite(offset: number, bytes: Uint8Array, error: ZramError | undefined): void {
    const failedAt = error ? (error.pagesDone ?? fail('no pagesDone')) : Infinity;
    const lost = error instanceof LostPagesError ? error.pages : [];
    for (const { n, index, at, length, inPage } of this.#span(offset, bytes.length)) {
      const part = bytes.subarray(at, at + length);
      const old = this.#pages[index];
      const patched = [...old].map((content) => {
        if (length === PAGE_SIZE) return textOf(part);
        if (content === LOST) return LOST;
        const page = Buffer.from(content, 'latin1');
        page.set(part, inPage);
        return textOf(page);
      });
      const stored = this.#stored[index];
      if (n < failedAt) {
        if (length < PAGE_SIZE && patched.every((content) => content === LOST))
          fail(`page ${index} was lost, and patched`);
        this.#set(old, new Set(patched.filter((content) => content !== LOST)));
        this.#set(stored, [true]);
      } else if (lost.includes(index)) {
        // Lost when the call ended; or later, by the time of the next call.
        old.add(LOST);
        for (const content of patched) old.add(content);
        stored.add(false).add(true);
      } else if (n > failedAt) {
        for (const content of patched) old.add(content);
        stored.add(true);
      }
    }
  }

  #replayDiscard(offset: number, length: number): void {
    for (const part of this.#span(offset, length)) {
      if (part.length < PAGE_SIZE) continue;
      this.#notifyFree++;
      this.#set(this.#pages[part.index], [ZEROS]);
      this.#set(this.#stored[part.index], [false]);
    }
  }

  #replayRead(offset: number, length: number, out: Uint8Array): void {
    if (out.length !== length) fail(`a read gives ${out.length} bytes, and not ${length}`);
    for (const { index, at, length: bytes, inPage } of this.#span(offset, length)) {
      const seen = out.subarray(at, at + bytes);
      const page = this.#pages[index];
      const fitting = [...page].filter(
        (content) =>
          content !== LOST && sameBytes(Buffer.from(content, 'latin1').subarray(inPage, inPage + bytes), seen),
      );
      if (fitting.length === 0) fail(`page ${index} reads wrong, of ${page.size} contents that it may have`);
      this.#set(page, fitting);
    }
  }

  #replayFailedRead(offset: number, length: number, error: ZramError): void {
    if (!(error instanceof LostPagesError)) throw error;
    const index = this.#span(offset, length)[error.pagesDone ?? 0]?.index ?? fail('pagesDone is outside');
    if (!this.#pages[index].has(LOST)) fail(`page ${index} is said to be lost`);
    this.#set(this.#pages[index], [LOST]);
  }

  /** From now on, until `survive`, any page may get lost between two calls. */
  expectDeath(): void {
    this.#dying = true;
  }

  /** No further worker dies. */
  survive(): void {
    this.#loseAny();
    this.#dying = false;
  }

  #loseAny(): void {
    for (const page of this.#pages) page.add(LOST);
    for (const stored of this.#stored) if (stored.has(true)) stored.add(false);
  }

  #checkStats({ mmStat: { origDataSize }, ioStat: { notifyFree } }: ParallelStats): void {
    if (notifyFree !== this.#notifyFree) fail(`notifyFree is ${notifyFree}, and not ${this.#notifyFree}`);
    const most = this.#stored.filter((stored) => stored.has(true)).length;
    const least = this.#stored.filter((stored) => !stored.has(false)).length;
    const pages = origDataSize / PAGE_SIZE;
    if (pages < least || pages > most) fail(`${pages} pages are stored, and not ${least} to ${most}`);
  }

  /** Reads every page, and makes what the model knows of it exact. @returns the pages that are lost */
  async readAll(): Promise<number[]> {
    const lost: number[] = [];
    for (const [index, page] of this.#pages.entries()) {
      let content: Content;
      try {
        content = textOf(await this.#zram.readPage(index));
      } catch (error) {
        if (!(error instanceof LostPagesError)) throw error;
        content = LOST;
        lost.push(index);
      }
      if (!page.has(content)) fail(`page ${index} reads wrong, of ${page.size} contents that it may have`);
      this.#set(page, [content]);
    }
    return lost;
  }

  /** The pages that are stored for sure, with their contents; after `readAll`. */
  contents(): { index: number; page: Uint8Array }[] {
    return this.#pages.flatMap((page, index) => {
      const [content] = page;
      if (content === LOST || this.#stored[index].has(false)) return [];
      return [{ index, page: new Uint8Array(Buffer.from(content, 'latin1')) }];
    });
  }
}
