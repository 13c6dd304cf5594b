/** `pack`: stores images in one file, through devices on one pool, so that equal pages of all images are found. */
import { basename } from 'node:path';

import { Engine, Zram, ZramError, type SaveReport, type ZsPool } from '../bindings/index.js';
import { lineOf } from './algorithm-line.js';
import { chooseAlgorithms } from './algorithms.js';
import { DISK_BYTES } from './device.js';
import { DumpInput, openInput, understood, type Reading } from './dump-input.js';
import type { Format } from './dumps/contents.js';
import { Places } from './dumps/dump.js';
import { CliError } from './errors.js';
import { mebibytes, plural } from './format.js';
import { heldPages, inChunks, nonZeroPages, type PageRange } from './held-pages.js';
import { endInput, readFully, type Input } from './inputs.js';
import { OutputFile } from './output-file.js';
import type { OutputWriter } from './output-writer.js';
import { commentOf } from './pack-file.js';
import { layoutOf } from './pack-layout.js';
import { PAGE_BYTES } from './page-list.js';
import { CHUNK_BYTES } from './storing.js';
import type { Surroundings } from './surroundings.js';

/** The largest disk. */
const DISK_PAGES_MAX = 2 ** 32 - 1;

export interface PackOptions {
  readonly files: readonly string[];
  /** A path, or '-' for standard output. */
  readonly output: string;
  /** Whether the file that a link leads to may be replaced as well. */
  readonly force: boolean;
  readonly algorithm: string;
  readonly reading: Reading;
  /** Of dumps, the memory is packed and not the file. */
  readonly memory: boolean;
}

export interface Packed extends SaveReport {
  readonly output: string;
  readonly algorithm: string;
  readonly images: readonly ImageFacts[];
  /** Pages whose content another page holds. */
  readonly pagesMerged: number;
}

export interface ImageFacts {
  readonly name: string;
  readonly bytes: number;
  readonly pages: number;
  readonly format: Format;
  /** Whether its pages were put on pages of the device, which they are not in the file. */
  readonly aligned: boolean;
}

/** @throws CliError, UsageError */
export async function pack(
  { files, output, force, algorithm, reading, memory }: PackOptions,
  io: Surroundings,
): Promise<Packed & { outputTaken: boolean }> {
  const engine = await Engine.create({ maxMemory: io.maxMemory });
  const inputs: Input[] = [];
  try {
    await chooseAlgorithms(engine, [lineOf(algorithm)]);
    for (const path of files) inputs.push(await openInput(path, { engine, reading, ...io }));
    const file = await OutputFile.prepare(output, { files: true, links: force }, io.remark);
    for (const { name, identity } of inputs) {
      if (identity !== undefined && identity === file.identity)
        throw new CliError(`cannot pack '${name}' into itself: it is also the output`);
    }
    const packing = new Packing(engine, algorithm, io);
    for (const input of inputs) {
      await packing.add(await understood(input), memory);
      await endInput(input, io.remark);
    }
    packing.merge();
    const saved = await file.write((out) => packing.save(out, file.name));
    return { output, algorithm, ...saved, outputTaken: file.isStandardOutput };
  } finally {
    for (const input of inputs) await input.close();
    engine.destroy();
  }
}

class Packing {
  readonly #pool: ZsPool;
  readonly #devices = new Map<string, Zram>();
  readonly #images: ImageFacts[] = [];
  readonly #maps = new Map<string, string>();
  #mapsLength = 0;
  readonly #chunk = Buffer.alloc(CHUNK_BYTES);

  constructor(
    readonly engine: Engine,
    readonly algorithm: string,
    readonly io: Surroundings,
  ) {
    this.#pool = engine.createPool();
  }

