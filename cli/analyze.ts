/**
 * `analyze`: stores the pages of all inputs on one zram device for each algorithm, and measures what becomes of them.
 * Equal pages of different inputs meet in one pool there, as they would on a machine.
 */
import { Engine } from '../bindings/index.js';
import type { Analysis } from './analysis.js';
import { Device } from './device.js';
import { UsageError } from './errors.js';
import type { Input } from './inputs.js';
import { measure } from './measuring.js';
import { openInputs } from './open-inputs.js';
import { peakRss } from './peak-memory.js';
import { sharingOf } from './sharing.js';
import { storeInputs, type Stored } from './storing.js';

export interface AnalyzeOptions {
  readonly files: readonly string[];
  readonly pids: readonly number[];
  /** Empty stands for the default. */
  readonly algorithms: readonly string[];
  /** A second device for each algorithm, with inline deduplication, takes the same pages to be compared. */
  readonly dedup: boolean;
}

export interface AnalyzeIo {
  readonly stdin: AsyncIterable<Uint8Array>;
  readonly maxMemory: string | undefined;
  readonly progress: (text: string) => void;
}

/** The devices of one algorithm. */
interface Pair {
  readonly plain: Device;
  readonly inline: Device | undefined;
}

/** @throws CliError, UsageError */
export async function analyze(options: AnalyzeOptions, io: AnalyzeIo): Promise<Analysis> {
  const engine = await Engine.create({ maxMemory: io.maxMemory });
  const inputs: Input[] = [];
  try {
    const pairs = chooseAlgorithms(engine, options.algorithms).map((algorithm) => ({
      plain: new Device(engine, algorithm),
      inline: options.dedup ? new Device(engine, algorithm, true) : undefined,
    }));
    const note = await openInputs(inputs, engine, options, io.stdin);
    const devices = pairs.flatMap(({ plain, inline }) => (inline === undefined ? [plain] : [plain, inline]));
    const stored = await storeInputs(inputs, devices, io.progress);
    return { ...find(pairs, stored, io.progress), ...note, memory: memoryTaken(engine) };
  } finally {
    for (const input of inputs) await input.close();
    engine.destroy();
  }
}

function find(pairs: readonly Pair[], stored: Stored, progress: AnalyzeIo['progress']): Omit<Analysis, 'memory'> {
  const { inputs, stopped } = stored;
  const algorithms = pairs.map(({ plain, inline }) => measure(plain, inline, stored, progress));
  const [first] = pairs; // any device tells the same
  const pages = inputs.map((input) => input.pages);
  return {
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

/** The names, each once. @throws UsageError for one that the engine does not have */
function chooseAlgorithms(engine: Engine, names: readonly string[]): string[] {
  const device = engine.createZram();
  // The attribute's text is the kernel's: all names, the chosen one in brackets.
  const attribute = device.sysfs.read('comp_algorithm').trim().split(/\s+/);
  device.destroy();
  const available = attribute.map((name) => name.replace(/^\[(.*)\]$/, '$1'));
  for (const name of names) {
    if (!available.includes(name))
      throw new UsageError(`there is no algorithm '${name}'; available: ${available.join(', ')}`);
  }
  const chosen = attribute.findIndex((name) => name.startsWith('['));
  return names.length > 0 ? [...new Set(names)] : available.slice(chosen, chosen + 1);
}
