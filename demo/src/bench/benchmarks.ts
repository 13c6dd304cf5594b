/** The micro-benchmarks, each with what a web page would use otherwise. All go over the same distinct pages. */
import { deflateSync, inflateSync } from 'fflate';
import { compressBlock, decompressBlock } from 'lz4js';
import xxhash from 'xxhash-wasm';
import { Engine, type Zram, type ZsPool } from 'zram-wasm/external';
import { firstDifference } from '../engine/compare.js';
import type { Core } from './core.js';
import { measure, type Task } from './measure.js';
import type { Benchmark } from './protocol.js';

const PAGE_BYTES = 4096;
/** A page may grow when it is packed. */
const PACKED_MAX = 8192;
const LZ4JS_HASHES = 1 << 16;
const DEFLATE_LEVEL = 1;

function deflate(page: Uint8Array): Uint8Array<ArrayBuffer> {
  return deflateSync(page, { level: DEFLATE_LEVEL });
}

export interface BenchmarkDefinition {
  readonly id: string;
  readonly title: string;
  readonly text: string;
  /** Bytes of pages that one run of a task goes over, if not all once. */
  readonly bytes?: number;
  tasks(): Task[];
}

export class Benchmarks {
  readonly #core: Core;
  readonly #image: Uint8Array<ArrayBuffer>;
  readonly #views: Uint8Array<ArrayBuffer>[];
  readonly #engine: Engine;
  readonly #hash: (bytes: Uint8Array) => bigint;
  readonly #deflated: Uint8Array<ArrayBuffer>[];
  readonly #lz4jsHashes = new Uint32Array(LZ4JS_HASHES);
  readonly #packed = new Uint8Array(PACKED_MAX);
  readonly #out = new Uint8Array(PAGE_BYTES);

