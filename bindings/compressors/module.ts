/**
 * lzo, lzo-rle and lz4hc: two WebAssembly modules of a few KiB beside the core, inlined and started when one of them is used
 * first. Each sees nothing but its own memory, so pages and blocks need no copies for distrust: what it returns are views of that
 * memory, valid until it is called again.
 */
import { compressorsBase64 } from '../../build/compressors-inline.js';
import { optimalBase64 } from '../../build/optimal-inline.js';
import { PAGE_SIZE } from '../base/arguments.js';
import { fromBase64 } from '../base/base64.js';
import { ZramError } from '../base/errors.js';
import { textOf } from '../base/messages.js';

/** In the kernel's order; its lz4 stands between the two. */
export const LZO_NAMES = ['lzo-rle', 'lzo'] as const;
export const LZ4HC = 'lz4hc';

export type LzoName = (typeof LZO_NAMES)[number];

interface ModuleExports {
  readonly memory: { readonly buffer: ArrayBuffer };
  pageAddress(): number;
  blockAddress(): number;
}

/** The exports of assembly/compressors/index.ts, where each is described. */
interface CompressorExports extends ModuleExports {
  lzoCompress(rle: number): number;
  lzoDecompress(src: number, length: number, dst: number): number;
  lz4hcCompress(level: number): number;
}

/** Those of assembly/compressors/optimal.ts. */
interface OptimalExports extends ModuleExports {
  lz4optCompress(level: number, favor: number): number;
}

/** A module, and its memory, which has room for a page and a block. */
class PageModule<Exports extends ModuleExports> {
  protected readonly raw: Exports;
  protected readonly pageAddress: number;
  protected readonly blockAddress: number;
  // Its memory never grows, so these hold.
  protected readonly page: Uint8Array;
  protected readonly block: Uint8Array;
  /** Beginnings of it, by length: a view costs as much as copying a page. */
  readonly #blocks = new Array<Uint8Array | undefined>(2 * PAGE_SIZE).fill(undefined);

  /** @throws ZramError EOPNOTSUPP: nothing may be compiled here; ENOMEM: the process has no room for another memory */
  constructor(base64: string) {
    const abort = (): never => {
      throw new Error('assertion failed');
    };
    try {
      const module = new WebAssembly.Module(fromBase64(base64));
      this.raw = new WebAssembly.Instance(module, { env: { abort } }).exports as unknown as Exports;
    } catch (error) {
      const names = [...LZO_NAMES, LZ4HC].join(', ');
      // By name: each realm has error classes of its own.
      if ((error as Partial<Error> | undefined)?.name === 'RangeError') {
        throw new ZramError('ENOMEM', `cannot allocate the memory that ${names} work in: ${textOf(error)}.`);
      }
      throw new ZramError('EOPNOTSUPP', `${names} cannot be used: their code does not compile: ${textOf(error)}.`);
    }
    const { buffer } = this.raw.memory;
    this.pageAddress = this.raw.pageAddress();
    this.blockAddress = this.raw.blockAddress();
    this.page = new Uint8Array(buffer, this.pageAddress, PAGE_SIZE);
    this.block = new Uint8Array(buffer, this.blockAddress, 2 * PAGE_SIZE);
  }

  protected blockOf(length: number): Uint8Array {
    return (this.#blocks[length] ??= this.block.subarray(0, length));
  }
}

export class CompressorModule extends PageModule<CompressorExports> {
  constructor() {
    super(compressorsBase64);
  }

  lzo(name: LzoName, page: Uint8Array): Uint8Array {
    this.page.set(page);
    return this.blockOf(this.raw.lzoCompress(Number(name === 'lzo-rle')));
  }

  /** @param level 1 to 16; below 1 is 9, above 16 is 16 */
  lz4hc(page: Uint8Array, level: number): Uint8Array {
    this.page.set(page);
    return this.blockOf(this.raw.lz4hcCompress(level));
  }

  /**
   * A page by either of the two LZO formats.
   * @param bytes up to 4096, of which the first `length` are the block
   * @throws ZramError EIO: it is not that of a page
   */
  lzoPage(bytes: Uint8Array, length: number): Uint8Array {
    this.block.set(bytes);
    if (this.raw.lzoDecompress(this.blockAddress, length, this.pageAddress) === PAGE_SIZE) return this.page;
    throw new ZramError('EIO', 'it does not decompress, what is stored is damaged.');
  }
}

export class OptimalModule extends PageModule<OptimalExports> {
  constructor() {
    super(optimalBase64);
  }

  /**
   * A block of lz4hc that is fast to read.
   * @param level 1 to 16; below 1 is 6, above 16 is 16
   * @param favor 1 to 16
   */
  lz4opt(page: Uint8Array, level: number, favor: number): Uint8Array {
    this.page.set(page);
    return this.blockOf(this.raw.lz4optCompress(level, favor));
  }
}
