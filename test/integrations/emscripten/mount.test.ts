/** What MEMFS has no answer for: links, maps of files into memory, files without a name, memory that ends, several mounts. */
import { beforeAll, beforeEach, expect, test } from '@jest/globals';
import { ZramFS, type EmscriptenModule } from '../../../integrations/emscripten.js';
import { PageFs } from '../../../integrations/fs.js';
import { errnoOf, startModule, type FS, type Module } from './support.js';

const [READ_WRITE, SHARED] = [3, 1];
/** WASI's numbers, which Emscripten throws. */
const [EBUSY, EEXIST, EINVAL, ENODEV, ENOENT, ENOSPC, ENOTDIR, EOPNOTSUPP, EROFS, EXDEV] = [
  10, 20, 28, 43, 44, 51, 54, 138, 69, 75,
];

let module: Module;
let FS: FS;
let files: PageFs;
let mounts = 0;
let at: string;

function mount(of: PageFs, options: object = {}): string {
  const path = `/mount-${mounts++}`;
  FS.mkdir(path);
  FS.mount(new ZramFS(module, of), options, path);
  return path;
}

beforeAll(async () => {
  module = await startModule();
  ({ FS } = module);
}, 120_000);
beforeEach(async () => {
  files = await PageFs.create();
  at = mount(files);
});

test('a directory of the files can be the root of a mount', () => {
  files.mkdirSync('/some/where', { recursive: true });
  const below = mount(files, { root: '/some/where' });
  FS.writeFile(`${below}/note`, 'text');
  expect(files.readFileSync('/some/where/note', 'utf8')).toBe('text');
  files.writeFileSync('/file', '');
  FS.mkdir('/nowhere');
  expect(errnoOf(() => FS.mount(new ZramFS(module, files), { root: '/none' }, '/nowhere'))).toBe(ENOENT);
  expect(errnoOf(() => FS.mount(new ZramFS(module, files), { root: '/file' }, '/nowhere'))).toBe(ENOTDIR);
  expect(errnoOf(() => FS.mount(new ZramFS(module, files), {}, at))).toBe(EBUSY);
});

test('programs and JavaScript see each other’s writes, forks do not', () => {
  FS.writeFile(`${at}/a`, 'one');
  const fork = mount(files.fork());
  files.appendFileSync('/a', ' two');
  FS.writeFile(`${fork}/a`, 'three');
  expect([`${at}/a`, `${fork}/a`].map((path) => Buffer.from(FS.readFile(path)).toString())).toEqual([
    'one two',
    'three',
  ]);
});

test('hard links are one file', () => {
  FS.writeFile(`${at}/a`, 'text');
  FS.link(`${at}/a`, `${at}/b`);
  FS.writeFile(`${at}/b`, 'changed');
  expect(Buffer.from(FS.readFile(`${at}/a`)).toString()).toBe('changed');
  const [a, b] = [FS.stat(`${at}/a`), FS.stat(`${at}/b`)];
  expect([a.nlink, a.ino]).toEqual([2, b.ino]);
  expect(errnoOf(() => FS.link(`${at}/a`, `${at}/b`))).toBe(EEXIST);
  expect(errnoOf(() => FS.link('/dev/null', `${at}/c`))).toBe(EXDEV);
});

test('a file without a name lives until it is closed', () => {
  FS.writeFile(`${at}/a`, 'text');
  const stream = FS.open(`${at}/a`, 'r+');
  FS.unlink(`${at}/a`);
  FS.ftruncate(stream.fd as number, 10);
  FS.fchmod(stream.fd as number, 0o600);
  expect(FS.write(stream, Buffer.from('TEXT'), 0, 4, 0)).toBe(4);
  const { size, nlink, mode } = FS.fstat(stream.fd as number);
  expect([size, nlink, mode]).toEqual([10, 0, 0o100600]);
  const second = FS.dupStream(stream);
  FS.close(stream);
  const bytes = new Uint8Array(5);
  expect([FS.read(second, bytes, 0, 5, 0), Buffer.from(bytes).toString()]).toEqual([5, 'TEXT\0']);
  FS.close(second);
  expect(FS.readdir(at)).toEqual(['.', '..']);
});

