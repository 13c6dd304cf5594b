/**
 * `analyze`: for each algorithm, stores the pages of all inputs on one zram device and measures the result. Equal pages
 * of different inputs meet in one pool, as they would on a machine.
 */
import { Engine, type KernelVersion } from '../bindings/index.js';
import type { AlgorithmLine } from './algorithm-line.js';
import { chooseBeside } from './algorithms.js';
import type { Analysis } from './analysis.js';
import type { Rules } from './device.js';
import { DeviceGroup, type DeviceSettings, type MeasuringStore } from './device-group.js';
import type { Reading } from './dump-input.js';
import { CliError } from './errors.js';
import type { Input } from './inputs.js';
import { compareLive } from './live-comparison.js';
import { LiveDevice } from './live-device.js';
import { openInputs } from './open-inputs.js';
import type { OutputFile } from './output-file.js';
import { peakRss } from './peak-memory.js';
import { storeInputs } from './storing.js';
import type { Surroundings } from './surroundings.js';
import { Threads, threadsFor } from './threads.js';

export interface AnalyzeOptions extends Omit<DeviceSettings, 'rules'> {
  /** Whose rules the devices have; undefined: those of the library's default. */
  readonly kernel: KernelVersion | undefined;
  readonly files: readonly string[];
  readonly pids: readonly number[];
  /** A zram device of this machine, as `zram0`, instead of files and processes. */
  readonly zram: string | undefined;
  readonly reading: Reading;
  /** Empty for the default. */
  readonly algorithms: readonly AlgorithmLine[];
  /** undefined: as many as there are processors. */
  readonly threads: number | undefined;
  /** A file that is written afterwards, and must not be an input. */
  readonly output: OutputFile | undefined;
}

/** @throws CliError, UsageError */
export async function analyze(options: AnalyzeOptions, io: Surroundings): Promise<Analysis> {
  const engine = await Engine.create({ maxMemory: io.maxMemory });
  const inputs: Input[] = [];
  let store: MeasuringStore | undefined;
  try {
    const live = options.zram === undefined ? undefined : await LiveDevice.open(options.zram, options.kernel);
    if (live !== undefined) inputs.push(live);
    const rules: Rules =
      live === undefined
        ? { kernel: options.kernel }
        : { kernel: live.facts.kernel, chainSize: live.facts.chain.chainSize };
    const { algorithms, missing } = await chooseBeside(live?.facts.algorithm, engine, options.algorithms, rules.kernel);
    store = storeFor(engine, algorithms, rules, options, io);
    const note = await openInputs(inputs, options, { engine, reading: options.reading, ...io });
    checkOutput(inputs, options.output);
    store.reserve(inputs.reduce((sum, { bytes = 0 }) => sum + bytes, 0));
    const stored = await storeInputs(inputs, store, io);
    const { inputs: facts, stopped } = stored;
    const configuration = options.algorithms.map(({ text }) => `compression-algorithm = ${text}`);
    const { memory, ...measured } = await store.measure(stored, io.progress);
    return {
      ...measured,
      inputs: facts,
      threads: store.threads,
      ...(stopped === undefined ? {} : { stopped }),
      ...(live && { zram: compareLive(live, measured.algorithms, { missing, stopped }) }),
      ...note,
      ...(configuration.length === 0 ? {} : { configuration }),
      memory: { ...memory, peakRss: peakRss() },
    };
  } finally {
    for (const input of inputs) await input.close();
    await store?.close();
    engine.destroy();
  }
}

function checkOutput(inputs: readonly Input[], output: OutputFile | undefined): void {
  for (const { name, identity } of inputs) {
    if (identity !== undefined && identity === output?.identity)
      throw new CliError(`cannot write the report to '${output.name}': it is also the input '${name}'`);
  }
}

function storeFor(
  engine: Engine,
  algorithms: readonly AlgorithmLine[],
  rules: Rules,
  { files, pids, zram, dedup, states, threads: wanted }: AnalyzeOptions,
  { script, progress }: Surroundings,
): MeasuringStore {
  const settings: DeviceSettings = { rules, dedup, states };
  const threads = Math.min(wanted ?? threadsFor(algorithms.length), algorithms.length);
  // Engines on other threads are memory of this process, too, and would be stored into each other.
  const isOwnMemory = pids.includes(process.pid) || (zram === undefined && files.length + pids.length === 0);
  if (threads === 1 || isOwnMemory || script === undefined) return new DeviceGroup(engine, algorithms, settings);
  return new Threads(script, algorithms, threads, settings, engine.memory.limit, progress);
}
