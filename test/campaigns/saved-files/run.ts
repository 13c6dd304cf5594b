/**
 * Loads mutated files of `PageFs.saveAll` with the library and with a second reader: both take a file and find the same in
 * it, or both refuse it. What is taken works; whatever comes of a file, no memory is lost.
 */
import { Engine, ZramError } from '../../../bindings/index.js';
import { PageFs } from '../../../integrations/fs.js';
import { useUp } from '../../integrations/fs/saved-files.js';
import { processorMs } from '../../support/processor-time.js';
import { referenceInodes, type ReferenceInode, type ReferenceTree } from '../../support/reference-inodes.js';
import { Refused, referenceLoad, type ReferenceDevice } from '../../support/reference-save.js';
import { fileOfSeed, mutantOf } from './mutants.js';

const PAGE_SIZE = 4096;
const DISK_PAGES = 2 ** 32 - 1;
/** Mutants of one file. */
const PER_FILE = 200;
/** Most milliseconds of the processor for one file of some KiB; most take one. */
const MS_MAX = 2000;
/** More than `useUp` takes. */
const PAGES_USED = 2 ** 20;
/** Pages of a file that are compared. */
const PAGES_COMPARED = 600;

interface Expected {
  readonly trees: readonly ReferenceTree[];
  readonly devices: readonly ReferenceDevice[];
}

export class SavedFilesRunner {
  /** How many were taken, and how many refused for each reason. */
  readonly tally = new Map<string, number>();
  readonly #engine = Engine.createSync();
  readonly #used = this.#engine.memory.used;

  destroy(): void {
    this.#engine.destroy();
  }

  /** @throws Error with the seed, if something is wrong */
  async run(first: number, end: number): Promise<void> {
    let [file, donor]: Uint8Array[] = [new Uint8Array(0), new Uint8Array(0)];
    for (let seed = first; seed < end; seed++) {
      const n = Math.floor(seed / PER_FILE);
      if (seed === first || seed % PER_FILE === 0) [file, donor] = [await fileOfSeed(n), await fileOfSeed(n + 1)];
      try {
        await this.#one(mutantOf(file, donor, seed));
      } catch (error) {
        throw new Error(`seed ${seed}: ${(error as Error).message}`, { cause: error });
      }
    }
  }

  async #one(bytes: Uint8Array): Promise<void> {
    let expected: Expected | undefined;
    let why = '';
    try {
      expected = expectedOf(bytes);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      why = error.message;
    }
    const start = processorMs();
    try {
      const { fileSystems } = await PageFs.loadAll(bytes, { engine: this.#engine, memLimit: 0 }); // not that of the file
      if (!expected) throw new Error(`the library takes what the second reader refuses: ${why}`);
      const list = [...fileSystems.values()];
      for (const [n, fs] of list.entries()) compare(fs, expected.trees[n], expected.devices[n]);
      for (const [n, fs] of list.entries()) useUp(fs, pagesOf(expected.trees[n]) > DISK_PAGES - PAGES_USED);
      this.#count('taken');
    } catch (error) {
      if (!(error instanceof ZramError)) throw error;
      if (expected)
        throw new Error(`the library refuses what the second reader takes: ${error.message}`, { cause: error });
      if (error.code !== 'EINVAL' && error.code !== 'EOPNOTSUPP') throw error;
      this.#count(error.message.replace(/\d+|'.*?'/g, '#'));
    }
    if (processorMs() - start > MS_MAX) throw new Error('it took too long');
    const left = this.#engine.memory.used - this.#used;
    if (left !== 0) throw new Error(`${left} bytes are still held`);
  }

  #count(what: string): void {
    this.tally.set(what, (this.tally.get(what) ?? 0) + 1);
  }
}

function expectedOf(bytes: Uint8Array): Expected {
  const { devices, attachment } = referenceLoad(bytes);
  const trees = referenceInodes(attachment, devices.length);
  if (devices.some(({ diskPages }) => diskPages !== DISK_PAGES)) throw new Refused('a disk of another size');
  return { trees, devices };
}

/** Pages of the device that files have. */
function pagesOf({ inodes }: ReferenceTree): number {
  let pages = 0;
  for (const { content } of inodes.values()) {
    if (content.kind === 'file') for (const { count } of content.runs) pages += count;
  }
  return pages;
}

/** Throws where a file system is not what the second reader found. */
function compare(fs: PageFs, { frozen, inodes }: ReferenceTree, device: ReferenceDevice): void {
  if (fs.frozen !== frozen) throw new Error('a snapshot, or none');
  const queue = [{ path: '/', ino: 1 }];
  for (const { path, ino } of queue) {
    const inode = inodes.get(ino) as ReferenceInode;
    const stats = fs.lstatSync(path);
    const numbers = [stats.ino, stats.mode, stats.uid, stats.gid, stats.nlink];
    const times = [stats.birthtimeMs, stats.mtimeMs, stats.ctimeMs, stats.atimeMs];
    const expected = [inode.ino, inode.mode, inode.uid, inode.gid, inode.nlink, ...inode.times];
    if ([...numbers, ...times].some((number, n) => !Object.is(number, expected[n]))) throw new Error(`stat of ${path}`);
    const { content, size } = inode;
    if (content.kind === 'directory') {
      const names = [...content.names.keys()];
      if (fs.readdirSync(path).sort().join('/') !== names.sort().join('/')) throw new Error(`names in ${path}`);
      const above = path === '/' ? '' : path;
      for (const [name, child] of content.names) queue.push({ path: `${above}/${name}`, ino: child });
      continue;
    }
    if (stats.size !== size) throw new Error(`size of ${path}`);
    if (content.kind === 'link') {
      if (fs.readlinkSync(path) !== content.target) throw new Error(`target of ${path}`);
    } else comparePages(fs, path, size, content.runs, device);
  }
}

function comparePages(
  fs: PageFs,
  path: string,
  size: number,
  runs: readonly { page: number; device: number; count: number }[],
  device: ReferenceDevice,
): void {
  const pages = new Map<number, number>();
  for (const { page, device: at, count } of runs) {
    for (let n = 0; n < Math.min(count, PAGES_COMPARED); n++) pages.set(page + n, at + n);
  }
  for (let page = 0; page < 20; page++) if (!pages.has(page)) pages.set(page, -1); // holes, or behind the end
  const fd = fs.openSync(path, 'r');
  const read = new Uint8Array(PAGE_SIZE);
  const zeros = new Uint8Array(PAGE_SIZE);
  for (const [page, at] of pages) {
    const length = Math.min(PAGE_SIZE, Math.max(0, size - page * PAGE_SIZE));
    const isInRun = runs.some((run) => page >= run.page && page < run.page + run.count);
    if (at < 0 && isInRun) continue; // too far in its run
    if (fs.readSync(fd, read, 0, PAGE_SIZE, page * PAGE_SIZE) !== length) throw new Error(`length of ${path}`);
    const expected = device.pages.get(at) ?? zeros;
    if (Buffer.compare(read.subarray(0, length), expected.subarray(0, length)) !== 0) {
      throw new Error(`page ${page} of ${path}`);
    }
  }
  fs.closeSync(fd);
}
