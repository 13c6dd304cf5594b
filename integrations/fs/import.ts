/**
 * Imports a tar or a directory into a tree: all of it, or nothing.
 *
 * It is built in a copy, which costs what is imported and no more. If nothing else has changed in the tree by then, the copy
 * takes its place; if something has, what was imported is copied over to the tree as it is now, in one go.
 */
import type { BlobSource, LoadSource, WebSource } from '../../bindings/index.js';
import type { ReadableFs, WritableFs } from './node-calls.js';
import { refusal, shown } from './refusal.js';
import { TarReader, type Member, type MemberSink } from './tar-reader.js';
import { copyMember, type PartsOf } from './tree-copy.js';
import { membersOf } from './tree-members.js';
import { TreeBuilder, type ImportReport } from './tree-builder.js';
import { Turns } from './turns.js';

/** A tar, not compressed. */
export type TarSource = LoadSource;

/** Options of `import`. */
export interface ImportOptions {
  /** The directory to import into, which is made if it is not there. Default: the root. */
  into?: string | undefined;
  /** Leading parts of each name of a tar that are left out, as with `tar --strip-components`. Default: 0. */
  strip?: number | undefined;
  /** Takes symbolic links that are absolute or lead out of what is imported, as a whole system has them. Default: false. */
  outsideLinks?: boolean | undefined;
  /** For a directory: the file system that it is on, with Node's synchronous calls. Default: Node's `fs`. */
  fs?: ReadableFs | undefined;
}

/** A copy to build in. */
export interface Staged extends WritableFs {
  mkdirSync(path: string, options: number | { recursive: true }): unknown;
  realpathSync(path: string): string;
  destroy(): void;
}

/** The tree that is imported into. */
export interface ImportTarget<S extends Staged> {
  /** Makes a copy. */
  stage(): S;
  /** Whether nothing has changed since a copy was made. */
  isOriginOf(staged: S): boolean;
  /** Takes a copy over. */
  adopt(staged: S): void;
  /** Which parts of a file of a copy are no holes. */
  partsOf(staged: S): PartsOf;
}

/** Milliseconds after which others have a turn. */
const TURN_MS = 25;

/** @throws as `PageFs.import`; nothing has changed then */
export async function importInto<S extends Staged>(
  target: ImportTarget<S>,
  source: TarSource | string | URL,
  options: ImportOptions,
): Promise<ImportReport> {
  if (typeof options !== 'object' || options === null) throw refusal('EINVAL', 'the options must be an object.');
  const { into = '/', strip = 0 } = options;
  if (!Number.isInteger(strip) || strip < 0) throw refusal('EINVAL', 'strip must be an integer, 0 or more.');
  const isDirectory = typeof source === 'string' || source instanceof URL;
  const from = isDirectory ? (options.fs ?? nodeFs()) : undefined;
  const directory = isDirectory ? pathOfDirectory(source) : '';
  const chunks = isDirectory ? undefined : chunksOf(source);
  let build: Build<S> | undefined;
  try {
    build = new Build(target, into, options);
    if (from !== undefined) {
      for (const found of membersOf(from, directory)) {
        copyMember(from, () => undefined, found, build.sink);
        await build.turn();
      }
    }
    if (chunks !== undefined) await readTar(chunks, build);
    return build.commit();
  } catch (error) {
    build?.abandon();
    await chunks?.cancel(error);
    throw error;
  }
}

async function readTar(chunks: Chunks, build: Build<Staged>): Promise<void> {
  const reader = new TarReader(build.sink);
  for (;;) {
    const chunk = await chunks.next();
    if (chunk === undefined) break;
    // In pieces: a whole tar in one array would block for long.
    for (let at = 0; at < chunk.length; at += PUSH_BYTES) {
      reader.push(chunk.subarray(at, Math.min(chunk.length, at + PUSH_BYTES)));
      await build.turn();
    }
  }
  reader.end();
}

/** Bytes of a tar between two looks at the clock. */
const PUSH_BYTES = 1 << 20;

/** An import in progress. */
class Build<S extends Staged> {
  readonly sink: MemberSink;
  readonly #target: ImportTarget<S>;
  readonly #into: string;
  readonly #options: ImportOptions;
  readonly #staged: S;
  readonly #builder: TreeBuilder;
  /** What was made, to make it again in a tree that has changed meanwhile. */
  readonly #members: Member[] = [];
  readonly #turns = new Turns(TURN_MS);

