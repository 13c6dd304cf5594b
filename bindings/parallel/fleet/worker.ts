/**
 * A worker of ParallelZram: an engine with one device, which carries out parcels and messages.
 *
 * The script of a thread, in Node.js and in browsers; it exports nothing. Expected failures (`ENOMEM`, a damaged page)
 * are results. After any other error the state of the device is unknown: it is reported, and the worker stops.
 */
import { PAGE_SIZE } from '../../base/arguments.js';
import { ZramError } from '../../base/errors.js';
import type { Size } from '../../base/size.js';
import type { RecompressOptions } from '../../device/post-process/recompress.js';
import { Engine } from '../../engine.js';
import type { CompactOptions, MergeOptions } from '../../pool/operations.js';
import { Zram } from '../../zram.js';
import { Inbox } from './mailbox.js';
import {
  DAMAGED,
  DISCARD,
  DONE,
  FILL,
  NO_ROOM,
  NOT_COMPRESSED,
  OPERATION_BITS,
  OPERATION_MASK,
  Parcel,
  parcelsIn,
  RAW,
  READ,
  READ_TO,
  RECORD_WORDS,
  SPAN_PAGES,
  SPAN_SHIFT,
  UNSUPPORTED,
  WRITE,
  type ControlName,
  type DeviceOptions,
  type FromWorker,
  type ToWorker,
} from './protocol.js';
import { Thief } from './stealing.js';

type Start = Extract<ToWorker, { start: unknown }>;

interface Port {
  postMessage(message: FromWorker, transfer: ArrayBufferLike[]): void;
  listen(take: (message: unknown) => void): void;
  close(): void;
}

function nodePort(): Port | undefined {
  const { process } = globalThis as { process?: Partial<NodeJS.Process> };
  const port = process?.getBuiltinModule?.('node:worker_threads').parentPort;
  if (!port) return undefined;
  return {
    postMessage: (message, transfer) => port.postMessage(message, transfer as ArrayBuffer[]),
    listen: (take) => port.on('message', take),
    close: () => port.close(),
  };
}

function webPort(): Port {
  const scope = globalThis as unknown as {
    postMessage(message: unknown, transfer: ArrayBufferLike[]): void;
    onmessage: (event: { data: unknown }) => void;
    close(): void;
  };
  return {
    postMessage: (message, transfer) => scope.postMessage(message, transfer),
    listen(take) {
      scope.onmessage = ({ data }) => take(data);
    },
    close: () => scope.close(),
  };
}

/** A page filled with one 64-bit value. The last one is cached, since runs of zeros are the usual case. */
class FilledPage {
  readonly #words = new Uint32Array(PAGE_SIZE / 4);
  readonly #bytes = new Uint8Array(this.#words.buffer);

  of(low: number, high: number): Uint8Array {
    const words = this.#words;
    if (words[0] !== low || words[1] !== high) {
      for (let n = 0; n < words.length; n += 2) {
        words[n] = low;
        words[n + 1] = high;
      }
    }
    return this.#bytes;
  }
}

class Worker {
  readonly #port: Port;
  readonly #engine: Engine;
  /** What marks the device's pages in a span. */
  readonly #owner: number;
  /** If memory is shared, with the parcels by slot. */
  readonly #inbox: Inbox | undefined;
  readonly #parcels: Parcel[];
  /** Memory of the caller's, by number. */
  readonly #memories = new Map<number, Uint8Array>();
  /** Of the pages of a span, and their places in it. */
  readonly #indexes = new Uint32Array(SPAN_PAGES);
  readonly #places = new Uint16Array(SPAN_PAGES);
  readonly #thief: Thief;
  readonly #filled = new FilledPage();
  /** The options of the device without its disksize, with which `undo` makes it again. */
  #settings: DeviceOptions;
  #zram: Zram;

  private constructor(port: Port, engine: Engine, { start: { device }, owner, shared }: Start) {
    this.#port = port;
    this.#engine = engine;
    this.#owner = owner;
    this.#inbox = shared && new Inbox(shared.mailbox);
    this.#parcels = shared ? parcelsIn(shared.parcels) : [];
    // A compressor that is to be verified is so where its block is stored.
    this.#thief = new Thief(device.verifyCompressors ? [] : (shared?.others ?? []), this.#compress);
    this.#settings = { ...device, disksize: undefined };
    this.#zram = engine.createZram(device);
  }

  static async start(port: Port, message: Start): Promise<Worker> {
    const { module, maxMemory, device } = message.start;
    const engine = await Engine.create({ module, maxMemory });
    for (const one of [device.compAlgorithm, ...(device.recompAlgorithms ?? [])]) {
      const name = typeof one === 'object' ? one.algo : one;
      if (name !== undefined) await engine.loadCompressor(name);
    }
    return new Worker(port, engine, message);
  }

  take(message: Exclude<ToWorker, Start>): void {
    this.#inbox?.took();
    if ('parcel' in message) {
      const { parcel, records, buffer } = message;
      if (buffer) {
        this.#carryOut(new Parcel(buffer), records);
        this.#port.postMessage({ parcel, buffer }, [buffer]);
      }
    } else if ('memory' in message) {
      const { memory, buffer } = message;
      if (buffer) this.#memories.set(memory, new Uint8Array(buffer));
      else this.#memories.delete(memory);
    } else {
      const { ask, control, argument } = message;
      this.#inbox?.drain(this.#carryOutSlot, this.#returned);
      this.#port.postMessage(
        answer(ask, () => this.#control(control, argument)),
        [],
      );
    }
    this.#inbox?.work(this.#carryOutSlot, this.#returned, this.#thief.help);
  }

