/** Files of a PageFs as SQLite uses them: read, written and cut at any place. */
import type { PageFs } from '../fs.js';
import { DESCRIPTION_BYTES, Parting, type Piece } from './parting.js';

/** A file, open for all connections that use it. Calls throw the errors of the PageFs. */
export interface StoredFile {
  /** Bytes of the file. */
  size(): number;
  /** Reads what there is, at most what `out` holds. Returns the number of bytes. */
  read(out: Uint8Array, at: number): number;
  /** @throws FsError ENOSPC: memory ended; some of the bytes may have been written */
  write(bytes: Uint8Array, at: number): void;
  truncate(size: number): void;
  /** Hands over what was held back. */
  flush(): void;
  close(): void;
}

/** Opens a file for reading, and for writing unless the file system is frozen. */
export function openFile(fs: PageFs, path: string, flags = 0): number {
  const { O_RDWR, O_RDONLY } = fs.constants;
  return fs.openSync(path, fs.frozen ? O_RDONLY : O_RDWR | flags, 0o644);
}

export class PlainFile implements StoredFile {
  constructor(
    private readonly fs: PageFs,
    readonly fd: number,
  ) {}

  size(): number {
    return this.fs.fstatSync(this.fd).size;
  }

  read(out: Uint8Array, at: number): number {
    return this.fs.readSync(this.fd, out, 0, out.length, at);
  }

  write(bytes: Uint8Array, at: number): void {
    let done = this.fs.writeSync(this.fd, bytes, 0, bytes.length, at);
    // Fewer were written since memory ended, which the next call says.
    while (done < bytes.length) done += this.fs.writeSync(this.fd, bytes, done, bytes.length - done, at + done);
  }

  truncate(size: number): void {
    this.fs.ftruncateSync(this.fd, size);
  }

  flush(): void {}

  close(): void {
    this.fs.closeSync(this.fd);
  }
}

/** Most bytes that a parted file holds back. */
const HELD_BYTES = 4096;

/**
 * A journal or WAL in two streams (see parting.ts). The few bytes of its records that are not a page's are held back until a
 * page of them is there, or something else is to be written.
 */
export class PartedFile implements StoredFile {
  /** What is held back: bytes of the first stream. */
  readonly #held = new Uint8Array(HELD_BYTES);
  #heldAt = 0;
  #heldLength = 0;
  /** The frame header that was written last ended a transaction, and its page is still to come. */
  #ending = false;
  /** Bytes of both streams, those held back included. */
  #othersSize: number;
  #pagesSize: number;
  readonly #piece: Piece = { inPages: false, at: 0, length: 0 };

  /** @param others begins with the description; @param pages the other stream */
  constructor(
    private readonly others: PlainFile,
    private readonly pages: PlainFile,
    private readonly parting: Parting,
  ) {
    // A copy that was made while bytes were held back has more pages than headers: what is whole counts.
    const size = parting.wholeSize(others.size() - DESCRIPTION_BYTES, pages.size());
    this.#pagesSize = parting.pageBytes(size);
    this.#othersSize = size - this.#pagesSize;
  }

  size(): number {
    return this.#othersSize + this.#pagesSize;
  }

  read(out: Uint8Array, at: number): number {
    const length = Math.min(out.length, this.size() - at);
    const piece = this.#piece;
    for (let done = 0; done < length; done += piece.length) {
      this.parting.pieceAt(at + done, length - done, piece);
      const part = piece.length === out.length ? out : out.subarray(done, done + piece.length);
      if (piece.inPages) fill(part, this.pages.read(part, piece.at));
      else this.#readOthers(part, piece.at);
    }
    return Math.max(0, length);
  }