  constructor(target: ImportTarget<S>, into: string, options: ImportOptions) {
    this.#target = target;
    this.#into = into;
    this.#options = options;
    this.#staged = target.stage();
    try {
      this.#builder = this.#builderOn(this.#staged, options.strip ?? 0);
    } catch (error) {
      this.#staged.destroy();
      throw error;
    }
    const builder = this.#builder;
    this.sink = {
      begin: (member) => {
        this.#members.push(member);
        builder.begin(member);
      },
      content: (bytes, position) => builder.content(bytes, position),
      end: () => builder.end(),
    };
  }

  #builderOn(staged: Staged, strip: number): TreeBuilder {
    staged.mkdirSync(this.#into, { recursive: true });
    const into = staged.realpathSync(this.#into);
    return new TreeBuilder(staged, {
      into: into === '/' ? '' : into,
      strip,
      outsideLinks: this.#options.outsideLinks ?? false,
      owners: true,
    });
  }

  /** Lets others run, now and then. */
  async turn(): Promise<void> {
    if (this.#turns.due) await this.#turns.take();
  }

  commit(): ImportReport {
    const report = this.#builder.finish();
    if (this.#target.isOriginOf(this.#staged)) {
      this.#target.adopt(this.#staged);
      return report;
    }
    const again = this.#target.stage();
    try {
      const copied = this.#copyTo(again);
      this.#target.adopt(again);
      this.#staged.destroy();
      return copied;
    } catch (error) {
      again.destroy();
      throw error;
    }
  }

  /** Makes all again, with content from the first copy. */
  #copyTo(again: Staged): ImportReport {
    const builder = this.#builderOn(again, this.#options.strip ?? 0);
    const partsOf = this.#target.partsOf(this.#staged);
    const into = this.#staged.realpathSync(this.#into);
    try {
      for (const member of this.#members) {
        const path = builder.pathOf(member.name);
        if (path === undefined) continue;
        const full = `${into === '/' ? '' : into}/${path}`;
        copyMember(this.#staged, partsOf, { member, path: full, stats: this.#staged.lstatSync(full) }, builder);
      }
      return builder.finish();
    } catch (error) {
      builder.abandon();
      throw error;
    }
  }

  abandon(): void {
    this.#builder.abandon();
    this.#staged.destroy();
  }
}

/** Node's own file system. @throws EINVAL: there is none here */
export function nodeFs(): WritableFs {
  // Not by import: bundlers for browsers would want to resolve it.
  const fs = globalThis.process?.getBuiltinModule?.('node:fs');
  if (fs !== undefined) return fs;
  throw refusal('EINVAL', 'directories need Node.js, or the option fs with a file system that has its calls.');
}

/** A path without a slash at its end. */
export function pathOfDirectory(directory: string | URL): string {
  const path = typeof directory === 'string' ? directory : pathOfUrl(directory);
  if (path === '') throw refusal('EINVAL', 'the path of the directory is empty.');
  return path.replace(/(?<=.)[/]+$/, '');
}

function pathOfUrl(url: URL): string {
  const node = globalThis.process?.getBuiltinModule?.('node:url');
  return node === undefined ? decodeURIComponent(url.pathname) : node.fileURLToPath(url);
}

/** The common interface of all sources. */
interface Chunks {
  /** The next bytes; undefined at the end. */
  next(): Promise<Uint8Array | undefined>;
  cancel(reason: unknown): Promise<void>;
}

function chunksOf(source: TarSource): Chunks {
  if (source instanceof Uint8Array) return chunksOf([source]);
  const { stream, getReader } = (source ?? {}) as Partial<BlobSource & WebSource>;
  if (typeof stream === 'function') return chunksOf((source as BlobSource).stream());
  if (typeof getReader === 'function') {
    const reader = (source as WebSource).getReader();
    return {
      next: async () => checked(await reader.read()),
      cancel: async (reason) => {
        await reader.cancel(reason).catch(() => undefined);
      },
    };
  }
  const iterable = source as Partial<AsyncIterable<Uint8Array> & Iterable<Uint8Array>> | null | undefined;
  const iterator = iterable?.[Symbol.asyncIterator]?.() ?? iterable?.[Symbol.iterator]?.();
  if (typeof iterator?.next !== 'function') {
    const kinds = 'a Uint8Array, a Blob, a stream or an iterable of Uint8Array';
    throw refusal('EINVAL', `the source must be the path of a directory, or a tar as ${kinds}.`);
  }
  return {
    next: async () => checked(await iterator.next()),
    cancel: async () => {
      try {
        await iterator.return?.();
      } catch {
        // The error that ended the import matters more.
      }
    },
  };
}

function checked({ done, value }: { done?: boolean | undefined; value?: unknown }): Uint8Array | undefined {
  if (done === true) return undefined;
  if (value instanceof Uint8Array) return value;
  throw refusal('EINVAL', `the source gave ${typeof value === 'string' ? 'text' : shown(String(value))}, not bytes.`);
}