  readonly #carryOutSlot = (slot: number, records: number): void => this.#carryOut(this.#parcels[slot], records);

  readonly #returned = (parcel: number): void => this.#port.postMessage({ parcel, buffer: undefined }, []);

  #carryOut(parcel: Parcel, records: number): void {
    const { words } = parcel;
    for (let at = 0; at < records * RECORD_WORDS; at += RECORD_WORDS) {
      const [word, index, first, second] = [Atomics.load(words, at), words[at + 1], words[at + 2], words[at + 3]];
      const operation = word & OPERATION_MASK;
      try {
        if (operation === READ_TO) this.#readTo(parcel, word, index, first, second);
        else if (operation === WRITE) this.#write(parcel, index, first, word >>> OPERATION_BITS);
        else this.#record(parcel, operation, index, first, second);
        words[at] = DONE;
      } catch (error) {
        words[at] = resultOf(error, operation);
        if (operation === READ_TO) words[at + 1] = this.#places[(error as ZramError).pagesDone ?? 0];
      }
    }
  }

  #readTo(parcel: Parcel, word: number, index: number, memory: number, at: number): void {
    const to = this.#memories.get(memory);
    if (!to) throw new Error(`there is no memory ${memory}`);
    const slot = (word >>> OPERATION_BITS) & OPERATION_MASK;
    const owners = parcel.page(slot);
    const [indexes, places] = [this.#indexes, this.#places];
    let count = 0;
    for (let place = 0; place < word >>> SPAN_SHIFT; place++) {
      if (owners[place] !== this.#owner) continue;
      indexes[count] = index + place;
      places[count++] = place;
    }
    Zram.readListed(this.#zram, indexes, count, (n, page) => to.set(page, at + places[n] * PAGE_SIZE));
  }

  #write(parcel: Parcel, index: number, page: number, length: number): void {
    if (length >= RAW) this.#zram.writePage(index, parcel.page(page));
    else Zram.writeBlockOf(this.#zram, index, parcel.page(page), parcel.block(page).subarray(0, length));
  }

  /** For another worker, which tries it itself if it fails here. */
  readonly #compress = (page: Uint8Array, to: Uint8Array): number => {
    try {
      return this.#zram.compressPage(page, to).length;
    } catch (error) {
      if (error instanceof ZramError) return 0;
      throw error;
    }
  };

  #record(parcel: Parcel, operation: number, index: number, first: number, second: number): void {
    if (operation === READ) this.#zram.readPage(index, parcel.page(first));
    else if (operation === FILL) this.#zram.writePage(index, this.#filled.of(first, second));
    else if (operation === DISCARD) this.#zram.discard(index * PAGE_SIZE, first * PAGE_SIZE);
    else throw new Error(`a record has the operation ${operation}`);
  }

  #control(name: ControlName, argument: unknown): unknown {
    const zram = this.#zram;
    switch (name) {
      case 'init':
        zram.init(argument as Size);
        return null;
      case 'undo':
        zram.destroy();
        this.#zram = this.#engine.createZram(this.#settings);
        return null;
      case 'reset':
        zram.reset();
        this.#settings = afterReset(this.#settings);
        return null;
      case 'idle':
        zram.idle(argument as number | 'all');
        return null;
      case 'recompress':
        return zram.recompress(argument as RecompressOptions);
      case 'merge':
        return zram.merge(argument as MergeOptions);
      case 'compact':
        return zram.compact(argument as CompactOptions);
      case 'stats':
        return { mmStat: zram.mmStat, ioStat: zram.ioStat, memory: this.#engine.memory };
    }
  }
}

/** The settings of a device that survive a reset. */
function afterReset(settings: DeviceOptions): DeviceOptions {
  const { kernel, chainSize, dedupCache, shrinker, trackEntryActime, verifyCompressors } = settings;
  return { kernel, chainSize, dedupCache, shrinker, trackEntryActime, verifyCompressors };
}

function resultOf(error: unknown, operation: number): number {
  if (error instanceof ZramError) {
    if (error.code === 'ENOMEM') return NO_ROOM;
    if (error.code === 'EOPNOTSUPP') return UNSUPPORTED;
    if (error.code === 'EIO') return operation === READ || operation === READ_TO ? DAMAGED : NOT_COMPRESSED;
  }
  throw error;
}

function faultOf(ask: number, error: unknown): FromWorker {
  if (!(error instanceof ZramError)) throw error;
  return { answer: ask, fault: { code: error.code, message: error.message } };
}

function answer(ask: number, call: () => unknown): FromWorker {
  try {
    return { answer: ask, value: call() };
  } catch (error) {
    return faultOf(ask, error);
  }
}

/** Whether a message is part of the protocol; others are ignored. */
function isOurs(message: unknown): message is ToWorker {
  return (
    typeof message === 'object' && message !== null && ('ask' in message || 'parcel' in message || 'memory' in message)
  );
}

function serve(port: Port): void {
  let worker: Worker | undefined;
  let begun = false;
  const giveUp = (error: unknown): void => {
    worker = undefined;
    port.postMessage({ fatal: String(error) }, []);
    port.close();
  };
  const begin = async (message: Start): Promise<void> => {
    try {
      worker = await Worker.start(port, message);
      port.postMessage({ answer: message.ask, value: null }, []);
    } catch (error) {
      port.postMessage(faultOf(message.ask, error), []);
    }
  };
  port.listen((message) => {
    if (!isOurs(message)) return;
    try {
      if (!('start' in message)) {
        worker?.take(message);
      } else if (!begun) {
        begun = true;
        begin(message).catch(giveUp);
      }
    } catch (error) {
      giveUp(error);
    }
  });
}

serve(nodePort() ?? webPort());
