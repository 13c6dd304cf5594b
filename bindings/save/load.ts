/**
 * Loading: the sections of a save file, checked one by one, and the devices that they fill. On any error everything
 * that was made is destroyed again: a file is loaded completely or not at all.
 */
import { PAGE_SIZE, readOptions } from '../base/arguments.js';
import { allocate, copyOf, viewOf } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { isKernelVersion, kernelOf, KERNELS } from '../base/kernel.js';
import { describe, sentenceOf } from '../base/messages.js';
import { pause, pauseDue } from '../base/pacer.js';
import type { EncoderHold } from '../compressors/codecs.js';
import { FAVOR_DEC_SPEED_MAX, type CompressorParams } from '../compressors/compressor.js';
import { LZ4HC } from '../compressors/module.js';
import { Host } from '../core/host.js';
import { ENGINE_OPTIONS, type EngineOptions } from '../core/options.js';
import { WINBITS_MAX, WINBITS_MIN, type Device } from '../device/device.js';
import type { ZramOptions } from '../device/options.js';
import type { PoolLease } from '../device/pool-lease.js';
import { mmStat } from '../device/stats.js';
import {
  ATTACHMENT,
  CODEC,
  damaged,
  DEVICE,
  END,
  HEAD,
  PAGES,
  type AlgorithmJson,
  type CodecJson,
  type DeviceJson,
  type HeadJson,
} from './format.js';
import { PageLoader, type LoadedCodec } from './page-loader.js';
import { SectionReader, type Section } from './section-reader.js';
import { SourceReader } from './source.js';

/**
 * Options that override the settings in the file. `pool` is a pool of the same engine (`engine.loadZram` and
 * `engine.loadAll` only).
 */
export type LoadOptions = Pick<
  ZramOptions,
  | 'memLimit'
  | 'backing'
  | 'trackEntryActime'
  | 'verifyCompressors'
  | 'kernel'
  | 'chainSize'
  | 'dedupCache'
  | 'shrinker'
  | 'pool'
>;

/** @internal The result: devices and snapshots by name, in the order of the file, and what else the caller saved. */
export interface Loaded<Made> {
  readonly devices: ReadonlyMap<string, Made>;
  readonly comment: string | undefined;
  readonly attachment: Uint8Array | undefined;
}

interface Ending {
  destroy(): void;
}

/** @internal How to make devices, whose class is in a higher layer. */
export interface DeviceMaker<Made extends Ending & { snapshot(): Snapshot }, Snapshot extends Ending> {
  /** Makes a device without a disk. @param held the host, if it is to end with the loaded devices */
  make(host: Host, options: ZramOptions, held: Host | undefined): Made;
  /** Gives a device its disk, on the shared pool if there is one. */
  init(device: Made, disksize: number, pool: PoolLease | undefined): void;
  stateOf(device: Made): Device;
}

/** @internal Whether one device is loaded or all. */
export type LoadMode = 'one' | 'all';

const OPTIONS = [
  'memLimit',
  'trackEntryActime',
  'verifyCompressors',
  'kernel',
  'chainSize',
  'dedupCache',
  'shrinker',
  'pool',
] as const;
/** A backing can have only one user. */
const OPTIONS_OF = { one: [...OPTIONS, 'backing'], all: OPTIONS } as const;

/** @internal Loads into an existing engine. On any failure the source is cancelled. */
export async function loadFile<Made extends Ending & { snapshot(): Snapshot }, Snapshot extends Ending>(
  maker: DeviceMaker<Made, Snapshot>,
  host: Host,
  source: unknown,
  options: LoadOptions | undefined,
  mode: LoadMode,
  call: string,
): Promise<Loaded<Made | Snapshot>> {
  const reader = new SourceReader(source);
  return orCancel(reader, async () => {
    const known = readOptions(options, OPTIONS_OF[mode], call);
    host.checkLive();
    return readFile(new Loading(maker, host, known, mode, undefined), reader);
  });
}

/** @internal As `loadFile`, into a new engine, which ends with the last of the loaded devices. */
export async function loadFileIntoOwn<Made extends Ending & { snapshot(): Snapshot }, Snapshot extends Ending>(
  maker: DeviceMaker<Made, Snapshot>,
  source: unknown,
  options: (LoadOptions & EngineOptions) | undefined,
  mode: LoadMode,
  call: string,
): Promise<Loaded<Made | Snapshot>> {
  const reader = new SourceReader(source);
  return orCancel(reader, async () => {
    const known = readOptions(
      options,
      [...OPTIONS_OF[mode].filter((name) => name !== 'pool'), ...ENGINE_OPTIONS],
      call,
    );
    const { module, maxMemory, compressors, ...rest } = known;
    const host = await Host.create({ module, maxMemory, compressors }, call);
    try {
      return await readFile(new Loading(maker, host, rest, mode, host), reader);
    } catch (error) {
      host.destroy();
      throw error;
    }
  });
}

