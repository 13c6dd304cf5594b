/**
 * Reads a tar, in pieces of any size: v7, ustar, pax and GNU, with long names, large numbers and sparse files.
 *
 * It is stricter than tar itself, since nobody looks at what it warns of: a member that it does not know, two statements that
 * contradict each other, or an end that is missing is an error. What names mean is not its business (tree-builder.ts).
 * Unit: a member, as `begin`, its content in order, and `end`.
 */
import { BLOCK, FIELDS, OCTAL_11_MAX, TYPE_AT } from './tar-fields.js';
import { checkChecksum, decodeText, isZeroBlock, numberField, textField } from './tar-fields.js';
import { milliseconds, parsePax, wholeNumber, type PaxRecords } from './tar-pax.js';
import { checkParts, MapReader, OldTable, partsOf, type Part } from './tar-sparse.js';
import { refusal } from './refusal.js';

export type MemberType = 'file' | 'directory' | 'symlink' | 'link';

/** What is to be made. */
export interface Member {
  type: MemberType;
  /** As the tar has it: not checked, and not without `.` and `/`. */
  name: string;
  /** Of a symbolic link its target, of a hard link the name of an earlier member. */
  link: string;
  /** Bytes of the file, holes included; 0 for what is no file. */
  size: number;
  /** Permissions: the lowest twelve bits. */
  mode: number;
  uid: number;
  gid: number;
  mtimeMs: number;
  /** Only some tars have it. */
  atimeMs: number | undefined;
}

/** Is told what is read, as it is read. What it throws ends the reading. */
export interface MemberSink {
  begin(member: Member): void;
  /** Content of the file that has begun, at increasing positions. `bytes` is valid only during the call. */
  content(bytes: Uint8Array, position: number): void;
  end(): void;
}

/** What the parser waits for: exactly so many bytes, or, to pass on, from one to so many. */
interface Want {
  exactly?: number;
  upTo?: number;
}
type Parser = Generator<Want, void, Uint8Array>;
type Taking<T> = Generator<Want, T, Uint8Array>;

/** Extended headers and long names: the longest that is taken, since all of it is held in memory. */
const META_BYTES_MAX = 8 << 20;

const TYPES: Record<string, MemberType> = {
  '\0': 'file',
  '0': 'file',
  '1': 'link',
  '2': 'symlink',
  '5': 'directory',
  '7': 'file', // contiguous, on systems that had such files
  S: 'file', // sparse, in GNU's own format
};
const SPECIAL: Record<string, string> = { '3': 'a character device', '4': 'a block device', '6': 'a fifo' };

const MAGIC_POSIX = 'ustar\x0000';
const MAGIC_GNU = 'ustar  \0';

/** How files that are no tar begin, and what makes a tar of them. */
const OTHERS: readonly (readonly [bytes: readonly number[], name: string, remedy: string])[] = [
  [[0x1f, 0x8b], 'gzip', "pass stream.pipeThrough(new DecompressionStream('gzip')), or zlib's gunzipSync(bytes)"],
  [[0x28, 0xb5, 0x2f, 0xfd], 'zstd', 'decompress it first'],
  [[0xfd, 0x37, 0x7a, 0x58, 0x5a], 'xz', 'decompress it first'],
  [[0x42, 0x5a, 0x68], 'bzip2', 'decompress it first'],
  [[0x50, 0x4b, 0x03, 0x04], 'a zip archive', 'unpack it first, or make a tar'],
];

/** Headers that came before the member that they are of. */
interface Pending {
  pax: PaxRecords | undefined;
  name: string | undefined;
  link: string | undefined;
}

export class TarReader {
  readonly #sink: MemberSink;
  readonly #parser: Parser;
  #want: Want;
  /** What has come of an exact number of bytes. */
  #gathered: Uint8Array<ArrayBuffer> | undefined;
  #filled = 0;
  /** Bytes read, for messages. */
  #offset = 0;
  #ended = false;
  #globals = new Map<string, string>();
  #pending: Pending = { pax: undefined, name: undefined, link: undefined };

  constructor(sink: MemberSink) {
    this.#sink = sink;
    this.#parser = this.#parse();
    this.#want = this.#parser.next().value as Want;
  }

