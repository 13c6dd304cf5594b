/**
 * All workers: which page is in which worker, and what is sent to each in which order.
 *
 * Tasks wait in one queue and send their pages in the order of the calls; a task that cannot proceed (its worker has no
 * free parcel, its page is busy) blocks those behind it. Each worker processes what it is sent in order. So for each
 * page everything happens in the order of the calls.
 *
 * A page that moves to another worker is busy meanwhile: no task touches it. It is first written to the new worker.
 * Once that is acknowledged, the page has its new owner, and its old copy is freed before anything else is sent to the
 * old owner. If the new worker refuses or dies, nothing has changed.
 */
import { ZramError } from '../../base/errors.js';
import { textOf } from '../../base/messages.js';
import type { WorkerSource } from '../worker-source.js';
import { Link, type LinkEvents, type PageClient, type Shipment } from './link.js';
import { Memories, type Memory } from './memories.js';
import { BUSY, LOST, NOBODY, Owners } from './owners.js';
import {
  DIED,
  DISCARD,
  DONE,
  FILL,
  READ,
  READ_TO,
  SPAN_PAGES,
  type ControlName,
  type DeviceOptions,
} from './protocol.js';
import type { Router } from './router.js';

/** A call that is waiting for its turn or in progress. */
export interface Task {
  /** Sends what it can. @returns whether everything is sent */
  advance(): boolean;
  /** Fails the task. It sends nothing more: the next `advance` returns true. */
  abort(error: ZramError): void;
}

/** A page that was read to change a part of it: it is busy, and is written before all tasks. */
interface Patched {
  readonly client: PageClient;
  readonly n: number;
  readonly index: number;
  readonly page: Uint8Array;
}

export interface FleetSetting {
  readonly workers: number;
  readonly source: WorkerSource | undefined;
  readonly sharesMemory: boolean;
  readonly router: Router;
}

/** So many others a worker helps, and is helped by. */
const HELPED = 3;
/** The queue is cut when more than this many tasks at its front are completely sent. */
const QUEUE_CUT = 1000;
/** Workers that owe an answer are considered dead when no worker has sent anything for this many checks in a row. */
const SILENT_LOOKS = 3;
const LOOK_MS = 5000;

export class Fleet implements LinkEvents {
  readonly owners = new Owners();
  readonly router: Router;
  /** Memory of the caller's that workers read to; undefined if they share none. */
  readonly memories: Memories | undefined;
  readonly #setting: FleetSetting;
  readonly #links: Link[] = [];
  /** By worker. */
  readonly #alive: boolean[];
  /** By worker: its pages of a span. */
  readonly #shares: { first: number; count: number }[];
  #queue: Task[] = [];
  /** Tasks at the front of the queue that are completely sent. */
  #through = 0;
  #patched: Patched[] = [];
  /** Tasks that have begun and have not ended. */
  #running = 0;
  /** `changed` is running; it may be re-entered when a caller's own Worker calls the device. */
  #changing = false;
  #hasChanged = false;
  #flushes = false;
  #keepsAlive = true;
  #watch: ReturnType<typeof setInterval> | undefined;
  #silentLooks = 0;

  constructor(setting: FleetSetting) {
    this.#setting = setting;
    this.router = setting.router;
    if (setting.sharesMemory)
      this.memories = new Memories((number) => this.#links.forEach((link) => link.unshare(number)));
    this.#alive = new Array<boolean>(setting.workers).fill(true);
    this.#shares = this.#alive.map(() => ({ first: 0, count: 0 }));
  }

  /** Starts the workers and makes a device in each. After a failure, `end` terminates those that were started. */
  async start(module: object, maxMemory: number | undefined, devices: readonly DeviceOptions[]): Promise<void> {
    const { workers, source, sharesMemory } = this.#setting;
    for (let n = 0; n < workers; n++) this.#links.push(new Link(n, source, sharesMemory, this));
    this.hurry();
    await Promise.all(
      this.#links.map((link, n) => {
        // The next ones, in a circle.
        const others = [...this.#links.slice(n + 1), ...this.#links.slice(0, n)].slice(0, HELPED);
        return link.start(module, maxMemory, devices[n], others);
      }),
    );
    this.#relax();
    this.#keepAlive();
  }

