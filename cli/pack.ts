/** `pack`: images to one file, through devices on one pool, so that equal pages of different images are found. */
import type { FileHandle } from 'node:fs/promises';
import { basename } from 'node:path';

import { Engine, Zram, ZramError, type OwnBytes, type SaveReport, type ZsPool } from '../bindings/index.js';
import { chooseAlgorithms } from './algorithms.js';
import { DISK_BYTES } from './device.js';
import { CliError } from './errors.js';
import { mebibytes, plural } from './format.js';
import { FileInput, StdinInput, readFully, type Input } from './inputs.js';
import { OutputFile } from './output-file.js';
import { commentOf } from './pack-file.js';
import { PAGE_BYTES } from './page-list.js';
import { CHUNK_BYTES } from './storing.js';
import type { Surroundings } from './surroundings.js';

export interface PackOptions {
  readonly files: readonly string[];
  readonly output: string;
  readonly algorithm: string;
}

export interface Packed extends SaveReport {
  readonly output: string;
  readonly algorithm: string;
  readonly images: readonly ImageFacts[];
  /** Pages that found their content in another one. */
  readonly pagesMerged: number;
}

export interface ImageFacts {
  readonly name: string;
  readonly bytes: number;
  readonly pages: number;
}

/** @throws CliError, UsageError */
export async function pack({ files, output, algorithm }: PackOptions, io: Surroundings): Promise<Packed> {
  const engine = await Engine.create({ maxMemory: io.maxMemory });
  const inputs: Input[] = [];
  try {
    await chooseAlgorithms(engine, [algorithm]);
    for (const path of files) inputs.push(path === '-' ? new StdinInput(io.stdin) : await FileInput.open(path));
    const file = await OutputFile.open(output, true);
    return await file.write(async (handle) => {
      const packing = new Packing(engine, algorithm, io);
      for (const input of inputs) await packing.add(input);
      return { output, algorithm, ...(await packing.save(handle, output)) };
    });
  } finally {
    for (const input of inputs) await input.close();
    engine.destroy();
  }
}

class Packing {
  readonly #pool: ZsPool;
  readonly #devices = new Map<string, Zram>();
  readonly #images: ImageFacts[] = [];
  readonly #chunk = new Uint8Array(CHUNK_BYTES);

  constructor(
    readonly engine: Engine,
    readonly algorithm: string,
    readonly io: Surroundings,
  ) {
    this.#pool = engine.createPool();
  }

  /** Stores an image. */
  async add(input: Input): Promise<void> {
    const expected = input.bytes;
    const room = pagesOf(expected ?? DISK_BYTES) * PAGE_BYTES;
    let zram = this.#device(room);
    let bytes = 0;
    for (let got = CHUNK_BYTES; got === CHUNK_BYTES; bytes += got) {
      this.io.progress(`storing ${input.name}: ${mebibytes(bytes)}`);
      got = await readFully(input, this.#chunk);
      if (bytes + got > room) throw new CliError(`'${input.name}' grew while it was read`);
      const pages = pagesOf(got);
      this.#chunk.fill(0, got, pages * PAGE_BYTES);
      write(zram, bytes, this.#chunk.subarray(0, pages * PAGE_BYTES), input.name);
    }
    if (expected === undefined) zram = this.#fitted(zram, bytes, input.name);
    else if (bytes < expected) throw new CliError(`'${input.name}' shrank while it was read`);
    const name = freeName(basename(input.name), this.#devices);
    this.#devices.set(name, zram);
    this.#images.push({ name, bytes, pages: pagesOf(bytes) });
  }

  async save(handle: FileHandle, output: string): Promise<SaveReport & { images: ImageFacts[]; pagesMerged: number }> {
    this.io.progress('merging');
    this.#pool.merge();
    let written = 0;
    const sink = {
      write: (bytes: OwnBytes) => {
        this.io.progress(`writing ${output}: ${mebibytes(written)}`);
        written += bytes.length;
        return handle.write(bytes);
      },
    };
    const { pagesMerged } = this.#pool.stats();
    const report = await Zram.saveAll(sink, this.#devices, { comment: commentOf(this.#images) });
    return { images: this.#images, pagesMerged, ...report };
  }

  #device(bytes: number): Zram {
    // A disk has a page at least; an empty image has one that nothing was written to.
    const disksize = Math.max(bytes, PAGE_BYTES);
    return this.engine.createZram({ disksize, compAlgorithm: this.algorithm, pool: this.#pool });
  }

  /** How long a pipe is shows at its end: its pages move to a disk of that size. */
  #fitted(zram: Zram, bytes: number, name: string): Zram {
    const fitted = this.#device(bytes);
    for (let at = 0; at < bytes; at += CHUNK_BYTES) {
      const pages = pagesOf(Math.min(CHUNK_BYTES, bytes - at));
      const chunk = zram.readPages(at / PAGE_BYTES, pages);
      zram.discard(at, pages * PAGE_BYTES);
      write(fitted, at, chunk, name);
    }
    zram.destroy();
    return fitted;
  }
}

function pagesOf(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES);
}

function write(zram: Zram, offset: number, pages: Uint8Array, name: string): void {
  try {
    zram.writePages(offset / PAGE_BYTES, pages);
  } catch (error) {
    if (!(error instanceof ZramError) || error.code !== 'ENOMEM') throw error;
    const stored = offset / PAGE_BYTES + (error.pagesDone ?? 0);
    throw new CliError(`out of memory for compressed pages after ${plural(stored, 'page')} of '${name}'`);
  }
}

/** A name that no image has yet: 'a', 'a.2', 'a.3'. */
function freeName(name: string, taken: ReadonlyMap<string, unknown>): string {
  let free = name;
  for (let n = 2; taken.has(free); n++) free = `${name}.${n}`;
  return free;
}
