/**
 * The caller's end of the connection to one worker: its parcels, their content, and the answers that are due.
 *
 * A worker has a fixed number of parcels, which is the back pressure: while all are in use, nothing more can be sent.
 * With shared memory a parcel is a buffer that both sides see, and is handed over in a mailbox; otherwise its buffer is
 * transferred back and forth. A partly filled parcel is sent as soon as the worker has little to do, so a single call does
 * not wait, and many calls fill whole parcels.
 */
import { ZramError } from '../../base/errors.js';
import { textOf } from '../../base/messages.js';
import type { WorkerSource } from '../worker-source.js';
import { Outbox } from './mailbox.js';
import {
  DISCARD,
  DONE,
  OPERATION_BITS,
  Parcel,
  PARCEL_RECORDS,
  parcelBytes,
  RAW,
  READ_TO,
  readMessage,
  RECORD_WORDS,
  SHARED,
  SPAN_PAGES,
  SPAN_SHIFT,
  TRANSFERRED,
  UNSUPPORTED,
  USES,
  writeWith,
  type ControlName,
  type DeviceOptions,
  type Fault,
  type SharedParcels,
  type ToWorker,
} from './protocol.js';
import { Thread } from './thread.js';

/**
 * A worker with fewer parcels is about to run out of work, and is sent one that is not full. In shared memory that costs no
 * message, and the worker tells of two parcels at once.
 */
const BUSY_PARCELS = 2;
const BUSY_SHARED = 3;
/** Pages of a parcel that are read to the caller's memory: as much work as a parcel of pages. */
const DIRECT_PAGES = 2 * SHARED.pages;

/** Receives the result of a record. */
export interface PageClient {
  /** A page was written, pages were freed, or `count` pages were read to the caller's memory. */
  done(n: number, count?: number): void;
  /** A page was read; the array is valid during the call only. */
  read(n: number, page: Uint8Array): void;
  /**
   * @param result a code of protocol.ts
   * @param count of pages, of which the nth is the first that has failed
   */
  failed(n: number, result: number, count?: number): void;
}

/** A parcel, and the caller's data about its records. */
export class Shipment {
  parcel: Parcel;
  records = 0;
  pages = 0;
  /** How often it was used. */
  #uses = 0;
  readonly operations = new Uint8Array(PARCEL_RECORDS);
  readonly indexes = new Uint32Array(PARCEL_RECORDS);
  readonly slots = new Uint8Array(PARCEL_RECORDS);
  /** Whether the record has made its page busy. */
  readonly busy = new Uint8Array(PARCEL_RECORDS);
  /** Undefined where no result is awaited: for the freed old copy of a page that has moved. */
  readonly clients: (PageClient | undefined)[] = new Array<PageClient | undefined>(PARCEL_RECORDS).fill(undefined);
  /** The client's number for the page, or for the first page of a span. */
  readonly numbers = new Float64Array(PARCEL_RECORDS);
  /** Of each READ_TO the place of the first page, and the number of pages. */
  readonly firsts = new Uint16Array(PARCEL_RECORDS);
  readonly counts = new Uint16Array(PARCEL_RECORDS);
  /** Pages of all of them. */
  #direct = 0;

  constructor(
    /** The number of the parcel, if memory is shared. */
    readonly slot: number,
    parcel: Parcel,
    /** Pages that fit the parcel. */
    readonly capacity: number,
  ) {
    this.parcel = parcel;
  }

  /** @param first the parcel's page, or the first operand of an operation without one */
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

