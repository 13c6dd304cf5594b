/**
 * A second decoder of LZ4 blocks, written from the published block format alone, and a record of what a block is made of.
 *
 * Byte by byte, so that it is easily seen to be right; on typed arrays and without allocation, so that a campaign of
 * 10^9 blocks can afford it. The published format lets a decoder refuse blocks that break its rules on the last twelve
 * bytes; those rules are for old decoders, and neither this one nor the core insists on them.
 */

/** How a block ended, from the first rule that it breaks. */
export const OUTCOMES = [
  'accepted',
  'empty',
  'ends after a match',
  'ends within a literal length',
  'ends within literals',
  'ends before an offset',
  'offset 0',
  'offset before the output',
  'ends within a match length',
  'output full in literals',
  'output full in a match',
] as const;

const LITERALS = ['no literals', '1..14 literals', '15..32 literals', '33..269 literals', '270.. literals'] as const;
const OFFSETS = [
  'offset 1',
  'offset 2',
  'offset 3',
  'offset 4..7',
  'offset 8..15',
  'offset 16..31',
  'offset 32..',
  'offset to the first byte',
] as const;
const MATCHES = ['match 4..16', 'match 17..18', 'match 19..64', 'match 65..273', 'match 274..'] as const;
const PLACES = ['', 'near the end of the output', 'near the end of the input', 'near both ends'] as const;

/** Nearer to the end than this, a decoder that reads a short sequence in one go must do without. */
const NEAR_IN = 18;
const NEAR_OUT = 32;

const LAST = ['behind', 'at the end of the output'] as const;

const SEQUENCE_CELLS = LITERALS.length * OFFSETS.length * MATCHES.length * PLACES.length;
const LAST_AT = SEQUENCE_CELLS;
const OVERLAP_AT = LAST_AT + LITERALS.length * LAST.length;
const OUTCOME_AT = OVERLAP_AT + 1;
/** Cells of blocks that are accepted, and of those that make as many bytes as there may be: a page. */
export const ACCEPTED = OUTCOME_AT;
export const WHOLE = OUTCOME_AT + OUTCOMES.length;
/** One counter for each kind of sequence (by its four classes), of last literals, of overlap, of outcome, of pages. */
export const CELLS = WHOLE + 1;

/** A block that no page can hold. */
export const REFUSED = -1;

function literalClass(length: number): number {
  if (length === 0) return 0;
  if (length < 15) return 1;
  if (length <= 32) return 2;
  return length < 270 ? 3 : 4;
}

function matchClass(length: number): number {
  if (length <= 16) return 0;
  if (length <= 18) return 1;
  if (length <= 64) return 2;
  return length < 274 ? 3 : 4;
}

function offsetClass(offset: number, made: number): number {
  if (offset < 4) return offset - 1;
  if (offset < 8) return 3;
  if (offset < 16) return 4;
  if (offset === made) return 7;
  return offset < 32 ? 5 : 6;
}

/**
 * Decodes `length` bytes of `block` to `out`, which has room for `most` bytes.
 * @param room counts as full in `cells`, though decoding goes on to `most`: a block is accepted by a room of at least
 * as many bytes as it makes, so one pass answers for all rooms up to `most`
 * @param cells what the block is made of is added here
 * @returns the number of bytes made, or REFUSED
 */
