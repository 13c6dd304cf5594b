/** Tars built by hand: header blocks with any field as a test wants it. */
import { readFileSync } from 'node:fs';

export interface Header {
  name?: string | Uint8Array;
  size?: number | string;
  type?: string;
  link?: string;
  mode?: string;
  mtime?: string;
  uid?: string;
  magic?: string;
  prefix?: string;
  /** Wrong by so much. */
  checksumOff?: number;
  /** Bytes at any place, last. */
  raw?: readonly (readonly [at: number, bytes: string])[];
}

const octal = (value: number, digits: number): string => value.toString(8).padStart(digits, '0');

export function header(fields: Header = {}): Buffer {
  const { name = 'file', size = 0, type = '0', link = '', magic = 'ustar\x0000', checksumOff = 0 } = fields;
  const block = Buffer.alloc(512);
  block.set(typeof name === 'string' ? Buffer.from(name) : name, 0);
  block.write(fields.mode ?? '0000644', 100, 'latin1');
  block.write(fields.uid ?? '0000000', 108, 'latin1');
  block.write('0000000', 116);
  block.write(typeof size === 'string' ? size : octal(size, 11), 124, 12, 'latin1');
  block.write(fields.mtime ?? octal(1_700_000_000, 11), 136, 12, 'latin1');
  block.write(type, 156);
  block.write(link, 157);
  block.write(magic, 257, 'latin1');
  block.write(fields.prefix ?? '', 345);
  for (const [at, bytes] of fields.raw ?? []) block.write(bytes, at, 'latin1');
  block.fill(' ', 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${octal(sum + checksumOff, 6)}\0 `, 148);
  return block;
}

export function padded(content: Uint8Array): Buffer {
  return Buffer.concat([content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

/** A file with its content. */
export function file(name: string, content: string | Uint8Array = 'content', fields: Header = {}): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([header({ name, size: bytes.length, ...fields }), padded(bytes)]);
}

/** A pax header with these records; a number in the place of a value makes a record with that length. */
export function pax(records: Record<string, string> | string, type = 'x', fields: Header = {}): Buffer {
  const body = Buffer.from(typeof records === 'string' ? records : Object.entries(records).map(record).join(''));
  return Buffer.concat([header({ name: 'PaxHeaders/x', type, size: body.length, ...fields }), padded(body)]);
}

function record([key, value]: [string, string]): string {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + 1;
  while (rest + String(length).length !== length) length++;
  return `${length} ${key}=${value}\n`;
}

export const END = Buffer.alloc(1024);

export function tar(...members: Uint8Array[]): Buffer {
  return Buffer.concat([...members, END]);
}

/** A tar with one of everything, as mutations start from. */
export function sampleTar(): Buffer {
  return tar(
    header({ name: './', type: '5', mode: '0000755' }),
    header({ name: 'd/', type: '5', mode: '0000750' }),
    file('d/a', 'hello'),
    pax({ path: `d/${'long'.repeat(40)}`, mtime: '1700000000.123456', comment: 'x' }),
    file('short', Buffer.alloc(5000, 'abc')),
    header({ name: 'd/hard', type: '1', link: 'd/a' }),
    header({ name: 'soft', type: '2', link: 'd/a' }),
    Buffer.concat([
      header({ name: '././@LongLink', type: 'L', size: 151, magic: 'ustar  \0' }),
      padded(Buffer.from(`${'n'.repeat(150)}\0`)),
    ]),
    file('truncated name', 'gnu', { magic: 'ustar  \0' }),
    pax({
      'GNU.sparse.major': '1',
      'GNU.sparse.minor': '0',
      'GNU.sparse.name': 'sparse',
      'GNU.sparse.realsize': '100000',
    }),
    file('GNUSparseFile.0/sparse', Buffer.concat([padded(Buffer.from('2\n0\n4\n65536\n3\n')), Buffer.from('headend')])),
    file('oldsparse', Buffer.from('datamore'), {
      type: 'S',
      magic: 'ustar  \0',
      raw: [
        [386, '00000000000\x0000000000004\x00'],
        [410, '00000040000\x0000000000004\x00'],
        [483, '00000060000\x00'],
      ],
    }),
    pax({ 'GNU.sparse.size': '9000', 'GNU.sparse.map': '4096,2', 'GNU.sparse.name': 'sparse01' }),
    file('GNUSparseFile.0/sparse01', 'xy'),
  );
}

export function bytesOfFile(path: string): Uint8Array {
  return readFileSync(path);
}
