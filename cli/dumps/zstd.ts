/**
 * States of v86 inside of zstd, as sites hand them out and v86 reads them. A state refers back and forth, so it is held
 * as it was: on a zram device, hence in little memory. Its header says how long it is, and no more than that is taken.
 */
import { pipeline, Readable } from 'node:stream';
import * as zlib from 'node:zlib';

import type { Engine } from '../../bindings/index.js';
import { CliError, messageOf } from '../errors.js';
import { readFully, type Input } from '../inputs.js';
import type { Dump } from './dump.js';
import { Reader, Spool, type Source } from './reader.js';
import { readV86, V86_MAGIC, v86Misfit } from './v86.js';

export const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);
const V86_HEADER_BYTES = 16;
const CHUNK_BYTES = 64 * 1024;

/** Where what was decompressed is held. */
export interface Holding {
  readonly engine: Engine;
  readonly progress: (text: () => string) => void;
}

/** As far as it is used here; the types of Node 20 do not know it. */
const { createZstdDecompress } = zlib as { createZstdDecompress?: () => NodeJS.ReadWriteStream };

/**
 * The state in a file that begins as zstd does.
 * @returns undefined if there is none in it, or Node.js has no zstd (it has from 22.15 on)
 * @throws CliError
 */
export async function readV86InZstd({ source }: Reader, { engine, progress }: Holding): Promise<Dump | undefined> {
  if (createZstdDecompress === undefined) return undefined;
  const inner = new Decompressed(source, createZstdDecompress());
  try {
    const head = await inner.begin(V86_HEADER_BYTES);
    if (!head.subarray(0, V86_MAGIC.length).equals(V86_MAGIC) || v86Misfit(head, undefined) !== undefined)
      return undefined;
    inner.bytesMax = head.readInt32LE(8);
    const spool = await Spool.of(inner, engine, progress, "'zstd -dc IN > OUT' decompresses it into a file");
    const reader = new Reader(spool);
    const { facts, ...state } = await readV86(reader);
    return {
      ...state,
      facts: { ...facts, remainders: [] },
      // They stand in the state, and not in the file.
      extents: undefined,
      notes: ['it was compressed with zstd', ...state.notes],
      close: () => reader.close(),
    };
  } finally {
    inner.close();
  }
}

/** What is inside of a source, from its start. */
class Decompressed implements Pick<Input, 'name' | 'read'> {
  readonly name: string;
  /** What is given out at most, from the start. */
  bytesMax = Infinity;
  readonly #chunks: AsyncIterator<Buffer>;
  #chunk: Buffer = Buffer.alloc(0);
  #given = 0;

  constructor(
    source: Source,
    readonly stream: NodeJS.ReadWriteStream,
  ) {
    this.name = source.name;
    // Its errors come out of the iterator.
    pipeline(Readable.from(chunksOf(source)), stream, () => undefined);
    this.#chunks = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  }

  /** The first bytes, fewer only if there are no more. They are read again. */
  async begin(length: number): Promise<Buffer> {
    const bytes = Buffer.alloc(length);
    const head = bytes.subarray(0, await readFully(this, bytes));
    this.#chunk = Buffer.concat([head, this.#chunk]);
    this.#given = 0;
    return head;
  }

  async read(out: Uint8Array): Promise<number> {
    const room = Math.min(out.length, this.bytesMax - this.#given);
    if (room <= 0) return 0;
    while (this.#chunk.length === 0) {
      const next = await this.#next();
      if (next.done === true) return 0;
      this.#chunk = next.value;
    }
    const bytes = this.#chunk.copy(out, 0, 0, room);
    this.#chunk = this.#chunk.subarray(bytes);
    this.#given += bytes;
    return bytes;
  }

  close(): void {
    void this.#chunks.return?.();
  }

  async #next(): Promise<IteratorResult<Buffer, unknown>> {
    try {
      return await this.#chunks.next();
    } catch (error) {
      if (error instanceof CliError) throw error; // of the source
      throw new CliError(`cannot read '${this.name}': it cannot be decompressed: ${messageOf(error)}`);
    }
  }
}

async function* chunksOf(source: Source): AsyncGenerator<Buffer> {
  for (let at = 0; ;) {
    const chunk = Buffer.allocUnsafe(CHUNK_BYTES);
    const bytes = await source.read(at, chunk);
    if (bytes === 0) return;
    yield chunk.subarray(0, bytes);
    at += bytes;
  }
}
