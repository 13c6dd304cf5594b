/**
 * The calls of ParallelZram while they wait or are in progress. A call for pages is done when every page has a result.
 */
import { PAGE_SIZE } from '../../base/arguments.js';
import { copyOf, detached, lengthOf, offsetOf, setBytes, viewOf } from '../../base/bytes.js';
import { ZramError } from '../../base/errors.js';
import { textOf, withPagesDone } from '../../base/messages.js';
import { LostPagesError } from '../lost-pages-error.js';
import type { Fleet, Task } from './fleet.js';
import type { PageClient } from './link.js';
import type { Memory } from './memories.js';
import { BUSY, LOST, NOBODY } from './owners.js';
import { DAMAGED, DIED, NO_ROOM, NO_TARGET, NOT_COMPRESSED, UNSUPPORTED } from './protocol.js';

/** The disk of a device, from `init` to `reset`. */
export class Disk {
  /** `init` has succeeded. */
  ready = false;
  /** Pages of all discards. */
  notifyFree = 0;
  /** `init` has failed, and so do the calls made since that relied on it. */
  failed = false;

  constructor(readonly pages: number) {}

  check(): void {
    if (this.failed) throw new ZramError('EINVAL', 'the device is not initialised: the init before this call failed.');
  }
}

/** A call that processes the pages of a byte range in order. */
abstract class PagesTask<Value> implements Task, PageClient {
  readonly promise: Promise<Value>;
  /** Settles the promise. */
  #resolve!: (value: Value) => void;
  #reject!: (error: ZramError) => void;
  protected readonly first: number;
  protected readonly count: number;
  /** The first page that has not been sent. */
  #next = 0;
  #left: number;
  #begun = false;
  /** The first page that failed, and its result. */
  #failedAt = Infinity;
  #result = 0;
  /** The failure, if it is not the result of a page. */
  #error: ZramError | undefined;

  constructor(
    protected readonly fleet: Fleet,
    readonly disk: Disk,
    protected readonly offset: number,
    protected readonly length: number,
  ) {
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
    this.first = Math.floor(offset / PAGE_SIZE);
    this.count = length === 0 ? 0 : Math.ceil((offset + length) / PAGE_SIZE) - this.first;
    this.#left = this.count;
  }

  /** What the promise resolves to. */
  protected abstract value(): Value;
  /** Sends page `n`, and maybe some after it. @returns how many; 0: not possible now */
  protected abstract send(n: number): number;

  protected get next(): number {
    return this.#next;
  }

  /** Where page `n` of the call begins in its bytes, and ends; less than a page for one that is partly covered. */
  protected from(n: number): number {
    return Math.max((this.first + n) * PAGE_SIZE - this.offset, 0);
  }

  protected to(n: number): number {
    return Math.min((this.first + n + 1) * PAGE_SIZE - this.offset, this.length);
  }

