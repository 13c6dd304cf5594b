/** A compressor that is fast, obviously right, and misbehaves when it is told to. */
import { PAGE_SIZE } from '../../bindings/base/arguments.js';
import type { Compressor } from '../../bindings/index.js';

/** Leaves out the zeros at the end of a page: as many bytes as it begins with, and those. */
export class ToyCompressor implements Compressor {
  readonly name: string;
  /** Runs inside the next call, once: somebody's code may do anything there. */
  hook: (() => void) | undefined;
  /** Throws as long as it is true. */
  fails = false;
  calls = 0;

  constructor(name = 'toy') {
    this.name = name;
  }

  compress(page: Uint8Array): Uint8Array {
    this.#called();
    let length = PAGE_SIZE;
    while (length > 0 && page[length - 1] === 0) length--;
    const block = new Uint8Array(2 + length);
    block[0] = length & 0xff;
    block[1] = length >> 8;
    block.set(page.subarray(0, length), 2);
    return block;
  }

  decompress(block: Uint8Array): Uint8Array {
    const page = new Uint8Array(PAGE_SIZE);
    if (block.length !== 2 + block[0] + block[1] * 256) throw new Error('this is no block');
    page.set(block.subarray(2));
    return page;
  }

  protected runHook(): void {
    const { hook } = this;
    this.hook = undefined;
    hook?.();
  }

  #called(): void {
    this.calls++;
    this.runHook();
    if (this.fails) throw new Error('it was told to fail');
  }
}

/** Runs its hook when it decompresses, too. A compressor's functions are read when it is registered, so it is a class. */
export class CallingCompressor extends ToyCompressor {
  override decompress(block: Uint8Array): Uint8Array {
    this.runHook();
    return super.decompress(block);
  }
}
