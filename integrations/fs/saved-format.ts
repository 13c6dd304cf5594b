/** The form of the list of inodes in a save file: docs/format.md describes it. */

/** What a list begins with: its kind and version. */
export const SAVED_MAGIC = Uint8Array.of(0x50, 0x61, 0x67, 0x65, 0x46, 0x73, 1, 0); // "PageFs", 1

/** Kinds of records. */
export const RECORD_END = 0;
export const RECORD_PAGES = 1;
export const RECORD_NAMES = 2;
export const RECORD_TARGET = 3;
export const RECORD_INODE = 4;
export const RECORD_BLOCK = 5;
export const RECORD_FILES = 6;

/** The times that may follow the first, in the order of their bits and of themselves. */
export const LATER_TIMES = ['mtime', 'ctime', 'atime'] as const;
