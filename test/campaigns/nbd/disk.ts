/** What a disk must hold: bytes, and which pages are stored. */
const PAGE = 4096;

export type Run = [bytes: number, flags: number];

export class ModelDisk {
  readonly bytes: Buffer;
  /** One for each page: whether something is stored. */
  readonly stored: Uint8Array;

  constructor(
    readonly size: number,
    readonly readOnly: boolean,
  ) {
    this.bytes = Buffer.alloc(size);
    this.stored = new Uint8Array(size / PAGE);
  }

  copy(): ModelDisk {
    const copy = new ModelDisk(this.size, this.readOnly);
    copy.take(this);
    return copy;
  }

  take(other: ModelDisk): void {
    this.bytes.set(other.bytes);
    this.stored.set(other.stored);
  }

  write(offset: number, bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.bytes.set(bytes, offset);
    this.stored.fill(1, Math.floor(offset / PAGE), Math.ceil((offset + bytes.length) / PAGE));
  }

  discard(offset: number, length: number): void {
    const [first, end] = [Math.ceil(offset / PAGE), Math.floor((offset + length) / PAGE)];
    if (end <= first) return;
    this.bytes.fill(0, first * PAGE, end * PAGE);
    this.stored.fill(0, first, end);
  }

  /** Whole pages become holes; the others are written to if they have anything else there. */
  zero(offset: number, length: number): void {
    this.discard(offset, length);
    for (const [from, to] of partsOf(offset, length)) {
      const part = this.bytes.subarray(from, to);
      if (to - from < PAGE && !isZero(part)) this.write(from, Buffer.alloc(to - from));
    }
  }

  /** What `base:allocation` says of a range. */
  status(offset: number, length: number): Run[] {
    const runs: Run[] = [];
    for (const [from, to] of partsOf(offset, length)) {
      const page = Math.floor(from / PAGE);
      const zero = isZero(this.bytes.subarray(page * PAGE, (page + 1) * PAGE));
      const flags = this.stored[page] === 0 ? 3 : zero ? 2 : 0;
      const last = runs.at(-1);
      if (last?.[1] === flags) last[0] += to - from;
      else runs.push([to - from, flags]);
    }
    return runs;
  }
}

/** A range, cut at the pages' ends. */
export function* partsOf(offset: number, length: number): Generator<[from: number, to: number]> {
  for (let at = offset; at < offset + length;) {
    const end = Math.min(offset + length, (Math.floor(at / PAGE) + 1) * PAGE);
    yield [at, end];
    at = end;
  }
}

const ZEROS = Buffer.alloc(PAGE);
export const isZero = (bytes: Buffer): boolean => bytes.equals(ZEROS.subarray(0, bytes.length));
