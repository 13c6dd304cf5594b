/**
 * Starting a worker thread, in Node.js (`worker_threads`) and where there is `Worker`; one shape for both.
 */
import { besideBundle } from '../../beside.js';
import { ZramError } from '../../errors.js';
import { describe } from '../../size.js';
import type { WorkerLike, WorkerSource } from '../worker-source.js';
import type { FromWorker, ToWorker } from './protocol.js';

interface NodeThread extends WorkerLike {
  on(event: string, listener: (value: unknown) => void): void;
  ref(): void;
  unref(): void;
}

interface WebThread extends WorkerLike {
  addEventListener(event: string, listener: (event: { data?: unknown; message?: string }) => void): void;
}

export interface ThreadEvents {
  message(message: FromWorker): void;
  /** The thread has ended, or can no longer be trusted. May be called more than once. */
  death(reason: string): void;
}

export class Thread {
  readonly #worker: WorkerLike;

  constructor(source: WorkerSource | undefined, events: ThreadEvents) {
    try {
      this.#worker = startWorker(source);
    } catch (error) {
      if (error instanceof ZramError) throw error;
      throw new ZramError('EIO', `a worker could not be started: ${String(error)}`);
    }
    if ('on' in this.#worker) listenInNode(this.#worker as NodeThread, events);
    else listenOnWeb(this.#worker as WebThread, events);
  }

  post(message: ToWorker, transfer: ArrayBufferLike[] = []): void {
    this.#worker.postMessage(message, transfer as never[]);
  }

  /** Whether the thread keeps a Node.js process alive. Elsewhere nothing does. */
  keepAlive(on: boolean): void {
    const worker = this.#worker as Partial<NodeThread>;
    if (on) worker.ref?.();
    else worker.unref?.();
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

function listenInNode(worker: NodeThread, events: ThreadEvents): void {
  worker.on('message', (message) => events.message(message as FromWorker));
  worker.on('messageerror', (error) => events.death(String(error)));
  worker.on('error', (error) => events.death(String(error)));
  worker.on('exit', (status) => events.death(`it ended with status ${String(status)}`));
}

function listenOnWeb(worker: WebThread, events: ThreadEvents): void {
  worker.addEventListener('message', ({ data }) => events.message(data as FromWorker));
  worker.addEventListener('messageerror', () => events.death('a message could not be read'));
  // Without a text where the script could not be loaded.
  worker.addEventListener('error', ({ message }) => events.death(message ?? 'its script could not be loaded'));
}

function startWorker(source: WorkerSource | undefined): WorkerLike {
  const web = typeof Worker === 'function';
  if (source === undefined) {
    // Literal, so that bundlers see the file and bring it along.
    if (web) return new Worker(new URL('./parallel-worker.js', import.meta.url), { type: 'module' });
    // Not literal, so that they do not bring it twice.
    const name = './parallel-worker.js';
    return nodeWorker(besideBundle(name, () => new URL(name, import.meta.url)).href);
  }
  if (typeof source === 'function') return started(source());
  const address = typeof source === 'string' ? source : source?.href;
  if (typeof address !== 'string') {
    throw new ZramError('EINVAL', `worker must be a URL, or a function that starts a worker, not ${describe(source)}.`);
  }
  return web ? new Worker(address, { type: 'module' }) : nodeWorker(address);
}

function started(worker: unknown): WorkerLike {
  if (typeof (worker as Partial<WorkerLike> | undefined)?.postMessage === 'function') return worker as WorkerLike;
  throw new ZramError('EINVAL', `worker must start and return a Worker, not ${describe(worker)}.`);
}

function nodeWorker(address: string): WorkerLike {
  const { Worker: NodeWorker } = process.getBuiltinModule('node:worker_threads');
  // The program's own flags are none of the worker's: some, as --input-type, would keep it from starting.
  return new NodeWorker(new URL(address), { execArgv: [] });
}

/** How many threads the machine runs at once. */
export function hardwareThreads(): number {
  const { navigator } = globalThis as { navigator?: { hardwareConcurrency?: number } };
  if (navigator?.hardwareConcurrency) return navigator.hardwareConcurrency;
  const { process } = globalThis as { process?: Partial<NodeJS.Process> };
  return process?.getBuiltinModule?.('node:os').availableParallelism() ?? 1;
}

/** Whether memory can be shared with a worker: in browsers only where the page is cross-origin isolated. */
export function canShareMemory(): boolean {
  const scope = globalThis as { SharedArrayBuffer?: unknown; crossOriginIsolated?: boolean };
  return typeof scope.SharedArrayBuffer === 'function' && scope.crossOriginIsolated !== false;
}
