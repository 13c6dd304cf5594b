/**
 * Devices on several threads: each thread has some of the algorithms, with an engine of its own. The main thread reads
 * the inputs once, into memory that all threads share, and reads on while they store.
 *
 * The order in which its pages are stored decides the figures of an algorithm, so one thread stores them all. Others
 * help by compressing (thread-devices.ts), and the main thread by checking what is read back.
 */
import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';

import type { AlgorithmLine } from './algorithm-line.js';
import type { AlgorithmResult } from './analysis.js';
import type { DeviceSettings, Measured, MeasuringStore } from './device-group.js';
import { checkSum } from './checking.js';
import { CliError, codeOf, messageOf, reasonOf } from './errors.js';
import { makeSharedMemory, roomsOf, SharedChunks, type Chunk, type SharedMemory } from './shared-chunks.js';
import { noTime } from './step-time.js';
import type { Stored } from './storing.js';
import type { FromThread, ThreadStart, ToThread } from './thread-messages.js';

/**
 * Rough estimates of the time to store a page and read it back, in that of lz4. They decide which algorithms share a
 * thread, and no figure.
 */
const COSTS: ReadonlyMap<string, number> = new Map([
  ['lz4', 1],
  ['lzo', 1.5],
  ['lzo-rle', 1.5],
  ['lz4hc', 10],
  ['zstd', 10],
  ['deflate', 25],
]);
/** Of others: more than the fast ones. */
const COST_UNKNOWN = 10;

/** Threads for so many algorithms where no number was asked for. */
export function threadsFor(algorithms: number): number {
  return Math.min(availableParallelism(), algorithms);
}

/** Shares the algorithms out: the slowest first, each to the thread that has least to do. */
export function shareOut(algorithms: readonly AlgorithmLine[], threads: number): AlgorithmLine[][] {
  const cost = ({ stages }: AlgorithmLine): number =>
    stages.reduce((sum, { name }) => sum + (COSTS.get(name) ?? COST_UNKNOWN), 0);
  const shares = Array.from({ length: threads }, () => ({ algorithms: new Array<AlgorithmLine>(), cost: 0 }));
  for (const algorithm of [...algorithms].sort((a, b) => cost(b) - cost(a))) {
    const least = shares.reduce((best, share) => (share.cost < best.cost ? share : best));
    least.algorithms.push(algorithm);
    least.cost += cost(algorithm);
  }
  return shares.map((share) => share.algorithms).filter((share) => share.length > 0);
}

export class Threads implements MeasuringStore {
  readonly #threads: readonly Thread[];
  #chunks: SharedChunks | undefined;
  #chunksWritten = 0;

  /**
   * @param script this program, which serves as a thread if it is not the main one
   * @param maxMemory bytes that all engines may take together: each thread gets its algorithms' part
   */
  constructor(
    readonly script: URL,
    readonly algorithms: readonly AlgorithmLine[],
    threads: number,
    settings: DeviceSettings,
    maxMemory: number,
    progress: (text: () => string) => void,
  ) {
    this.#threads = shareOut(algorithms, threads).map((share, thread) => {
      const part = Math.floor((maxMemory * share.length) / algorithms.length);
      const own = share.map((algorithm) => algorithms.indexOf(algorithm));
      return new Thread(script, { thread, algorithms, own, settings, maxMemory: part }, progress);
    });
  }

  get threads(): number {
    return this.#threads.length;
  }

  reserve(bytes: number): void {
    this.#tell({ kind: 'reserve', bytes });
  }

  makeBuffers(): readonly Uint8Array[] {
    const memory = makeSharedMemory(this.threads, this.algorithms.length);
    this.#chunks = new SharedChunks(memory, this.algorithms.length);
    for (const thread of this.#threads) thread.share(memory);
    return memory.buffers;
  }

  write(index: number, buffer: number, pages: number): Promise<number> {
    const chunk: Chunk = { number: this.#chunksWritten++, index, buffer, pages };
    this.#chunks?.open(chunk);
    const stored = Promise.all(this.#threads.map((thread) => thread.ask<number>({ kind: 'write', chunk }))).then(
      (counts) => Math.min(...counts),
    );
    // It is awaited in its turn; a failure before that must not count as unhandled.
    stored.catch(() => undefined);
    return stored;
  }

  truncate(from: number, to: number): void {
    this.#tell({ kind: 'truncate', from, to });
  }

  endInput(): void {
    this.#tell({ kind: 'endInput' });
  }

  async measure(stored: Stored): Promise<Measured> {
    const parts = await Promise.all(this.#threads.map((thread) => thread.ask<Measured>({ kind: 'measure', stored })));
    const results = parts.flatMap(({ algorithms }) => algorithms);
    const sum = (field: keyof Measured['memory']): number =>
      parts.reduce((total, { memory }) => total + memory[field], 0);
    const [first] = parts;
    return {
      ...first,
      algorithms: this.algorithms.map(({ text }) => resultOf(results, text)),
      memory: { engineUsed: sum('engineUsed'), engineReserved: sum('engineReserved') },
    };
  }

  async close(): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.end()));
  }

  #tell(message: ToThread): void {
    for (const thread of this.#threads) thread.tell(message);
  }
}

