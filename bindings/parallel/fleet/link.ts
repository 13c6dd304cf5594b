/**
 * The caller's end of one worker: its parcels, what is in them, and what it owes an answer to.
 *
 * A worker has a fixed number of parcels, which is the back pressure: where all are under way, nothing more can be sent. In
 * shared memory a parcel is a buffer that both sides see; else its buffer is transferred there and back. One partly filled
 * parcel goes out as soon as the worker has little to do, so a single call is not kept waiting, and many fill parcels.
 */
import { ZramError } from '../../errors.js';
import {
  DISCARD,
  PARCEL_BYTES,
  PARCEL_PAGES,
  PARCEL_RECORDS,
  Parcel,
  RECORD_WORDS,
  type ControlName,
  type DeviceOptions,
  type FromWorker,
} from './protocol.js';
import type { WorkerSource } from '../worker-source.js';
import { Thread } from './thread.js';

/** Two that the worker has, one that is filled, one on its way back. */
const PARCELS = 4;
/** A worker with fewer parcels is about to run out of work: then it gets one that is not full. */
const BUSY_PARCELS = 2;

/** Who hears of a record's result. */
export interface PageClient {
  /** A page was written, or pages were freed. */
  done(n: number): void;
  /** A page was read; the array is the client's during the call only. */
  read(n: number, page: Uint8Array): void;
  /** @param result of protocol.ts */
  failed(n: number, result: number): void;
}

/** A parcel, and what the caller knows of its records. */
export class Shipment {
  parcel: Parcel;
  records = 0;
  pages = 0;
  readonly operations = new Uint8Array(PARCEL_RECORDS);
  readonly indexes = new Uint32Array(PARCEL_RECORDS);
  readonly slots = new Uint8Array(PARCEL_RECORDS);
  /** Whether the record's page is busy on its behalf. */
  readonly busy = new Uint8Array(PARCEL_RECORDS);
  /** Without one, nobody has to hear of the result: the old copy of a page that has moved. */
  readonly clients: (PageClient | undefined)[] = new Array<PageClient | undefined>(PARCEL_RECORDS).fill(undefined);
  /** The client's number for the page. */
  readonly numbers = new Float64Array(PARCEL_RECORDS);

  constructor(
    readonly id: number,
    buffer: ArrayBufferLike,
  ) {
    this.parcel = new Parcel(buffer);
  }

  /** @param slot the parcel's page, or the first operand of an operation without one */
  add(operation: number, index: number, first: number, second: number): number {
    const n = this.records++;
    const { words } = this.parcel;
    const at = n * RECORD_WORDS;
    words[at] = operation;
    words[at + 1] = index;
    words[at + 2] = first;
    words[at + 3] = second;
    this.operations[n] = operation;
    this.indexes[n] = index;
    this.busy[n] = 0;
    this.clients[n] = undefined;
    return n;
  }

  /** The next page of the parcel that is not in use. */
  takePage(record: number): number {
    return (this.slots[record] = this.pages++);
  }

  result(n: number): number {
    return this.parcel.words[n * RECORD_WORDS];
  }

  clear(): void {
    this.clients.fill(undefined, 0, this.records);
    this.records = 0;
    this.pages = 0;
  }
}

export interface LinkEvents {
  /** A parcel came back. It is emptied after the call. */
  returned(link: Link, shipment: Shipment): void;
  /** The worker is gone, and with it what these parcels asked for. */
  died(link: Link, shipments: Shipment[]): void;
  /** After each of these: what had to wait may be able to go on. */
  changed(): void;
}

interface Answer {
  resolve(value: unknown): void;
  reject(error: ZramError): void;
}

export class Link {
  /** Whether the thread is there. Before its end it has answered everything. */
  alive = true;
  /** Why it is not. */
  reason = '';
  readonly #thread: Thread;
  readonly #events: LinkEvents;
  readonly #sharesMemory: boolean;
  readonly #free: Shipment[] = [];
  readonly #sent: Shipment[] = [];
  #open: Shipment | undefined;
  /** Pages whose old copies are to be freed before anything else is done. */
  #toFree: number[] = [];
  readonly #answers: Answer[] = [];

