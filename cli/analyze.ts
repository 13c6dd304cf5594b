/**
 * `analyze`: for each algorithm, stores the pages of all inputs on one zram device and measures the result. Equal pages
 * of different inputs meet in one pool, as they would on a machine.
 */
import { Engine } from '../bindings/index.js';
import { chooseAlgorithms } from './algorithms.js';
import type { Analysis } from './analysis.js';
import { DeviceGroup, type DeviceSettings, type MeasuringStore } from './device-group.js';
import type { Reading } from './dump-input.js';
import type { Input } from './inputs.js';
import { openInputs } from './open-inputs.js';
import { peakRss } from './peak-memory.js';
import { storeInputs } from './storing.js';
import type { Surroundings } from './surroundings.js';
import { Threads, threadsFor } from './threads.js';

export interface AnalyzeOptions extends DeviceSettings {
  readonly files: readonly string[];
  readonly pids: readonly number[];
  readonly reading: Reading;
  /** Empty for the default. */
  readonly algorithms: readonly string[];
  /** undefined: as many as there are processors. */
  readonly threads: number | undefined;
}

/** @throws CliError, UsageError */
export async function analyze(options: AnalyzeOptions, io: Surroundings): Promise<Analysis> {
  const engine = await Engine.create({ maxMemory: io.maxMemory });
  const inputs: Input[] = [];
  let store: MeasuringStore | undefined;
  try {
    const algorithms = await chooseAlgorithms(engine, options.algorithms, options.kernel);
    store = storeFor(engine, algorithms, options, io);
    const note = await openInputs(inputs, options, { engine, reading: options.reading, ...io });
    const stored = await storeInputs(inputs, store, io);
    const { memory, ...measured } = await store.measure(stored, io.progress);
    return {
      ...measured,
      inputs: stored.inputs,
      threads: store.threads,
      ...(stored.stopped === undefined ? {} : { stopped: stored.stopped }),
      ...note,
      memory: { ...memory, peakRss: peakRss() },
    };
  } finally {
    for (const input of inputs) await input.close();
    await store?.close();
    engine.destroy();
  }
}

function storeFor(
  engine: Engine,
  algorithms: readonly string[],
  options: AnalyzeOptions,
  { script, progress }: Surroundings,
): MeasuringStore {
  const { files, pids, kernel, dedup } = options;
  const threads = Math.min(options.threads ?? threadsFor(algorithms.length), algorithms.length);
  // Engines on other threads are memory of this process, too, and would be stored into each other.
  const isOwnMemory = pids.includes(process.pid) || files.length + pids.length === 0;
  if (threads === 1 || isOwnMemory || script === undefined) return new DeviceGroup(engine, algorithms, options);
  return new Threads(script, algorithms, threads, { kernel, dedup }, engine.memory.limit, progress);
}
