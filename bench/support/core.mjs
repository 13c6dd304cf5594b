/**
 * The core's raw exports over pages that stand in its own memory, for what is measured below the public API.
 *
 * No pool and no device lives in this instance: the memory above the core's static data is the bench's alone.
 */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const BENCH_WASM = fileURLToPath(new URL('../../build/bench.wasm', import.meta.url));
const WASM_PAGE_BYTES = 65536;
const WASM_PAGES_MAX = 65535;
/** Any four words: they are the key of the content hash. */
const SEEDS = [1, 2, 3, 4];

export class BenchCore {
  /** The exports of assembly/bench.ts and assembly/index.ts. */
  raw;

  constructor() {
    const module = new WebAssembly.Module(readFileSync(BENCH_WASM));
    const abort = () => {
      throw new Error('the core aborted');
    };
    this.raw = new WebAssembly.Instance(module, { env: { abort } }).exports;
    this.raw.init(WASM_PAGES_MAX);
    this.raw.hashInit(...SEEDS);
  }

  /** Address of so many bytes that nothing else uses. */
  room(bytes) {
    return this.raw.memory.grow(Math.ceil(bytes / WASM_PAGE_BYTES)) * WASM_PAGE_BYTES;
  }

  /** Copies bytes to memory, where the compressor may read two more behind them. @returns their address */
  place(bytes) {
    const address = this.room(bytes.length + 2);
    this.bytes(address, bytes.length).set(bytes);
    return address;
  }

  /** A view that holds until memory grows. */
  bytes(address, length) {
    return new Uint8Array(this.raw.memory.buffer, address, length);
  }
}
