/** Which block each page of a file is: numbers of 128 pages in an array, which is made when one of them is there. */
const CHUNK = 128;

export class PageIndex {
  readonly #chunks = new Map<number, Uint32Array>();

  /** The number of the page's block; 0: the page is zeros. */
  get(page: number): number {
    return this.#chunks.get(Math.floor(page / CHUNK))?.[page % CHUNK] ?? 0;
  }

  set(page: number, block: number): void {
    const at = Math.floor(page / CHUNK);
    let chunk = this.#chunks.get(at);
    if (!chunk) {
      if (block === 0) return;
      this.#chunks.set(at, (chunk = new Uint32Array(CHUNK)));
    }
    chunk[page % CHUNK] = block;
    if (block === 0 && chunk.every((each) => each === 0)) this.#chunks.delete(at);
  }

  /** The pages from `first` on that are there, in order. */
  *pages(first = 0): Generator<number> {
    const numbers = [...this.#chunks.keys()].filter((at) => (at + 1) * CHUNK > first).sort((a, b) => a - b);
    for (const at of numbers) {
      const chunk = this.#chunks.get(at);
      for (let n = Math.max(0, first - at * CHUNK); chunk && n < CHUNK; n++) if (chunk[n] !== 0) yield at * CHUNK + n;
    }
  }

  /** The same as runs of pages that follow each other. */
  *runs(): Generator<readonly [first: number, count: number]> {
    let [start, count] = [0, 0];
    for (const page of this.pages()) {
      if (count > 0 && page === start + count) count++;
      else {
        if (count > 0) yield [start, count];
        [start, count] = [page, 1];
      }
    }
    if (count > 0) yield [start, count];
  }

  /** Bytes of memory, about. */
  get bytes(): number {
    return this.#chunks.size * (4 * CHUNK + 150);
  }
}
