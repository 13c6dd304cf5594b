/** The package's core.wasm by itself: its hash, compare and LZ4, which the library calls but does not export. */
import coreUrl from 'zram-wasm/core.wasm?url';

interface Exports {
  readonly memory: WebAssembly.Memory;
  init(limit: number, seed0: number, seed1: number, seed2: number, seed3: number): void;
  stagingAddress(): number;
  lz4Compress(acceleration: number): number;
  lz4Decompress(src: number, srcLength: number, dst: number, dstLength: number): number;
  contentHash(data: number, length: number, codec: number): number;
  bytesEqual(a: number, b: number, length: number): number;
}

const WASM_PAGES_MAX = 65535;
const WASM_PAGE = 65536;

/** Throws where the core asserts: it does not in a release. */
function abort(): never {
  throw new Error('The core stopped.');
}

export class Core {
  readonly raw: Exports;

  private constructor(raw: Exports) {
    this.raw = raw;
    raw.init(WASM_PAGES_MAX, 1, 2, 3, 4);
  }

  static async load(): Promise<Core> {
    const bytes = await (await fetch(coreUrl)).arrayBuffer();
    const { instance } = await WebAssembly.instantiate(bytes, { env: { abort } });
    return new Core(instance.exports as unknown as Exports);
  }

  /** A view of memory, until memory grows. */
  view(at: number, length: number): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.raw.memory.buffer as ArrayBuffer, at, length);
  }

  /** Room behind all that the core uses. */
  room(bytes: number): number {
    return this.raw.memory.grow(Math.ceil(bytes / WASM_PAGE)) * WASM_PAGE;
  }

  place(bytes: Uint8Array): number {
    const at = this.room(bytes.length);
    this.view(at, bytes.length).set(bytes);
    return at;
  }
}
