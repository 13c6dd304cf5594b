/**
 * Saving and loading: the devices as the library saves them, shared pages once, with a list of inodes as their attachment.
 *
 * What is saved is the state when the call begins: inodes that are shared with the list are copied before they change, as
 * with a fork.
 */
import { ZramError } from '../../bindings/base/errors.js';
import type { LoadedFile, SaveReport, SaveSink, Zram, ZramSnapshot } from '../../bindings/index.js';
import { FILE_BYTES_MAX, PAGE_SIZE } from './constants.js';
import { InodeReader, noList } from './inode-reader.js';
import { InodeTable } from './inode-table.js';
import { inodeList } from './inode-writer.js';
import { PageSpace } from './page-space.js';
import { TreeCheck, type CheckedTree } from './tree-check.js';
import { isWritable, Tree, type SavedTree } from './tree.js';
import { Turns } from './turns.js';

/** Key of `Zram.saveAll` on each device, of whichever copy of the library it is. */
const SAVE_ALL: unique symbol = Symbol.for('zram-wasm.saveAll');
/** Milliseconds of work between two turns of others. */
const SLICE_MS = 4;

/** What saving needs of the library. */
type Library = Pick<typeof Zram, 'saveAll'>;

/** The library that a device is of. */
export function libraryOf(device: Zram | ZramSnapshot): Library {
  return { saveAll: (device as unknown as { [SAVE_ALL]: Library['saveAll'] })[SAVE_ALL] };
}

/** What there is to save, by name, each read once. @throws ZramError EINVAL */
export function namedIn<T>(saved: unknown, isOne: (value: unknown) => value is T): (readonly [name: string, one: T])[] {
  const required = 'the file systems to save must be a list, a Map or an object of PageFs';
  if (typeof saved !== 'object' || saved === null) throw new ZramError('EINVAL', `${required}.`);
  const { entries } = saved as { entries?: unknown };
  const pairs: Iterable<readonly [unknown, unknown]> = Array.isArray(saved)
    ? saved.map((value, n) => [String(n), value] as const)
    : typeof entries === 'function'
      ? (entries.call(saved) as Iterable<readonly [unknown, unknown]>)
      : Object.entries(saved);
  return Array.from(pairs, ([name, value]) => {
    if (typeof name === 'string' && isOne(value)) return [name, value] as const;
    throw new ZramError('EINVAL', `${required}, by names that are texts.`);
  });
}

/**
 * @param named what to save, by name; its errors end the sink as all others do
 * @throws ZramError as `PageFs.saveAll`
 */
export async function saveTrees(
  library: Library,
  sink: SaveSink,
  named: () => readonly (readonly [name: string, tree: Tree])[],
  comment: () => string | undefined,
): Promise<SaveReport> {
  const copies: Tree[] = [];
  const states: SavedTree[] = [];
  const deviceOf = (tree: Tree): Zram | ZramSnapshot => {
    let from = tree;
    if (tree.hasNameless) copies.push((from = tree.fork())); // without what has no name
    states.push({ ...from.saved(), frozen: tree.frozen });
    return from.device;
  };
  const saved = { entries: () => named().map(([name, tree]) => [name, deviceOf(tree)] as const) };
  const options = {
    get comment() {
      return comment();
    },
    attachment: inodeList(states),
  };
  try {
    return await library.saveAll(sink, saved as never, options);
  } finally {
    for (const copy of copies) copy.destroy();
  }
}

/**
 * The trees of a file that was loaded, by name: writable ones, or as they were saved.
 * @throws ZramError EINVAL: no file of file systems, or one whose list of inodes is damaged; ENOMEM. All devices are
 * destroyed then
 */
export async function treesOf(file: LoadedFile, metadataMax: number, one: boolean): Promise<Map<string, Tree>> {
  const turns = new Turns(SLICE_MS);
  const devices = new Map(file.devices);
  try {
    const { attachment } = file;
    if (attachment === undefined) throw noList();
    if (one && devices.size !== 1) {
      const many = `the file must have one file system, not ${devices.size}`;
      throw new ZramError('EINVAL', `${many}: use PageFs.loadAll instead.`);
    }
    const reader = new InodeReader(attachment, turns, metadataMax * devices.size);
    const saved = await reader.read(devices.size);
    const trees = new Map<string, Tree>();
    for (const [n, name] of [...devices.keys()].entries()) {
      const { frozen, chunks, free } = saved[n];
      const checked = await new TreeCheck(saved[n], turns, metadataMax).check();
      const device = await cleanDevice(devices, name, frozen && !one, checked, turns);
      const inodes = InodeTable.of(reader.owner, [...chunks], free);
      const space = PageSpace.of(reader.owner, checked.free, checked.end);
      trees.set(name, Tree.loaded(device, metadataMax, checked.counts, inodes, space));
    }
    for (const device of devices.values()) checkAlive(device); // the engine may have been destroyed meanwhile
    return trees;
  } catch (error) {
    for (const device of devices.values()) {
      device.destroy();
      if (turns.due) await turns.take();
    }
    throw error;
  }
}

/** @throws ZramError EINVAL */
function checkAlive(device: Zram | ZramSnapshot): number {
  return device.disksize;
}

/** A device or, for a frozen tree, a snapshot, that holds nothing in pages that no file has. Takes the old one's place. */
async function cleanDevice(
  devices: Map<string, Zram | ZramSnapshot>,
  name: string,
  frozen: boolean,
  { free, end, reserved }: CheckedTree,
  turns: Turns,
): Promise<Zram | ZramSnapshot> {
  const device = devices.get(name) as Zram | ZramSnapshot;
  if (device.disksize !== FILE_BYTES_MAX) throw noList();
  const held: number[] = [];
  const runs = [...free, ...reserved, end, FILE_BYTES_MAX / PAGE_SIZE - end];
  for (let at = 0; at < runs.length; at += 2) {
    if (turns.due) await turns.take();
    // Not by discarding them all: that would copy parts of tables which forks share.
    const extents = device.extents(runs[at] * PAGE_SIZE, runs[at + 1] * PAGE_SIZE);
    if (extents.some(({ kind }) => kind !== 'hole')) held.push(runs[at], runs[at + 1]);
  }
  if (held.length === 0 && isWritable(device) !== frozen) return device;
  const replace = (by: Zram | ZramSnapshot): void => {
    const old = devices.get(name) as Zram | ZramSnapshot;
    devices.set(name, by);
    old.destroy();
  };
  let writable = device as Zram;
  if (!isWritable(device)) replace((writable = device.clone()));
  for (let at = 0; at < held.length; at += 2) writable.discard(held[at] * PAGE_SIZE, held[at + 1] * PAGE_SIZE);
  if (frozen) replace(writable.snapshot());
  return devices.get(name) as Zram | ZramSnapshot;
}
