/**
 * Constants, packed-word layouts and error numbers that the whole core shares. No logic lives here.
 *
 * Unit: an address is a byte address in linear memory (u32 on wasm32); a page and a frame are both 4096 bytes. "Page"
 * means the user's data, "frame" the piece of linear memory that holds something.
 */

/** Assertions are compiled into the debug build only. */
export const DEBUG: bool = !ASC_NO_ASSERT;

export const PAGE_SHIFT: u32 = 12;
export const PAGE_SIZE: u32 = 1 << PAGE_SHIFT;
export const PAGE_MASK: u32 = PAGE_SIZE - 1;

/** Pages that cross from JavaScript in one call: past 16 a bigger batch measured no gain. */
export const STAGING_PAGES: u32 = 16;

// Errors are the kernel's numbers, negated, so that one signed result carries a value or a reason.
export const EIO: i32 = -5;
export const ENOMEM: i32 = -12;
export const EINVAL: i32 = -22;
export const ENOSPC: i32 = -28;

/**
 * How an object's payload is encoded, 0..15 in its header. This one: plain bytes, which a handle may read as bytes.
 */
export const CODEC_RAW: u32 = 0;
export const CODEC_LZ4: u32 = 1;
/** A page as it is, whose users want a page and not these very bytes: recompression may encode it. */
export const CODEC_PAGE: u32 = 2;
/** From here on only the bindings can encode and decode. */
export const CODEC_FOREIGN: u32 = 3;