  /** Stores an image. Zeros take no memory. */
  async add(input: Input, memory: boolean): Promise<void> {
    const { format = 'raw', notes = [], truncated } = input.contents ?? {};
    if (format === 'raw') for (const note of notes) this.io.remark(`'${input.name}': ${note}`);
    if (truncated !== undefined) this.io.remark(truncated);
    if (memory && input instanceof DumpInput) return this.#addMemory(input, format);
    const layout = layoutOf(input, this.#mapsLength);
    if (layout.note !== undefined) this.io.remark(layout.note);
    const { zram, bytes } = await this.#store(layout.input);
    const name = this.#keep(input, zram, layout.bytes ?? bytes, format, layout.map !== undefined);
    if (layout.map === undefined) return;
    this.#maps.set(name, layout.map);
    this.#mapsLength += layout.map.length;
  }

  /** Stores the pages of a dump at their addresses. */
  async #addMemory(input: DumpInput, format: Format): Promise<void> {
    if (input.dump.memoryPages === 0)
      throw new CliError(`'${input.name}' knows no addresses: pack it without --memory`);
    const { memoryPages, spaces } = input.dump;
    if (memoryPages > DISK_PAGES_MAX)
      throw new CliError(
        `the addresses of '${input.name}' go beyond ${mebibytes(DISK_PAGES_MAX * PAGE_BYTES)}: pack it without --memory`,
      );
    const zram = this.#device(memoryPages * PAGE_BYTES);
    const places = new Places(CHUNK_BYTES / PAGE_BYTES);
    let others = 0;
    for (let got = -1; got !== 0;) {
      got = await input.nextPages(this.#chunk, places);
      for (const { index, count } of neighbours(places, got)) {
        const pages = this.#chunk.subarray(index * PAGE_BYTES, (index + count) * PAGE_BYTES);
        if (places.spaces[index] === 0) write(zram, (places.pages[index] ?? 0) * PAGE_BYTES, pages, input.name);
        else others += count;
      }
    }
    if (others > 0)
      this.io.remark(
        `'${input.name}': left out ${plural(others, 'page')} beside its memory (${spaces.slice(1).join(', ')})`,
      );
    this.#keep(input, zram, memoryPages * PAGE_BYTES, format, true);
  }

  /** Takes an image into the pack, under a name that is free; returns that. */
  #keep(input: Input, zram: Zram, bytes: number, format: Format, aligned: boolean): string {
    const name = freeName(basename(input.name), this.#devices);
    this.#devices.set(name, zram);
    this.#images.push({ name, bytes, pages: pagesOf(bytes), format, aligned });
    return name;
  }

  /** Stores the bytes of an input, from the first page of a device on. */
  async #store(input: Input): Promise<{ zram: Zram; bytes: number }> {
    const expected = input.bytes;
    const room = pagesOf(expected ?? DISK_BYTES) * PAGE_BYTES;
    let zram = this.#device(room);
    let bytes = 0;
    for (let got = CHUNK_BYTES; got === CHUNK_BYTES; bytes += got) {
      this.io.progress(() => `storing ${input.name}: ${mebibytes(bytes)}`);
      got = await readFully(input, this.#chunk);
      if (bytes + got > room) throw new CliError(`cannot pack '${input.name}': it is larger than ${mebibytes(room)}`);
      const pages = pagesOf(got);
      this.#chunk.fill(0, got, pages * PAGE_BYTES);
      write(zram, bytes, this.#chunk.subarray(0, pages * PAGE_BYTES), input.name);
    }
    if (expected === undefined) zram = this.#fitted(zram, bytes, input.name);
    else if (bytes < expected) throw new CliError(`cannot pack '${input.name}': it shrank while it was read`);
    return { zram, bytes };
  }

  merge(): void {
    this.io.progress(() => 'merging');
    this.#pool.merge();
  }

  async save(out: OutputWriter, name: string): Promise<SaveReport & { images: ImageFacts[]; pagesMerged: number }> {
    const { pagesMerged } = this.#pool.stats();
    let written = 0;
    let failure: unknown;
    const sink = {
      write: async (bytes: Uint8Array) => {
        this.io.progress(() => `writing ${name}: ${mebibytes(written)}`);
        written += bytes.length;
        await out.write(bytes).catch((error: unknown) => {
          failure = error;
          throw error;
        });
      },
    };
    try {
      const report = await Zram.saveAll(sink, this.#devices, { comment: commentOf(this.#images, this.#maps) });
      return { images: this.#images, pagesMerged, ...report };
    } catch (error) {
      throw failure ?? error; // of a sink the library reports only that it failed
    }
  }

  #device(bytes: number): Zram {
    // A disk has at least one page; that of an empty image is never written to.
    const disksize = Math.max(bytes, PAGE_BYTES);
    return this.engine.createZram({ disksize, compAlgorithm: this.algorithm, pool: this.#pool });
  }

  /** The length of a pipe is known only at its end: its pages then move to a disk of that size. */
  #fitted(zram: Zram, bytes: number, name: string): Zram {
    const fitted = this.#device(bytes);
    for (const { index, count } of inChunks(heldPages(this.engine, zram))) {
      const chunk = this.#chunk.subarray(0, count * PAGE_BYTES);
      zram.readPages(index, count, chunk);
      zram.discard(index * PAGE_BYTES, chunk.length);
      write(fitted, index * PAGE_BYTES, chunk, name);
    }
    zram.destroy();
    return fitted;
  }
}

/** Of the first `count` pages of a chunk, those that follow each other in an address space. */
function* neighbours({ spaces, pages }: Places, count: number): Generator<PageRange> {
  const follows = (page: number) => spaces[page] === spaces[page - 1] && pages[page] === (pages[page - 1] ?? 0) + 1;
  for (let index = 0; index < count;) {
    const first = index++;
    while (index < count && follows(index)) index++;
    yield { index: first, count: index - first };
  }
}

function pagesOf(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES);
}

function write(zram: Zram, offset: number, chunk: Buffer, name: string): void {
  for (const { index, count } of nonZeroPages(chunk)) {
    const first = offset / PAGE_BYTES + index;
    try {
      zram.writePages(first, chunk.subarray(index * PAGE_BYTES, (index + count) * PAGE_BYTES));
    } catch (error) {
      if (!(error instanceof ZramError) || error.code !== 'ENOMEM') throw error;
      const stored = first + (error.pagesDone ?? 0);
      throw new CliError(`out of memory for compressed pages after ${plural(stored, 'page')} of '${name}'`);
    }
  }
}

/** A name that is still free: 'a', 'a.2', 'a.3'. */
function freeName(name: string, taken: ReadonlyMap<string, unknown>): string {
  let free = name;
  for (let n = 2; taken.has(free); n++) free = `${name}.${n}`;
  return free;
}
