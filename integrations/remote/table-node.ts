/**
 * A node of a table of pages: what 128 consecutive pages are, or where the nodes of the next level are. Nodes are values of
 * the tier under their keys, as pages are, so two tables share what they have in common.
 *
 * ```text
 * 2 bytes  "ZT"
 * 1        version, 1
 * 1        level: 0 for pages, else the nodes are of the level below
 * runs     1 byte kind, 1 byte number of pages or nodes, 1 to 128; then
 *            kind 0  nothing is stored there: no more bytes
 *            kind 1  filled with one value: its 8 bytes, which the page repeats. Level 0 only
 *            kind 2  a key for each, 16 bytes
 * ```
 *
 * The runs cover 128, and neighbours differ: a table has one form, so equal tables have equal keys.
 */
import { ZramError } from '../../bindings/base/errors.js';
import { KEY_SIZE } from './tier.js';

/** 2 KiB for a node of keys: a change of one page writes one of each level. */
export const FANOUT = 128;
export const FILL_SIZE = 8;

export const HOLE = 0;
export const FILLED = 1;
export const KEY = 2;

const MAGIC = [0x5a, 0x54] as const;
const VERSION = 1;
const HEADER_SIZE = 4;

export class TableNode {
  /** {@link HOLE}, {@link FILLED} or {@link KEY} for each. */
  readonly kinds: Uint8Array;
  /** Keys or fill values, {@link KEY_SIZE} bytes for each; zeros where there is less. */
  readonly data: Uint8Array;

  /** @param from is copied */
  constructor(from?: TableNode) {
    this.kinds = from ? from.kinds.slice() : new Uint8Array(FANOUT);
    this.data = from ? from.data.slice() : new Uint8Array(FANOUT * KEY_SIZE);
  }

  /** A view of the key or fill value at a place. */
  at(slot: number): Uint8Array {
    const length = this.kinds[slot] === FILLED ? FILL_SIZE : KEY_SIZE;
    return this.data.subarray(slot * KEY_SIZE, slot * KEY_SIZE + length);
  }

  /** @param bytes the key or fill value; none for a hole */
  set(slot: number, kind: number, bytes?: Uint8Array): void {
    this.kinds[slot] = kind;
    this.data.fill(0, slot * KEY_SIZE, (slot + 1) * KEY_SIZE);
    if (bytes) this.data.set(bytes, slot * KEY_SIZE);
  }

  get isEmpty(): boolean {
    return this.kinds.every((kind) => kind === HOLE);
  }
}

export function encodeNode(node: TableNode, level: number): Uint8Array {
  const bytes = new Uint8Array(HEADER_SIZE + FANOUT * (2 + KEY_SIZE));
  bytes.set([...MAGIC, VERSION, level]);
  let at = HEADER_SIZE;
  for (let slot = 0; slot < FANOUT;) {
    const kind = node.kinds[slot];
    const count = runFrom(node, slot);
    bytes[at++] = kind;
    bytes[at++] = count;
    const items = kind === HOLE ? 0 : kind === FILLED ? 1 : count;
    for (let n = 0; n < items; n++) {
      const item = node.at(slot + n);
      bytes.set(item, at);
      at += item.length;
    }
    slot += count;
  }
  return bytes.slice(0, at);
}

/** Places of the run that begins at this one. */
function runFrom(node: TableNode, slot: number): number {
  let count = 1;
  while (slot + count < FANOUT && continues(node, slot, slot + count)) count++;
  return count;
}

/** Whether a place belongs to the run of an earlier one. */
function continues(node: TableNode, first: number, slot: number): boolean {
  if (node.kinds[slot] !== node.kinds[first]) return false;
  if (node.kinds[slot] !== FILLED) return true;
  const [a, b] = [node.at(first), node.at(slot)];
  return a.every((byte, n) => byte === b[n]);
}

/**
 * @param level the level that it must have
 * @param slots places from this one on are beyond the disk, and must be holes
 * @throws ZramError EIO: it is no such node, or not in the one form that it can have
 */
export function decodeNode(bytes: Uint8Array, level: number, slots: number): TableNode {
  if (bytes.length < HEADER_SIZE || bytes[0] !== MAGIC[0] || bytes[1] !== MAGIC[1]) throw damaged('it is no node');
  if (bytes[2] !== VERSION) throw damaged(`its version is ${bytes[2]}`);
  if (bytes[3] !== level) throw damaged(`a node of level ${bytes[3]} is in place of one of level ${level}`);
  const node = new TableNode();
  let at = HEADER_SIZE;
  let slot = 0;
  while (slot < FANOUT) {
    if (at + 2 > bytes.length) throw damaged('it ends too early');
    const kind = bytes[at];
    const count = bytes[at + 1];
    if (kind > KEY || (kind === FILLED && level > 0)) throw damaged(`it has an entry of kind ${kind}`);
    if (count < 1 || count > FANOUT - slot) throw damaged(`it has a run of ${count}`);
    if (kind !== HOLE && slot + count > slots) throw damaged('it has pages beyond the end of the disk');
    const size = kind === HOLE ? 0 : kind === FILLED ? FILL_SIZE : count * KEY_SIZE;
    const items = bytes.subarray(at + 2, at + 2 + size);
    if (items.length < size) throw damaged('it ends too early');
    for (let n = 0; n < count; n++) node.set(slot + n, kind, itemOf(kind, items, n));
    if (slot > 0 && continues(node, slot - 1, slot)) throw damaged('it has two runs that are one');
    at += 2 + size;
    slot += count;
  }
  if (at !== bytes.length) throw damaged('something follows its end');
  if (node.isEmpty) throw damaged('nothing is in it');
  return node;
}

function itemOf(kind: number, items: Uint8Array, n: number): Uint8Array | undefined {
  if (kind === HOLE) return undefined;
  return kind === FILLED ? items : items.subarray(n * KEY_SIZE, (n + 1) * KEY_SIZE);
}

export function damaged(how: string): ZramError {
  return new ZramError('EIO', `the table is damaged: ${how}.`);
}
