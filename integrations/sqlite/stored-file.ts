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

/**
 * One stream of a parted file. Pieces of pages are held back until a page is there or something else is written: a journal
 * that leaves SQLite's memory comes in pieces of about a thousand bytes, and its records' other bytes in fours.
 */
class Stream {
  readonly #held: Uint8Array;
  #heldAt = 0;
  #heldLength = 0;

  /** @param start where it begins in its file; @param most bytes to hold back */
  constructor(
    private readonly file: PlainFile,
    private readonly start: number,
    private readonly most: number,
  ) {
    this.#held = new Uint8Array(most);
  }

  /** What is not there is zeros. */
  read(part: Uint8Array, at: number): void {
    const read = this.file.read(part, this.start + at);
    if (read < part.length) part.fill(0, read);
    const from = Math.max(at, this.#heldAt);
    const to = Math.min(at + part.length, this.#heldAt + this.#heldLength);
    if (from < to) part.set(this.#held.subarray(from - this.#heldAt, to - this.#heldAt), from - at);
  }

  write(part: Uint8Array, at: number): void {
    const { length } = part;
    if (this.#heldLength > 0 && at !== this.#heldAt + this.#heldLength) this.flush();
    // What is held back ends where a page does.
    const room = this.most - ((this.#heldLength > 0 ? this.#heldAt : at) % this.most) - this.#heldLength;
    if (length >= room) {
      if (this.#heldLength === 0 && length === room) {
        this.file.write(part, this.start + at);
        return;
      }
      this.#hold(part.subarray(0, room), at);
      this.flush();
      if (length > room) this.write(part.subarray(room), at + room);
    } else this.#hold(part, at);
  }

  #hold(part: Uint8Array, at: number): void {
    if (this.#heldLength === 0) this.#heldAt = at;
    this.#held.set(part, this.#heldLength);
    this.#heldLength += part.length;
  }

  flush(): void {
    if (this.#heldLength === 0) return;
    this.file.write(this.#held.subarray(0, this.#heldLength), this.start + this.#heldAt);
    this.#heldLength = 0;
  }

  /** Makes it so long; what is held back beyond is forgotten. */
  truncate(size: number): void {
    this.#heldLength = Math.max(0, Math.min(this.#heldLength, size - this.#heldAt));
    this.file.truncate(this.start + size);
  }

  close(): void {
    this.file.close();
  }
}

/** Bytes of records that are held back. */
const OTHERS_HELD_MAX = 4096;

/** A journal or WAL in two streams (see parting.ts). */
export class PartedFile implements StoredFile {
  readonly #others: Stream;
  readonly #pages: Stream;
  /** Bytes of the streams, those held back included. */
  #othersSize: number;
  #pagesSize: number;
  /** The frame header that was written last ended a transaction, and its page is still to come. */
  #ending = false;
  readonly #piece: Piece = { inPages: false, at: 0, length: 0 };

  /** @param others begins with the description; @param pages the other stream */
  constructor(
    others: PlainFile,
    pages: PlainFile,
    private readonly parting: Parting,
  ) {
    // A copy that was made while bytes were held back has more pages than headers: what is whole counts.
    const size = parting.wholeSize(others.size() - DESCRIPTION_BYTES, pages.size());
    this.#pagesSize = parting.pageBytes(size);
    this.#othersSize = size - this.#pagesSize;
    this.#others = new Stream(others, DESCRIPTION_BYTES, OTHERS_HELD_MAX);
    this.#pages = new Stream(pages, 0, parting.pageSize);
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
      (piece.inPages ? this.#pages : this.#others).read(part, piece.at);
    }
    return Math.max(0, length);
  }

  write(bytes: Uint8Array, at: number): void {
    // A file that grows over a gap grows in both streams.
    if (at > this.size()) this.truncate(at);
    const piece = this.#piece;
    for (let done = 0; done < bytes.length; done += piece.length) {
      this.parting.pieceAt(at + done, bytes.length - done, piece);
      const part = piece.length === bytes.length ? bytes : bytes.subarray(done, done + piece.length);
      const end = piece.at + piece.length;
      if (piece.inPages) {
        this.#pages.write(part, piece.at);
        this.#pagesSize = Math.max(this.#pagesSize, end);
      } else {
        this.#others.write(part, piece.at);
        this.#othersSize = Math.max(this.#othersSize, end);
      }
    }
    if (this.parting.endsTransaction(at, bytes)) this.#ending = true;
    else if (this.#ending) {
      this.#ending = false;
      this.flush();
    }
  }

  flush(): void {
    this.#pages.flush();
    this.#others.flush();
  }

  truncate(size: number): void {
    if (size > this.size()) {
      this.flush();
      // Bytes of a stream that do not count must not come back.
      this.#cut(this.size());
    }
    this.#cut(size);
  }

  #cut(size: number): void {
    this.#pagesSize = this.parting.pageBytes(size);
    this.#othersSize = size - this.#pagesSize;
    this.#pages.truncate(this.#pagesSize);
    this.#others.truncate(this.#othersSize);
  }

  close(): void {
    try {
      this.flush();
    } finally {
      this.#pages.close();
      this.#others.close();
    }
  }
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
