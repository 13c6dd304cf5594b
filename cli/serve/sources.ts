/** Makes the exports of a command line: images and packs are loaded to one pool, then forks are made. */
import { basename } from 'node:path';

import { ZramError, type Engine, type ZsPool } from '../../bindings/index.js';
import { openInput } from '../dump-input.js';
import { CliError, UsageError } from '../errors.js';
import { identityOfFile } from '../file-identity.js';
import { plural } from '../format.js';
import { ImageStoring } from '../image-storing.js';
import { endInput, type Input } from '../inputs.js';
import { isPack, loadPack, PackedSource, type PackedImage } from '../pack-file.js';
import { SourceInput } from '../source-input.js';
import type { Surroundings } from '../surroundings.js';
import type { ImageArgument, ServeOptions } from './arguments.js';
import { ExportError, Exports } from './exports.js';

/** An image or a pack, which is there and can be read. */
export interface Source extends ImageArgument {
  readonly isPack: boolean;
  /** See `identityOf`. */
  readonly identity: string | undefined;
}

/** Images are served byte for byte, dumps as well. */
const READING = { format: 'raw', at: [] } as const;

/** Looks at all files before the first is read, so that a missing one is told at once. @throws CliError */
export async function findSources(images: readonly ImageArgument[]): Promise<Source[]> {
  const sources: Source[] = [];
  for (const image of images)
    sources.push({ ...image, isPack: await isPack(image.file), identity: identityOfFile(image.file) });
  checkNames(sources);
  return sources;
}

/** Of packs the names are known when they are loaded. */
function checkNames(sources: readonly Source[]): void {
  const names = new Set<string>();
  for (const source of sources) {
    if (source.isPack) continue;
    const name = nameOf(source);
    if (names.has(name)) throw twice(name);
    names.add(name);
  }
}

const nameOf = ({ name, file }: ImageArgument): string => name ?? (file === '-' ? 'standard input' : basename(file));

const twice = (name: string): UsageError =>
  new UsageError(`two exports are called '${name}'; --export NAME=IMAGE gives an image another name`);

/** @throws CliError, UsageError, ZramError */
export async function loadExports(
  engine: Engine,
  pool: ZsPool,
  sources: readonly Source[],
  options: ServeOptions,
  io: Surroundings,
): Promise<Exports> {
  const loading = new Loading(engine, pool, options, io);
  for (const source of sources) await loading.add(source);
  for (const name of options.disks) loading.addEmpty(name);
  loading.fork();
  return loading.exports;
}

class Loading {
  readonly exports: Exports;
  readonly #storing: ImageStoring;

  constructor(
    readonly engine: Engine,
    readonly pool: ZsPool,
    readonly options: ServeOptions,
    readonly io: Surroundings,
  ) {
    this.exports = new Exports(options.readOnly);
    const { algorithm: compAlgorithm, dedup } = options;
    // Nothing here asks for the age of pages, which takes 4 bytes for each.
    this.#storing = new ImageStoring(engine, { compAlgorithm, dedup, pool, trackEntryActime: false }, io.progress);
  }

  async add(source: Source): Promise<void> {
    if (source.isPack) return this.#addPack(source);
    const input = await openInput(source.file, { engine: this.engine, reading: READING, ...this.io });
    try {
      await this.#addImage(nameOf(source), input);
    } finally {
      await endInput(input, this.io.remark);
    }
  }

  async #addPack({ file, name }: Source): Promise<void> {
    const { pool } = this;
    // mem_limit is of the pool, which other exports are on: what a device had elsewhere is none of theirs.
    const options = { pool, trackEntryActime: false, memLimit: 0 };
    const images = await loadPack(this.engine, file, this.io, options);
    if (name !== undefined && images.length !== 1)
      throw new UsageError(
        `'${file}' is a pack of ${plural(images.length, 'image')}, which have names: name it without --export`,
      );
    for (const image of images) await this.#addPacked(name ?? image.name, image);
  }

  async #addPacked(name: string, image: PackedImage): Promise<void> {
    const { zram, bytes, map } = image;
    const least = this.options.size ?? 0;
    if (map === undefined && Math.max(bytes, least) <= zram.disksize) {
      this.#keep(name, zram, Math.max(bytes, least));
      return;
    }
    // Its bytes are not where a client looks for them, or the disk is to be longer.
    await this.#addImage(name, new SourceInput({ kind: 'file', name }, new PackedSource(image)));
    zram.destroy();
  }

  async #addImage(name: string, input: Input): Promise<void> {
    const least = this.options.size ?? 0;
    const { zram, bytes } = await this.#storing.store(input, least);
    this.#keep(name, zram, Math.max(bytes, least));
  }

  addEmpty(name: string): void {
    const { size = 0 } = this.options;
    this.#keep(name, this.#storing.device(size), size);
  }

  #keep(name: string, device: PackedImage['zram'], size: number): void {
    try {
      this.exports.add(name, device, size);
    } catch (error) {
      throw error instanceof ExportError ? twice(name) : error;
    }
  }

  /** All are copies of what is there now, so their order is of no importance. */
  fork(): void {
    const left = new Set(this.options.forks);
    for (let before = Infinity; left.size < before;) {
      before = left.size;
      for (const fork of left) {
        if (!this.exports.map.has(fork.from)) continue;
        this.#fork(fork.from, fork.name);
        left.delete(fork);
      }
    }
    const unknown = [...left].at(0);
    if (unknown === undefined) return;
    const { name, from } = unknown;
    throw new UsageError(`--export ${name}:from=${from}: there is no export called '${from}'`);
  }

  #fork(from: string, name: string): void {
    try {
      this.exports.fork(from, name);
    } catch (error) {
      if (error instanceof ExportError) throw twice(name);
      if (error instanceof ZramError && error.code === 'ENOMEM')
        throw new CliError(`out of memory for '${name}', a fork of '${from}'`);
      throw error;
    }
  }
}
