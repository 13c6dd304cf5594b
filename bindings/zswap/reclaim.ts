/**
 * Writeback of the least recently used pages. At a synchronous backing the kernel's shrink worker runs at once, in shares;
 * at an asynchronous one it runs in the background, with several writes in flight.
 */
import { PAGE_SIZE } from '../base/arguments.js';
import { AsyncCall } from '../base/async-call.js';
import { setBytes } from '../base/bytes.js';
import { withPagesDone } from '../base/messages.js';
import { wordOf } from '../backing/slot-records.js';
import { Transport } from '../backing/transport.js';
import { CODEC_PAGE } from '../core/layout.js';
import type { Contents } from './contents.js';
import { bestOf, Slotful } from './packing.js';
import type { SwapBacking } from './swap-backing.js';

/** The worker gives up after this many pages that could not be written back. */
const MAX_RECLAIM_RETRIES = 16;
/**
 * The part of the worker's work that one store does at most, some milliseconds: pages written back, entries examined.
 */
const RECLAIM_PAGES = 512;
const RECLAIM_LOOKS = 1 << 17;
/** Slots that are filled at a time where objects are packed. */
const OPEN_SLOTS = 16;

/** What is to be written back. */
interface Goal {
  /** Most pages, beside those in flight. */
  pages(): number;
  /** Their objects' bytes: no more pages are taken when they have so many. */
  bytes(): number;
}

/** What one step of a synchronous writeback did: pages, and entries that it examined. */
interface Done {
  readonly written: number;
  readonly failed: number;
  readonly looks: number;
}

/** What a writeback has done, and what of it is in flight. */
class Progress {
  written = 0;
  failed = 0;
  flying = 0;
}

export class Reclaim {
  readonly #contents: Contents;
  readonly #backing: SwapBacking;
  readonly #packs: boolean;
  readonly #acceptBytes: number;
  /** A synchronous write is in progress. Only one at a time, as by the kernel's single worker: a backing may call the zswap. */
  #writing = false;
  /** Writes in flight, and the bytes of memory that they will free. */
  #flights = 0;
  #bytesFlying = 0;
  /** Called when a write is over. */
  readonly #landings = new Set<() => void>();
  /** The worker runs in the background; it writes so many pages back even if the pool is small enough. */
  #working = false;
  #wanted = 0;

  /** @param packs several objects go to one slot */
  constructor(contents: Contents, backing: SwapBacking, packs: boolean, acceptBytes: number) {
    this.#contents = contents;
    this.#backing = backing;
    this.#packs = packs && !backing.transport.objects;
    this.#acceptBytes = acceptBytes;
  }

