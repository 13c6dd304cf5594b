/**
 * Frames: the 4 KiB pieces of linear memory that everything else is made of.
 *
 * Linear memory only grows, so a freed frame goes to one free list that all users draw from; a zspage chains any
 * frames, hence no free frame is ever unusable. Every frame has one 32-bit word of metadata, which its user gives a
 * meaning (a zspage's frame: descriptor and number; a cell chunk: its pool; a table: how many entries are in use; a
 * free frame: the next free one). The words of a 4 MiB region lie in the region's first frame, so that the way from
 * an address to its word is two bit operations; `memoryBase` in asconfig.json keeps static data out of frame 0.
 *
 * The second frame of each region but the first is reserved for merging, which needs memory most when it is exhausted.
 * The frames freed next refill this reserve.
 *
 * A loan is frames that hold what can be done without: when an allocation finds no other frame, all loans are taken
 * back. So nothing fails for them, and their users need not be asked. While the reserve is not full, nothing is lent: what is
 * taken back would refill it, and not serve who needs a frame.
 */
import { DEBUG, PAGE_MASK, PAGE_SIZE } from '../common';

const WASM_PAGE_SHIFT: u32 = 16;
/** One wasm page short of 4 GiB: the end of memory must fit 32 bits. */
const WASM_PAGES_MAX: u32 = 65535;
/**
 * Memory doubles up to 512 MiB, then grows by those or by a quarter: at each growth of a large memory V8, before 13.7, collects
 * the whole heap of JavaScript. What is not used yet is addresses, not memory.
 */
const GROW_WASM_PAGES_MIN: u32 = 16;
const GROW_WASM_PAGES: u32 = 8192;
const GROW_SHIFT: u32 = 2;
const REGION_MASK: u32 = 0x3fffff;

/** First free frame, 0 = none. */
let freeHead: u32 = 0;
/** First frame of the reserve, 0 = none is left; and how many are handed out. */
let reserveHead: u32 = 0;
let reserveOut: u32 = 0;
/** Frames from here to `end` were never used. */
let frontier: u32 = 0;
let end: u32 = 0;
let wasmPagesMax: u32 = WASM_PAGES_MAX;
/** Frames handed out, and those of static data; not the regions' metadata, which stays as memory does. */
let framesInUse: u32 = 0;
/** The first loan, 0 = none. */
let loanHead: u32 = 0;

/**
 * Sets how far linear memory may grow.
 * @param wasmPages limit in units of 64 KiB; values over 65535 mean 65535
 */
export function frames_init(wasmPages: u32): void {
  wasmPagesMax = min(wasmPages, WASM_PAGES_MAX);
  frontier = (<u32>__heap_base + PAGE_MASK) & ~PAGE_MASK;
  end = <u32>memory.size() << WASM_PAGE_SHIFT;
  framesInUse = frontier / PAGE_SIZE;
}

/** Address of the metadata word of the frame that holds `address`. */
// @ts-ignore: decorator
@inline export function frame_meta(address: u32): usize {
  return (address & ~REGION_MASK) | ((address >> 10) & 0xffc);
}

function grow(): bool {
  const have = <u32>memory.size();
  // What JavaScript has grown it by is used first.
  const known = end >> WASM_PAGE_SHIFT;
  if (have > known) {
    end = have << WASM_PAGE_SHIFT;
    return true;
  }
  if (have >= wasmPagesMax) return false;
  const room = wasmPagesMax - have;
  let step = min(room, max(max(GROW_WASM_PAGES_MIN, min(have, GROW_WASM_PAGES)), have >> GROW_SHIFT));
  // The host refuses a large step before a small one.
  while (memory.grow(step) < 0) {
    step >>= 1;
    if (step == 0) return false;
  }
  end = (have + step) << WASM_PAGE_SHIFT;
  return true;
}

/**
 * A frame with undefined content and metadata 0, or 0 when memory is exhausted: also of what was lent.
 * @param merging whether it may then be one of the reserve
 */
export function frame_alloc(merging: bool = false): u32 {
  const frame = frame_take(false);
  if (frame != 0) return frame;
  while (loanHead != 0) loan_end(loanHead);
  return frame_take(merging);
}

function frame_take(merging: bool): u32 {
  let frame = freeHead;
  if (frame != 0) {
    freeHead = load<u32>(frame_meta(frame));
  } else if (frontier != end || grow()) {
    if ((frontier & REGION_MASK) == 0) {
      // The first frame of a region holds the region's metadata (fresh memory: zeros).
      const spare = frontier + PAGE_SIZE;
      store<u32>(frame_meta(spare), reserveHead);
      reserveHead = spare;
      frontier += 2 * PAGE_SIZE;
    }
    frame = frontier;
    frontier += PAGE_SIZE;
  } else {
    if (!merging || reserveHead == 0) return 0;
    frame = reserveHead;
    reserveHead = load<u32>(frame_meta(frame));
    reserveOut++;
  }
  store<u32>(frame_meta(frame), 0);
  framesInUse++;
  return frame;
}