  /** A WRITE, until a block is made of its page. */
  get write(): number {
    return writeWith(RAW + this.#uses);
  }

  /** Takes the next free page of the parcel. */
  takePage(record: number): number {
    return (this.slots[record] = this.pages++);
  }

  /** @returns whether there is room for a record, and for `pages` pages in the parcel */
  hasRoom(pages: number): boolean {
    return this.records < PARCEL_RECORDS && this.pages + pages <= this.capacity && this.#direct < DIRECT_PAGES;
  }

  /**
   * Adds the reading of a span to the caller's memory. There must be room for a record and a page.
   * @param span the owners of its pages
   * @param first the place of the first page that the worker owns
   * @param count of the pages that it owns
   */
  addDirect(
    client: PageClient,
    n: number,
    index: number,
    span: Uint8Array,
    { first, count }: { first: number; count: number },
    memory: number,
    at: number,
  ): void {
    const record = this.add(READ_TO, index, memory, at);
    const slot = this.takePage(record);
    this.parcel.words[record * RECORD_WORDS] |= (slot << OPERATION_BITS) | (span.length << SPAN_SHIFT);
    this.parcel.page(slot).set(span);
    this.#direct += count;
    this.clients[record] = client;
    this.numbers[record] = n;
    this.firsts[record] = first;
    this.counts[record] = count;
  }

  result(n: number): number {
    return this.parcel.words[n * RECORD_WORDS];
  }

  /** The place of the page of a READ_TO that has failed. */
  failedAt(n: number): number {
    return Math.min(this.parcel.words[n * RECORD_WORDS + 1], SPAN_PAGES - 1);
  }

  /** Whether each record has a result. */
  get isCarriedOut(): boolean {
    for (let n = 0; n < this.records; n++) if (this.result(n) < DONE || this.result(n) > UNSUPPORTED) return false;
    return true;
  }

  clear(): void {
    this.clients.fill(undefined, 0, this.records);
    this.records = 0;
    this.pages = 0;
    this.#direct = 0;
    this.#uses = (this.#uses + 1) % USES;
  }
}

export interface LinkEvents {
  /** The worker has sent a message. */
  heard(): void;
  /** A parcel was returned. It is emptied after the call. */
  returned(link: Link, shipment: Shipment): void;
  /** The worker died, and the results of these parcels are lost. @param ended when its thread no longer runs */
  died(link: Link, shipments: Shipment[], ended: Promise<void>): void;
  /** Called after each of these: waiting tasks may be able to proceed. */
  changed(): void;
}

interface Question {
  /** The answer is boxed, as `resolve` would treat an answer with a `then` as a promise. */
  resolve(answer: { readonly value: unknown } | undefined): void;
  reject(error: ZramError): void;
}

const NOT_SENT = 'it returned a parcel that it was not sent';
const NOT_CARRIED_OUT = 'it returned a parcel that it did not carry out';

export class Link {
  /** Whether the thread is alive. */
  alive = true;
  /** Why the thread is no longer alive. */
  reason = '';
  readonly #thread: Thread;
  readonly #events: LinkEvents;
  readonly #busyParcels: number;
  /** If memory is shared: all parcels. */
  readonly #memory: SharedArrayBuffer | undefined;
  readonly #outbox: Outbox | undefined;
  /** Numbers of the memory that the worker has been sent. */
  readonly #memories = new Set<number>();
  /** Parcels made so far: many are never needed. */
  #made = 0;
  readonly #free: Shipment[] = [];
  readonly #sent: Shipment[] = [];
  /** Parcels returned so far, and thus the number of the next one. */
  #returned = 0;
  #open: Shipment | undefined;
  /** Pages whose old copies must be freed before anything else is sent. */
  #toFree: number[] = [];
  readonly #questions: Question[] = [];
  /** Questions answered so far, and thus the number of the next one. */
  #answered = 0;

