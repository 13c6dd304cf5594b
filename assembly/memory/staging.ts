/**
 * Fixed buffers in static memory: where pages cross between JavaScript and the core, and scratch space that lives for
 * one call. They have fixed addresses, so that JavaScript can keep its views and the hot paths allocate nothing.
 */
import { PAGE_SIZE, STAGING_PAGES } from '../common';

/** Pages on their way in or out, and blocks of numbers (statistics) on their way out. */
export const STAGING: usize = memory.data(STAGING_PAGES * PAGE_SIZE, 16);

/** What a compressor writes: a page that does not compress grows by 16 bytes (LZ4); copies may run 32 past that. */
export const COMPRESSED: usize = memory.data(2 * PAGE_SIZE, 16);

/** An object that straddles two frames is gathered here before it is read. */
export const SCRATCH_A: usize = memory.data(PAGE_SIZE, 16);

/** The second scratch page, for comparing two straddling objects. */
export const SCRATCH_B: usize = memory.data(PAGE_SIZE, 16);

/** The page that a call last read or wrote a part of, decoded: the next call is often for another part of it. */
export const DECODED: usize = memory.data(PAGE_SIZE, 16);
