/** Two readers of one save file: whether they agree, and what the library's held meanwhile. */
import { Engine, Zram, ZramError, type LoadedFile, type ZramSnapshot } from '../../bindings/index.js';
import type { CoreExports } from '../../bindings/core/exports.js';
import { STATE_INCOMPRESSIBLE } from '../../bindings/core/layout.js';
import { type Disk } from '../../bindings/device/disk.js';
import { ReadableDevice } from '../../bindings/device/readable.js';
import { sameBytes } from './pages.js';
import { compiledCore, coreOf } from './raw-core.js';
import { Refused, referenceLoad, type Blindness, type ReferenceDevice, type ReferenceFile } from './reference-save.js';

const NONE = 2 ** 32 - 1;

/** The library's reader, with a measure of its memory. */
export class MeasuredReader {
  readonly engine: Engine;
  readonly #empty: number;
  #peak: number | undefined;

  constructor() {
    this.engine = Engine.createSync({ module: compiledCore('release') });
    const core = coreOf(this.engine) as { raw: CoreExports };
    const { raw } = core;
    this.#empty = raw.usedBytes();
    // While a file is read memory is only taken: what is held when the first device ends is the most.
    const zramEnd = (device: number): void => {
      this.#peak ??= raw.usedBytes();
      raw.zramEnd(device);
    };
    core.raw = { ...raw, zramEnd };
  }

  /** Loads a file, looks at it, and lets it go again. `held` is the most bytes of the engine at any time. */
  async read(
    file: Uint8Array,
    look: (file: LoadedFile) => void,
  ): Promise<{ error: ZramError | undefined; held: number }> {
    this.#peak = undefined;
    let error: ZramError | undefined;
    try {
      const loaded = await this.engine.loadAll(file);
      look(loaded);
      for (const device of loaded.devices.values()) device.destroy();
    } catch (thrown) {
      if (!(thrown instanceof ZramError)) throw thrown;
      error = thrown;
    }
    const left = coreOf(this.engine).raw.usedBytes() - this.#empty;
    if (left !== 0) throw new Error(`${left} bytes are left behind`);
    return { error, held: (this.#peak ?? this.#empty) - this.#empty };
  }
}

/** Throws where a device is not what the reference read. */
export function compareDevice(device: Zram | ZramSnapshot, expected: ReferenceDevice): void {
  if (device instanceof Zram === expected.snapshot) throw new Error(`${expected.name}: device or snapshot`);
  const pages = ReadableDevice.diskOf(device);
  if (pages.pages !== expected.diskPages) throw new Error(`${expected.name}: ${pages.pages} pages`);
  let count = 0;
  for (let index = next(pages, 0); index !== NONE; index = next(pages, index + 1)) {
    count++;
    const page = expected.pages.get(index);
    if (!page || !sameBytes(device.readPage(index), page)) throw new Error(`${expected.name}: page ${index}`);
    const marked = (pages.state(index) & STATE_INCOMPRESSIBLE) !== 0;
    if (marked !== expected.incompressible.has(index)) throw new Error(`${expected.name}: mark of page ${index}`);
  }
  if (count !== expected.pages.size) throw new Error(`${expected.name}: ${count} pages stored`);
}

function next({ core, address, pages }: Disk, from: number): number {
  return from < pages ? core.raw.zramNextSlot(address, from, 0, 0) >>> 0 : NONE;
}

/** What became of a file: both readers took it, or refused it. Throws where they do not agree. */
export async function agreed(
  reader: MeasuredReader,
  file: Uint8Array,
  blind: readonly Blindness[] = [],
): Promise<{ accepted: boolean; held: number; error: ZramError | undefined }> {
  let expected: ReferenceFile | undefined;
  let why = '';
  try {
    expected = referenceLoad(file, blind);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    why = error.message;
  }
  const { error, held } = await reader.read(file, ({ devices, attachment }) => {
    if (!expected) throw new Error(`the library takes what the reference refuses: ${why}`);
    const names = expected.devices.map(({ name }) => name);
    if ([...devices.keys()].join('\n') !== names.join('\n')) throw new Error('names');
    const [one, other] = [attachment, expected.attachment];
    if (one && other ? Buffer.compare(one, other) !== 0 : one !== other) throw new Error('attachment');
    for (const one of expected.devices) compareDevice(devices.get(one.name)!, one);
  });
  if (error && expected) throw new Error(`the library refuses what the reference takes: ${error.message}`);
  if (error && !['EINVAL', 'EOPNOTSUPP'].includes(error.code)) throw new Error(`${error.message} (reference: ${why})`);
  return { accepted: expected !== undefined, held, error };
}