  advance(): boolean {
    if (!this.#begun) {
      this.#begun = true;
      this.fleet.began();
      this.disk.check();
    }
    while (this.#next < this.count && this.#failedAt === Infinity) {
      const sent = this.send(this.#next);
      if (sent === 0) return false;
      this.#next += sent;
    }
    // After a failure the remaining pages keep their old content.
    this.#left -= this.count - this.#next;
    this.#next = this.count;
    if (this.#left === 0) this.#end();
    return true;
  }

  abort(error: ZramError): void {
    if (this.#failedAt < this.#next) return;
    this.#failedAt = this.#next;
    this.#error = error;
  }

  done(_n: number, count = 1): void {
    this.#left -= count;
    if (this.#left === 0) this.#end();
  }

  abstract read(n: number, page: Uint8Array): void;

  failed(n: number, result: number, count = 1): void {
    if (n < this.#failedAt) {
      this.#failedAt = n;
      this.#result = result;
      this.#error = undefined;
    }
    this.done(n, count);
  }

  #end(): void {
    if (this.#left < 0) return;
    this.#left = -1;
    this.fleet.ended();
    if (this.#failedAt === Infinity) this.#resolve(this.value());
    else this.#reject(this.#error ? withPagesDone(this.#error, this.#failedAt) : this.#errorOfPage());
  }

  #errorOfPage(): ZramError {
    const index = this.first + this.#failedAt;
    const done = this.#failedAt;
    switch (this.#result) {
      case NO_ROOM:
        return new ZramError(
          'ENOMEM',
          `cannot allocate memory for page ${index}, which keeps its old content: its worker has reached its share of memLimit, or maxMemory.`,
          done,
        );
      case DAMAGED:
        return new ZramError(
          'EIO',
          `cannot read page ${index}: it does not decompress, the stored data is damaged.`,
          done,
        );
      case NOT_COMPRESSED:
        return new ZramError(
          'EIO',
          `cannot store page ${index}, which keeps its old content: its compressor failed.`,
          done,
        );
      case UNSUPPORTED:
        return new ZramError(
          'EOPNOTSUPP',
          `cannot compress page ${index}: its compressor is not supported here.`,
          done,
        );
      case NO_TARGET:
        return withPagesDone(detached('out'), done);
      default: {
        const pages = this.fleet.owners.lost(this.first, this.count);
        const what = pages.includes(index)
          ? 'the page is lost until it is written or discarded'
          : 'the page keeps its old content';
        return new LostPagesError(`the worker of page ${index} died: ${what}.`, done, pages);
      }
    }
  }
}

/** Writes bytes; partly covered pages are read, changed and written. */
export class WriteTask extends PagesTask<void> {
  /** The bytes of the call from `#keptFrom` on. */
  #bytes: Uint8Array;
  #keptFrom = 0;
  /** The pages of the call that are in the router's staging area. */
  #stagedFrom = 0;
  #stagedTo = 0;
  #stagedAt = -1;
  /** The bytes to write to partly covered pages that are being read: the first and the last page at most. */
  #patches: Map<number, Uint8Array> | undefined;

  constructor(fleet: Fleet, disk: Disk, offset: number, bytes: Uint8Array) {
    super(fleet, disk, offset, lengthOf(bytes));
    this.#bytes = viewOf(bytes);
  }

  protected value(): void {}

  /** Copies the bytes that were not sent yet, as the caller may change them from now on. */
  keep(): void {
    if (this.next === this.count) return;
    const from = this.from(this.next);
    try {
      this.#bytes = copyOf(this.#bytes, from);
      this.#keptFrom = from;
    } catch (error) {
      this.abort(error as ZramError);
      this.#bytes = NO_BYTES;
      this.fleet.changed();
    }
  }

  #part(from: number, to: number): Uint8Array {
    return this.#bytes.subarray(from - this.#keptFrom, to - this.#keptFrom);
  }

  protected send(n: number): number {
    const [from, to] = [this.from(n), this.to(n)];
    if (to - from < PAGE_SIZE) return Number(this.#sendPart(n, from, to));
    const { router } = this.fleet;
    if (n >= this.#stagedTo || n < this.#stagedFrom || router.staged !== this.#stagedAt) {
      // As many whole pages as remain and fit the staging area.
      const end = from + Math.min(router.capacity, Math.floor((this.length - from) / PAGE_SIZE)) * PAGE_SIZE;
      this.#stagedAt = router.stage(this.#part(from, end));
      this.#stagedFrom = n;
      this.#stagedTo = n + (end - from) / PAGE_SIZE;
    }
    return Number(this.fleet.write(this, n, this.first + n, n - this.#stagedFrom));
  }

  #sendPart(n: number, from: number, to: number): boolean {
    const { fleet } = this;
    const index = this.first + n;
    const owner = fleet.owners.get(index);
    if (owner >= BUSY) return false;
    if (owner === LOST) {
      this.failed(n, DIED);
      return true;
    }
    if (owner !== NOBODY) {
      if (!fleet.read(this, n, index, true)) return false;
      (this.#patches ??= new Map()).set(n, copyOf(this.#part(from, to)));
      return true;
    }
    const page = fleet.router.page(0);
    fleet.router.invalidate();
    page.fill(0).set(this.#part(from, to), (this.offset + from) % PAGE_SIZE);
    return fleet.write(this, n, index, 0);
  }

  read(n: number, page: Uint8Array): void {
    const patched = copyOf(page);
    patched.set(this.#patches?.get(n) as Uint8Array, (this.offset + this.from(n)) % PAGE_SIZE);
    this.fleet.writePatched(this, n, this.first + n, patched);
  }
}

const NO_BYTES = new Uint8Array(0);
const ZERO_PAGE = new Uint8Array(PAGE_SIZE);

/** Reads bytes. */
export class ReadTask extends PagesTask<Uint8Array> {
  readonly #out: Uint8Array;
  /** The memory of `out`, if workers can write to it. */
  readonly #memory: Memory | undefined;

  constructor(fleet: Fleet, disk: Disk, offset: number, length: number, out: Uint8Array) {
    super(fleet, disk, offset, length);
    this.#out = out;
    this.#memory = fleet.memories?.of(out);
  }

  protected value(): Uint8Array {
    return this.#out;
  }

  protected send(n: number): number {
    const owner = this.fleet.owners.get(this.first + n);
    if (owner >= BUSY) return 0;
    if (owner !== NOBODY && owner !== LOST) return this.#readFrom(n);
    if (owner === LOST) this.failed(n, DIED);
    else this.read(n, ZERO_PAGE);
    return 1;
  }

  /** Reads the page, and if workers can write to `out`, those after it that are whole. */
  #readFrom(n: number): number {
    const from = this.from(n);
    const index = this.first + n;
    if (!this.#memory || this.to(n) - from < PAGE_SIZE) return Number(this.fleet.read(this, n, index, false));
    const count = Math.floor((this.length - from) / PAGE_SIZE);
    return this.fleet.readTo(this, n, index, count, this.#memory, offsetOf(this.#out) + from);
  }

  read(n: number, page: Uint8Array): void {
    const from = this.from(n);
    const length = this.to(n) - from;
    const inPage = (this.offset + from) % PAGE_SIZE;
    try {
      setBytes(this.#out, length === PAGE_SIZE ? page : viewOf(page, inPage, inPage + length), from);
    } catch {
      this.failed(n, NO_TARGET);
      return;
    }
    this.done(n);
  }
}

/** Frees whole pages. */
export class DiscardTask implements Task, PageClient {
  readonly promise: Promise<void>;
  #resolve!: () => void;
  #reject!: (error: ZramError) => void;
  #error: ZramError | undefined;
  readonly #fleet: Fleet;
  readonly #disk: Disk;
  readonly #first: number;
  readonly #count: number;
  #begun = false;
  /** The workers that have any of the pages and were not sent the discard yet. */
  #owners: number[] | undefined;
  #left = 1;

  constructor(fleet: Fleet, disk: Disk, first: number, count: number) {
    this.#fleet = fleet;
    this.#disk = disk;
    this.#first = first;
    this.#count = count;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  advance(): boolean {
    const fleet = this.#fleet;
    if (!this.#begun) {
      this.#begun = true;
      fleet.began();
      this.#disk.check();
    }
    if (!this.#owners) {
      if (fleet.owners.anyBusy(this.#first, this.#count)) return false;
      this.#owners = [...fleet.owners.clear(this.#first, this.#count)];
      this.#left += this.#owners.length;
      this.#disk.notifyFree += this.#count;
    }
    for (let owner = this.#owners.at(-1); owner !== undefined; owner = this.#owners.at(-1)) {
      if (!fleet.discard(this, owner, owner, this.#first, this.#count)) return false;
      this.#owners.pop();
    }
    this.done();
    return true;
  }

  abort(error: ZramError): void {
    this.#error = error;
    this.#left -= this.#owners?.length ?? 0;
    this.#owners = [];
  }

  done(): void {
    if (--this.#left > 0) return;
    this.#fleet.ended();
    if (this.#error) this.#reject(this.#error);
    else this.#resolve();
  }

  read(): void {}

  failed(): void {}
}

/**
 * A call of all workers. It begins when all calls before it are done, since a page on its way from one worker to
 * another would be counted twice.
 */
export class ControlTask<Value> implements Task {
  readonly promise: Promise<Value>;
  #resolve!: (value: Value) => void;
  #reject!: (error: ZramError) => void;
  readonly #fleet: Fleet;
  readonly #call: () => Promise<Value>;
  readonly #exclusive: boolean;
  #begun = false;
  #done = false;

  /** @param exclusive whether all calls after it wait until it is done */
  constructor(fleet: Fleet, call: () => Promise<Value>, exclusive: boolean) {
    this.#fleet = fleet;
    this.#call = call;
    this.#exclusive = exclusive;
    this.promise = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  advance(): boolean {
    if (!this.#begun) {
      if (!this.#fleet.isQuiet || !this.#fleet.settleLinks()) return false;
      this.#begun = true;
      this.#fleet.began();
      void this.#call()
        .then(this.#resolve, (error: unknown) => {
          this.abort(error instanceof ZramError ? error : new ZramError('EIO', `the call failed: ${textOf(error)}.`));
        })
        .finally(this.#end);
    }
    return this.#done || !this.#exclusive;
  }

  abort(error: ZramError): void {
    this.#begun = true;
    this.#done = true;
    this.#reject(error);
  }

  readonly #end = (): void => {
    this.#done = true;
    this.#fleet.ended();
    this.#fleet.changed();
  };
}