async function orCancel<T>(reader: SourceReader, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    await reader.cancel();
    throw error;
  }
}

async function readFile<Made extends Ending>(
  loading: { take(section: Section): Promise<boolean>; finish(): Promise<Loaded<Made>>; destroy(): Promise<void> },
  reader: SourceReader,
): Promise<Loaded<Made>> {
  try {
    const sections = new SectionReader(reader);
    await sections.preamble();
    for (let ended = false; !ended;) ended = await loading.take(await sections.next());
    if (!(await reader.atEnd())) throw damaged(reader.offset, 'bytes follow its end');
    return await loading.finish();
  } catch (error) {
    await loading.destroy();
    throw error;
  }
}

class Loading<Made extends Ending & { snapshot(): Snapshot }, Snapshot extends Ending> {
  readonly #pages: PageLoader;
  readonly #codecs: LoadedCodec[] = [];
  /** Keeps the codecs of the file's compressors from being reclaimed while it is loaded. */
  readonly #encoders: EncoderHold;
  /** By their order in the file. */
  readonly #settings: DeviceJson[] = [];
  readonly #names = new Set<string>();
  readonly #devices: Made[] = [];
  /** The result for the caller. */
  readonly #made = new Map<string, Made | Snapshot>();
  #head: HeadJson | undefined;
  readonly #attached: Uint8Array[] = [];

  constructor(
    readonly maker: DeviceMaker<Made, Snapshot>,
    readonly host: Host,
    readonly options: LoadOptions,
    readonly mode: LoadMode,
    /** The host, if it was made for the loaded devices. */
    readonly held: Host | undefined,
  ) {
    maker.make(host, options, undefined).destroy(); // reports a wrong option before anything is read
    const { core } = host;
    this.#encoders = core.codecs.hold();
    this.#pages = new PageLoader(core, this.#codecs);
  }

  /** Returns whether it was the last section. */
  async take(section: Section): Promise<boolean> {
    const { type, offset } = section;
    if ((type === HEAD) !== (this.#head === undefined))
      throw damaged(offset, 'it does not begin with one HEAD section');
    if (type === HEAD) this.#head = headOf(section, this.mode);
    else if (type === CODEC) await this.#addCodec(section);
    else if (type === DEVICE) this.#addDevice(section);
    else if (type === PAGES) await this.#addPages(section);
    else if (type === ATTACHMENT) this.#attached.push(copyOf(section.payload));
    else if (type === END) await this.#checkComplete(section);
    else throw damaged(offset, `it has a section of the unknown type ${describe(type)}`);
    return type === END;
  }

  async #addCodec({ payload, offset }: Section): Promise<void> {
    const { json, rest } = codecOf(payload, offset);
    const { name, level, winbits, dictionary } = json;
    const { codecs } = this.host.core;
    try {
      // A copy: the section's bytes are valid only until the next await.
      const params = { level, winbits, dictionary: dictionary === undefined ? undefined : copyOf(rest) };
      await codecs.load(name);
      this.host.checkLive();
      if (!codecs.names().includes(name)) {
        throw new ZramError('EOPNOTSUPP', `this engine has no compressor ${describe(name)}: register it first.`);
      }
      this.#codecs.push({ name, params, codec: this.#encoders.encoder(name, params).codec });
    } catch (error) {
      throw needed(error, `the compressor ${describe(name)}`, offset);
    }
  }

  #addDevice({ payload, offset }: Section): void {
    const settings = deviceOf(payload, offset);
    const { devices = 0 } = this.#head ?? {};
    if (this.#devices.length >= devices) throw damaged(offset, `it has more than the ${devices} devices of its head`);
    if (this.#names.has(settings.name)) {
      throw damaged(offset, `it has two devices named ${describe(settings.name)}`);
    }
    const [before = settings] = this.#settings;
    if (kernelOf(settings.kernel) !== kernelOf(before.kernel)) {
      throw damaged(offset, 'its devices, which share a pool, have different kernels');
    }
    const device = this.maker.make(this.host, this.#optionsOf(settings), this.held);
    this.#devices.push(device);
    this.#settings.push(settings);
    this.#names.add(settings.name);
    const state = this.maker.stateOf(device);
    try {
      state.dedup = settings.dedup;
      for (const algorithm of settings.algorithms) {
        const { name, params } = this.#algorithmOf(algorithm, offset);
        state.setAlgorithm(algorithm.priority, name, 'a compressor');
        state.setParams(algorithm.priority, params);
      }
    } catch (error) {
      throw needed(error, `the settings of ${describe(settings.name)}`, offset);
    }
    const [first] = this.#devices;
    const pool = first === device || this.options.pool ? undefined : this.maker.stateOf(first).readyDisk().pool;
    this.maker.init(device, settings.diskPages * PAGE_SIZE, pool);
    this.#pages.devices.push(state.readyDisk());
  }

  /** Without the file's memLimit, which is set last: a device may hold more than a limit that was set later. */
  #optionsOf(settings: DeviceJson): ZramOptions {
    const { verifyCompressors, trackEntryActime, kernel, chainSize, shrinker } = settings;
    const ofPool = this.options.pool ? {} : { kernel, chainSize, shrinker };
    return { verifyCompressors, trackEntryActime, ...ofPool, ...this.options };
  }

  #algorithmOf(
    { codec, level, favorDecSpeed }: AlgorithmJson,
    offset: number,
  ): { name: string; params: CompressorParams } {
    const found = this.#codecs[codec - 1];
    if (!found) throw damaged(offset, `a device uses compressor ${codec}, which is missing`);
    const { name, params } = found;
    if (favorDecSpeed && name !== LZ4HC) throw damaged(offset, `a device has favorDecSpeed for ${describe(name)}`);
    return { name, params: { ...params, level: level ?? params.level, favorDecSpeed } };
  }

