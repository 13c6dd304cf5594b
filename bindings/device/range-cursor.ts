/** Where a call that writes a range of bytes has got to, page by page. */
import { PAGE_SIZE } from '../base/arguments.js';

export class RangeCursor {
  /** Bytes and pages that are done. */
  at = 0;
  pagesDone = 0;
  /** Pages that were stored: all that are done, or those that differed. */
  pagesStored = 0;

  constructor(
    readonly offset: number,
    readonly length: number,
  ) {}

  /** Bytes that are left. */
  get left(): number {
    return this.length - this.at;
  }

  /** Where the next byte is in its page. */
  get inPage(): number {
    return (this.offset + this.at) % PAGE_SIZE;
  }

  /** The page of the next byte. */
  get index(): number {
    return Math.floor((this.offset + this.at) / PAGE_SIZE);
  }

  /** Bytes of the next pages, up to `pages` of them, that belong to the range. */
  bytesOf(pages: number): number {
    return Math.min(pages * PAGE_SIZE - this.inPage, this.left);
  }

  advance(pages: number): void {
    if (pages > 0) this.at += this.bytesOf(pages);
    this.pagesDone += pages;
  }
}