  get #excessBytes(): number {
    return this.#contents.totalBytes() - this.#acceptBytes;
  }

  // ── at a synchronous backing ───────────────────────────────────────────────────────────────────────────────────

  /** The worker's share of one store: until the pool accepts stores again, or the share is done. */
  reclaim(): void {
    let looks = RECLAIM_LOOKS;
    let left = RECLAIM_PAGES;
    let failed = 0;
    while (left > 0 && looks > 0 && failed < MAX_RECLAIM_RETRIES) {
      if (this.#contents.ended || this.#excessBytes <= 0) return;
      const done = this.#writeSome(left, this.#excessBytes, looks);
      looks -= done.looks;
      failed += done.failed;
      if (done.written + done.failed === 0) return;
      left -= done.written + done.failed;
    }
  }

  /** Writes back up to so many pages, until one cannot be written. Returns their number. */
  shrink(pages: number): number {
    let written = 0;
    // No more than are in memory now: a backing may store others meanwhile.
    const most = Math.min(pages, this.#contents.entries.inMemory);
    while (written < most) {
      const done = this.#writeSome(most - written, Infinity, Infinity);
      written += done.written;
      if (done.failed > 0 || done.written === 0) break;
    }
    return written;
  }

  /** Writes back a page, or a few slots of packed ones. */
  #writeSome(pages: number, bytes: number, looksMax: number): Done {
    const done = { written: 0, failed: 0, looks: 1 };
    if (this.#writing) return done;
    this.#writing = true;
    const rejected = this.#contents.stats.rejectReclaimFail;
    try {
      const { slotfuls, looks } = this.#gather(pages, bytes, this.#packs ? OPEN_SLOTS : 1, looksMax);
      done.looks = looks;
      for (const slotful of slotfuls) {
        const slot = this.#contents.ended ? undefined : this.#backing.write(slotful.bytes);
        done.written += this.#land(slotful, slot);
      }
    } finally {
      this.#writing = false;
    }
    done.failed = this.#contents.stats.rejectReclaimFail - rejected;
    return done;
  }

  // ── what is written together ───────────────────────────────────────────────────────────────────────────────────

  /** Takes pages that are due, the oldest first, and fills slots with them. */
  #gather(pages: number, bytes: number, slots: number, looksMax: number): { slotfuls: Slotful[]; looks: number } {
    const { entries } = this.#contents;
    const slotfuls: Slotful[] = [];
    let [taken, size, looks] = [0, 0, 0];
    const most = this.#packs ? pages : Math.min(pages, slots);
    while (taken < most && size < bytes && looks < looksMax) {
      if (entries.oldest !== 0 && !entries.oldestIsDue) looks += entries.giveChances(looksMax - looks);
      else looks++;
      const { oldest } = entries;
      if (!entries.oldestIsDue || entries.isWriting(oldest)) break;
      const before = size;
      size += this.#take(oldest, slotfuls, slots);
      if (this.#contents.ended) return { slotfuls: [], looks };
      if (size === before) break; // no slot has room for it, or it cannot be read
      taken++;
    }
    return { slotfuls, looks };
  }

  /** Adds the page of an entry to a slot. Returns the bytes of its object; 0: it was not added. */
  #take(entry: number, slotfuls: Slotful[], slots: number): number {
    const contents = this.#contents;
    const { entries, core } = contents;
    const { objects } = this.#backing.transport;
    const payload = this.#packs || objects ? contents.payloadOf(entry) : undefined;
    const { codec, length } = payload ?? { codec: CODEC_PAGE, length: PAGE_SIZE };
    const open = this.#packs ? bestOf(slotfuls, length) : undefined;
    if (!open && slotfuls.length >= slots) return 0;
    const [key, stamp] = [entries.keyOf(entry), entries.stampOf(entry)];
    entries.rotate(entry); // a page that cannot be written stays at the new end
    try {
      const page = payload ? core.page().subarray(0, length) : contents.pageOf(entry);
      if (!page) throw new Error('it does not decompress');
      const slotful = open ?? new Slotful(objects ? length : PAGE_SIZE);
      const content = new Uint8Array(length);
      setBytes(content, page);
      slotful.add({ entry, key, stamp, length, codec, checksum: wordOf(core, content) }, content);
      if (!open) slotfuls.push(slotful);
    } catch {
      if (!contents.ended) contents.stats.rejectReclaimFail++; // else it was destroyed, or the host has no memory
      return 0;
    }
    if (entries.isStill(key, stamp)) entries.setWriting(entry, true);
    contents.useCodec(codec);
    return length;
  }

  /** A write is over. Returns the pages that it has moved. @param slot undefined: it failed */
  #land({ items }: Slotful, slot: number | undefined): number {
    const { entries, ended, stats } = this.#contents;
    if (ended) return 0;
    const there = items.filter(({ key, stamp }) => entries.isStill(key, stamp)); // not stored again, nor dropped
    for (const { entry } of there) entries.setWriting(entry, false);
    const moved = slot === undefined ? [] : there;
    if (slot !== undefined) {
      this.#backing.hold(slot, moved.length);
      for (const item of moved) this.#contents.moveToSlot(item.entry, { ...item, slot });
    }
    stats.rejectReclaimFail += items.length - moved.length;
    return moved.length;
  }

  // ── at an asynchronous backing ─────────────────────────────────────────────────────────────────────────────────

  /**
   * As `shrink`, with several writes in flight at an asynchronous backing.
   * @throws ZramError ECANCELED, EINVAL: it was destroyed; `pagesDone` pages were written
   */
  async shrinkAsync(pages: number, call: AsyncCall): Promise<number> {
    const progress = new Progress();
    const most = Math.min(pages, this.#contents.entries.inMemory);
    const left = (): number => (progress.failed > 0 ? 0 : most - progress.written - progress.flying);
    try {
      if (this.#backing.transport.asynchronous) await this.#fly({ pages: left, bytes: () => Infinity }, progress, call);
      else await this.#shrinkInSlices(left, progress, call);
    } catch (error) {
      throw withPagesDone(error, progress.written);
    }
    return progress.written;
  }

  async #shrinkInSlices(left: () => number, progress: Progress, call: AsyncCall): Promise<void> {
    const contents = this.#contents;
    while (left() > 0) {
      call.check();
      contents.live();
      const { written, failed } = this.#writeSome(left(), Infinity, Infinity);
      progress.written += written;
      progress.failed += failed;
      if (written === 0) break;
      if (call.due) await call.rest(contents);
    }
    contents.live();
  }

  /**
   * The worker, in the background: down to the accept threshold, or as many pages as are wanted.
   * @param pages to be written back in any case
   */
  start(pages: number): void {
    this.#wanted = Math.max(this.#wanted, pages);
    if (this.#working) return;
    this.#working = true;
    void this.#work();
  }

  async #work(): Promise<void> {
    const contents = this.#contents;
    const progress = new Progress();
    const tries = (): boolean => progress.failed < MAX_RECLAIM_RETRIES;
    const wanted = (): number => this.#wanted - progress.written - progress.flying;
    const excess = (): number => this.#excessBytes - this.#bytesFlying;
    const goal: Goal = {
      pages: () => (!tries() ? 0 : excess() > 0 ? Infinity : wanted()),
      bytes: () => (wanted() > 0 ? Infinity : excess()),
    };
    try {
      await AsyncCall.run(undefined, async (call) => {
        await call.until(Promise.resolve(), contents); // the store that started it ends first
        await this.#fly(goal, progress, call);
      });
    } catch {
      if (!contents.ended) contents.stats.rejectReclaimFail++; // the host has no memory
    }
    this.#wanted = 0;
    this.#working = false;
  }

  /** Writes back until the goal is reached and what was begun for it is over. */
  async #fly(goal: Goal, progress: Progress, call: AsyncCall): Promise<void> {
    const contents = this.#contents;
    const { transport } = this.#backing;
    const most = Transport.writesInFlight(transport.backing);
    // Begun at once: a batch; or slots that are filled together.
    const least = Math.min(most, this.#packs ? Math.max(OPEN_SLOTS, transport.writeBatch) : transport.writeBatch);
    for (;;) {
      call.check();
      contents.live();
      const pages = goal.pages();
      if (pages <= 0 && progress.flying === 0) return;
      const room = most - this.#flights;
      if (pages > 0 && room >= least) {
        const rejected = contents.stats.rejectReclaimFail;
        const { slotfuls } = this.#gather(pages, goal.bytes(), room, RECLAIM_LOOKS);
        progress.failed += contents.stats.rejectReclaimFail - rejected;
        for (const slotful of slotfuls) this.#start(slotful, progress);
        if (slotfuls.length > 0) {
          if (call.due) await call.rest(contents);
          continue;
        }
        if (this.#flights === 0 && contents.entries.oldest === 0) return;
      }
      if (this.#flights > 0) await this.#landing(call);
      else await call.rest(contents);
    }
  }

  #start(slotful: Slotful, progress: Progress): void {
    if (this.#contents.ended) return;
    const { items, used } = slotful;
    this.#flights++;
    this.#bytesFlying += used;
    progress.flying += items.length;
    void this.#backing.writeAsync(slotful.bytes).then((slot) => {
      this.#flights--;
      this.#bytesFlying -= used;
      progress.flying -= items.length;
      progress.written += this.#land(slotful, slot);
      if (slot === undefined) progress.failed += items.length;
      for (const landed of [...this.#landings]) landed();
    });
  }

  /** Until the next write is over. */
  async #landing(call: AsyncCall): Promise<void> {
    this.#backing.transport.sendWrites();
    let landed: () => void = () => undefined;
    const next = new Promise<void>((resolve) => (landed = resolve));
    this.#landings.add(landed);
    try {
      await call.until(next, this.#contents);
    } finally {
      this.#landings.delete(landed);
    }
  }
}
