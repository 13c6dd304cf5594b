/**
 * A reader of the lists of inodes in save files that is obviously right: written from `docs/format.md` alone, without a look
 * at the library's own, and with no thought of speed.
 */
import { Refused } from './reference-save.js';

export interface ReferenceInode {
  readonly ino: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly nlink: number;
  readonly size: number;
  /** Birth, content, anything, access. */
  readonly times: readonly number[];
  readonly content: ReferenceContent;
}

export type ReferenceContent =
  | { readonly kind: 'file'; readonly runs: readonly { page: number; device: number; count: number }[] }
  | { readonly kind: 'directory'; readonly parent: number; readonly names: ReadonlyMap<string, number> }
  | { readonly kind: 'link'; readonly target: string };

export interface ReferenceTree {
  readonly frozen: boolean;
  readonly inodes: ReadonlyMap<number, ReferenceInode>;
}

const PAGES = 2 ** 32 - 1;
const TYPES = { file: 0o100000, directory: 0o40000, link: 0o120000 };

function refuse(why: string): never {
  throw new Refused(why);
}

class Input {
  private at = 0;
  constructor(private readonly bytes: Uint8Array) {}

  byte(): number {
    if (this.at >= this.bytes.length) refuse('cut');
    return this.bytes[this.at++];
  }

  number(least = 0, most = 2 ** 53 - 1): number {
    let value = 0n;
    for (let n = 0n; ; n++) {
      if (n === 8n) refuse('a number of nine bytes');
      const byte = this.byte();
      value |= BigInt(byte & 127) << (7n * n);
      if (byte < 128) break;
    }
    if (value < BigInt(least) || value > BigInt(most)) refuse(`the number ${value}`);
    return Number(value);
  }

  take(length: number): Uint8Array {
    return Uint8Array.from({ length: Math.min(length, this.bytes.length + 1) }, () => this.byte());
  }

  text(): string {
    const bytes = this.take(this.number());
    try {
      return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    } catch {
      return refuse('not UTF-8');
    }
  }

  time(): number {
    const time = new DataView(this.take(8).buffer).getFloat64(0, true);
    if (Number.isNaN(time)) return 0;
    return Math.abs(time) > 8.64e15 ? Math.sign(time) * 8.64e15 : time;
  }

  get ended(): boolean {
    return this.at === this.bytes.length;
  }
}

function contentOf(kind: number, input: Input): ReferenceContent {
  if (kind === 1) {
    let end = 0;
    const runs: { page: number; device: number; count: number }[] = [];
    for (let n = input.number(); n > 0; n--) {
      const page = end + input.number();
      const device = input.number();
      const count = input.number(1);
      end = page + count;
      if (end > PAGES || device + count > PAGES) refuse('a run beyond the end');
      runs.push({ page, device, count });
    }
    return { kind: 'file', runs };
  }
  if (kind === 2) {
    const parent = input.number(0, PAGES);
    const names = new Map<string, number>();
    for (let n = input.number(); n > 0; n--) {
      const name = input.text();
      const length = Buffer.byteLength(name);
      if (length < 1 || length > 255 || name === '.' || name === '..' || /[/\0]/.test(name)) refuse('a name');
      if (names.has(name)) refuse('a name twice');
      names.set(name, input.number(0, PAGES));
    }
    return { kind: 'directory', parent, names };
  }
  const target = input.text();
  const length = Buffer.byteLength(target);
  if (length < 1 || length > 4095 || target.includes('\0')) refuse('a target');
  return { kind: 'link', target };
}

/** Something of a list, by how many came since. */
function since<T>(list: readonly T[], distance: number): T {
  return distance >= 1 && distance <= list.length
    ? list[list.length - distance]
    : refuse('something that did not come before');
}

function inodeOf(input: Input, contents: readonly ReferenceContent[]): ReferenceInode {
  const ino = input.number(1, PAGES);
  const mode = input.number();
  const [uid, gid, nlink] = [0, 1, 2].map(() => input.number(0, PAGES));
  const content = since(contents, input.number());
  if ((mode & ~0o7777) !== TYPES[content.kind] || mode > 0o177777) refuse('a mode');
  let size = 0;
  if (content.kind === 'file') size = input.number(0, PAGES * 4096);
  if (content.kind === 'link') size = Buffer.byteLength(content.target);
  const bits = input.number(0, 7);
  const times = [input.time()];
  for (const bit of [1, 2, 4]) times.push((bits & bit) === 0 ? (times.at(-1) as number) : input.time());
  return { ino, mode, uid, gid, nlink, size, times, content };
}