  #readOthers(part: Uint8Array, at: number): void {
    fill(part, this.others.read(part, DESCRIPTION_BYTES + at));
    const from = Math.max(at, this.#heldAt);
    const to = Math.min(at + part.length, this.#heldAt + this.#heldLength);
    if (from < to) part.set(this.#held.subarray(from - this.#heldAt, to - this.#heldAt), from - at);
  }

  write(bytes: Uint8Array, at: number): void {
    const end = at + bytes.length;
    // A file that grows over a gap grows in both streams.
    if (at > this.size()) this.#grow(at);
    const piece = this.#piece;
    for (let done = 0; done < bytes.length; done += piece.length) {
      this.parting.pieceAt(at + done, bytes.length - done, piece);
      const part = piece.length === bytes.length ? bytes : bytes.subarray(done, done + piece.length);
      if (piece.inPages) {
        this.pages.write(part, piece.at);
        this.#pagesSize = Math.max(this.#pagesSize, piece.at + part.length);
      } else {
        this.#hold(part, piece.at);
        this.#othersSize = Math.max(this.#othersSize, piece.at + part.length);
      }
    }
    if (this.parting.endsTransaction(at, bytes)) this.#ending = true;
    if (this.#ending && this.parting.pageBytes(end) > this.parting.pageBytes(at)) {
      this.#ending = false;
      this.flush();
    }
  }

  #hold(part: Uint8Array, at: number): void {
    const follows = this.#heldLength > 0 && at === this.#heldAt + this.#heldLength;
    if (!follows || this.#heldLength + part.length > HELD_BYTES) {
      this.flush();
      if (part.length > HELD_BYTES) {
        this.others.write(part, DESCRIPTION_BYTES + at);
        return;
      }
      this.#heldAt = at;
    }
    this.#held.set(part, at - this.#heldAt);
    this.#heldLength += part.length;
  }

  flush(): void {
    if (this.#heldLength === 0) return;
    this.others.write(this.#held.subarray(0, this.#heldLength), DESCRIPTION_BYTES + this.#heldAt);
    this.#heldLength = 0;
  }

  #grow(size: number): void {
    this.flush();
    this.#cut(this.size());
    this.#cut(size);
  }

  truncate(size: number): void {
    if (size > this.size()) {
      this.#grow(size);
      return;
    }
    this.#dropHeld(size - this.parting.pageBytes(size));
    this.#cut(size);
  }

  #dropHeld(end: number): void {
    this.#heldLength = Math.max(0, Math.min(this.#heldLength, end - this.#heldAt));
  }

  #cut(size: number): void {
    const pages = this.parting.pageBytes(size);
    this.pages.truncate(pages);
    this.#pagesSize = pages;
    this.others.truncate(DESCRIPTION_BYTES + size - pages);
    this.#othersSize = size - pages;
  }

  close(): void {
    try {
      this.flush();
    } finally {
      this.pages.close();
      this.others.close();
    }
  }
}

/** Holes at the end of a stream are zeros. */
function fill(part: Uint8Array, read: number): void {
  if (read < part.length) part.fill(0, read);
}

/** Where the other stream of a parted file is. */
export function pagesPath(path: string): string {
  return `${path}.pages`;
}

/** A journal or WAL, which becomes a parted file when its first write tells its page size. */
export class JournalFile implements StoredFile {
  #file: PlainFile | PartedFile;

  constructor(
    private readonly fs: PageFs,
    private readonly path: string,
    private readonly fd: number,
    /** Whether new files are parted. */
    private readonly parts: boolean,
  ) {
    const plain = new PlainFile(fs, fd);
    const start = new Uint8Array(DESCRIPTION_BYTES);
    const parting = plain.read(start, 0) === start.length ? Parting.described(start) : undefined;
    this.#file = parting ? new PartedFile(plain, new PlainFile(fs, openFile(fs, pagesPath(path))), parting) : plain;
  }

  size(): number {
    return this.#file.size();
  }

  read(out: Uint8Array, at: number): number {
    return this.#file.read(out, at);
  }

  write(bytes: Uint8Array, at: number): void {
    if (this.parts && at === 0 && this.#file instanceof PlainFile) this.#part(bytes);
    this.#file.write(bytes, at);
  }

  #part(start: Uint8Array): void {
    const { fs, path, fd } = this;
    const parting = Parting.of(start);
    if (!parting || fs.fstatSync(fd).size > 0) return;
    const plain = new PlainFile(fs, fd);
    const { O_CREAT, O_TRUNC } = fs.constants;
    const pages = new PlainFile(fs, openFile(fs, pagesPath(path), O_CREAT | O_TRUNC));
    try {
      plain.write(parting.describe(), 0);
      this.#file = new PartedFile(plain, pages, parting);
    } catch (error) {
      pages.close();
      fs.unlinkSync(pagesPath(path));
      throw error;
    }
  }

  truncate(size: number): void {
    this.#file.truncate(size);
  }

  flush(): void {
    this.#file.flush();
  }

  close(): void {
    this.#file.close();
  }
}

/** Removes a file, and its other stream if it is parted. */
export function removeFile(fs: PageFs, path: string): void {
  const parted = isParted(fs, path);
  fs.unlinkSync(path);
  if (parted) fs.rmSync(pagesPath(path), { force: true });
}

function isParted(fs: PageFs, path: string): boolean {
  const fd = fs.openSync(path, fs.constants.O_RDONLY);
  try {
    const start = new Uint8Array(DESCRIPTION_BYTES);
    return fs.readSync(fd, start, 0, start.length, 0) === start.length && Parting.described(start) !== undefined;
  } finally {
    fs.closeSync(fd);
  }
}
