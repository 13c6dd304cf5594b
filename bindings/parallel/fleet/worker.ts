/**
 * A worker of ParallelZram: an engine with one device, which does what the parcels and messages say.
 *
 * The script of a thread, in Node.js and in browsers; it exports nothing. Refusals (`ENOMEM`, a damaged page) are
 * results. Anything else that is thrown would leave the device in doubt: it is reported, and the worker does no more.
 */
import { PAGE_SIZE } from '../../arguments.js';
import { Engine } from '../../engine.js';
import { ZramError } from '../../errors.js';
import type { Size } from '../../size.js';
import type { Zram } from '../../zram.js';
import type { MergeOptions } from '../../zs-pool.js';
import {
  DAMAGED,
  DISCARD,
  DONE,
  FILL,
  NO_ROOM,
  Parcel,
  READ,
  RECORD_WORDS,
  WRITE,
  type ControlName,
  type FromWorker,
  type ToWorker,
} from './protocol.js';

interface Port {
  postMessage(message: FromWorker, transfer: ArrayBufferLike[]): void;
  listen(take: (message: ToWorker) => void): void;
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
    onmessage: (event: { data: ToWorker }) => void;
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

/** A page of one 64-bit value. The last one is kept: runs of zeros are the usual case. */
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
  readonly #zram: Zram;
  /** By number, where memory is shared. */
  readonly #parcels: Parcel[];
  readonly #filled = new FilledPage();

  private constructor(port: Port, engine: Engine, zram: Zram, parcels: Parcel[]) {
    this.#port = port;
    this.#engine = engine;
    this.#zram = zram;
    this.#parcels = parcels;
  }

  static async start(port: Port, message: Extract<ToWorker, { start: unknown }>): Promise<Worker> {
    const { module, maxMemory, device } = message.start;
    const engine = await Engine.create({ module, maxMemory });
    const parcels = (message.shared ?? []).map((buffer) => new Parcel(buffer));
    return new Worker(port, engine, engine.createZram(device), parcels);
  }

  take(message: ToWorker): void {
    if ('parcel' in message) {
      const { parcel, records, buffer } = message;
      this.#carryOut(buffer ? new Parcel(buffer) : this.#parcels[parcel], records);
      this.#port.postMessage({ parcel, buffer }, buffer ? [buffer] : []);
    } else if ('control' in message) {
      this.#port.postMessage(
        answer(() => this.#control(message.control, message.argument)),
        [],
      );
    }
  }

  #carryOut(parcel: Parcel, records: number): void {
    const { words } = parcel;
    for (let at = 0; at < records * RECORD_WORDS; at += RECORD_WORDS) {
      try {
        this.#record(parcel, words[at], words[at + 1], words[at + 2], words[at + 3]);
        words[at] = DONE;
      } catch (error) {
        words[at] = resultOf(error);
      }
    }
  }

  #record(parcel: Parcel, operation: number, index: number, first: number, second: number): void {
    if (operation === WRITE) this.#zram.writePage(index, parcel.page(first));
    else if (operation === READ) this.#zram.readPage(index, parcel.page(first));
    else if (operation === FILL) this.#zram.writePage(index, this.#filled.of(first, second));
    else if (operation === DISCARD) this.#zram.discard(index * PAGE_SIZE, first * PAGE_SIZE);
    else throw new Error(`a record has the operation ${operation}`);
  }

  /** @returns anything but undefined, which is what a worker answers that died */
  #control(name: ControlName, argument: unknown): unknown {
    const zram = this.#zram;
    switch (name) {
      case 'init':
        zram.init(argument as Size);
        return null;
      case 'reset':
        zram.reset();
        return null;
      case 'merge':
        return zram.merge(argument as MergeOptions | undefined);
      case 'compact':
        return zram.compact();
      case 'stats':
        return { mmStat: zram.mmStat, ioStat: zram.ioStat, memory: this.#engine.memory };
    }
  }
}

function resultOf(error: unknown): number {
  if (error instanceof ZramError) {
    if (error.code === 'ENOMEM') return NO_ROOM;
    if (error.code === 'EIO') return DAMAGED;
  }
  throw error;
}

function faultOf(error: unknown): FromWorker {
  if (!(error instanceof ZramError)) throw error;
  return { fault: { code: error.code, message: error.message } };
}

function answer(call: () => unknown): FromWorker {
  try {
    return { value: call() };
  } catch (error) {
    return faultOf(error);
  }
}

function serve(port: Port): void {
  let worker: Worker | undefined;
  const giveUp = (error: unknown): void => {
    port.postMessage({ fatal: String(error) }, []);
    port.close();
  };
  const begin = async (message: Extract<ToWorker, { start: unknown }>): Promise<void> => {
    try {
      worker = await Worker.start(port, message);
      port.postMessage({ value: null }, []);
    } catch (error) {
      port.postMessage(faultOf(error), []);
    }
  };
  port.listen((message) => {
    try {
      if ('start' in message) begin(message).catch(giveUp);
      else worker?.take(message);
    } catch (error) {
      giveUp(error);
    }
  });
}

serve(nodePort() ?? webPort());
