/** The module of lzo, lzo-rle and lz4hc below the bindings: both builds, and its memory. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { PAGE_SIZE } from './pages.js';
import type { Build } from './raw-core.js';

const WASM_PAGE = 65536;

/** Exports of assembly/compressors/index.ts, and of optimal.ts beside it. */
interface CompressorExports {
  readonly memory: WebAssembly.Memory;
  pageAddress(): number;
  blockAddress(): number;
  lzoCompress(rle: number): number;
  lzoDecompress(src: number, length: number, dst: number): number;
  lz4hcCompress(level: number): number;
  lz4optCompress(level: number, favor: number): number;
}

/** A compressor, its level where it has one, and for blocks of lz4hc that are fast to read how much that counts. */
export type Algorithm = 'lzo' | 'lzo-rle' | `lz4hc:${number}` | `lz4opt:${number}:${number}`;

export class BareCompressors {
  readonly raw: CompressorExports;
  /** Grown by a page, so that blocks can end where memory does. */
  readonly memory: Uint8Array;

  constructor(build: Build, module: 'compressors' | 'optimal' = 'compressors') {
    const file = fileURLToPath(new URL(`../../build/${module}-${build}.wasm`, import.meta.url));
    const abort = (_message: number, _file: number, line: number, column: number): never => {
      throw new Error(`assertion failed at ${line}:${column}`);
    };
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(file)), { env: { abort } });
    this.raw = exports as unknown as CompressorExports;
    this.raw.memory.grow(1);
    this.memory = new Uint8Array(this.raw.memory.buffer);
  }

  /** A page's block. @throws where anything but the module's own buffers and tables was written to */
  compress(algorithm: Algorithm, page: Uint8Array): Uint8Array {
    const { raw, memory } = this;
    const grown = memory.subarray(memory.length - WASM_PAGE);
    grown.fill(0xa5);
    const [at, blockAt] = [raw.pageAddress(), raw.blockAddress()];
    memory.set(page, at);
    memory.fill(0xa5, blockAt, blockAt + 2 * PAGE_SIZE);
    const length = this.#run(algorithm);
    if (Buffer.compare(memory.subarray(at, at + PAGE_SIZE), page) !== 0) throw new Error('the page was changed');
    // Copies go on for 16 bytes at most.
    for (let n = length + 16; n < 2 * PAGE_SIZE; n++) {
      if (memory[blockAt + n] !== 0xa5) throw new Error(`wrote ${n - length} bytes behind the block`);
    }
    if (!grown.every((byte) => byte === 0xa5)) throw new Error('wrote behind its memory');
    return memory.slice(blockAt, blockAt + length);
  }

  #run(algorithm: Algorithm): number {
    if (algorithm === 'lzo') return this.raw.lzoCompress(0);
    if (algorithm === 'lzo-rle') return this.raw.lzoCompress(1);
    const [name, ...numbers] = algorithm.split(':');
    const [level, favor] = numbers.map(Number);
    return name === 'lz4hc' ? this.raw.lz4hcCompress(level) : this.raw.lz4optCompress(level, favor);
  }

  /** Decodes at the exact end of memory; undefined for a block that is refused. @throws where it touched anything else */
  decodeLzo(block: Uint8Array): Uint8Array | undefined {
    const { raw, memory } = this;
    const src = memory.length - block.length;
    const dst = src - 64 - PAGE_SIZE;
    memory.fill(0xa5, dst - 64, src);
    memory.set(block, src);
    const result = raw.lzoDecompress(src, block.length, dst);
    for (let n = 0; n < 64; n++) {
      if (memory[dst - 64 + n] !== 0xa5) throw new Error('wrote before the page');
      if (memory[dst + PAGE_SIZE + n] !== 0xa5) throw new Error('wrote behind the page');
    }
    if (Buffer.compare(memory.subarray(src), block) !== 0) throw new Error('wrote to the block');
    return result === PAGE_SIZE ? memory.slice(dst, dst + PAGE_SIZE) : undefined;
  }
}
