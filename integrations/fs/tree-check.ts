/**
 * Whether the inodes of a save file are a file system: one tree of directories in which every inode is named as often as it
 * says, free places that are one list, and files that have no page of the device in common.
 */
import { PAGE_SIZE } from './constants.js';
import type { Inode } from './inode.js';
import { noRoom } from './inode-reader.js';
import { CHUNK } from './inode-table.js';
import { RUN_BYTES } from './page-map.js';
import { damaged } from './saved-bytes.js';
import { INODE_BYTES, NAME_BYTES, ROOT, type Counts, type SavedTree } from './tree.js';
import type { Turns } from './turns.js';

/** Inodes or names between two looks at the clock. */
const STEP = 256;
/** Runs that are sorted at once, in under a millisecond. */
const SORTED = 8192;

/** What the inodes of a file system come to. */
export interface CheckedTree {
  readonly counts: Counts;
  /** Runs of pages before `end` that no file has: start and count of each. */
  readonly free: number[];
  readonly end: number;
  /** Runs of pages that a file has behind its end, which hold nothing: start and count of each. */
  readonly reserved: number[];
}

export class TreeCheck {
  readonly #tree: SavedTree;
  readonly #turns: Turns;
  readonly #metadataMax: number;
  readonly #end: number;
  readonly #counts: Counts = { files: 0, directories: 0, links: 0, bytes: 0, metadataBytes: 0 };
  #steps = 0;

  /** @param metadataMax estimated bytes of JavaScript memory for one file system */
  constructor(tree: SavedTree, turns: Turns, metadataMax: number) {
    this.#tree = tree;
    this.#turns = turns;
    this.#metadataMax = metadataMax;
    const { chunks } = tree;
    this.#end = chunks.length === 0 ? 0 : CHUNK * (chunks.length - 1) + chunks[chunks.length - 1].slots.length;
  }

