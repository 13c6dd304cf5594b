/** Tars that are refused: with a code, and nothing has changed, no memory is held and what is open stays open. */
import { gzipSync } from 'node:zlib';
import { afterAll, beforeEach, describe, expect, test } from '@jest/globals';
import { Engine } from '../../../bindings/index.js';
import { PageFs, type ImportOptions } from '../../../integrations/fs.js';
import { END, file, header, pax, sampleTar, tar } from './tars.js';
import { treeOf } from './trees.js';

const engine = await Engine.create();
let fs: PageFs;
beforeEach(() => {
  fs = PageFs.createSync({ engine });
  fs.mkdirSync('/there/in', { recursive: true });
  fs.writeFileSync('/there/old', 'old');
  fs.symlinkSync('/', '/there/root');
  fs.symlinkSync('in', '/there/inside');
});
afterAll(() => engine.destroy());

async function refused(source: Uint8Array, options: ImportOptions = {}): Promise<string> {
  const before = treeOf(fs, '/');
  const { used } = engine.memory;
  const open = fs.openSync('/there/old', 'r+');
  const error: unknown = await fs.import(source, options).then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(Error);
  const { code, message } = error as { code: string; message: string };
  expect(message).toMatch(/^E[A-Z0-9]+: /);
  expect(treeOf(fs, '/')).toEqual(before);
  expect(engine.memory.used).toBeLessThanOrEqual(used + 4096);
  expect(fs.readFileSync(open, 'utf8')).toBe('old');
  fs.closeSync(open);
  return code;
}

const good = file('good');
const base64 = (bytes: number[]): string => String.fromCharCode(...bytes);