  private constructor(core: Core, image: Uint8Array<ArrayBuffer>, engine: Engine, hash: (bytes: Uint8Array) => bigint) {
    this.#core = core;
    this.#image = image;
    this.#engine = engine;
    this.#hash = hash;
    this.#views = Array.from({ length: image.length / PAGE_BYTES }, (_, n) =>
      image.subarray(n * PAGE_BYTES, (n + 1) * PAGE_BYTES),
    );
    this.#deflated = this.#views.map(deflate);
  }

  static async make(core: Core, image: Uint8Array<ArrayBuffer>): Promise<Benchmarks> {
    const { h64Raw } = await xxhash();
    return new Benchmarks(core, image, await Engine.create(), h64Raw);
  }

  run({ id, title, text, bytes = this.#image.length, tasks }: BenchmarkDefinition): Benchmark {
    return { id, title, text, contenders: measure(tasks(), bytes) };
  }

  all(): BenchmarkDefinition[] {
    return [
      {
        id: 'hash',
        title: 'Hash a page',
        text: 'Keyed 32-bit content hash against XXH64; both copy the page into a WebAssembly memory first.',
        tasks: () => this.#hashes(),
      },
      {
        id: 'compare',
        title: 'Compare two equal pages',
        text: 'What verifies every merge.',
        tasks: () => this.#compares(),
      },
      {
        id: 'compress',
        title: 'Compress a page',
        text: 'LZ4 blocks, and deflate at level 1, which packs better.',
        tasks: () => this.#compress(),
      },
      {
        id: 'decompress',
        title: 'Decompress a page',
        text: 'LZ4 blocks, the same for both; inflate its own.',
        tasks: () => this.#decompress(),
      },
      {
        id: 'write',
        title: 'Write pages',
        text: 'The whole path of a device, against a Map of packed pages.',
        tasks: () => this.#writes(),
      },
      { id: 'read', title: 'Read pages', text: 'Into a buffer that is there.', tasks: () => this.#reads() },
      {
        id: 'merge',
        title: 'Find all duplicates',
        text: 'Every page is stored twice; zs_merge works on packed objects and frees them, the rivals only find them.',
        bytes: 2 * this.#image.length,
        tasks: () => this.#merges(),
      },
    ];
  }

  destroy(): void {
    this.#engine.destroy();
  }

  #hashes(): Task[] {
    const { raw } = this.#core;
    const at = raw.stagingAddress();
    const staging = this.#core.view(at, PAGE_BYTES);
    return [
      {
        name: 'zram-wasm',
        ours: true,
        run: () => {
          for (const view of this.#views) {
            staging.set(view);
            raw.contentHash(at, PAGE_BYTES, 0);
          }
        },
      },
      { name: 'xxhash-wasm', run: () => this.#views.forEach((view) => this.#hash(view)) },
    ];
  }

  #compares(): Task[] {
    const { raw } = this.#core;
    const a = this.#core.place(this.#image);
    const b = this.#core.place(this.#image);
    const copies = this.#views.map((view) => view.slice());
    return [
      {
        name: 'zram-wasm',
        ours: true,
        run: () => {
          for (let at = 0; at < this.#image.length; at += PAGE_BYTES) raw.bytesEqual(a + at, b + at, PAGE_BYTES);
        },
      },
      {
        name: 'JavaScript, 4 bytes a step',
        run: () => this.#views.forEach((view, n) => firstDifference(view, copies[n]!, PAGE_BYTES)),
      },
      {
        name: 'indexedDB.cmp',
        run: () => this.#views.forEach((view, n) => indexedDB.cmp(view, copies[n]!)),
      },
    ];
  }

  #lz4jsBlock(view: Uint8Array): number {
    this.#lz4jsHashes.fill(0);
    return compressBlock(view, this.#packed, 0, PAGE_BYTES, this.#lz4jsHashes);
  }

  #compress(): Task[] {
    const { raw } = this.#core;
    const staging = this.#core.view(raw.stagingAddress(), PAGE_BYTES);
    return [
      {
        name: 'zram-wasm, LZ4',
        ours: true,
        run: () => {
          for (const view of this.#views) {
            staging.set(view);
            raw.lz4Compress(1);
          }
        },
      },
      { name: 'lz4js', run: () => this.#views.forEach((view) => this.#lz4jsBlock(view)) },
      {
        name: 'fflate, deflate',
        run: () => this.#views.forEach((view) => deflate(view)),
      },
    ];
  }

  #decompress(): Task[] {
    const { raw } = this.#core;
    const staging = raw.stagingAddress();
    const blocks = this.#views.map((view) => {
      this.#core.view(staging, PAGE_BYTES).set(view);
      const length = raw.lz4Compress(1);
      return this.#core.view(staging + PAGE_BYTES, length).slice();
    });
    const places: { at: number; length: number }[] = [];
    let at = this.#core.room(blocks.reduce((sum, { length }) => sum + length, 0));
    for (const block of blocks) {
      this.#core.view(at, block.length).set(block);
      places.push({ at, length: block.length });
      at += block.length;
    }
    return [
      {
        name: 'zram-wasm, LZ4',
        ours: true,
        run: () => {
          const page = this.#core.view(staging, PAGE_BYTES);
          for (const { at: from, length } of places) {
            raw.lz4Decompress(from, length, staging, PAGE_BYTES);
            this.#out.set(page);
          }
        },
      },
      // The blocks are exchangeable: lz4js reads ours.
      { name: 'lz4js', run: () => blocks.forEach((block) => decompressBlock(block, this.#out, 0, block.length, 0)) },
      { name: 'fflate, inflate', run: () => this.#deflated.forEach((block) => inflateSync(block, { out: this.#out })) },
    ];
  }

  #writes(): Task[] {
    let zram: Zram | undefined;
    const batched = (): Zram => {
      zram?.destroy();
      zram = this.#engine.createZram({ disksize: '1G' });
      return zram;
    };
    const map = new Map<number, Uint8Array>();
    return [
      {
        name: 'zram-wasm, writePages',
        ours: true,
        prepare: () => void batched(),
        run: () => zram!.writePages(0, this.#image),
      },
      {
        name: 'zram-wasm, writePage',
        ours: true,
        prepare: () => void batched(),
        run: () => this.#views.forEach((view, n) => zram!.writePage(n, view)),
      },
      {
        name: 'Map and lz4js',
        prepare: () => map.clear(),
        run: () => this.#views.forEach((view, n) => map.set(n, this.#lz4jsPacked(view))),
      },
      {
        name: 'Map and fflate',
        prepare: () => map.clear(),
        run: () => this.#views.forEach((view, n) => map.set(n, deflate(view))),
      },
      {
        name: 'Map of copies',
        note: 'saves nothing',
        prepare: () => map.clear(),
        run: () => this.#views.forEach((view, n) => map.set(n, view.slice())),
      },
    ];
  }

  /** As a store of packed pages would have it: what does not pack stays as it is. */
  #lz4jsPacked(view: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const length = this.#lz4jsBlock(view);
    return length === 0 || length >= PAGE_BYTES ? view.slice() : this.#packed.slice(0, length);
  }

  #reads(): Task[] {
    const zram = this.#engine.createZram({ disksize: '1G' });
    zram.writePages(0, this.#image);
    const packed = this.#views.map((view) => this.#lz4jsPacked(view));
    const whole = new Uint8Array(this.#image.length);
    return [
      { name: 'zram-wasm, readPages', ours: true, run: () => void zram.readPages(0, this.#views.length, whole) },
      {
        name: 'zram-wasm, readPage',
        ours: true,
        run: () => this.#views.forEach((_, n) => zram.readPage(n, this.#out)),
      },
      {
        name: 'Map and lz4js',
        run: () =>
          packed.forEach((block) => {
            if (block.length === PAGE_BYTES) this.#out.set(block);
            else decompressBlock(block, this.#out, 0, block.length, 0);
          }),
      },
      { name: 'Map and fflate', run: () => this.#deflated.forEach((block) => inflateSync(block, { out: this.#out })) },
      { name: 'Map of copies', note: 'saves nothing', run: () => this.#views.forEach((view) => this.#out.set(view)) },
    ];
  }

  #merges(): Task[] {
    let pool: ZsPool | undefined;
    let zram: Zram | undefined;
    const twice = [...this.#views, ...this.#views.map((view) => view.slice())];
    return [
      {
        name: 'zram-wasm, zs_merge',
        ours: true,
        prepare: () => {
          zram?.destroy();
          pool?.destroy();
          pool = this.#engine.createPool();
          zram = this.#engine.createZram({ disksize: '1G', pool });
          zram.writePages(0, this.#image);
          zram.writePages(this.#views.length, this.#image);
        },
        run: () => void pool!.merge(),
      },
      {
        name: 'xxhash-wasm, Map, compare',
        run: () => {
          const seen = new Map<bigint, Uint8Array>();
          for (const view of twice) {
            const hash = this.#hash(view);
            const other = seen.get(hash);
            if (other === undefined) seen.set(hash, view);
            else firstDifference(other, view, PAGE_BYTES);
          }
        },
      },
    ];
  }
}