test('a map is a copy that msync writes back', () => {
  FS.writeFile(`${at}/a`, 'hello, world');
  const stream = FS.open(`${at}/a`, 'r+');
  const { ptr } = FS.mmap(stream, 100, 7, READ_WRITE, SHARED);
  const memory = module.HEAPU8.subarray(ptr, ptr + 100);
  expect(Buffer.from(memory).toString()).toBe('world'.padEnd(100, '\0'));
  memory[0] = 87;
  FS.msync(stream, memory, 7, 5, SHARED);
  expect(files.readFileSync('/a', 'utf8')).toBe('hello, World');
  const private_ = 2;
  memory[0] = 0;
  FS.msync(stream, memory, 7, 5, private_);
  expect(files.readFileSync('/a', 'utf8')).toBe('hello, World');
  FS.close(stream);
});

test('a module that exports no allocator cannot map', () => {
  const path = '/without-allocator';
  FS.mkdir(path);
  FS.mount(new ZramFS({ FS: module.FS }, files), {}, path);
  FS.writeFile(`${path}/a`, 'text');
  const stream = FS.open(`${path}/a`, 'r');
  expect(errnoOf(() => FS.mmap(stream, 4, 0, 1, SHARED))).toBe(ENODEV);
  FS.close(stream);
});

test('when memory ends the call fails, leaves no name behind, and keeps what was there', async () => {
  const small = await PageFs.create({ maxMetadata: 4096 });
  const path = mount(small);
  FS.writeFile(`${path}/kept`, 'text');
  let made = 0;
  const makeMore = (): void => {
    for (; made < 100; made++) FS.mkdir(`${path}/${made}`);
  };
  expect(errnoOf(makeMore)).toBe(ENOSPC);
  expect(errnoOf(() => FS.stat(`${path}/${made}`))).toBe(ENOENT);
  expect(FS.readdir(path).length).toBe(2 + 1 + made);
  expect(Buffer.from(FS.readFile(`${path}/kept`)).toString()).toBe('text');
});

test('a snapshot is read-only', () => {
  FS.writeFile(`${at}/a`, 'text');
  const frozen = mount(files.snapshot());
  expect(Buffer.from(FS.readFile(`${frozen}/a`)).toString()).toBe('text');
  expect(errnoOf(() => FS.writeFile(`${frozen}/a`, 'other'))).toBe(EROFS);
  expect(errnoOf(() => FS.mkdir(`${frozen}/b`))).toBe(EROFS);
  expect(errnoOf(() => FS.unlink(`${frozen}/a`))).toBe(EROFS);
});

test('modes, times and sizes are those that were set', () => {
  FS.mkdir(`${at}/dir`, 0o777);
  FS.writeFile(`${at}/a`, 'text', { mode: 0o600 });
  expect([FS.stat(`${at}/dir`).mode, FS.stat(`${at}/a`).mode]).toEqual([0o040777, 0o100600]);
  FS.utime(`${at}/a`, 1_000, 1_234_567_890_123);
  const { atimeMs, mtimeMs } = files.statSync('/a');
  expect([atimeMs, mtimeMs]).toEqual([1_000, 1_234_567_890_123]);
  FS.symlink('a', `${at}/link`);
  expect(errnoOf(() => FS.lchmod(`${at}/link`, 0o600))).toBe(EOPNOTSUPP);
  expect(FS.statfs(at)).toMatchObject({ bsize: 4096, frsize: 4096 });
  expect(errnoOf(() => FS.readlink(`${at}/a`))).toBe(EINVAL);
});

test('syncing is done at once', async () => {
  expect(await new Promise((resolve) => FS.syncfs(resolve))).toBeNull();
});

test('a module without a file system is refused', () => {
  for (const wrong of [undefined, {}, { FS: {} }] as EmscriptenModule[]) {
    expect(() => new ZramFS(wrong, files)).toThrow(/^EINVAL: the module has no file system/);
  }
});
