/** Names of pages: a device or snapshot in a tier, from where other processes open it. */
import type { PageRange, Zram, ZramSnapshot } from '../../bindings/index.js';
import { ZramError } from '../../bindings/base/errors.js';
import { RemoteFork } from './fork.js';
import { checkMethods, checkOptions, isIterable, wholeNumber } from '../base/options.js';
import { makeDevice, PAGE_SIZE, PageBlocks } from './page-blocks.js';
import { savePages, storedRanges, type SaveNamedReport } from './page-saver.js';
import { asError, PageTable } from './page-table.js';
import { FANOUT, KEY, type TableNode } from './table-node.js';
import { checkName, decodeRoot, isWrong } from './table-root.js';
import { touchEach, type RemoteTier } from './tier.js';

/** Keys whose leases are extended with one call. */
const RENEW_BATCH = 1024;

/** Options of {@link saveNamed}. */
export interface SaveNamedOptions {
  /**
   * What was saved before: a name, and a snapshot of the device as it was then. Only pages that differ from it are looked
   * at, with `device.diffAsync`. It must be on the device's pool for that to be quick.
   */
  readonly since?:
    | {
        /** The name. */
        readonly name: string;
        /** What was saved under it. */
        readonly snapshot: Zram | ZramSnapshot;
      }
    | undefined;
}

/** Options of {@link openNamed}. */
export interface OpenNamedOptions {
  /**
   * Where pages are kept here: a device that holds nothing, with the same disksize or none yet, and no asynchronous
   * backing, which is not checked: reads of pages that are written back to one fail with EAGAIN. It is the fork's until that
   * is destroyed, and yours again then. Default: one that is made for the fork.
   */
  readonly device?: Zram | undefined;
  /** Pages that are read with one call, 1 to 4096. Default: 64. */
  readonly batchPages?: number | undefined;
  /** Such calls at a time for one request, 1 to 64. Default: 4. */
  readonly inFlight?: number | undefined;
}

/** What {@link renewNamed} found. */
export interface RenewReport {
  /** Values whose leases were extended: pages, and nodes of the table. */
  readonly values: number;
  /** Pages that are lost, by name and place. */
  readonly lost: readonly (PageRange & {
    /** The name. */
    readonly name: string;
  })[];
}

/**
 * Saves a device's current pages, or a snapshot, in the tier, and sets the name in the end, in one step. What the tier has
 * already is not sent, whoever put it there. Writes to the device meanwhile are not saved.
 *
 * Cost: some 15 µs a page (compressed ones are hashed as they are), a call to the tier for each 256 values, and 16 bytes of
 * table a page.
 * @param name any text that is not empty
 * @throws ZramError EIO: the tier failed, or a page cannot be read; the name is as before. EINVAL: not a device
 */
export async function saveNamed(
  tier: RemoteTier,
  name: string,
  device: Zram | ZramSnapshot,
  options: SaveNamedOptions = {},
): Promise<SaveNamedReport> {
  checkName(name);
  checkTier(tier);
  checkOptions(options);
  checkDevice(device, 'the device');
  const { since } = options;
  const pages = device.disksize / PAGE_SIZE;
  if (pages === 0) throw new ZramError('EINVAL', 'the device is not initialised: set a disksize first.');
  if (since !== undefined) checkName(since?.name);
  const frozen = device.clone();
  try {
    const changed = since === undefined ? storedRanges(frozen) : await differing(frozen, since.snapshot);
    const table =
      since === undefined ? new PageTable(tier, { pages, key: undefined }) : await openTable(tier, since.name);
    if (table.pages !== pages)
      throw new ZramError('EINVAL', `'${since?.name}' has ${table.pages} pages, the device has ${pages}.`);
    return (await savePages(tier, name, frozen, table, changed, false)).report;
  } finally {
    frozen.destroy();
  }
}

/** Where pages differ from those of another device as it is now: it may be changed or destroyed meanwhile. */
async function differing(frozen: Zram, other: Zram | ZramSnapshot): Promise<PageRange[]> {
  checkDevice(other, 'since.snapshot');
  const before = other.clone();
  try {
    return await frozen.diffAsync(before);
  } finally {
    before.destroy();
  }
}

/** @throws ZramError EINVAL */
function checkDevice(device: Zram | ZramSnapshot, what: string): void {
  if (typeof device?.extents === 'function') return;
  throw new ZramError('EINVAL', `${what} must be a Zram or a ZramSnapshot.`);
}

/**
 * Opens what was saved under a name. No page is read yet.
 * @throws ZramError ENOENT: there is no such name; EIO: it cannot be read; EINVAL: a wrong option or device; EBUSY: the device is
 * another fork's; ENOMEM
 */