  /** Takes the next bytes of the tar. @throws as documented in tree-builder.ts; the reader is of no use afterwards */
  push(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const { exactly, upTo = 0 } = this.#want;
      if (exactly === undefined) {
        const end = Math.min(bytes.length, at + upTo);
        this.#give(bytes.subarray(at, end));
        at = end;
      } else {
        at = this.#gather(bytes, at, exactly);
      }
    }
  }

  /** Collects what the parser needs in one piece. @returns how far `bytes` is used up */
  #gather(bytes: Uint8Array, at: number, exactly: number): number {
    if (this.#gathered === undefined && bytes.length - at >= exactly) {
      this.#give(bytes.subarray(at, at + exactly));
      return at + exactly;
    }
    // Only as much as has come, and again as much, is allocated: a header may promise megabytes.
    const room = Math.min(exactly, Math.max(BLOCK, 2 * (this.#filled + bytes.length - at)));
    if (this.#gathered === undefined || this.#gathered.length < room) {
      const larger = new Uint8Array(room);
      if (this.#gathered !== undefined) larger.set(this.#gathered.subarray(0, this.#filled));
      this.#gathered = larger;
    }
    const end = Math.min(bytes.length, at + exactly - this.#filled);
    this.#gathered.set(bytes.subarray(at, end), this.#filled);
    this.#filled += end - at;
    if (this.#filled === exactly) {
      const whole = this.#gathered.subarray(0, exactly);
      this.#gathered = undefined;
      this.#filled = 0;
      this.#give(whole);
    }
    return end;
  }

  #give(bytes: Uint8Array): void {
    this.#offset += bytes.length;
    this.#want = this.#parser.next(bytes).value as Want;
  }

  /** @throws EBADMSG: the tar ends early */
  end(): void {
    if (this.#ended) return;
    if (this.#offset === 0 && this.#gathered !== undefined) checkIsTar(this.#gathered);
    throw refusal(
      'EBADMSG',
      `the tar ends at byte ${this.#offset + this.#filled} without the two blocks of zeros that a whole one ends with`,
    );
  }

  *#parse(): Parser {
    for (;;) {
      const block = yield { exactly: BLOCK };
      if (isZeroBlock(block)) break;
      yield* this.#header(block);
    }
    this.#checkNothingPending();
    if (!isZeroBlock(yield { exactly: BLOCK })) {
      throw refusal('EBADMSG', `a lone block of zeros before byte ${this.#offset - BLOCK} of the tar`);
    }
    this.#ended = true;
    for (;;) {
      if (isZeroBlock(yield { upTo: BLOCK })) continue;
      throw refusal('EBADMSG', `something comes behind the end of the tar, at byte ${this.#offset}: another tar?`);
    }
  }

  *#header(block: Uint8Array): Taking<void> {
    const start = this.#offset - BLOCK;
    if (start === 0) checkIsTar(block);
    const where = `at byte ${start}`;
    checkChecksum(block, where);
    const type = String.fromCharCode(block[TYPE_AT]);
    if ('xgLKV'.includes(type)) yield* this.#extension(type, block, where);
    else yield* this.#member(type, block, where);
  }

  *#extension(type: string, block: Uint8Array, where: string): Taking<void> {
    const size = numberField(block, FIELDS.size, `the size of the header ${where}`);
    if (type === 'V') {
      // The name of the archive; GNU's tar skips it too.
      if (size !== 0) throw refusal('EBADMSG', `the volume label ${where} has content`);
      return;
    }
    if (size < 0 || size > META_BYTES_MAX) {
      throw refusal('E2BIG', `the extended header ${where} has ${size} bytes; at most ${META_BYTES_MAX} are read`);
    }
    const bytes = size === 0 ? new Uint8Array(0) : yield { exactly: size };
    const pending = this.#pending;
    const isPax = type === 'x' || type === 'g';
    const records = isPax ? parsePax(bytes, where) : undefined;
    const text = isPax ? '' : longText(bytes, where);
    if (type === 'g' && records !== undefined) this.#remember(records, where);
    if (type === 'x') pending.pax = once(pending.pax, records as PaxRecords, where);
    if (type === 'L') pending.name = once(pending.name, text, where);
    if (type === 'K') pending.link = once(pending.link, text, where);
    yield* this.#padding(size);
  }

  /** A global header: of times and owners. Names and sizes are those of one file, so they make no sense in it. */
  #remember({ values, sparse }: PaxRecords, where: string): void {
    for (const [key, value] of values) {
      if (key === 'path' || key === 'linkpath' || key === 'size' || key.startsWith('GNU.')) {
        throw refusal('EBADMSG', `the global pax header ${where} has ${key}, which is of one file`);
      }
      this.#globals.set(key, value);
    }
    if (sparse.length > 0) throw refusal('EBADMSG', `the global pax header ${where} has a map of a sparse file`);
  }

  *#member(type: string, block: Uint8Array, where: string): Taking<void> {
    const headers = new MemberHeaders(block, this.#globals, this.#pending, where);
    this.#pending = { pax: undefined, name: undefined, link: undefined };
    const member = headers.member(type);
    const stored = headers.storedSize(member);
    const { sparse } = headers;
    if (sparse === undefined) {
      member.size = stored;
      this.#sink.begin(member);
      yield* this.#content([{ offset: 0, length: stored }]);
    } else {
      member.size = sparse.size;
      let { parts } = sparse;
      let content = stored;
      if (sparse.table !== undefined) {
        while (sparse.table.continues) sparse.table.extend(yield { exactly: BLOCK });
        parts = sparse.table.parts;
      } else if (parts === undefined) {
        const map = new MapReader(where);
        while (parts === undefined) {
          content -= BLOCK;
          if (content < 0) throw refusal('EBADMSG', `the map of the sparse file ${where} is longer than its content`);
          parts = map.push(yield { exactly: BLOCK });
        }
      }
      checkParts(parts, content, member.size, where);
      this.#sink.begin(member);
      yield* this.#content(parts);
    }
    this.#sink.end();
    yield* this.#padding(stored);
  }

  *#content(parts: readonly Part[]): Taking<void> {
    for (const { offset, length } of parts) {
      for (let done = 0; done < length;) {
        const bytes = yield { upTo: length - done };
        this.#sink.content(bytes, offset + done);
        done += bytes.length;
      }
    }
  }

  *#padding(size: number): Taking<void> {
    const rest = size % BLOCK;
    if (rest !== 0) yield { exactly: BLOCK - rest };
  }

  #checkNothingPending(): void {
    const { pax, name, link } = this.#pending;
    if (pax === undefined && name === undefined && link === undefined) return;
    throw refusal('EBADMSG', 'the tar ends with an extended header that no file follows');
  }
}