  constructor(
    readonly number: number,
    source: WorkerSource | undefined,
    sharesMemory: boolean,
    events: LinkEvents,
  ) {
    this.#busyParcels = sharesMemory ? BUSY_SHARED : BUSY_PARCELS;
    this.#outbox = sharesMemory ? new Outbox() : undefined;
    this.#memory = sharesMemory ? new SharedArrayBuffer(SHARED.parcels * parcelBytes(SHARED)) : undefined;
    this.#events = events;
    this.#thread = new Thread(source, {
      message: (message) => this.#take(message),
      death: (reason) => this.#die(reason),
    });
  }

  /** What it shares with its worker. */
  get shared(): SharedParcels | undefined {
    return this.#outbox && this.#memory && { mailbox: this.#outbox.buffer, parcels: this.#memory };
  }

  /** Makes the engine and device in the worker. @param others the links to workers that it helps */
  async start(
    module: object,
    maxMemory: number | undefined,
    device: DeviceOptions,
    others: readonly Link[],
  ): Promise<void> {
    const shared = this.shared && { ...this.shared, others: others.flatMap((other) => other.shared ?? []) };
    await this.#ask((ask) => ({ ask, start: { module, maxMemory, device }, owner: this.number + 1, shared }));
    if (!this.alive) throw new ZramError('EIO', `cannot start a worker: ${this.reason}.`);
  }

  // ── parcels ────────────────────────────────────────────────────────────────────────────────────────────────────

  /** A parcel with room for a record and for `pages` pages (0 or 1); undefined when all parcels are in use. */
  room(pages: number): Shipment | undefined {
    if (!this.#freeFirst()) return undefined;
    return this.#opened(pages);
  }

  #opened(pages: number): Shipment | undefined {
    // A parcel in the mailbox would overtake the question.
    if (this.#outbox && this.#questions.length > 0) return undefined;
    const open = this.#open;
    if (open) {
      if (open.hasRoom(pages)) return open;
      this.#send(open);
    }
    return (this.#open = this.#free.pop() ?? this.#make());
  }

  /** @returns undefined: there are as many as there may be */
  #make(): Shipment | undefined {
    const memory = this.#memory;
    const shape = memory ? SHARED : TRANSFERRED;
    if (!this.alive || this.#made === shape.parcels) return undefined;
    const slot = this.#made++;
    const bytes = parcelBytes(shape);
    return new Shipment(
      slot,
      memory ? new Parcel(memory, slot * bytes) : new Parcel(new ArrayBuffer(bytes)),
      shape.pages,
    );
  }

  /** Frees the worker's copy of a page that has moved to another, before anything else is sent. */
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

  /** Sends the open parcel, unless the worker is busy and more records may be added. */
  flush(): void {
    this.#freeFirst();
    if (this.#open && this.#open.records > 0 && this.#sent.length < this.#busyParcels) this.#send(this.#open);
  }

  #send(shipment: Shipment): void {
    this.#open = undefined;
    const parcel = this.#returned + this.#sent.push(shipment) - 1;
    const { slot, records } = shipment;
    const { buffer } = shipment.parcel;
    if (!this.#outbox) this.#post({ parcel, records, buffer }, [buffer]);
    else if (this.#outbox.send(slot, records)) this.#post({ parcel, records, buffer: undefined });
  }

  /** Sends the worker memory that it has not been sent yet. */
  share(memory: number, buffer: ArrayBufferLike): void {
    if (this.#memories.has(memory)) return;
    this.#memories.add(memory);
    this.#post({ memory, buffer });
  }

  /** The caller has let go of the memory, and so does the worker. */
  unshare(memory: number): void {
    if (this.alive && this.#memories.delete(memory)) this.#post({ memory, buffer: undefined });
  }

  /** A worker that cannot be sent a message is considered dead, but not before the current call has returned. */
  #post(message: ToWorker, transfer?: ArrayBufferLike[]): void {
    try {
      if (!('start' in message)) this.#outbox?.posting();
      this.#thread.post(message, transfer);
    } catch (error) {
      queueMicrotask(() => this.#die(`it cannot be sent a message: ${textOf(error)}`));
    }
  }

  // ── messages ───────────────────────────────────────────────────────────────────────────────────────────────────

  /** Sends everything that is buffered. @returns false: there was no free parcel for some of it */
  settle(): boolean {
    if (!this.#freeFirst()) return false;
    if (this.#open && this.#open.records > 0) this.#send(this.#open);
    return true;
  }

  /** Calls the device, after `settle`. Resolves to undefined when the worker dies. */
  control(name: ControlName, argument: unknown): Promise<{ readonly value: unknown } | undefined> {
    if (!this.alive) return Promise.resolve(undefined);
    return this.#ask((ask) => ({ ask, control: name, argument }));
  }

  #ask(question: (ask: number) => ToWorker): Promise<{ readonly value: unknown } | undefined> {
    return new Promise((resolve, reject) => {
      const ask = this.#answered + this.#questions.push({ resolve, reject }) - 1;
      this.#post(question(ask));
    });
  }

  /** Whether answers are due. */
  get owes(): boolean {
    return this.#questions.length > 0 || this.#sent.length > 0;
  }

  #take(said: unknown): void {
    if (!this.alive) return;
    const message = readMessage(said);
    if (!message) return;
    this.#events.heard();
    if ('parcel' in message) this.#takeParcel(message.parcel, message.buffer);
    else if ('answer' in message) this.#takeAnswer(message.answer, message.value, message.fault);
    else this.#die(message.fatal);
  }

  #takeParcel(parcel: unknown, buffer: unknown): void {
    if (this.#outbox) {
      const count = this.#outbox.news(this.#returned);
      const end = this.#returned + count;
      if (!isOneOf(parcel, end) || count < 0 || count > this.#sent.length) {
        this.#die(NOT_SENT);
        return;
      }
      while (this.alive && this.#returned < end) this.#takeBack(this.#sent[0]);
      return;
    }
    if (isOneOf(parcel, this.#returned)) return; // a repeated message
    const [shipment] = this.#sent;
    if (!shipment || parcel !== this.#returned) {
      this.#die(NOT_SENT);
      return;
    }
    if (isParcel(buffer)) {
      shipment.parcel = new Parcel(buffer as ArrayBuffer);
      this.#takeBack(shipment);
    } else {
      this.#die(NOT_CARRIED_OUT);
    }
  }

  #takeBack(shipment: Shipment): void {
    if (!shipment.isCarriedOut) {
      this.#die(NOT_CARRIED_OUT);
      return;
    }
    this.#sent.shift();
    this.#returned++;
    this.#events.returned(this, shipment);
    shipment.clear();
    if (this.alive) this.#free.push(shipment);
    this.#events.changed();
  }

  #takeAnswer(answer: unknown, value: unknown, fault: Fault | undefined): void {
    if (isOneOf(answer, this.#answered)) return; // a repeated message
    const [question] = this.#questions;
    if (!question || answer !== this.#answered) {
      this.#die('it answered a question that it was not asked');
      return;
    }
    this.#questions.shift();
    this.#answered++;
    if (fault) question.reject(errorOf(fault));
    else question.resolve({ value });
    this.#events.changed();
  }

  keepAlive(on: boolean): void {
    if (this.alive) this.#thread.keepAlive(on);
  }

  /** Terminates the thread. Answers that are due are lost. */
  async end(reason: string): Promise<void> {
    this.#die(reason);
    await this.#thread.end();
  }

  /** Its parcels are not reused: a thread that is being terminated may still write to shared memory. */
  #die(reason: string): void {
    if (!this.alive) return;
    this.alive = false;
    this.reason = reason;
    const ended = this.#thread.end();
    const shipments = this.#open ? [...this.#sent, this.#open] : [...this.#sent];
    this.#open = undefined;
    this.#sent.length = 0;
    this.#free.length = 0;
    this.#toFree = [];
    this.#events.died(this, shipments, ended);
    for (const question of this.#questions.splice(0)) question.resolve(undefined);
    this.#events.changed();
  }
}

/** Whether a worker has sent this number before. */
function isOneOf(number: unknown, next: number): boolean {
  return typeof number === 'number' && Number.isInteger(number) && number >= 0 && number < next;
}

function isParcel(buffer: unknown): boolean {
  try {
    return lengthOfBuffer.call(buffer) === parcelBytes(TRANSFERRED);
  } catch {
    return false; // not an ArrayBuffer
  }
}

const lengthOfBuffer = Reflect.get(
  Object.getOwnPropertyDescriptor(ArrayBuffer.prototype, 'byteLength') as object,
  'get',
) as () => number;

function errorOf({ code, message }: Fault): ZramError {
  return new ZramError(code, message.startsWith(`${code}: `) ? message.slice(code.length + 2) : message);
}