export async function openNamed(tier: RemoteTier, name: string, options: OpenNamedOptions = {}): Promise<RemoteFork> {
  checkName(name);
  checkTier(tier);
  checkOptions(options);
  const batch = wholeNumber(options.batchPages, 'batchPages', 64, 1, 4096);
  const inFlight = wholeNumber(options.inFlight, 'inFlight', 4, 1, 64);
  if (options.device !== undefined && typeof options.device?.writePages !== 'function')
    throw new ZramError('EINVAL', 'the device of a fork must be a Zram.');
  const table = await openTable(tier, name);
  const disksize = table.pages * PAGE_SIZE;
  const device = options.device ?? (await makeDevice());
  const ownsDevice = options.device === undefined;
  let blocks: PageBlocks | undefined;
  try {
    if (device.disksize === 0) device.init(disksize);
    if (device.disksize !== disksize)
      throw new ZramError('EINVAL', `'${name}' has ${disksize} bytes, the device has ${device.disksize}.`);
    blocks = await PageBlocks.of(device);
    if (!storedRanges(device).next().done) throw new ZramError('EINVAL', 'the device of a fork must hold nothing.');
    return new RemoteFork({ tier, name, table, device, blocks, ownsDevice, batch, inFlight });
  } catch (error) {
    blocks?.destroy();
    if (ownsDevice) device.destroy();
    throw error;
  }
}

/** Removes a name. Its pages go when their leases have ended. */
export async function dropNamed(tier: RemoteTier, name: string): Promise<void> {
  checkName(name);
  checkTier(tier);
  await tier.removeNamed(name);
}

/**
 * Extends the leases of all that names need, and says what is lost. Whoever wants a name to stay calls it in time
 * (`tier.leaseMilliseconds`); a tier of segments needs it only if nobody collects with `liveKeys`.
 *
 * Cost: all nodes of the tables are read, 16 bytes a page, and a call for each 1024 values.
 * @throws ZramError ENOENT, EIO: a name cannot be read, or the tier fails
 */
export async function renewNamed(tier: RemoteTier, names: string | readonly string[]): Promise<RenewReport> {
  const lost: RenewReport['lost'][number][] = [];
  let values = 0;
  checkTier(tier);
  for (const name of checkedNames(typeof names === 'string' ? [names] : names)) {
    let keys: Uint8Array[] = [];
    let pages: PageRange[] = [];
    const touch = async (): Promise<void> => {
      const there = await touchAll(tier, keys);
      there.forEach((isThere, n) => {
        if (isThere) values++;
        else lost.push({ name, ...pages[n] });
      });
      [keys, pages] = [[], []];
    };
    const table = await openTable(tier, name);
    for await (const { key, range } of keysOfTable(table, (index, count) => lost.push({ name, index, count }))) {
      keys.push(key);
      pages.push(range);
      if (keys.length === RENEW_BATCH) await touch();
    }
    await touch();
  }
  return Object.freeze({ values, lost });
}

async function touchAll(tier: RemoteTier, keys: readonly Uint8Array[]): Promise<boolean[]> {
  if (keys.length === 0) return [];
  try {
    const there = await touchEach(tier, keys);
    return there.map((each) => {
      if (typeof each === 'boolean') return each;
      throw each;
    });
  } catch (cause) {
    throw new ZramError('EIO', `the tier cannot extend leases: ${asError(cause).message}`, undefined, { cause });
  }
}

/**
 * All keys that names need, for `collect` of a tier of segments. Keys that they share come for each.
 * @throws ZramError ENOENT, EIO: a name or table cannot be read: what it needs is not known
 */
export async function* liveKeys(tier: RemoteTier, names: Iterable<string>): AsyncGenerator<Uint8Array> {
  checkTier(tier);
  for (const name of checkedNames(names)) {
    const table = await openTable(tier, name);
    const onLost = (_index: number, _count: number, failure: ZramError): never => {
      throw failure;
    };
    for await (const { key } of keysOfTable(table, onLost)) yield key;
  }
}

/** All keys of a table, with the pages that are lost if one is. */
async function* keysOfTable(
  table: PageTable,
  onLost: (index: number, count: number, failure: ZramError) => void,
): AsyncGenerator<{ key: Uint8Array; range: PageRange }> {
  for await (const { level, number: place, key, node } of table.walk(onLost)) {
    const pages = FANOUT ** (level + 1);
    const index = place * pages;
    yield { key, range: { index, count: Math.min(pages, table.pages - index) } };
    if (level === 0) yield* keysOfLeaf(node, index);
  }
}

function* keysOfLeaf(node: TableNode, first: number): Generator<{ key: Uint8Array; range: PageRange }> {
  for (let slot = 0; slot < FANOUT; slot++)
    if (node.kinds[slot] === KEY) yield { key: node.at(slot), range: { index: first + slot, count: 1 } };
}

const CALLS = ['getMany', 'putMany', 'touchMany', 'getNamed', 'putNamed', 'removeNamed'] as const;

/** @throws ZramError EINVAL */
function checkTier(tier: RemoteTier): void {
  checkMethods(tier, 'tier', CALLS);
}

/** @throws ZramError EINVAL */
function checkedNames(names: Iterable<string>): Iterable<string> {
  if (!isIterable(names)) throw new ZramError('EINVAL', 'names must be a list of texts.');
  const all = [...names];
  all.forEach(checkName);
  return all;
}

async function openTable(tier: RemoteTier, name: string): Promise<PageTable> {
  let bytes: Uint8Array | null | undefined;
  try {
    bytes = await tier.getNamed(name);
  } catch (cause) {
    if (isWrong(cause)) throw cause;
    throw new ZramError('EIO', `the name '${name}' cannot be read: ${asError(cause).message}`, undefined, { cause });
  }
  if (bytes === undefined || bytes === null) throw new ZramError('ENOENT', `there is no name '${name}' in the tier.`);
  return new PageTable(tier, decodeRoot(name, bytes));
}
