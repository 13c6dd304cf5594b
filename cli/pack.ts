/** `pack`: stores images in one file, through devices on one pool, so that equal pages of all images are found. */
import { basename } from 'node:path';

import { Engine, type SaveReport, type Zram, type ZsPool } from '../bindings/index.js';
import { lineOf } from './algorithm-line.js';
import { chooseAlgorithms } from './algorithms.js';
import { DumpInput, openInput, understood, type Reading } from './dump-input.js';
import type { Format } from './dumps/contents.js';
import { Places } from './dumps/dump.js';
import { CliError } from './errors.js';
import { mebibytes, plural } from './format.js';
import type { PageRange } from './held-pages.js';
import { ImageStoring, pagesOf, writeNonZero } from './image-storing.js';
import { endInput, type Input } from './inputs.js';
import { OutputFile } from './output-file.js';
import type { OutputWriter } from './output-writer.js';
import { commentOf, writePack } from './pack-file.js';
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
  readonly #storing: ImageStoring;
  readonly #devices = new Map<string, Zram>();
  readonly #images: ImageFacts[] = [];
  readonly #maps = new Map<string, string>();
  #mapsLength = 0;

  constructor(
    engine: Engine,
    algorithm: string,
    readonly io: Surroundings,
  ) {
    this.#pool = engine.createPool();
    this.#storing = new ImageStoring(engine, { compAlgorithm: algorithm, pool: this.#pool }, io.progress);
  }

  /** Stores an image. Zeros take no memory. */
  async add(input: Input, memory: boolean): Promise<void> {
    const { format = 'raw', notes = [], truncated } = input.contents ?? {};
    if (format === 'raw') for (const note of notes) this.io.remark(`'${input.name}': ${note}`);
    if (truncated !== undefined) this.io.remark(truncated);
    if (memory && input instanceof DumpInput) return this.#addMemory(input, format);
    const layout = layoutOf(input, this.#mapsLength);
    if (layout.note !== undefined) this.io.remark(layout.note);
    const { zram, bytes } = await this.#storing.store(layout.input);
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
    const zram = this.#storing.device(memoryPages * PAGE_BYTES);
    const chunk = Buffer.alloc(CHUNK_BYTES);
    const places = new Places(CHUNK_BYTES / PAGE_BYTES);
    let others = 0;
    for (let got = -1; got !== 0;) {
      got = await input.nextPages(chunk, places);
      for (const { index, count } of neighbours(places, got)) {
        const pages = chunk.subarray(index * PAGE_BYTES, (index + count) * PAGE_BYTES);
        if (places.spaces[index] === 0) writeNonZero(zram, (places.pages[index] ?? 0) * PAGE_BYTES, pages, input.name);
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

  merge(): void {
    this.io.progress(() => 'merging');
    this.#pool.merge();
  }

  async save(out: OutputWriter, name: string): Promise<SaveReport & { images: ImageFacts[]; pagesMerged: number }> {
    const { pagesMerged } = this.#pool.stats();
    const comment = commentOf(this.#images, this.#maps);
    const report = await writePack(out, this.#devices, comment, (bytes) =>
      this.io.progress(() => `writing ${name}: ${mebibytes(bytes)}`),
    );
    return { images: this.#images, pagesMerged, ...report };
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

/** A name that is still free: 'a', 'a.2', 'a.3'. */
function freeName(name: string, taken: ReadonlyMap<string, unknown>): string {
  let free = name;
  for (let n = 2; taken.has(free); n++) free = `${name}.${n}`;
  return free;
}
