/**
 * Exports a tree: as a tar, piece by piece, or to a directory.
 *
 * What is exported is the state at the first piece: it comes from a snapshot, whatever is written meanwhile.
 */
import { PAGE_SIZE } from './constants.js';
import { nodeFs, pathOfDirectory } from './import.js';
import type { ReadableFs, WritableFs } from './node-calls.js';
import { refusal, shown } from './refusal.js';
import { PARTS_MAX, type Part } from './tar-sparse.js';
import { headersOf, paddingOf, TAR_END_BYTES } from './tar-writer.js';
import { copyMember, readWhole, PIECE_BYTES, type PartsOf } from './tree-copy.js';
import { membersOf, type Found } from './tree-members.js';
import { TreeBuilder, type ImportReport } from './tree-builder.js';
import type { Tree } from './tree.js';

/** Options of `export`. */
export interface ExportOptions {
  /** The directory to export. Default: the root. */
  from?: string | undefined;
}

/** Options of `export` to a directory. */
export interface ExportToOptions extends ExportOptions {
  /** Makes symbolic links that are absolute or lead out. Default: false. */
  outsideLinks?: boolean | undefined;
  /** The file system that the directory is on, with Node's synchronous calls. Default: Node's `fs`. */
  fs?: WritableFs | undefined;
}

/** A snapshot that is read. */
export interface Frozen extends ReadableFs {
  realpathSync(path: string): string;
  destroy(): void;
}

/** A file is sparse for a tar if at least so much of it is a hole: a map takes a block itself, and two of headers. */
const HOLES_MIN = PAGE_SIZE;

/** The runs of pages that hold something. */
export function partsOf(tree: Tree): PartsOf {
  return ({ ino, size }) => {
    const parts: Part[] = [];
    for (const [first, device, count] of tree.get(ino).map) {
      for (let at = 0; at < count; at++) {
        const offset = (first + at) * PAGE_SIZE;
        // Pages that are reserved, or were discarded, hold nothing.
        if (offset >= size || tree.device.blockState(device + at) === undefined) continue;
        const last = parts.at(-1);
        const length = Math.min(PAGE_SIZE, size - offset);
        if (last !== undefined && last.offset + last.length === offset) last.length += length;
        else parts.push({ offset, length });
      }
    }
    return parts;
  };
}

/** The tar, in pieces that are the caller's to keep. */
export async function* tarOf(
  take: () => { frozen: Frozen; partsOf: PartsOf },
  options: ExportOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const { frozen, partsOf } = take();
  try {
    const root = rootOf(frozen, options);
    const pieces = new Pieces();
    for (const found of membersOf(frozen, root)) yield* memberBytes(frozen, partsOf, found, pieces);
    yield* pieces.zeros(TAR_END_BYTES);
    yield* pieces.rest();
  } finally {
    frozen.destroy();
  }
}

function* memberBytes(
  frozen: Frozen,
  partsOf: PartsOf,
  found: Found,
  pieces: Pieces,
): Generator<Uint8Array<ArrayBuffer>> {
  const { member, path, stats } = found;
  if (member.type !== 'file' || member.size === 0) {
    yield* pieces.bytes(headersOf(member));
    return;
  }
  const held = stored(partsOf(stats) ?? [], member.size);
  const parts = held ?? [{ offset: 0, length: member.size }];
  const headers = headersOf(member, held);
  yield* pieces.bytes(headers);
  const fd = frozen.openSync(path, 'r');
  let length = 0;
  try {
    for (const part of parts) {
      yield* pieces.read(part.length, (out, done) => readWhole(frozen, fd, out, part.offset + done, path));
      length += part.length;
    }
  } finally {
    frozen.closeSync(fd);
  }
  // Map and headers are whole blocks.
  yield* pieces.zeros(paddingOf(length));
}

/** The parts that a tar should name; undefined for a file that it should hold as it is. */
function stored(parts: readonly Part[], size: number): readonly Part[] | undefined {
  if (size - sum(parts) < HOLES_MIN) return undefined;
  let fewer: readonly Part[] = parts;
  for (let gap = PAGE_SIZE; fewer.length > PARTS_MAX; gap *= 4) fewer = withoutGaps(fewer, gap);
  // GNU's tar knows a hole at the end by an empty part there.
  const last = fewer.at(-1);
  return last !== undefined && last.offset + last.length === size ? fewer : [...fewer, { offset: size, length: 0 }];
}

