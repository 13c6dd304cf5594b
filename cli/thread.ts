/** A thread of devices: an engine of its own, and what the main thread asks of the devices in it. */
import { workerData, type MessagePort } from 'node:worker_threads';

import { Engine, ZramError } from '../bindings/index.js';
import { chooseAlgorithms } from './algorithms.js';
import { Device } from './device.js';
import { DeviceGroup } from './device-group.js';
import { CliError } from './errors.js';
import { roomsOf, SharedChunks, type SharedMemory } from './shared-chunks.js';
import { SharedChecker } from './shared-checker.js';
import { ThreadDevices, type Helped } from './thread-devices.js';
import type { FromThread, ThreadStart, ToThread } from './thread-messages.js';

/** Between two lines of progress: each is a message. */
const PROGRESS_MILLISECONDS = 100;

/** Serves the main thread until that ends this one. */
export async function runThread(port: MessagePort): Promise<void> {
  const start = workerData as ThreadStart;
  const say = (message: FromThread): void => port.postMessage(message);
  const fail = (error: unknown): void => {
    const isExpected = error instanceof CliError || error instanceof ZramError;
    say({ kind: 'failed', error, isExpected });
  };
  try {
    // Messages wait in the port until it has a listener.
    const engine = await Engine.create({ maxMemory: start.maxMemory });
    await chooseAlgorithms(engine, start.algorithms, start.settings.rules.kernel);
    const thread = new ServingThread(engine, start, say, fail);
    port.on('message', (message: ToThread) => void thread.obey(message).catch(fail));
  } catch (error) {
    fail(error);
  }
}

class ServingThread {
  readonly #group: DeviceGroup;
  readonly #helped: readonly Helped[];
  readonly #progress: (text: () => string) => void;
  #memory: SharedMemory | undefined;
  #devices: ThreadDevices | undefined;
  #isWorking = false;
  #checker: SharedChecker | undefined;

  constructor(
    engine: Engine,
    readonly start: ThreadStart,
    readonly say: (message: FromThread) => void,
    readonly fail: (error: unknown) => void,
  ) {
    const { algorithms, own, settings } = start;
    const lines = [...algorithms.entries()];
    this.#group = new DeviceGroup(
      engine,
      lines.filter(([line]) => own.includes(line)).map(([, algorithm]) => algorithm),
      settings,
    );
    // With inline deduplication the time of storing is compared, of all pages; so nobody helps.
    const others = settings.dedup ? [] : lines.filter(([line]) => !own.includes(line));
    this.#helped = others.map(([line, algorithm]) => {
      const { zram } = new Device(engine, algorithm, settings.rules);
      return { line, zram };
    });
    this.#progress = progressTo(say);
  }

  async obey(message: ToThread): Promise<void> {
    switch (message.kind) {
      case 'reserve':
        this.#group.reserve(message.bytes);
        return;
      case 'memory':
        this.#share(message.memory);
        return;
      case 'write':
        this.#devices?.announce(message.chunk);
        this.#work();
        return;
      case 'truncate':
        this.#group.truncate(message.from, message.to);
        return;
      case 'endInput':
        this.#group.endInput();
        return;
      case 'measure':
        this.say({
          kind: 'measured',
          measured: await this.#group.measure(message.stored, this.#progress, this.#check),
        });
        return;
      case 'checked':
        this.#checker?.checked(message.room, message.time);
    }
  }

  #share(memory: SharedMemory): void {
    const { start, say } = this;
    this.#memory = memory;
    const chunks = new SharedChunks(memory, start.algorithms.length);
    const own = [...start.own].sort((a, b) => a - b);
    const devices = this.#group.devices.map((device, n) => ({
      device,
      line: start.settings.dedup ? undefined : own[n],
    }));
    this.#devices = new ThreadDevices(start.thread, chunks, devices, this.#helped, (pages) =>
      say({ kind: 'stored', pages }),
    );
  }

  /** Works as long as there is work, and takes messages in between. */
  #work(): void {
    if (this.#isWorking) return;
    this.#isWorking = true;
    const goOn = (): void => {
      try {
        this.#isWorking = this.#devices?.step() === true;
        if (this.#isWorking) setImmediate(goOn);
      } catch (error) {
        this.fail(error);
      }
    };
    setImmediate(goOn);
  }

  readonly #check = (algorithm: string): SharedChecker =>
    (this.#checker = new SharedChecker(algorithm, roomsOf(this.#memory, this.start.thread), this.say));
}

function progressTo(say: (message: FromThread) => void): (text: () => string) => void {
  let last = 0;
  return (text) => {
    const now = performance.now();
    if (now - last < PROGRESS_MILLISECONDS) return;
    last = now;
    say({ kind: 'progress', text: text() });
  };
}