const cases: [name: string, code: string, bytes: Buffer, options?: ImportOptions][] = [
  ['a name with ..', 'EINVAL', tar(good, file('a/../../b'))],
  ['.. alone', 'EINVAL', tar(good, header({ name: '..', type: '5' }))],
  ['.. in a pax path', 'EINVAL', tar(pax({ path: 'x/../y' }), file('x'))],
  ['.. in the prefix', 'EINVAL', tar(file('b', 'x', { prefix: '../a' }))],
  ['an absolute name', 'EINVAL', tar(good, file('/etc/x'))],
  ['an empty name', 'EINVAL', tar(good, file(''))],
  ['a file with the name of the root', 'EINVAL', tar(file('.'))],
  ['a NUL in a pax path', 'EINVAL', tar(pax({ path: 'a\0b' }), file('x'))],
  ['a name that is not UTF-8', 'EILSEQ', tar(header({ name: Uint8Array.of(0x61, 0xff) }))],
  ['a symbolic link to ..', 'EXDEV', tar(header({ name: 'l', type: '2', link: '../x' }))],
  ['an absolute symbolic link', 'EXDEV', tar(header({ name: 'l', type: '2', link: '/etc/passwd' }))],
  [
    'a link out by way of a link',
    'EXDEV',
    tar(header({ name: 'here', type: '2', link: '.' }), header({ name: 'l', type: '2', link: 'here/here/../x' })),
  ],
  ['a link out of a deep directory', 'EXDEV', tar(header({ name: 'a/b/l', type: '2', link: '../../../x' }))],
  ['a link out by an old link', 'EXDEV', tar(header({ name: 'l', type: '2', link: 'root/x' })), { into: '/there' }],
  [
    'a hard link to what is not in it',
    'EXDEV',
    tar(good, header({ name: 'l', type: '1', link: 'old' })),
    { into: '/there' },
  ],
  ['a hard link to ..', 'EINVAL', tar(good, header({ name: 'l', type: '1', link: '../good' }))],
  ['an absolute hard link', 'EXDEV', tar(good, header({ name: 'l', type: '1', link: '/good' }))],
  ['a hard link before its file', 'EXDEV', tar(header({ name: 'l', type: '1', link: 'good' }), good)],
  ['a hard link to itself', 'EXDEV', tar(header({ name: 'l', type: '1', link: 'l' }))],
  [
    'a hard link to a directory',
    'EXDEV',
    tar(header({ name: 'd/', type: '5' }), header({ name: 'l', type: '1', link: 'd' })),
  ],
  ['a symbolic link to nothing', 'EINVAL', tar(header({ name: 'l', type: '2' }))],
  ['a character device', 'EPERM', tar(good, header({ name: 'null', type: '3' }))],
  ['a block device', 'EPERM', tar(good, header({ name: 'sda', type: '4' }))],
  ['a fifo', 'EPERM', tar(good, header({ name: 'pipe', type: '6' }))],
  ['an unknown type', 'EINVAL', tar(good, header({ name: 'x', type: 'Z' }))],
  ['a part of a file on another volume', 'EINVAL', tar(header({ name: 'x', type: 'M', magic: 'ustar  \0' }))],
  ['a sparse file that is not GNU tar’s', 'EINVAL', tar(header({ name: 'x', type: 'S' }))],
  ['a name twice', 'EEXIST', tar(good, good)],
  ['a name twice, written in two ways', 'EEXIST', tar(file('a/b'), file('./a//b'))],
  ['a directory twice', 'EEXIST', tar(header({ name: 'd/', type: '5' }), header({ name: 'd', type: '5' }))],
  ['a file and a directory', 'EEXIST', tar(file('d'), header({ name: 'd/', type: '5' }))],
  ['a directory and a file', 'EEXIST', tar(header({ name: 'd/', type: '5' }), file('d'))],
  ['an implied directory and a file', 'EEXIST', tar(file('d/x'), file('d'))],
  ['a file that is there', 'EEXIST', tar(good, file('old')), { into: '/there' }],
  ['a link that is there', 'EEXIST', tar(good, file('inside')), { into: '/there' }],
  ['a file in the place of a directory', 'EEXIST', tar(good, file('in')), { into: '/there' }],
  [
    'a name through a new link',
    'ELOOP',
    tar(header({ name: 'd/', type: '5' }), header({ name: 'l', type: '2', link: 'd' }), file('l/x')),
  ],
  ['a name through an old link', 'ELOOP', tar(file('inside/x')), { into: '/there' }],
  ['a name through an old link out', 'ELOOP', tar(file('root/x')), { into: '/there' }],
  ['a directory in the place of an old link', 'ELOOP', tar(header({ name: 'inside/', type: '5' })), { into: '/there' }],
  ['a name through a file', 'ENOTDIR', tar(good, file('good/x'))],
  ['a name through an old file', 'ENOTDIR', tar(file('old/x')), { into: '/there' }],
  ['into a file', 'EEXIST', tar(good), { into: '/there/old' }],
  ['a wrong checksum', 'EBADMSG', tar(good, header({ name: 'x', checksumOff: 1 }))],
  ['no end', 'EBADMSG', good],
  ['half an end', 'EBADMSG', Buffer.concat([good, Buffer.alloc(512)])],
  ['a lone block of zeros', 'EBADMSG', Buffer.concat([good, Buffer.alloc(512), good, END])],
  ['content that is cut', 'EBADMSG', tar(file('x', Buffer.alloc(3000))).subarray(0, 2000)],
  ['a header that is cut', 'EBADMSG', tar(good).subarray(0, 300)],
  ['nothing at all', 'EBADMSG', Buffer.alloc(0)],
  ['another tar behind it', 'EBADMSG', Buffer.concat([tar(good), tar(file('x'))])],
  ['a size beyond the end', 'EBADMSG', tar(file('x', 'abc', { size: 5000 }))],
  ['a size that is no number', 'EBADMSG', tar(header({ name: 'x', size: '12x45678901' }))],
  ['a size with a gap', 'EBADMSG', tar(header({ name: 'x', size: '00001 00001' }))],
  ['a negative size', 'EBADMSG', tar(header({ name: 'x', size: base64(Array<number>(12).fill(0xff)) }))],
  ['a size beyond 2^53', 'EBADMSG', tar(header({ name: 'x', size: base64([0x80, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]) }))],
  [
    'a size of 2^53 less one, and no content',
    'EBADMSG',
    tar(header({ name: 'x', size: base64([0x80, 0, 0, 0, 0, 0, 0x1f, 255, 255, 255, 255, 254]) })),
  ],
  ['two sizes', 'EBADMSG', tar(pax({ size: '7' }), header({ name: 'x', size: 0 }), good)],
  ['two sizes, the other way', 'EBADMSG', tar(pax({ size: '0' }), file('x'), good)],
  ['a pax size that is no number', 'EBADMSG', tar(pax({ size: '0x7' }), file('x'))],
  ['a directory with content', 'EBADMSG', tar(file('d', 'abc', { type: '5' }))],
  ['a symbolic link with content', 'EBADMSG', tar(file('d', 'abc', { type: '2', link: 'x' }))],
  ['a hard link with content', 'EBADMSG', tar(good, file('d', 'abc', { type: '1', link: 'good' }))],
  ['an owner beyond 2^32', 'EBADMSG', tar(pax({ uid: '4294967296' }), file('x'))],
  ['a time that is none', 'EBADMSG', tar(pax({ mtime: 'now' }), file('x'))],
  ['a pax header that is cut', 'EBADMSG', tar(pax('20 path=x\n'), file('x'))],
  ['a pax record without a newline', 'EBADMSG', tar(pax('9 path=xy'), file('x'))],
  ['a pax record without a key', 'EBADMSG', tar(pax('5 =x\n'), file('x'))],
  ['a pax record of length 0', 'EBADMSG', tar(pax('0 path=x\n'), file('x'))],
  ['a pax record with a negative length', 'EBADMSG', tar(pax('-9 path=x\n'), file('x'))],
  ['a pax record without an end', 'EBADMSG', tar(pax('99999999999999999999'), file('x'))],
  ['a pax key twice', 'EBADMSG', tar(pax('10 path=x\n10 path=y\n'), file('x'))],
  ['two pax headers for one file', 'EBADMSG', tar(pax({ path: 'x' }), pax({ path: 'y' }), file('x'))],
  ['a pax header at the end', 'EBADMSG', tar(good, pax({ path: 'x' }))],
  ['a path for all', 'EBADMSG', tar(pax({ path: 'x' }, 'g'), file('x'))],
  ['a size for all', 'EBADMSG', tar(pax({ size: '7' }, 'g'), file('x'))],
  ['a pax header of gigabytes', 'E2BIG', tar(header({ name: 'x', type: 'x', size: 2 ** 32 }))],
  ['a long name with something behind it', 'EBADMSG', tar(file('L', 'abc\0def', { type: 'L' }), file('x'))],
  [
    'a sparse map beyond the size',
    'EBADMSG',
    tar(pax({ 'GNU.sparse.size': '5', 'GNU.sparse.map': '0,7' }), file('x', 'content')),
  ],
  [
    'a sparse map that overlaps',
    'EBADMSG',
    tar(pax({ 'GNU.sparse.size': '50', 'GNU.sparse.map': '0,4,2,3' }), file('x', 'content')),
  ],
  [
    'a sparse map with less than is stored',
    'EBADMSG',
    tar(pax({ 'GNU.sparse.size': '50', 'GNU.sparse.map': '0,4' }), file('x', 'content')),
  ],
  [
    'a sparse map with half a part',
    'EBADMSG',
    tar(pax({ 'GNU.sparse.size': '50', 'GNU.sparse.map': '0,7,9' }), file('x', 'content')),
  ],
  ['a sparse map without a size', 'EBADMSG', tar(pax({ 'GNU.sparse.map': '0,7' }), file('x', 'content'))],
  [
    'a sparse map of no such version',
    'EINVAL',
    tar(pax({ 'GNU.sparse.major': '2', 'GNU.sparse.realsize': '9' }), file('x')),
  ],
  [
    'a sparse map of 2^40 parts',
    'E2BIG',
    tar(
      pax({ 'GNU.sparse.major': '1', 'GNU.sparse.minor': '0', 'GNU.sparse.realsize': '9' }),
      file('x', `${2 ** 40}\n`.padEnd(512, '\0')),
    ),
  ],
  [
    'a sparse directory',
    'EBADMSG',
    tar(pax({ 'GNU.sparse.size': '9', 'GNU.sparse.map': '' }), header({ name: 'd/', type: '5' })),
  ],
  [
    'a sparse file of 2^52 bytes',
    'EFBIG',
    tar(pax({ 'GNU.sparse.size': `${2 ** 52}`, 'GNU.sparse.map': '' }), header({ name: 'x' })),
  ],
  ['gzip', 'EINVAL', gzipSync(tar(good))],
  ['a zip', 'EINVAL', Buffer.from('PK\x03\x04'.padEnd(2000, 'x'))],
  ['text', 'EBADMSG', Buffer.from('this is no tar\n'.repeat(100))],
  ['a name of 256 bytes', 'ENAMETOOLONG', tar(pax({ path: 'x'.repeat(256) }), file('x'))],
  ['a path of 5000 bytes', 'ENAMETOOLONG', tar(pax({ path: `${'d/'.repeat(2500)}x` }), file('x'))],
  ['a negative strip', 'EINVAL', tar(good), { strip: -1 }],
];