  constructor(
    readonly number: number,
    source: WorkerSource | undefined,
    sharesMemory: boolean,
    events: LinkEvents,
  ) {
    this.#sharesMemory = sharesMemory;
    this.#events = events;
    const Buffer = sharesMemory ? SharedArrayBuffer : ArrayBuffer;
    for (let id = 0; id < PARCELS; id++) this.#free.push(new Shipment(id, new Buffer(PARCEL_BYTES)));
    this.#thread = new Thread(source, {
      message: (message) => this.#take(message),
      death: (reason) => this.#die(reason),
    });
  }

  /** Makes engine and device in the worker. */
  async start(module: object, maxMemory: number | undefined, device: DeviceOptions): Promise<void> {
    const shared = this.#sharesMemory ? this.#free.map(({ parcel }) => parcel.buffer) : undefined;
    await this.#answered(() => this.#thread.post({ start: { module, maxMemory, device }, shared }));
    if (!this.alive) throw new ZramError('EIO', `a worker did not start: ${this.reason}`);
  }

  // ── parcels ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A parcel with room for a record, and for `pages` pages (0 or 1). Undefined: the worker has enough to do. */
  room(pages: number): Shipment | undefined {
    if (!this.#freeFirst()) return undefined;
    return this.#opened(pages);
  }

  #opened(pages: number): Shipment | undefined {
    const open = this.#open;
    if (open) {
      if (open.records < PARCEL_RECORDS && open.pages + pages <= PARCEL_PAGES) return open;
      this.#send(open);
    }
    return (this.#open = this.#free.pop());
  }

  /** The worker's copy of the page, which another has acknowledged, is to go: before whatever is sent after this. */
  free(index: number): void {
    this.#toFree.push(index);
    this.#freeFirst();
  }

  #freeFirst(): boolean {
    while (this.#toFree.length > 0) {
      const shipment = this.#opened(0);
      if (!shipment) return false;
      const count = Math.min(this.#toFree.length, PARCEL_RECORDS - shipment.records);
      for (const index of this.#toFree.splice(0, count)) shipment.add(DISCARD, index, 1, 0);
    }
    return true;
  }

  /** Sends what has gathered, unless the worker is busy and more may come. */
  flush(): void {
    this.#freeFirst();
    if (this.#open && this.#open.records > 0 && this.#sent.length < BUSY_PARCELS) this.#send(this.#open);
  }

  #send(shipment: Shipment): void {
    this.#open = undefined;
    this.#sent.push(shipment);
    const { id: parcel, records } = shipment;
    const { buffer } = shipment.parcel;
    if (this.#sharesMemory) this.#thread.post({ parcel, records, buffer: undefined });
    else this.#thread.post({ parcel, records, buffer }, [buffer]);
  }

  // ── messages ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends all that has gathered. @returns false: there is no parcel for some of it */
  settle(): boolean {
    if (!this.#freeFirst()) return false;
    if (this.#open && this.#open.records > 0) this.#send(this.#open);
    return true;
  }

  /** A call of the device, after `settle`. Resolves to undefined when the worker dies. */
  control(name: ControlName, argument: unknown): Promise<unknown> {
    if (!this.alive) return Promise.resolve(undefined);
    return this.#answered(() => this.#thread.post({ control: name, argument }));
  }

  #answered(post: () => void): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#answers.push({ resolve, reject });
      post();
    });
  }

  #take(message: FromWorker): void {
    if (!this.alive) return;
    if ('parcel' in message) {
      const shipment = this.#sent.shift();
      if (shipment?.id !== message.parcel) {
        this.#die('it returned a parcel that it was not sent');
        return;
      }
      if (message.buffer) shipment.parcel = new Parcel(message.buffer);
      this.#events.returned(this, shipment);
      shipment.clear();
      this.#free.push(shipment);
      this.#events.changed();
    } else if ('fatal' in message) {
      this.#die(message.fatal);
    } else {
      const answer = this.#answers.shift();
      if ('value' in message) answer?.resolve(message.value);
      else answer?.reject(errorOf(message.fault));
    }
  }

  keepAlive(on: boolean): void {
    if (this.alive) this.#thread.keepAlive(on);
  }

  /** Ends the thread. */
  async end(): Promise<void> {
    this.alive = false;
    await this.#thread.end();
  }

  /** Its parcels are not used again: a thread that is being ended may still write to memory that is shared. */
  #die(reason: string): void {
    if (!this.alive) return;
    this.alive = false;
    this.reason = reason;
    void this.#thread.end();
    const shipments = this.#open ? [...this.#sent, this.#open] : [...this.#sent];
    this.#open = undefined;
    this.#sent.length = 0;
    this.#free.length = 0;
    this.#toFree = [];
    this.#events.died(this, shipments);
    for (const answer of this.#answers.splice(0)) answer.resolve(undefined);
    this.#events.changed();
  }
}

function errorOf({ code, message }: { code: ZramError['code']; message: string }): ZramError {
  return new ZramError(code, message.slice(code.length + 2));
}
