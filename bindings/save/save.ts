/** Saving: collects and checks what goes to one file. The file itself is written in file-writer.ts. */
import { checkBytes, PAGE_SIZE, readList, readOptions } from '../base/arguments.js';
import { isBytes } from '../base/bytes.js';
import { ZramError } from '../base/errors.js';
import { defaultCompressorOf, KERNEL_DEFAULT } from '../base/kernel.js';
import { describe, textOf } from '../base/messages.js';
import { pause, pauseDue } from '../base/pacer.js';
import { PARTS, ReadableDevice, type Frozen } from '../device/readable.js';
import { FileWriter, type Item } from './file-writer.js';
import { SECTION_BYTES_MAX } from './format.js';
import { Numbering } from './groups.js';
import { SinkWriter } from './sink.js';

/** Most bytes of a name or comment as JSON: the rest of its section is of limited length. */
const TEXT_BYTES_MAX = SECTION_BYTES_MAX - 65536;

/** Devices and snapshots to save to one file: by name, or as a list, whose names are '0', '1' and so on. */
export type Saved =
  | readonly ReadableDevice[]
  | ReadonlyMap<string, ReadableDevice>
  | {
      /** A device or snapshot by its name. */
      readonly [name: string]: ReadableDevice;
    };

/** The options of `Zram.saveAll`. */
export interface SaveOptions {
  /** A text of the caller's, which `Zram.loadAll` returns. */
  comment?: string | undefined;
  /** Bytes of the caller's, as one array or in pieces, which `Zram.loadAll` returns. Pieces are taken as they are written. */
  attachment?: Uint8Array | Iterable<Uint8Array> | undefined;
}

/** What was saved. */
export interface SaveReport {
  /** Bytes of the file. */
  readonly bytes: number;
  /** Stored pages of all devices and snapshots together. */
  readonly pages: number;
  /** Distinct objects, each of which is in the file once. */
  readonly objects: number;
  /** How long it took, including the sink's time. */
  readonly milliseconds: number;
}

/** @internal As `Zram.saveAll`. On any failure the sink is aborted. */
export async function saveAll(sink: unknown, saved: unknown, options: SaveOptions | undefined): Promise<SaveReport> {
  const start = performance.now();
  const writer = new SinkWriter(sink);
  const copies: Frozen[] = [];
  try {
    const { comment, attachment } = readOptions(options, ['comment', 'attachment'], 'saveAll');
    checkComment(comment);
    const pieces = piecesOf(attachment);
    const entries = entriesOf(saved);
    checkNames(entries);
    const items = entries.map(([name, value]) => itemOf(name, value, copies));
    checkPool(items);
    const numbering = await Numbering.of(items.map(({ pages }) => pages));
    const { pages, objects } = await new FileWriter(items, numbering, writer).write(comment, pieces);
    return Object.freeze({ bytes: writer.bytes, pages, objects, milliseconds: performance.now() - start });
  } catch (error) {
    await writer.abort(error);
    throw error;
  } finally {
    for (const copy of copies) {
      copy.destroy();
      if (pauseDue()) await pause();
    }
  }
}

function checkComment(comment: unknown): void {
  if (comment === undefined) return;
  if (typeof comment !== 'string') throw new ZramError('EINVAL', `comment must be a string, not ${describe(comment)}.`);
  checkFits(comment, 'the comment');
}

function piecesOf(attachment: unknown): Iterable<unknown> | undefined {
  if (attachment === undefined) return undefined;
  if (isBytes(attachment)) {
    checkBytes(attachment, 'attachment');
    return [attachment];
  }
  const isObject = typeof attachment === 'object' && attachment !== null && !ArrayBuffer.isView(attachment);
  if (isObject && typeof (attachment as Partial<Iterable<unknown>>)[Symbol.iterator] === 'function') {
    return attachment as Iterable<unknown>;
  }
  const required = 'attachment must be a Uint8Array or an iterable of Uint8Arrays';
  throw new ZramError('EINVAL', `${required}, not ${describe(attachment)}.`);
}

/** The names and values, each read once. */
function entriesOf(saved: unknown): [string, unknown][] {
  if (typeof saved !== 'object' || saved === null) {
    throw new ZramError(
      'EINVAL',
      `the devices to save must be a list, a Map or an object of devices, not ${describe(saved)}.`,
    );
  }
  try {
    const list = readList(saved, 'the list');
    if (list) return list.map((value, n) => [String(n), value]);
    const { entries } = saved as { entries?: unknown };
    const pairs = typeof entries === 'function' ? (entries.call(saved) as Iterable<unknown>) : Object.entries(saved);
    return Array.from(pairs, (pair) => {
      const [name, value] = pair as [unknown, unknown];
      if (typeof name === 'string') return [name, value];
      throw new ZramError('EINVAL', `the name of a device must be a string, not ${describe(name)}.`);
    });
  } catch (error) {
    throw error instanceof ZramError
      ? error
      : new ZramError('EINVAL', `cannot read the devices to save: ${textOf(error)}.`);
  }
}

function checkNames(entries: readonly [string, unknown][]): void {
  const names = new Set<string>();
  for (const [name] of entries) {
    if (names.has(name))
      throw new ZramError('EINVAL', `the name ${describe(name)} must be used only once, not for two devices.`);
    names.add(name);
    checkFits(name, `the name ${describe(name)}`);
  }
}

/** The text must fit a section, as readers limit the length of sections. */
function checkFits(text: string, what: string): void {
  // A character takes at most six bytes as JSON.
  if (6 * text.length <= TEXT_BYTES_MAX) return;
  if (new TextEncoder().encode(JSON.stringify(text)).length <= TEXT_BYTES_MAX) return;
  throw new ZramError('EINVAL', `${what} must be at most ${TEXT_BYTES_MAX} bytes long as JSON.`);
}

function itemOf(name: string, value: unknown, copies: Frozen[]): Item {
  ReadableDevice.check(value);
  const parts = value[PARTS]();
  const { isSnapshot, state } = parts;
  const { dedup, limitPages, verifyCompressors, tracksTime, poolOptions } = state;
  const { chainSize, shrinker } = poolOptions;
  const { version } = state.kernel;
  // Also the default one, if it was named: `reset` then brings back its compressor.
  const isNamed = state.algorithmDefault !== defaultCompressorOf(undefined);
  const settings = {
    ...{ dedup, memLimit: limitPages * PAGE_SIZE, verifyCompressors, trackEntryActime: tracksTime },
    ...{ kernel: version === KERNEL_DEFAULT && !isNamed ? undefined : version, chainSize, shrinker },
  };
  // A copy, so that later writes to the device do not change what is saved.
  const copy = parts.freeze();
  copies.push(copy);
  return { name, snapshot: isSnapshot, state, algorithms: [...state.algorithms], settings, pages: copy.pages };
}

function checkPool(items: readonly Item[]): void {
  const [first] = items;
  if (!first) throw new ZramError('EINVAL', 'the devices to save must include at least one device or snapshot.');
  for (const { name, pages } of items) {
    if (pages.core === first.pages.core && pages.pool.address === first.pages.pool.address) continue;
    throw new ZramError(
      'EINVAL',
      `${describe(name)} must be on the pool of ${describe(first.name)}, not on another pool: save it to a file of its own.`,
    );
  }
}
