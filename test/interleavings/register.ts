/**
 * What a part of a page may read as while writes overlap with each other and with the read: the rule of a regular register.
 * A read gives a value that was written, by a write that did not begin after the read had ended, and that was not
 * overwritten, as a whole, before the read began. Writes that overlap take effect in any order.
 */

/** Contents are numbered; a set of them is a word of bits. */
export type ContentSet = number;

export interface Write {
  readonly start: number;
  /** Infinity while it is under way. */
  end: number;
  readonly contents: ContentSet;
}

export class Register {
  #writes: Write[];

  constructor(contents: ContentSet) {
    this.#writes = [{ start: -1, end: -1, contents }];
  }

  /** A write that is done at once. */
  write(time: number, contents: ContentSet): void {
    this.#writes.push({ start: time, end: time, contents });
  }

  begin(time: number, contents: ContentSet): Write {
    const write = { start: time, end: Infinity, contents };
    this.#writes.push(write);
    return write;
  }

  finish(write: Write, time: number): void {
    write.end = time;
  }

  /** A write that failed has never been there. */
  cancel(write: Write): void {
    this.#writes = this.#writes.filter((each) => each !== write);
  }

  /** What a read from `start` to `end` may give. */
  allowed(start: number, end: number): ContentSet {
    let contents = 0;
    for (const write of this.#writes) {
      if (write.start > end) continue;
      const overwritten = this.#writes.some(
        (later) => later !== write && later.start >= write.end && later.end <= start && later.start > write.start,
      );
      if (!overwritten) contents |= write.contents;
    }
    return contents;
  }

  /** What was read while nothing was under way is what there is. */
  settle(contents: ContentSet): void {
    this.#writes = [{ start: -1, end: -1, contents }];
  }
}
