/**
 * `analyze`: for each algorithm, stores the pages of all inputs on one zram device and measures the result. Equal pages
 * of different inputs meet in one pool, as they would on a machine.
 */
import { Engine, type KernelVersion } from '../bindings/index.js';
import type { AlgorithmLine } from './algorithm-line.js';
import { chooseAlgorithms } from './algorithms.js';
import type { Analysis } from './analysis.js';
import { Device } from './device.js';
import type { Reading } from './dump-input.js';
import { kernelFacts } from './kernel.js';
import type { Input } from './inputs.js';
import { measure } from './measuring.js';
import { openInputs } from './open-inputs.js';
import { peakRss } from './peak-memory.js';
import { sharingOf } from './sharing.js';
import { storeInputs, type Stored } from './storing.js';
import type { Surroundings } from './surroundings.js';

export interface AnalyzeOptions {
  readonly files: readonly string[];
  readonly pids: readonly number[];
  readonly reading: Reading;
  /** Empty for the default. */
  readonly algorithms: readonly AlgorithmLine[];
  /** Whose rules the devices have; undefined: those of the library's default. */
  readonly kernel: KernelVersion | undefined;
  /** A second device for each algorithm, with inline deduplication, takes the same pages to be compared. */
  readonly dedup: boolean;
}

/** The devices of one algorithm. */
interface Pair {
  readonly plain: Device;
  readonly inline: Device | undefined;
}

/** @throws CliError, UsageError */
export async function analyze(options: AnalyzeOptions, io: Surroundings): Promise<Analysis> {
  const engine = await Engine.create({ maxMemory: io.maxMemory });
  const inputs: Input[] = [];
  try {
    const { kernel } = options;
    const algorithms = await chooseAlgorithms(engine, options.algorithms, kernel);
    const pairs = algorithms.map((line) => ({
      plain: new Device(engine, line, { kernel }),
      inline: options.dedup ? new Device(engine, line, { kernel, dedup: true }) : undefined,
    }));
    const note = await openInputs(inputs, options, { engine, reading: options.reading, ...io });
    const devices = pairs.flatMap(({ plain, inline }) => (inline === undefined ? [plain] : [plain, inline]));
    const stored = await storeInputs(inputs, devices, io);
    const configuration = options.algorithms.map(({ text }) => `compression-algorithm = ${text}`);
    return {
      ...find(engine, pairs, stored, io.progress),
      ...note,
      ...(configuration.length === 0 ? {} : { configuration }),
      memory: memoryTaken(engine),
    };
  } finally {
    for (const input of inputs) await input.close();
    engine.destroy();
  }
}

function find(
  engine: Engine,
  pairs: readonly Pair[],
  stored: Stored,
  progress: Surroundings['progress'],
): Omit<Analysis, 'memory'> {
  const { inputs, stopped } = stored;
  const algorithms = pairs.map(({ plain, inline }) => measure(engine, plain, inline, stored, progress));
  const [first] = pairs; // all devices hold the same pages
  const pages = inputs.map((input) => input.pages);
  return {
    kernel: kernelFacts(first.plain.pool),
    inputs,
    algorithms,
    ...(inputs.length < 2 ? {} : { sharing: sharingOf(first.plain, pages) }),
    ...(stopped === undefined ? {} : { stopped }),
  };
}

function memoryTaken(engine: Engine): Analysis['memory'] {
  const { used, reserved } = engine.memory;
  return { engineUsed: used, engineReserved: reserved, peakRss: peakRss() };
}