/** As `frame_alloc`, filled with zeros. */
export function frame_alloc_zeroed(merging: bool = false): u32 {
  const frame = frame_alloc(merging);
  if (frame != 0) memory.fill(frame, 0, PAGE_SIZE);
  return frame;
}

export function frame_free(frame: u32): void {
  if (DEBUG) {
    assert((frame & PAGE_MASK) == 0 && frame >= <u32>__heap_base && frame < frontier); // a frame that was handed out
    assert((frame & REGION_MASK) != 0); // a region's first frame holds the metadata words
    memory.fill(frame, 0xdb, PAGE_SIZE); // a use after free shows as nonsense
  }
  framesInUse--;
  if (reserveOut != 0) {
    reserveOut--;
    store<u32>(frame_meta(frame), reserveHead);
    reserveHead = frame;
    return;
  }
  store<u32>(frame_meta(frame), freeHead);
  freeHead = frame;
}

// ── loans ────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The first frame of a loan; behind this, up to the frame's end, it is zeroed and its user's. */
@unmanaged
class Loan {
  next: u32;
  /// The other frames, linked by their metadata words.
  frames: u32;
  /// Address of the word that has the loan's address, and becomes 0 when the loan ends.
  name: usize;
  /// Frames of the loan besides the first.
  count: u32;
}
/** Where what its user has in the first frame of a loan begins. */
export const LOAN_CONTENT: u32 = offsetof<Loan>();

function frame_lend(): u32 {
  const frame = reserveOut == 0 ? frame_take(false) : 0;
  if (frame == 0) return 0;
  memory.fill(frame, 0, PAGE_SIZE);
  return frame;
}

/** Begins a loan and writes its address to the word at `name`, which is 0; without memory, nothing. */
export function loan_begin(name: usize): void {
  const loan = frame_lend();
  if (loan == 0) return;
  changetype<Loan>(loan).next = loanHead;
  changetype<Loan>(loan).name = name;
  loanHead = loan;
  store<u32>(name, loan);
}

/** One more frame of a loan, filled with zeros; 0 when memory is exhausted. Its metadata word is not its user's. */
export function loan_frame(loan: u32): u32 {
  const frame = frame_lend();
  if (frame == 0) return 0;
  store<u32>(frame_meta(frame), changetype<Loan>(loan).frames);
  changetype<Loan>(loan).frames = frame;
  changetype<Loan>(loan).count++;
  return frame;
}

/** Ends a loan: all its frames are free. */
export function loan_end(ended: u32): void {
  const loan = changetype<Loan>(ended);
  if (loanHead == ended) {
    loanHead = loan.next;
  } else {
    let before = changetype<Loan>(loanHead);
    while (before.next != ended) before = changetype<Loan>(before.next);
    before.next = loan.next;
  }
  store<u32>(loan.name, 0);
  for (let frame = loan.frames; frame != 0; ) {
    const next = load<u32>(frame_meta(frame));
    frame_free(frame);
    frame = next;
  }
  frame_free(ended);
}

/** Frames of a loan. */
export function loan_frames(loan: u32): u32 {
  return 1 + changetype<Loan>(loan).count;
}

// ── statistics ───────────────────────────────────────────────────────────────────────────────────────────────────

/** Frames of the reserve that are handed out: as many of those freed next refill it and cannot be used otherwise. */
export function frames_owed(): u32 {
  return reserveOut;
}

/** Whether `address` lies in a frame that was handed out at least once. */
// @ts-ignore: decorator
@inline export function frame_known(address: u32): bool {
  return address >= <u32>__heap_base && address < frontier;
}

/** Bytes of linear memory in frames that are in use, static data included. */
export function frames_used_bytes(): f64 {
  return <f64>framesInUse * <f64>PAGE_SIZE;
}

/** Bytes of them that are lent, and serve whoever needs them. */
export function frames_lent_bytes(): f64 {
  let frames: u32 = 0;
  for (let loan = loanHead; loan != 0; loan = changetype<Loan>(loan).next) frames += loan_frames(loan);
  return <f64>frames * <f64>PAGE_SIZE;
}

/** Bytes to which linear memory may grow. */
export function frames_limit_bytes(): f64 {
  return <f64>wasmPagesMax * 65536.0;
}