export function decode(
  block: Uint8Array,
  length: number,
  out: Uint8Array,
  most: number,
  room: number,
  cells: Float64Array,
): number {
  let at = 0;
  let made = 0;
  // Once a sequence does not fit `room`, the outcome is known, and later sequences are not counted.
  let outcome = 0;
  if (length === 0) return refuse(cells, outcome, 1);
  for (;;) {
    if (at === length) return refuse(cells, outcome, 2);
    const place = (length - at < NEAR_IN ? 2 : 0) + (room - made < NEAR_OUT ? 1 : 0);
    const token = block[at++];

    let literals = token >> 4;
    if (literals === 15) {
      let more;
      do {
        if (at === length) return refuse(cells, outcome, 3);
        more = block[at++];
        literals += more;
      } while (more === 255);
    }
    if (literals > length - at) return refuse(cells, outcome, 4);
    if (outcome === 0 && made + literals > room) outcome = 9;
    if (made + literals > most) return refuse(cells, outcome, 9);
    for (let n = 0; n < literals; n++) out[made++] = block[at++];
    if (at === length) {
      if (outcome === 0) cells[LAST_AT + literalClass(literals) * LAST.length + (made === room ? 1 : 0)]++;
      cells[OUTCOME_AT + outcome]++;
      if (made === most) cells[WHOLE]++;
      return made;
    }

    if (length - at < 2) return refuse(cells, outcome, 5);
    const offset = block[at] + 256 * block[at + 1];
    at += 2;
    if (offset === 0) return refuse(cells, outcome, 6);
    if (offset > made) return refuse(cells, outcome, 7);

    let matched = token & 15;
    if (matched === 15) {
      let more;
      do {
        if (at === length) return refuse(cells, outcome, 8);
        more = block[at++];
        matched += more;
      } while (more === 255);
    }
    matched += 4;
    if (outcome === 0) {
      if (made + matched > room) outcome = 10;
      else {
        const kind = (literalClass(literals) * OFFSETS.length + offsetClass(offset, made)) * MATCHES.length;
        cells[(kind + matchClass(matched)) * PLACES.length + place]++;
        if (offset < matched) cells[OVERLAP_AT]++;
      }
    }
    if (made + matched > most) return refuse(cells, outcome, 10);
    for (let n = 0; n < matched; n++, made++) out[made] = out[made - offset];
  }
}

/** Counts a refusal: for want of `room` if that came first. */
function refuse(cells: Float64Array, outcome: number, reason: number): number {
  cells[OUTCOME_AT + (outcome === 0 ? reason : outcome)]++;
  return REFUSED;
}

/** Whether any block can reach this cell: near an end, a sequence cannot be longer than what is left. */
export function isPossible(cell: number): boolean {
  if (cell >= SEQUENCE_CELLS) return true;
  const [literals, , matched, place] = classesOf(cell);
  if (place & 2 && literals >= 2) return false;
  return !(place & 1 && (literals >= 3 || matched >= 3 || (literals === 2 && matched >= 1)));
}

function classesOf(cell: number): [literals: number, offset: number, matched: number, place: number] {
  const place = cell % PLACES.length;
  const matched = Math.floor(cell / PLACES.length) % MATCHES.length;
  const offset = Math.floor(cell / (PLACES.length * MATCHES.length)) % OFFSETS.length;
  const literals = Math.floor(cell / (PLACES.length * MATCHES.length * OFFSETS.length));
  return [literals, offset, matched, place];
}

/** The branches by name, each with how often it was taken: sums over the cells. */
export function branchesOf(cells: Float64Array): Record<string, number> {
  const counts: Record<string, number> = {};
  const add = (name: string, count: number): void => {
    counts[name] = (counts[name] ?? 0) + count;
  };
  for (let cell = 0; cell < SEQUENCE_CELLS; cell++) {
    const [literals, offset, matched, place] = classesOf(cell);
    for (const name of [LITERALS[literals], OFFSETS[offset], MATCHES[matched]]) add(name, cells[cell]);
    if (place & 2) add('sequence near the end of the input', cells[cell]);
    if (place & 1) add('sequence near the end of the output', cells[cell]);
  }
  add('match overlaps itself', cells[OVERLAP_AT]);
  for (const [literals, name] of LITERALS.entries()) {
    for (const [full, where] of LAST.entries()) {
      add(`last ${name}`, cells[LAST_AT + literals * LAST.length + full]);
      if (full === 1) add(`last literals ${where}`, cells[LAST_AT + literals * LAST.length + full]);
    }
  }
  for (const [outcome, name] of OUTCOMES.entries()) add(name, cells[OUTCOME_AT + outcome]);
  add('a whole page', cells[WHOLE]);
  return counts;
}