  async #addPages(section: Section): Promise<void> {
    const { devices = 0 } = this.#head ?? {};
    if (this.#devices.length !== devices) {
      throw damaged(section.offset, `its pages begin after ${this.#devices.length} of ${devices} devices`);
    }
    await this.#pages.take(section);
  }

  async #checkComplete({ payload, offset }: Section): Promise<void> {
    const { devices = 0, objects = 0 } = this.#head ?? {};
    if (payload.length > 0) throw damaged(offset, 'its end section is not empty');
    if (this.#devices.length !== devices) throw damaged(offset, `it has ${this.#devices.length} of ${devices} devices`);
    if (this.#pages.objects !== objects) throw damaged(offset, `it has ${this.#pages.objects} of ${objects} objects`);
    for (const [n, { name, pagesStored }] of this.#settings.entries()) {
      const stored = mmStat(this.maker.stateOf(this.#devices[n])).origDataSize / PAGE_SIZE;
      if (stored !== pagesStored) {
        throw damaged(offset, `it has ${stored} of the ${pagesStored} pages of ${describe(name)}`);
      }
      if (pauseDue()) await pause();
    }
  }

  async finish(): Promise<Loaded<Made | Snapshot>> {
    for (const [n, { name, snapshot, memLimit }] of this.#settings.entries()) {
      if (pauseDue()) await pause();
      const device = this.#devices[n];
      if (this.options.memLimit === undefined) this.maker.stateOf(device).setLimit(memLimit);
      const made = snapshot && this.mode === 'all' ? device.snapshot() : device;
      this.#made.set(name, made);
      if (made !== device) device.destroy();
    }
    const attachment = this.#attached.length === 0 ? undefined : joined(this.#attached);
    this.host.checkLive();
    this.#encoders.end();
    return Object.freeze({ devices: this.#made, comment: this.#head?.comment, attachment });
  }

  async destroy(): Promise<void> {
    this.#encoders.end();
    for (const made of [...this.#devices, ...this.#made.values()]) {
      try {
        made.destroy();
      } catch {
        // Closing a backing failed. The original error is reported, and the other devices must be destroyed too.
      }
      if (pauseDue()) await pause();
    }
  }
}

/** @throws ZramError ENOMEM: no array can be as long */
function joined(pieces: readonly Uint8Array[]): Uint8Array {
  if (pieces.length === 1) return pieces[0];
  const all = allocate(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}

/** The error for a compressor or setting that this engine cannot provide, with its place in the file. */
function needed(error: unknown, what: string, offset: number): unknown {
  if (!(error instanceof ZramError) || error.message.includes(`at byte ${offset}`)) return error;
  const where = `the file's section at byte ${offset} needs ${what}: ${sentenceOf(error)}`;
  return new ZramError(error.code, where);
}

// ── contents of sections ───────────────────────────────────────────────────────────────────────────────────────────

function headOf({ payload, offset }: Section, mode: LoadMode): HeadJson {
  const json = parse(payload, offset) as Partial<HeadJson>;
  const { devices, objects, comment } = json;
  if (!isCount(devices, 2 ** 32) || devices === 0)
    throw damaged(offset, 'its head must have the number of devices, 1 or more');
  if (!isCount(objects, 2 ** 32)) throw damaged(offset, 'its head must have the number of objects');
  if (comment !== undefined && typeof comment !== 'string') throw damaged(offset, 'its comment is not a string');
  if (mode === 'one' && devices !== 1) {
    throw new ZramError('EINVAL', `the file must have one device or snapshot, not ${devices}: use loadAll instead.`);
  }
  return { devices, objects, comment };
}

function codecOf(payload: Uint8Array, offset: number): { json: CodecJson; rest: Uint8Array } {
  const length = payload.length < 4 ? Infinity : numberAt(payload, 0);
  if (length > payload.length - 4) throw damaged(offset, 'a compressor’s description does not fit its section');
  const rest = viewOf(payload, 4 + length);
  const json = parse(viewOf(payload, 4, 4 + length), offset) as Partial<CodecJson>;
  const { name, level, winbits, dictionary } = json;
  if (typeof name !== 'string') throw damaged(offset, 'a compressor has no name');
  const right =
    (level === undefined || isWhole(level, -(2 ** 31), 2 ** 31 - 1)) &&
    (winbits === undefined || isWhole(Math.abs(winbits), WINBITS_MIN, WINBITS_MAX));
  if (!right) throw damaged(offset, 'a compressor parameter is not an integer, or out of range');
  if ((dictionary === undefined ? 0 : dictionary) !== rest.length)
    throw damaged(offset, 'the length of a compressor’s dictionary is wrong');
  return { json: { name, level, winbits, dictionary }, rest };
}

function deviceOf(payload: Uint8Array, offset: number): DeviceJson {
  const json = parse(payload, offset) as Partial<DeviceJson>;
  const { name, snapshot, diskPages, pagesStored, algorithms, dedup, memLimit, verifyCompressors, trackEntryActime } =
    json;
  const { kernel, chainSize, shrinker } = json;
  checkKernel(kernel, offset);
  const flags = [snapshot, dedup, verifyCompressors, trackEntryActime];
  const right =
    typeof name === 'string' &&
    flags.every((flag) => typeof flag === 'boolean') &&
    isCount(diskPages, 2 ** 32) &&
    diskPages > 0 &&
    isCount(pagesStored, diskPages + 1) &&
    isCount(memLimit, 2 ** 53) &&
    (chainSize === undefined || kernelOf(kernel).chainSizes.includes(chainSize)) &&
    (shrinker === undefined || typeof shrinker === 'boolean') &&
    isAlgorithms(algorithms);
  if (right) return json as DeviceJson;
  throw damaged(offset, 'a device setting is missing or invalid');
}

/** A version that is not known here: the file may be right, and of a newer library. */
function checkKernel(kernel: unknown, offset: number): void {
  if (kernel === undefined || isKernelVersion(kernel)) return;
  if (typeof kernel !== 'string') throw damaged(offset, 'a kernel is not a text');
  const known = Object.keys(KERNELS).join(', ');
  throw new ZramError(
    'EOPNOTSUPP',
    `the file's section at byte ${offset} needs the kernel ${describe(kernel)}; known are ${known}.`,
  );
}

/** Whether it lists the primary compressor first, and each priority once. */
function isAlgorithms(value: unknown): value is readonly AlgorithmJson[] {
  if (!Array.isArray(value) || value.length === 0) return false;
  return (value as unknown[]).every((one, n) => {
    if (typeof one !== 'object' || one === null) return false;
    const { priority, codec, level, favorDecSpeed } = one as Partial<AlgorithmJson>;
    const before = n === 0 ? -1 : ((value as AlgorithmJson[])[n - 1].priority ?? 4);
    const inOrder = isCount(priority, 4) && priority > before && (n > 0 || priority === 0);
    if (!inOrder || !isCount(codec, 2 ** 32) || (level !== undefined && !Number.isInteger(level))) return false;
    return favorDecSpeed === undefined || isWhole(favorDecSpeed, 0, FAVOR_DEC_SPEED_MAX);
  });
}

function isWhole(value: unknown, least: number, most: number): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= least && value <= most;
}

function isCount(value: unknown, below: number): value is number {
  return isWhole(value, 0, below - 1);
}

function numberAt(bytes: Uint8Array, at: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(at, true);
}

function parse(payload: Uint8Array, offset: number): object {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(payload));
  } catch {
    throw damaged(offset, 'a description is not JSON');
  }
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json;
  throw damaged(offset, 'a description is not a JSON object');
}
