/** Reading a state: what is known of it already is copied or left as it is, and only the rest is decompressed. */
import { PAGE_SIZE } from '../base/arguments.js';
import { sameBytes, setBytes, viewOf } from '../base/bytes.js';
import type { Disk } from '../device/disk.js';
import type { NewestCopy } from './newest.js';
import { DirtyRanges, otherPages, RangeList, type ByteRange, type PageRun } from './ranges.js';
import { runsOf } from './runs.js';
import { piecesOf, type Piece, type Segmented } from './segments.js';
import type { State } from './state-order.js';

/** Pages of one compare by content. */
const COMPARED_PAGES = 16;

/** A part of a state, as bytes of it, and where it is on the device. */
interface Part {
  readonly at: number;
  readonly length: number;
  /** Its first byte on the device. */
  readonly offset: number;
}

/**
 * Fills an array with a state.
 * @param holding the state that `to` holds
 * @throws ZramError EIO
 */
export function readState(disk: Disk, newest: NewestCopy, state: State, to: Uint8Array, holding?: State): void {
  // A read may call a compressor of the caller's, which may change the history: until then all is found out.
  const parts = [...partsToRead(disk, newest, state, to, holding)];
  const [single, longer] = [parts.filter(isPage), parts.filter((part) => !isPage(part))];
  const indexes = single.map(({ offset }) => offset / PAGE_SIZE);
  disk.readListed(indexes, single.length, (n, page) => setBytes(to, page, single[n].at));
  for (const { at, length, offset } of longer) disk.read(offset, length, viewOf(to, at, at + length));
}

/** Where little has changed, most parts are single pages, which are read many in a call of the core. */
function isPage({ length }: Part): boolean {
  return length === PAGE_SIZE;
}

/** Copies what the newest state's copy has, and leaves the rest to be read. */
function* partsToRead(
  disk: Disk,
  newest: NewestCopy,
  state: State,
  to: Uint8Array,
  holding: State | undefined,
): Generator<Part> {
  const ofNewest = newest.state ? [...piecesOf(newest.state)] : [];
  for (const { piece, number, run } of differing(disk, state, holding)) {
    const [first, end] = run;
    if (holding !== undefined && holding === newest.state) {
      yield partOf(state, piece, run); // what differs from the newest state is not in its copy
      continue;
    }
    const other = ofNewest.at(number);
    const common = Math.max(Math.min(end, other?.pages ?? 0), first);
    const page = (other?.page ?? 0) + first;
    const base = (newest.state?.base ?? 0) + page;
    for (const { from, pages, alike } of runsOf(disk, state.base + piece.page + first, base, common - first)) {
      const part = partOf(state, piece, [first + from, first + from + pages]);
      if (alike) setBytes(to, newest.pages(page + from, pages).subarray(0, part.length), part.at);
      else yield part;
    }
    if (common < end) yield partOf(state, piece, [common, end]);
  }
}

/** The bytes of a state that another does not have at the same offsets, apart from pages that the core cannot compare. */
export function differenceOf(disk: Disk, from: State, state: State): ByteRange[] {
  const ranges = new RangeList();
  for (const { piece, run } of differing(disk, state, from)) {
    const { at, length } = partOf(state, piece, run);
    ranges.add(at, length);
  }
  return ranges.list;
}

/** A run of pages of a state's piece. */
interface PieceRun {
  readonly piece: Piece;
  /** Of the piece, from 0. */
  readonly number: number;
  readonly run: PageRun;
}

/** The runs of a state's pages that another state does not hold at the same bytes; without one, all. */
function* differing(disk: Disk, state: State, other: State | undefined): Generator<PieceRun> {
  const others = new Map<number, Piece>();
  for (const piece of other ? piecesOf(other) : []) others.set(piece.at, piece);
  let number = 0;
  for (const piece of piecesOf(state)) {
    const like = others.get(piece.at);
    const common = like ? commonPages(piece, like) : 0;
    const base = (other?.base ?? 0) + (like?.page ?? 0);
    for (const { from, pages, alike } of runsOf(disk, state.base + piece.page, base, common)) {
      if (!alike) yield { piece, number, run: [from, from + pages] };
    }
    if (common < piece.pages) yield { piece, number, run: [common, piece.pages] };
    number++;
  }
}

/** The pages of a piece whose bytes another piece has as many of: the last may be longer there, but not shorter. */
function commonPages(piece: Piece, like: Piece): number {
  if (piece.length <= like.length) return piece.pages;
  return Math.floor(like.length / PAGE_SIZE);
}

function partOf(state: State, piece: Piece, [from, end]: PageRun): Part {
  const at = piece.at + from * PAGE_SIZE;
  const length = Math.min(end * PAGE_SIZE, piece.length) - from * PAGE_SIZE;
  return { at, length, offset: (state.base + piece.page + from) * PAGE_SIZE };
}

/**
 * Whether an array begins with a state.
 * @throws ZramError EIO
 */
export function holdsState(disk: Disk, state: State, bytes: Uint8Array): boolean {
  for (const piece of piecesOf(state)) {
    const part = viewOf(bytes, piece.at, piece.at + piece.length);
    if (!holdsPages(disk, state, piece, [0, piece.pages], part)) return false;
  }
  return true;
}

/**
 * Where bytes differ from the state before, in pages of which no range names a byte: from and to which byte.
 * @param shape that of the bytes
 * @throws ZramError EIO
 */
export function undeclared(
  disk: Disk,
  before: State,
  bytes: Uint8Array,
  shape: Segmented,
  ranges: readonly ByteRange[],
): PageRun | undefined {
  const [dirty, others] = [new DirtyRanges(ranges), piecesOf(before)];
  for (const piece of piecesOf(shape)) {
    const other = others.next();
    if (other.done) return undefined;
    const common = Math.min(piece.pages, other.value.pages);
    const part = viewOf(bytes, piece.at, piece.at + piece.length);
    const clean = otherPages(dirty.pagesOf(piece, other.value, common), common);
    const run = clean.find((pages) => !holdsPages(disk, before, other.value, pages, part));
    if (run) return [piece.at + run[0] * PAGE_SIZE, Math.min(piece.at + run[1] * PAGE_SIZE, shape.length)];
  }
  return undefined;
}

/** Whether pages of a state's piece are equal to the bytes of one, or to its first. */
function holdsPages(disk: Disk, state: State, piece: Piece, run: PageRun, bytes: Uint8Array): boolean {
  const read = new Uint8Array(COMPARED_PAGES * PAGE_SIZE);
  for (let [from] = run; from < run[1]; from += COMPARED_PAGES) {
    const { length, offset } = partOf(state, piece, [from, Math.min(from + COMPARED_PAGES, run[1])]);
    const at = from * PAGE_SIZE;
    const wanted = viewOf(bytes, at, at + length);
    disk.read(offset, length, read);
    if (!sameBytes(read.subarray(0, wanted.length), wanted)) return false;
  }
  return true;
}