  /** Terminates all threads. */
  async end(): Promise<void> {
    this.#relax();
    this.owners.reset();
    await Promise.all(this.#links.map((link) => link.end('it was ended')));
  }

  // ── silence ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** From now on workers that do not answer are considered dead. */
  hurry(): void {
    this.#silentLooks = 0;
    this.#watch ??= setInterval(() => this.#look(), LOOK_MS);
  }

  #relax(): void {
    clearInterval(this.#watch);
    this.#watch = undefined;
  }

  heard(): void {
    this.#silentLooks = 0;
  }

  /** Counts checks instead of time: while this thread is busy, it receives no messages. */
  #look(): void {
    if (++this.#silentLooks < SILENT_LOOKS) return;
    for (const link of this.#links) if (link.owes) void link.end('it did not answer');
  }

  get workersAlive(): number {
    return this.#alive.reduce((sum, alive) => sum + Number(alive), 0);
  }

  // ── the queue ──────────────────────────────────────────────────────────────────────────────────────────────────

  /** Queues a task. @returns whether it is completely sent */
  enqueue(task: Task): boolean {
    this.#queue.push(task);
    this.changed();
    this.#keepAlive();
    return this.#through === this.#queue.length;
  }

  /** A task has begun. */
  began(): void {
    this.#running++;
  }

  /** A task has all its results. */
  ended(): void {
    this.#running--;
    this.#keepAlive();
  }

  /** Whether no task is in progress. */
  get isQuiet(): boolean {
    return this.#running === 0;
  }

  changed(): void {
    this.#hasChanged = true;
    if (this.#changing) return;
    this.#changing = true;
    while (this.#hasChanged) {
      this.#hasChanged = false;
      while (this.#patched.length > 0 && this.#storePatched(this.#patched[0])) this.#patched.shift();
      while (this.#through < this.#queue.length && advanced(this.#queue[this.#through])) this.#through++;
    }
    this.#changing = false;
    // Cut only now and then: shifting a long array at each task would take quadratic time.
    if (this.#through > QUEUE_CUT || this.#through === this.#queue.length) {
      this.#queue = this.#queue.slice(this.#through);
      this.#through = 0;
    }
    this.#flushLater();
  }

  /** Flushes in a microtask, so that calls made as promises resolve go into the same parcels. */
  #flushLater(): void {
    if (this.#flushes) return;
    this.#flushes = true;
    queueMicrotask(() => {
      this.#flushes = false;
      for (const link of this.#links) if (link.alive) link.flush();
    });
  }

  /** Idle threads must not keep the process alive. */
  #keepAlive(): void {
    const on = this.#running > 0 || this.#through < this.#queue.length;
    if (on === this.#keepsAlive) return;
    this.#keepsAlive = on;
    for (const link of this.#links) link.keepAlive(on);
  }

  // ── pages ──────────────────────────────────────────────────────────────────────────────────────────────────────

  /**
   * Writes a staged page.
   * @param staged its number among the staging pages
   * @param locked whether the task itself has made the page busy
   * @returns false: not possible now
   */
  write(client: PageClient, n: number, index: number, staged: number, locked = false): boolean {
    const byte = this.owners.get(index);
    if (byte >= BUSY && !locked) return false;
    const owner = byte & ~BUSY;
    const fills = this.router.isSameFilled(staged);
    const target = this.#target(index, owner, staged, fills);
    if (target < 0) {
      this.#unlock(index);
      client.failed(n, DIED);
      return true;
    }
    const shipment = this.#links[target].room(fills ? 0 : 1);
    if (!shipment) return false;
    let record;
    if (fills) {
      record = shipment.add(FILL, index, this.router.word(staged, 0), this.router.word(staged, 1));
    } else {
      shipment.parcel.page(shipment.pages).set(this.router.page(staged));
      record = shipment.add(shipment.write, index, shipment.pages, 0);
      shipment.takePage(record);
    }
    const busy = locked || owner !== target + 1;
    if (busy) this.owners.set(index, owner | BUSY);
    shipment.busy[record] = Number(busy);
    shipment.clients[record] = client;
    shipment.numbers[record] = n;
    return true;
  }

  /** The worker for a page; -1 when none is alive. */
  #target(index: number, owner: number, staged: number, fills: boolean): number {
    const alive = this.#alive;
    // A same-filled page takes no memory in any worker, so it stays.
    if (fills && owner !== NOBODY && owner !== LOST) return owner - 1;
    if (!alive.includes(true)) return -1;
    return fills ? this.router.byIndex(index, alive) : this.router.byContent(staged, alive);
  }

  #storePatched({ client, n, index, page }: Patched): boolean {
    try {
      this.router.stage(page);
      return this.write(client, n, index, 0, true);
    } catch {
      this.#unlock(index); // the parcel could not be written to
      client.failed(n, DIED);
      return true;
    }
  }

  /** Writes a page that `read` returned and that is still busy, as soon as there is room. */
  writePatched(client: PageClient, n: number, index: number, page: Uint8Array): void {
    this.#patched.push({ client, n, index, page });
  }

  /**
   * Reads a page, which must not be busy and must have a live owner.
   * @param locks whether the page is busy until `writePatched` has written it, or until reading it fails
   * @returns false: not possible now
   */
  read(client: PageClient, n: number, index: number, locks: boolean): boolean {
    const owner = this.owners.get(index);
    const shipment = this.#links[owner - 1].room(1);
    if (!shipment) return false;
    if (locks) this.owners.set(index, owner | BUSY);
    const record = shipment.add(READ, index, shipment.pages, 0);
    shipment.takePage(record);
    shipment.busy[record] = Number(locks);
    shipment.clients[record] = client;
    shipment.numbers[record] = n;
    return true;
  }

  /**
   * Reads whole pages to the caller's memory, which each worker does that owns any of them.
   * @param index the first page, which is not busy and has a live owner
   * @param count of pages that are wanted
   * @param at where the first page begins in the memory
   * @returns how many are being read; 0: not possible now
   */
  readTo(client: PageClient, n: number, index: number, count: number, memory: Memory, at: number): number {
    const span = this.owners.span(index, Math.min(count, SPAN_PAGES));
    const shares = this.#shares;
    for (const share of shares) share.count = 0;
    for (let place = 0; place < span.length; place++) {
      const share = shares[span[place] - 1];
      if (share.count++ === 0) share.first = place;
    }
    const links = this.#links;
    for (let n = 0; n < links.length; n++) if (shares[n].count > 0 && !links[n].room(1)) return 0;
    for (const link of links) {
      const share = shares[link.number];
      if (share.count === 0) continue;
      link.share(memory.number, memory.buffer);
      link.room(1)?.addDirect(client, n, index, span, share, memory.number, at);
    }
    return span.length;
  }

  /** Frees pages in one worker; they have no owner any more. @returns false: not possible now */
  discard(client: PageClient, n: number, owner: number, first: number, count: number): boolean {
    const link = this.#links[owner - 1];
    if (!link.alive) {
      client.done(n);
      return true;
    }
    const shipment = link.room(0);
    if (!shipment) return false;
    const record = shipment.add(DISCARD, first, count, 0);
    shipment.clients[record] = client;
    shipment.numbers[record] = n;
    return true;
  }

  // ── results ────────────────────────────────────────────────────────────────────────────────────────────────────

  returned(link: Link, shipment: Shipment): void {
    for (let record = 0; record < shipment.records; record++)
      this.#settle(link, shipment, record, shipment.result(record));
  }

  died(link: Link, shipments: Shipment[], ended: Promise<void>): void {
    this.#alive[link.number] = false;
    this.owners.lose(link.number + 1);
    for (const shipment of shipments) {
      const direct: number[] = [];
      for (let record = 0; record < shipment.records; record++) {
        if (shipment.operations[record] === READ_TO) direct.push(record);
        else this.#settle(link, shipment, record, DIED);
      }
      // Until then the thread may still write to the caller's memory, which is the call's until it has ended.
      const settle = (): void => direct.forEach((record) => this.#settle(link, shipment, record, DIED));
      if (direct.length > 0) void ended.then(settle).then(() => this.changed());
    }
  }

  #settle(link: Link, shipment: Shipment, record: number, result: number): void {
    const operation = shipment.operations[record];
    const client = shipment.clients[record];
    const n = shipment.numbers[record];
    const index = shipment.indexes[record];
    const busy = shipment.busy[record] !== 0;
    if (operation === READ_TO) {
      const { counts, firsts } = shipment;
      if (result === DONE) client?.done(n, counts[record]);
      else client?.failed(n + (result === DIED ? firsts[record] : shipment.failedAt(record)), result, counts[record]);
    } else if (operation === DISCARD) {
      // Pages of a worker that died are freed as well.
      client?.done(n);
    } else if (result !== DONE) {
      if (busy) this.#unlock(index);
      client?.failed(n, result);
    } else if (operation === READ) {
      client?.read(n, shipment.parcel.page(shipment.slots[record]));
    } else {
      if (busy) this.#moved(index, link.number + 1);
      client?.done(n);
    }
  }

  /** The new owner has acknowledged the page. */
  #moved(index: number, owner: number): void {
    const old = this.owners.get(index) & ~BUSY;
    this.owners.set(index, owner);
    if (old === owner || old === NOBODY || old === LOST) return;
    this.#links[old - 1].free(index);
  }

  #unlock(index: number): void {
    this.owners.set(index, this.owners.get(index) & ~BUSY);
  }

  // ── calls of all workers ───────────────────────────────────────────────────────────────────────────────────────

  /** Sends everything that is buffered. @returns false: not possible now */
  settleLinks(): boolean {
    return this.#links.every((link) => !link.alive || link.settle());
  }

  /** Calls the device of each live worker. Returns the answers, without those of workers that died meanwhile. */
  async control(name: ControlName, argument?: unknown): Promise<unknown[]> {
    const alive = this.#links.filter((link) => link.alive);
    const answers = await Promise.allSettled(alive.map((link) => link.control(name, argument)));
    const refused = answers.find((answer) => answer.status === 'rejected');
    if (refused) throw refused.reason as ZramError;
    return answers.flatMap((answer) => (answer.status === 'fulfilled' && answer.value ? [answer.value.value] : []));
  }
}

/** Advances a task. What is thrown while it sends fails this task only. */
function advanced(task: Task): boolean {
  try {
    return task.advance();
  } catch (error) {
    task.abort(
      error instanceof ZramError ? error : new ZramError('EIO', `cannot send the call to a worker: ${textOf(error)}.`),
    );
    return task.advance();
  }
}
