/**
 * Writes members as a tar: ustar, with pax headers for what ustar has no room for, and GNU's sparse format 1.0 (which GNU tar,
 * bsdtar and Python read) for files with holes.
 *
 * The same members give the same bytes. Unit: a member, as the bytes of its headers; content and padding are the caller's.
 */
import { BLOCK, checksumOf, encodeText, FIELDS, OCTAL_11_MAX, OCTAL_7_MAX, TYPE_AT } from './tar-fields.js';
import { paxBytes, secondsText } from './tar-pax.js';
import type { Member, MemberType } from './tar-reader.js';
import { mapText, type Part } from './tar-sparse.js';

const TYPEFLAGS: Record<MemberType, string> = { file: '0', link: '1', symlink: '2', directory: '5' };
/** The two blocks of zeros that a tar ends with. */
export const TAR_END_BYTES = 2 * BLOCK;
/** A name that is only ASCII means the same to every reader. */
// eslint-disable-next-line no-control-regex -- that is what is looked for
const ASCII = /^[\x00-\x7f]*$/;

type Record_ = readonly [key: string, value: string];

/** What a header block says. */
interface HeaderFields {
  typeflag: string;
  name: string;
  link: string;
  size: number;
  mode: number;
  uid: number;
  gid: number;
  seconds: number;
}

/**
 * The headers of a member, and of a sparse file its map: what comes before the content.
 * @param member a directory's name ends with a slash
 * @param parts of a file with holes, the parts that follow as its content
 */
export function headersOf(member: Member, parts?: readonly Part[]): Uint8Array<ArrayBuffer> {
  const records: Record_[] = [];
  const map = parts === undefined ? new Uint8Array(0) : encodeText(mapText(parts));
  const stored = parts === undefined ? member.size : parts.reduce((sum, { length }) => sum + length, map.length);
  if (parts !== undefined) {
    records.push(['GNU.sparse.major', '1'], ['GNU.sparse.minor', '0']);
    records.push(['GNU.sparse.name', member.name], ['GNU.sparse.realsize', String(member.size)]);
  }
  const fields = fieldsOf(member, stored, parts !== undefined, records);
  const blocks: Uint8Array[] = [];
  if (records.length > 0) {
    const body = paxBytes(records);
    const name = `${folderOf(member.name)}PaxHeaders/${baseOf(member.name)}`;
    blocks.push(
      headerBlock({ ...fields, typeflag: 'x', name: fitting(name), link: '', size: body.length, mode: 0o644 }),
      padded(body),
    );
  }
  blocks.push(headerBlock(fields), map);
  return joined(blocks);
}

/** Fills in what a header block has room for, and adds records for the rest. */
function fieldsOf(member: Member, stored: number, isSparse: boolean, records: Record_[]): HeaderFields {
  const { name, link, uid, gid, mtimeMs } = member;
  const seconds = Math.floor(mtimeMs / 1000);
  const inBlock: HeaderFields = {
    typeflag: TYPEFLAGS[member.type],
    name: isSparse ? `${folderOf(name)}GNUSparseFile.0/${baseOf(name)}` : name,
    link,
    size: stored,
    mode: member.mode,
    uid,
    gid,
    seconds,
  };
  const add = (key: string, value: string | number): void => void records.push([key, String(value)]);
  if (!ASCII.test(inBlock.name) || split(inBlock.name) === undefined) {
    add('path', inBlock.name);
    inBlock.name = fitting(inBlock.name);
  }
  if (!ASCII.test(link) || link.length > FIELDS.linkname[1]) {
    add('linkpath', link);
    inBlock.link = fitting(link);
  }
  if (stored > OCTAL_11_MAX) {
    add('size', stored);
    inBlock.size = 0;
  }
  if (uid > OCTAL_7_MAX) {
    add('uid', uid);
    inBlock.uid = 0;
  }
  if (gid > OCTAL_7_MAX) {
    add('gid', gid);
    inBlock.gid = 0;
  }
  if (mtimeMs !== seconds * 1000 || seconds < 0 || seconds > OCTAL_11_MAX) {
    add('mtime', secondsText(mtimeMs));
    inBlock.seconds = Math.min(Math.max(seconds, 0), OCTAL_11_MAX);
  }
  return inBlock;
}

function headerBlock(fields: HeaderFields): Uint8Array {
  const block = new Uint8Array(BLOCK);
  const { prefix, name } = split(fields.name) ?? { prefix: '', name: fields.name };
  const text = ([at]: readonly [number, number], value: string): void => block.set(encodeText(value), at);
  const octal = ([at, length]: readonly [number, number], value: number): void => {
    block.set(encodeText(value.toString(8).padStart(length - 1, '0')), at);
  };
  text(FIELDS.name, name);
  text(FIELDS.prefix, prefix);
  text(FIELDS.linkname, fields.link);
  octal(FIELDS.mode, fields.mode);
  octal(FIELDS.uid, fields.uid);
  octal(FIELDS.gid, fields.gid);
  octal(FIELDS.size, fields.size);
  octal(FIELDS.mtime, fields.seconds);
  text([TYPE_AT, 1], fields.typeflag);
  text(FIELDS.magic, 'ustar\x0000');
  const [at, length] = FIELDS.checksum;
  // Six digits, a NUL and a space, as tar writes it.
  text([at, length], `${checksumOf(block, false).toString(8).padStart(6, '0')}\0 `);
  return block;
}

/** A name in two fields, cut at a slash; undefined if it does not fit. */
function split(name: string): { prefix: string; name: string } | undefined {
  const [nameMax, prefixMax] = [FIELDS.name[1], FIELDS.prefix[1]];
  if (name.length <= nameMax) return { prefix: '', name };
  const slash = name.indexOf('/', name.length - nameMax - 1);
  const fits = slash > 0 && slash <= prefixMax && slash < name.length - 1;
  return fits ? { prefix: name.slice(0, slash), name: name.slice(slash + 1) } : undefined;
}

/** ASCII in the place of a name that stands in a pax header: for readers that know none. */
function fitting(name: string): string {
  const text = name.replace(/[^\x20-\x7e]/g, '_');
  return text.length <= FIELDS.name[1] ? text : text.slice(0, FIELDS.name[1]);
}

function folderOf(name: string): string {
  return name.slice(0, name.lastIndexOf('/', name.length - 2) + 1);
}

function baseOf(name: string): string {
  return name.slice(name.lastIndexOf('/', name.length - 2) + 1);
}

/** Bytes behind content of this length, to the next block. */
export function paddingOf(length: number): number {
  return (BLOCK - (length % BLOCK)) % BLOCK;
}

function padded(bytes: Uint8Array): Uint8Array {
  const whole = new Uint8Array(bytes.length + paddingOf(bytes.length));
  whole.set(bytes);
  return whole;
}

function joined(pieces: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