function resultOf(results: readonly AlgorithmResult[], name: string): AlgorithmResult {
  const result = results.find(({ algorithm }) => algorithm === name);
  if (result === undefined) throw new Error(`no thread has measured ${name}`);
  return result;
}

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** One thread. It answers in the order in which it is asked. */
class Thread {
  readonly #worker: Worker;
  readonly #waiting: Waiting[] = [];
  #rooms: readonly Uint8Array[] = [];
  #failure: { readonly error: unknown } | undefined;

  constructor(
    script: URL,
    readonly start: ThreadStart,
    progress: (text: () => string) => void,
  ) {
    const names = start.own.map((line) => start.algorithms[line]?.text).join(', ');
    const ended = (why: string) => new CliError(`cannot store with ${names}: its thread ended: ${why}`);
    this.#worker = new Worker(script, { workerData: start });
    this.#worker.on('message', (message: FromThread) => {
      if (message.kind === 'progress') progress(() => message.text);
      else if (message.kind === 'failed') this.#fail(errorOf(message));
      else if (message.kind === 'check') this.#check(message);
      else this.#waiting.shift()?.resolve(message.kind === 'stored' ? message.pages : message.measured);
    });
    this.#worker.on('error', (error) => {
      // Node.js ended it, for want of memory most likely. Whatever else is thrown there is a defect.
      this.#fail(codeOf(error)?.startsWith('ERR_WORKER') === true ? ended(reasonOf(error)) : error);
    });
    this.#worker.on('exit', (status) => this.#fail(ended(`status ${status}`)));
  }

  share(memory: SharedMemory): void {
    this.#rooms = roomsOf(memory, this.start.thread);
    this.tell({ kind: 'memory', memory });
  }

  tell(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  ask<T extends number | Measured>(message: ToThread): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      if (this.#failure !== undefined) {
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- it is what the thread threw
        reject(this.#failure.error);
        return;
      }
      this.#waiting.push({ resolve: resolve as Waiting['resolve'], reject });
      this.tell(message);
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }

  #check({ algorithm, room, bytes, digest }: Extract<FromThread, { kind: 'check' }>): void {
    const time = noTime();
    try {
      checkSum(time, (this.#rooms[room] ?? new Uint8Array(0)).subarray(0, bytes), digest, algorithm);
      this.tell({ kind: 'checked', room, time });
    } catch (error) {
      this.#fail(error);
    }
  }

  #fail(error: unknown): void {
    this.#failure ??= { error };
    for (const { reject } of this.#waiting.splice(0)) reject(error);
  }
}

/** What crossed to this thread has lost its class. */
function errorOf({ error, isExpected }: Extract<FromThread, { kind: 'failed' }>): unknown {
  return isExpected ? new CliError(messageOf(error)) : error;
}