  /** @throws ZramError EINVAL: it is no file system; ENOMEM: it takes more than maxMetadata */
  async check(): Promise<CheckedTree> {
    await this.#checkNames();
    if (this.#counts.metadataBytes > this.#metadataMax) throw noRoom();
    await this.#checkFree();
    const { starts, ends, reserved } = await this.#runs();
    await sort(starts, this.#turns);
    await sort(ends, this.#turns);
    const free: number[] = [];
    let end = 0;
    for (let n = 0; n < starts.length; n++) {
      if (++this.#steps % STEP === 0 && this.#turns.due) await this.#turns.take();
      if (starts[n] < end) throw damaged('two files have one page of the device');
      if (starts[n] > end) free.push(end, starts[n] - end);
      end = ends[n];
    }
    return { counts: this.#counts, free, end, reserved };
  }

  #slot(place: number): Inode | number {
    return this.#tree.chunks[Math.floor(place / CHUNK)].slots[place % CHUNK];
  }

  #inode(place: number): Inode {
    const slot = place < this.#end ? this.#slot(place) : 0;
    if (typeof slot === 'object') return slot;
    throw damaged(`inode ${place} has a name, and is none`);
  }

  /** Goes through all directories, from the root, and counts the names of each inode. */
  async #checkNames(): Promise<void> {
    const counts = this.#counts;
    const names = new Uint32Array(this.#end);
    const root = this.#inode(ROOT);
    if (!root.isDirectory || root.directory.parent !== ROOT) throw damaged('the root is not one');
    names[ROOT] = 1;
    const queue = [ROOT];
    for (let dir = queue.pop(); dir !== undefined; dir = queue.pop()) {
      const { directory, nlink } = this.#inode(dir);
      let directories = 0;
      for (const [name, ino] of directory.names) {
        if (++this.#steps % STEP === 0 && this.#turns.due) await this.#turns.take();
        const inode = this.#inode(ino);
        names[ino]++;
        counts.metadataBytes += NAME_BYTES + 2 * name.length;
        if (!inode.isDirectory) continue;
        if (names[ino] > 1 || inode.directory.parent !== dir)
          throw damaged(`directory ${ino} is not in its parent alone`);
        directories++;
        queue.push(ino);
      }
      if (nlink !== 2 + directories) throw damaged(`directory ${dir} has another number of directories in it`);
    }
    for (let place = 0; place < this.#end; place++) {
      if (++this.#steps % STEP === 0 && this.#turns.due) await this.#turns.take();
      const slot = this.#slot(place);
      if (typeof slot !== 'object') continue;
      const right = slot.isDirectory ? names[place] === 1 : names[place] > 0 && names[place] === slot.nlink;
      if (!right) throw damaged(`inode ${place} has ${names[place]} names`);
      this.#count(slot);
    }
  }

  #count(inode: Inode): void {
    const counts = this.#counts;
    counts.metadataBytes += INODE_BYTES;
    if (inode.isDirectory) counts.directories++;
    else if (inode.isFile) {
      counts.files++;
      counts.bytes += inode.size;
      counts.metadataBytes += RUN_BYTES * inode.map.runCount;
    } else {
      counts.links++;
      counts.metadataBytes += 2 * (inode.content as string).length;
    }
  }

  /** Every free place but 0 must be in the list, once. */
  async #checkFree(): Promise<void> {
    let free = -1; // place 0 is none
    for (let place = 0; place < this.#end; place++) {
      if (++this.#steps % STEP === 0 && this.#turns.due) await this.#turns.take();
      if (typeof this.#slot(place) === 'number') free++;
    }
    if (this.#slot(0) !== 0) throw damaged('place 0 is in use');
    for (let place = this.#tree.free; place !== 0; free--) {
      if (++this.#steps % STEP === 0 && this.#turns.due) await this.#turns.take();
      const next = place < this.#end ? this.#slot(place) : undefined;
      if (typeof next !== 'number' || free === 0) throw damaged('the free places are no list');
      place = next;
    }
    if (free !== 0) throw damaged(`${free} free places are in no list`);
  }

  /** The runs of all files, and what they have behind their ends. */
  async #runs(): Promise<{ starts: Float64Array; ends: Float64Array; reserved: number[] }> {
    let count = 0;
    for (const { slots } of this.#tree.chunks) {
      for (const slot of slots) if (typeof slot === 'object' && slot.isFile) count += slot.map.runCount;
    }
    const [starts, ends] = [new Float64Array(count), new Float64Array(count)];
    const reserved: number[] = [];
    let at = 0;
    for (const { slots } of this.#tree.chunks) {
      for (const slot of slots) {
        if (typeof slot !== 'object' || !slot.isFile) continue;
        const last = Math.ceil(slot.size / PAGE_SIZE);
        for (const [page, device, length] of slot.map) {
          if (++this.#steps % STEP === 0 && this.#turns.due) await this.#turns.take();
          starts[at] = device;
          ends[at++] = device + length;
          const kept = Math.min(length, Math.max(0, last - page));
          if (kept < length) reserved.push(device + kept, length - kept);
        }
      }
    }
    return { starts, ends, reserved };
  }
}

/** Sorts in turns: parts first, of which then two at a time are merged. */
async function sort(values: Float64Array, turns: Turns): Promise<void> {
  const { length } = values;
  for (let from = 0; from < length; from += SORTED) {
    if (turns.due) await turns.take();
    values.subarray(from, from + SORTED).sort();
  }
  let [from, to]: Float64Array[] = [values, new Float64Array(length > SORTED ? length : 0)];
  for (let part = SORTED; part < length; part *= 2) {
    for (let start = 0; start < length; start += 2 * part) {
      const [middle, end] = [Math.min(start + part, length), Math.min(start + 2 * part, length)];
      for (let at = start, left = start, right = middle; at < end; at++) {
        if (at % SORTED === 0 && turns.due) await turns.take();
        to[at] = right >= end || (left < middle && from[left] <= from[right]) ? from[left++] : from[right++];
      }
    }
    [from, to] = [to, from];
  }
  if (from !== values) values.set(from);
}