describe('is refused', () => {
  test.each(cases.map(([name, code, bytes, options]) => ({ name, code, bytes, options })))(
    '$name: $code',
    async ({ code, bytes, options }) => {
      expect(await refused(bytes, options)).toBe(code);
    },
  );

  test('gzip is named, with what to do', async () => {
    await expect(fs.import(gzipSync(tar(good)))).rejects.toThrow(/DecompressionStream\('gzip'\)/);
  });

  test('at every cut of a whole tar', async () => {
    const whole = sampleTar();
    for (let length = 0; length < whole.length - 512; length += 509) {
      expect(await refused(whole.subarray(0, length))).toBe('EBADMSG');
    }
  });

  test('more names than there is room for', async () => {
    fs = PageFs.createSync({ engine, maxMetadata: 50_000 });
    fs.mkdirSync('/there');
    fs.writeFileSync('/there/old', 'old');
    const names = Array.from({ length: 1000 }, (_, n) => file(`f${n}`, ''));
    expect(await refused(tar(...names))).toBe('ENOSPC');
  });

  test('more than there is memory for', async () => {
    using small = await Engine.create({ maxMemory: '3M' });
    using on = PageFs.createSync({ engine: small });
    on.writeFileSync('/kept', 'kept');
    const noise = crypto.getRandomValues(new Uint8Array(65536));
    const members = Array.from({ length: 100 }, (_, n) => file(`f${n}`, Buffer.concat([Buffer.from([n]), noise])));
    await expect(on.import(tar(...members))).rejects.toMatchObject({ code: 'ENOSPC' });
    expect(on.readdirSync('/')).toEqual(['kept']);
    // What was built is given back.
    for (let n = 0; n < 5; n++) await expect(on.import(tar(...members))).rejects.toMatchObject({ code: 'ENOSPC' });
    on.writeFileSync('/new', noise);
    expect(on.readFileSync('/new')).toHaveLength(65536);
  });

  test('on a snapshot, and after destroy()', async () => {
    using frozen = fs.snapshot();
    await expect(frozen.import(tar(good))).rejects.toMatchObject({ code: 'EROFS' });
    const gone = fs.fork();
    gone.destroy();
    await expect(gone.import(tar(good))).rejects.toMatchObject({ code: 'EINVAL' });
  });

  test('a source that fails, or gives no bytes; it is told', async () => {
    let ended = 0;
    async function* failing(): AsyncGenerator<Uint8Array> {
      try {
        yield tar(good).subarray(0, 600);
        throw new Error('the network is gone');
      } finally {
        ended++;
      }
    }
    await expect(fs.import(failing())).rejects.toThrow('the network is gone');
    const stream = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(Buffer.from('no tar'.repeat(200))),
      cancel: () => {
        ended++;
      },
    });
    await expect(fs.import(stream)).rejects.toMatchObject({ code: 'EBADMSG' });
    expect(ended).toBe(2);
    for (const wrong of [['text'], 7, undefined, {}]) {
      await expect(fs.import(wrong as never)).rejects.toMatchObject({ code: 'EINVAL' });
    }
  });
});