/** What a header block, and the headers before it, say of one member. */
class MemberHeaders {
  readonly #block: Uint8Array;
  readonly #where: string;
  readonly #isGnu: boolean;
  readonly #isPosix: boolean;
  readonly #records: Map<string, string>;
  readonly #pending: Pending;
  /** Of a sparse file: its size, and its parts, if they are known before its content. */
  readonly sparse: { size: number; parts?: Part[] | undefined; table?: OldTable } | undefined;

  constructor(block: Uint8Array, globals: Map<string, string>, pending: Pending, where: string) {
    this.#block = block;
    this.#where = where;
    this.#pending = pending;
    const magic = String.fromCharCode(...block.subarray(FIELDS.magic[0], FIELDS.magic[0] + FIELDS.magic[1]));
    this.#isGnu = magic === MAGIC_GNU;
    this.#isPosix = magic === MAGIC_POSIX;
    this.#records = new Map(globals);
    for (const [key, value] of pending.pax?.values ?? []) {
      if (value === '') this.#records.delete(key);
      else this.#records.set(key, value);
    }
    this.sparse = this.#sparse();
  }

  member(typeflag: string): Member {
    if (typeflag in SPECIAL) {
      throw refusal('EPERM', `${SPECIAL[typeflag]} ${this.#where}: only files, directories and links are imported`);
    }
    const type = TYPES[typeflag];
    const isKnown = type !== undefined && (typeflag !== 'S' || this.#isGnu);
    if (!isKnown) {
      throw refusal('EINVAL', `a member of unknown type ${JSON.stringify(typeflag)} ${this.#where} of the tar`);
    }
    const name = this.#name();
    const isDirectory = type === 'directory' || (type === 'file' && typeflag !== 'S' && name.endsWith('/'));
    if (this.sparse !== undefined && (type !== 'file' || isDirectory)) {
      throw refusal('EBADMSG', `what is no file has the map of a sparse file ${this.#where}`);
    }
    return {
      type: isDirectory ? 'directory' : type,
      name,
      link: type === 'symlink' || type === 'link' ? this.#link() : '',
      size: 0,
      mode: numberField(this.#block, FIELDS.mode, this.#what('mode')) & 0o7777,
      uid: this.#id('uid'),
      gid: this.#id('gid'),
      mtimeMs: this.#time('mtime') ?? 1000 * numberField(this.#block, FIELDS.mtime, this.#what('mtime')),
      atimeMs: this.#time('atime'),
    };
  }

  /** Bytes between this header and the next, without padding. */
  storedSize({ type }: Member): number {
    const inBlock = numberField(this.#block, FIELDS.size, this.#what('size'));
    const text = this.#text('size');
    const size = text === undefined ? inBlock : wholeNumber(text, this.#what('size'));
    if (size < 0) throw refusal('EBADMSG', `${this.#what('size')} is negative`);
    // Readers differ in which of the two counts, so another archive could be hidden in between.
    if (size !== inBlock && size <= OCTAL_11_MAX) {
      throw refusal('EBADMSG', `the header ${this.#where} has the size ${inBlock}, its pax header ${size}`);
    }
    if (size !== 0 && type !== 'file') {
      throw refusal('EBADMSG', `a ${type} ${this.#where} has ${size} bytes of content`);
    }
    return size;
  }

  #name(): string {
    const sparseName = this.#text('GNU.sparse.name');
    const long = this.#pending.name ?? sparseName ?? this.#text('path');
    if (long !== undefined) return long;
    const name = textField(this.#block, FIELDS.name, this.#what('name'));
    const prefix = this.#isPosix ? textField(this.#block, FIELDS.prefix, this.#what('name')) : '';
    return prefix === '' ? name : `${prefix}/${name}`;
  }

  #link(): string {
    const long = this.#pending.link ?? this.#text('linkpath');
    return long ?? textField(this.#block, FIELDS.linkname, this.#what('link'));
  }

  #sparse(): MemberHeaders['sparse'] {
    if (this.#block[TYPE_AT] === 'S'.charCodeAt(0) && this.#isGnu) {
      const table = new OldTable(this.#block, this.#where);
      return { size: table.realSize, table };
    }
    const listed = this.#pending.pax?.sparse ?? [];
    const major = this.#text('GNU.sparse.major');
    const minor = this.#text('GNU.sparse.minor');
    const map = this.#text('GNU.sparse.map');
    const sizeText = this.#text('GNU.sparse.realsize') ?? this.#text('GNU.sparse.size');
    if (sizeText === undefined) {
      if (listed.length === 0 && major === undefined && map === undefined) return undefined;
      throw refusal('EBADMSG', `the sparse file ${this.#where} has no size`);
    }
    const size = wholeNumber(sizeText, this.#what('size'));
    if (major === '1' && minor === '0') return { size, parts: undefined };
    if (major !== undefined && major !== '0') {
      throw refusal('EINVAL', `the sparse file ${this.#where} is of the unknown version ${major}.${minor ?? ''}`);
    }
    const numbers = map === undefined ? listed : map === '' ? [] : map.split(',');
    return { size, parts: partsOf(numbers, this.#where) };
  }

  #id(key: 'uid' | 'gid'): number {
    const text = this.#text(key);
    const id =
      text === undefined ? numberField(this.#block, FIELDS[key], this.#what(key)) : wholeNumber(text, this.#what(key));
    if (id >= 0 && id <= 0xffffffff) return id;
    throw refusal('EBADMSG', `${this.#what(key)} is no number of an owner: ${id}`);
  }

  #time(key: 'mtime' | 'atime'): number | undefined {
    const text = this.#text(key);
    return text === undefined ? undefined : milliseconds(text, this.#what(key));
  }

  #text(key: string): string | undefined {
    return this.#records.get(key);
  }

  #what(field: string): string {
    return `the ${field} of the header ${this.#where}`;
  }
}

/** A long name of GNU's: text that ends with a NUL. */
function longText(bytes: Uint8Array, where: string): string {
  const end = bytes.indexOf(0);
  const text = end === -1 ? bytes : bytes.subarray(0, end);
  if (!isZeroBlock(bytes.subarray(text.length))) {
    throw refusal('EBADMSG', `the long name ${where} has something behind its end`);
  }
  return decodeText(text, `the long name ${where}`);
}

function once<T>(old: T | undefined, value: T, where: string): T {
  if (old === undefined) return value;
  throw refusal('EBADMSG', `a second extended header ${where} for the same file`);
}

function checkIsTar(block: Uint8Array): void {
  for (const [bytes, name, remedy] of OTHERS) {
    if (bytes.every((byte, at) => block[at] === byte)) {
      throw refusal('EINVAL', `this is ${name}, not a tar: ${remedy}.`);
    }
  }
}