type Block = { n: number; places: { inode?: ReferenceInode; next: number }[] };

function blockOf(input: Input, inodes: readonly ReferenceInode[]): Block {
  const n = input.number(0, PAGES);
  const places: Block['places'] = [];
  for (let count = input.number(1, 32); count > 0; count--) {
    const distance = input.number();
    if (distance === 0) {
      places.push({ next: input.number(0, PAGES) });
      continue;
    }
    const inode = since(inodes, distance);
    if (inode.ino !== 32 * n + places.length) refuse('an inode at another place');
    places.push({ inode, next: 0 });
  }
  return { n, places };
}

function treeOf(input: Input, blocks: readonly Block[]): ReferenceTree {
  const frozen = input.number(0, 1) === 1;
  let free = input.number(0, PAGES);
  const places: Block['places'] = [];
  for (let n = 0, count = input.number(); n < count; n++) {
    const block = since(blocks, input.number());
    if (block.n !== n || (block.places.length < 32 && n + 1 < count)) refuse('a block');
    places.push(...block.places);
  }
  // Free places.
  if (places.length === 0 || places[0].inode || places[0].next !== 0) refuse('place 0');
  const seen = new Set([0]);
  for (; free !== 0; free = places[free].next) {
    if (free >= places.length || places[free].inode || seen.has(free)) refuse('free places');
    seen.add(free);
  }
  places.forEach(({ inode }, place) => inode ?? (seen.has(place) || refuse('a free place in no list')));
  const inodes = new Map(places.flatMap(({ inode }) => (inode ? [[inode.ino, inode] as const] : [])));
  checkNames(inodes);
  checkPages(inodes);
  return { frozen, inodes };
}

function checkNames(inodes: ReadonlyMap<number, ReferenceInode>): void {
  const count = new Map<number, number>();
  for (const { ino, nlink, content } of inodes.values()) {
    if (content.kind !== 'directory') continue;
    if (ino === 1 && content.parent !== 1) refuse('the parent of the root');
    let directories = 0;
    for (const child of content.names.values()) {
      const there = inodes.get(child) ?? refuse('a name of nothing');
      count.set(child, (count.get(child) ?? 0) + 1);
      if (there.content.kind !== 'directory') continue;
      directories++;
      if (there.content.parent !== ino) refuse('a directory that is elsewhere');
    }
    if (nlink !== 2 + directories) refuse('a number of directories');
  }
  if (inodes.get(1)?.content.kind !== 'directory') refuse('no root');
  if (count.has(1)) refuse('a root with a name');
  for (const { ino, nlink, content } of inodes.values()) {
    if (ino === 1) continue;
    const names = count.get(ino) ?? 0;
    if (names === 0 || names !== (content.kind === 'directory' ? 1 : nlink)) refuse('a number of names');
    // Up to the root, in no more steps than there are inodes.
    let at = content.kind === 'directory' ? ino : 1;
    for (let steps = 0; at !== 1; steps++) {
      if (steps > inodes.size) refuse('directories in a circle');
      const above = inodes.get(at)?.content;
      at = above?.kind === 'directory' ? above.parent : refuse('no parent');
    }
  }
}

function checkPages(inodes: ReadonlyMap<number, ReferenceInode>): void {
  const runs = [...inodes.values()].flatMap(({ content }) => (content.kind === 'file' ? content.runs : []));
  const sorted = [...runs].sort((a, b) => a.device - b.device || a.count - b.count);
  sorted.forEach(({ device }, n) => {
    if (n > 0 && device < sorted[n - 1].device + sorted[n - 1].count) refuse('a page in two runs');
  });
}

/** @param devices number of devices in the file */
export function referenceInodes(bytes: Uint8Array | undefined, devices: number): readonly ReferenceTree[] {
  if (!bytes) refuse('no list');
  const input = new Input(bytes);
  if (Buffer.from(input.take(8)).toString('hex') !== '5061676546730100') refuse('no list, or another version');
  if (input.number() !== devices) refuse('another number of file systems');
  const contents: ReferenceContent[] = [];
  const inodes: ReferenceInode[] = [];
  const blocks: Block[] = [];
  const trees: ReferenceTree[] = [];
  for (;;) {
    const kind = input.number();
    if (kind === 0) break;
    if (kind <= 3) contents.push(contentOf(kind, input));
    else if (kind === 4) inodes.push(inodeOf(input, contents));
    else if (kind === 5) blocks.push(blockOf(input, inodes));
    else if (kind === 6) trees.push(treeOf(input, blocks));
    else refuse('a record of another kind');
  }
  if (trees.length !== devices || !input.ended) refuse('the end');
  return trees;
}