function withoutGaps(parts: readonly Part[], gap: number): Part[] {
  const fewer: Part[] = [];
  for (const part of parts) {
    const last = fewer.at(-1);
    if (last !== undefined && part.offset - last.offset - last.length <= gap) {
      last.length = part.offset + part.length - last.offset;
    } else fewer.push({ ...part });
  }
  return fewer;
}

function sum(parts: readonly Part[]): number {
  return parts.reduce((total, { length }) => total + length, 0);
}

/** Gathers bytes into pieces of one size. */
class Pieces {
  #piece = new Uint8Array(PIECE_BYTES);
  #filled = 0;

  *bytes(bytes: Uint8Array): Generator<Uint8Array<ArrayBuffer>> {
    yield* this.read(bytes.length, (out, done) => out.set(bytes.subarray(done, done + out.length)));
  }

  *zeros(length: number): Generator<Uint8Array<ArrayBuffer>> {
    yield* this.read(length, () => undefined);
  }

  /** @param fill is given room that is zeros, and how many bytes it was given before */
  *read(length: number, fill: (out: Uint8Array, done: number) => void): Generator<Uint8Array<ArrayBuffer>> {
    for (let done = 0; done < length;) {
      const end = Math.min(PIECE_BYTES, this.#filled + length - done);
      fill(this.#piece.subarray(this.#filled, end), done);
      done += end - this.#filled;
      this.#filled = end;
      if (end === PIECE_BYTES) yield this.#next();
    }
  }

  *rest(): Generator<Uint8Array<ArrayBuffer>> {
    if (this.#filled > 0) yield this.#next();
  }

  #next(): Uint8Array<ArrayBuffer> {
    const piece = this.#piece.subarray(0, this.#filled);
    this.#piece = new Uint8Array(PIECE_BYTES);
    this.#filled = 0;
    return piece;
  }
}

/** Makes the directory: all of it, or nothing of it remains. */
export async function exportTo(
  take: () => { frozen: Frozen; partsOf: PartsOf },
  directory: string | URL,
  options: ExportToOptions,
): Promise<ImportReport> {
  const fs: WritableFs = options.fs ?? nodeFs();
  const target = pathOfDirectory(directory);
  const { frozen, partsOf } = take();
  try {
    const root = rootOf(frozen, options);
    const isThere = isDirectoryAt(fs, target);
    if (isThere && fs.readdirSync(target).length > 0) {
      throw refusal(
        'ENOTEMPTY',
        `${shown(target)} has something in it; name a directory that is empty or not there.`,
        'export',
      );
    }
    const temporary = fs.mkdtempSync(`${target}-`);
    try {
      const builder = new TreeBuilder(fs, {
        into: temporary,
        strip: 0,
        outsideLinks: options.outsideLinks ?? false,
        owners: options.fs !== undefined || globalThis.process?.getuid?.() === 0,
      });
      try {
        for (const found of membersOf(frozen, root)) {
          checkName(found.member.name);
          copyMember(frozen, partsOf, found, builder);
        }
      } finally {
        builder.abandon();
      }
      const report = builder.finish();
      // A directory that is there is replaced by this on Linux and macOS, but not on Windows.
      if (isThere) fs.rmdirSync(target);
      fs.renameSync(temporary, target);
      return report;
    } catch (error) {
      fs.rmSync(temporary, { recursive: true, force: true });
      throw error;
    }
  } finally {
    frozen.destroy();
  }
}

function isDirectoryAt(fs: WritableFs, path: string): boolean {
  const stats = fs.lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return false;
  if (stats.isDirectory()) return true;
  throw refusal('ENOTDIR', `${shown(path)} is not a directory`, 'export');
}

/** On Windows a backslash parts names and a colon names a stream or a disk: such a name would lead elsewhere. */
function checkName(name: string): void {
  if (globalThis.process?.platform !== 'win32' || !/[\\:]/.test(name)) return;
  throw refusal('EINVAL', `${shown(name)} is no name on Windows`, 'export');
}

/** The real path of what is exported, without a slash at its end. */
function rootOf(frozen: Frozen, { from = '/' }: ExportOptions): string {
  const root = frozen.realpathSync(from);
  return root === '/' ? '' : root;
}
