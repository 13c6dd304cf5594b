/** What a store writes, takes and refuses. */
import { expect, test } from '@jest/globals';
import { Engine } from '../../../bindings/index.js';
import { TREE } from '../../../integrations/fs/state.js';
import { PageStore, type SyncFile } from '../../../integrations/store.js';
import { crc32 } from '../../../integrations/store/crc32.js';
import { Random, seedOfRun } from '../../support/random.js';
import { change, isSame, treeOf } from './files.js';
import { ModelDisk } from './model-disk.js';

const MIB = 2 ** 20;
const NOISE = new Random(2, 'noise').fill(new Uint8Array(512 * 4096));
/** A page of text, by number. */
function text(n: number): Uint8Array {
  return new TextEncoder().encode(`page ${n} `.repeat(600)).subarray(0, 4096);
}

test('what was written is there again, with names, links, modes, owners and times', async () => {
  const engine = Engine.createSync();
  const random = new Random(seedOfRun(), 'again');
  let disk = new ModelDisk();
  for (let round = 0; round < 10; round++) {
    const store = await PageStore.open(disk, { engine });
    for (let n = 0; n < 60; n++) {
      change(store.fs, random);
      if (random.chance(10)) store.sync();
    }
    const tree = treeOf(store.fs);
    const copy = store.fs.snapshot();
    store.close();
    disk = new ModelDisk(disk.content());
    const again = await PageStore.open(disk, { engine });
    expect(treeOf(again.fs)).toEqual(tree);
    expect(isSame(copy, again.fs)).toBe(true);
    again.close();
  }
  engine.destroy();
});

test('a store with times of which there are none, as earlier releases made them, is opened', async () => {
  const disk = new ModelDisk();
  const store = await PageStore.open(disk);
  store.fs.writeFileSync('/f', 'kept');
  Object.assign(store.fs[TREE].own(store.fs.statSync('/f').ino), { atime: NaN, mtime: -Infinity });
  store.close();
  const again = await PageStore.open(new ModelDisk(disk.content()));
  expect(again.fs.readFileSync('/f', 'utf8')).toBe('kept');
  expect(again.fs.statSync('/f')).toMatchObject({ atimeMs: 0, mtimeMs: -8.64e15 });
  again.close();
});

test('no time that a program sets keeps a store from being opened again', async () => {
  const disk = new ModelDisk();
  const store = await PageStore.open(disk);
  const { fs } = store;
  fs.writeFileSync('/f', 'kept');
  for (const time of [new Date('no date'), 1e300, -1e300, new Date(8.64e15), 0.1, '1.5']) {
    try {
      fs.utimesSync('/f', time, time);
    } catch (error) {
      expect(error).toMatchObject({ code: 'EINVAL' });
    }
    store.sync();
  }
  store.close();
  const again = await PageStore.open(new ModelDisk(disk.content()));
  expect(again.fs.readFileSync('/f', 'utf8')).toBe('kept');
  again.close();
});

test('equal pages are written once, unchanged ones not at all', async () => {
  const disk = new ModelDisk();
  const store = await PageStore.open(disk);
  const bytes = NOISE.subarray(0, 64 * 4096);
  store.fs.writeFileSync('/a', bytes);
  store.fs.writeFileSync('/b', bytes);
  store.fs.writeFileSync('/zeros', new Uint8Array(10 * MIB));
  store.fs.writeFileSync('/same', new Uint8Array(MIB).fill(7));
  store.sync();
  expect(store.stats()).toMatchObject({ blocks: 65, blockBytes: bytes.length + 8 });
  const { written, flushes } = disk;
  store.sync();
  store.fs.writeFileSync('/none', '');
  store.fs.unlinkSync('/none');
  expect([disk.written, disk.flushes]).toEqual([written, flushes]);
  store.fs.writeFileSync('/c', bytes);
  store.fs.writeFileSync('/a', bytes);
  store.fs.renameSync('/b', '/d');
  store.sync();
  expect(disk.flushes).toBe(flushes + 1);
  expect(disk.written - written).toBeLessThan(64 * 10 * 2 + 600);
  store.close();
});

test('the space of replaced pages is used again, and the file becomes shorter', async () => {
  const disk = new ModelDisk();
  const store = await PageStore.open(disk);
  const { fs } = store;
  for (let n = 0; n < 400; n++)
    fs.writeFileSync(`/${n % 40}`, NOISE.subarray((n % 100) * 4096, (n % 100) * 4096 + 81920));
  store.sync();
  for (let round = 0; round < 60; round++) {
    for (let n = 0; n < 10; n++)
      fs.writeFileSync(`/${(round + n * 7) % 40}`, NOISE.subarray(round * 1000 + n * 4096).subarray(0, 81920));
    store.sync();
  }
  const { blockBytes, fileBytes } = store.stats();
  expect(fileBytes).toBeLessThan(1.4 * blockBytes + MIB / 2);
  // Something at the end stays.
  for (let n = 0; n < 39; n++) fs.unlinkSync(`/${n}`);
  for (let n = 0; n < 5; n++) {
    fs.writeFileSync('/last', text(n));
    store.sync();
  }
  expect(store.stats().fileBytes).toBeLessThan(MIB);
  const copy = fs.snapshot();
  const again = await PageStore.open(new ModelDisk(disk.content()));
  expect(isSame(copy, again.fs)).toBe(true);
  again.close();
  store.close();
});

test('a file with a hole of a terabyte costs what is in it', async () => {
  const disk = new ModelDisk();
  const store = await PageStore.open(disk);
  store.fs.writeFileSync('/sparse', 'start');
  store.fs.truncateSync('/sparse', 2 ** 40);
  const fd = store.fs.openSync('/sparse', 'r+');
  store.fs.writeSync(fd, text(1), 0, 4096, 2 ** 41);
  store.fs.fsyncSync(fd);
  expect(disk.getSize()).toBeLessThan(MIB);
  const again = await PageStore.open(new ModelDisk(disk.content()));
  expect(again.fs.statSync('/sparse').size).toBe(2 ** 41 + 4096);
  const out = new Uint8Array(4096);
  again.fs.readSync(again.fs.openSync('/sparse'), out, 0, 4096, 2 ** 41);
  expect(out).toEqual(text(1));
  again.close();
  store.close();
});

test('a quota that ends: ENOSPC, what was there stays, and there is room again when something goes', async () => {
  const disk = new ModelDisk();
  const store = await PageStore.open(disk);
  store.fs.writeFileSync('/kept', text(1));
  store.sync();
  const kept = store.fs.snapshot();
  disk.quota = disk.getSize() + 100_000;
  const size = disk.getSize();
  store.fs.writeFileSync('/large', NOISE.subarray(0, 400_000));
  for (let n = 0; n < 3; n++) expect(() => store.sync()).toThrow(expect.objectContaining({ code: 'ENOSPC' }));
  expect(disk.getSize()).toBe(size);
  const before = await PageStore.open(new ModelDisk(disk.content()));
  expect(isSame(kept, before.fs)).toBe(true);
  before.close();
  store.fs.unlinkSync('/large');
  store.fs.writeFileSync('/small', NOISE.subarray(0, 50_000));
  store.sync();
  store.close();
  const after = await PageStore.open(new ModelDisk(disk.content()));
  expect(after.fs.readdirSync('/').sort()).toEqual(['kept', 'small']);
  after.close();
});

test('memory that ends while opening: ENOMEM, and the file is as it was', async () => {
  const disk = new ModelDisk();
  const store = await PageStore.open(disk);
  store.fs.writeFileSync('/a', NOISE);
  store.close();
  const file = new ModelDisk(disk.content());
  await expect(PageStore.open(file, { maxMemory: '2M' })).rejects.toMatchObject({ code: 'ENOMEM' });
  expect(file.closed).toBe(false);
  const again = await PageStore.open(file);
  expect(again.fs.statSync('/a').size).toBe(NOISE.length);
  again.close();
});

test('wrong files and options are EINVAL, and nothing is written', async () => {
  const engine = Engine.createSync();
  const disk = new ModelDisk();
  const dictionary = text(9);
  const store = await PageStore.open(disk, { compAlgorithm: 'deflate', dictionary });
  store.fs.writeFileSync('/a', text(1));
  store.close();
  await expect(PageStore.open({} as SyncFile)).rejects.toMatchObject({ code: 'EINVAL' });
  for (const options of [
    null,
    'lz4',
    { fileAlgorithm: 5 },
    { fileAlgorithm: 'none' },
    { compressor: 'lz4' },
  ] as object[]) {
    await expect(PageStore.open(new ModelDisk(), options)).rejects.toMatchObject({ code: 'EINVAL' });
  }
  for (const options of [{}, { compAlgorithm: 'deflate' }, { compAlgorithm: 'deflate', dictionary: text(8) }]) {
    const other = PageStore.open(new ModelDisk(disk.content()), options);
    await expect(other).rejects.toMatchObject({ code: 'EINVAL' });
  }
  const same = await PageStore.open(new ModelDisk(disk.content()), { compAlgorithm: 'deflate', dictionary });
  expect(same.fs.readFileSync('/a')).toEqual(Buffer.from(text(1)));
  same.close();
  expect(() => same.sync()).toThrow(expect.objectContaining({ code: 'EINVAL' }));
  same.close();

  const foreign = [text(1), new Uint8Array(200_000), NOISE.subarray(0, 100)];
  const version = disk.content();
  new DataView(version.buffer).setUint32(8, 2, true);
  new DataView(version.buffer).setUint32(124, crc32(version.subarray(0, 124)), true);
  for (const bytes of [...foreign, version]) {
    const file = new ModelDisk(bytes);
    await expect(PageStore.open(file, { engine })).rejects.toMatchObject({ code: 'EINVAL' });
    expect(file.written).toBe(0);
  }
  engine.destroy();
});

test.each([
  { compAlgorithm: 'zstd' },
  { compAlgorithm: 'lzo-rle' },
  { fileAlgorithm: 'deflate' },
  { compAlgorithm: 'deflate', fileAlgorithm: 'lz4hc' },
])('pages compressed by %j are there, whatever the memory has', async (options) => {
  const disk = new ModelDisk();
  const store = await PageStore.open(disk, options);
  for (let n = 0; n < 20; n++) store.fs.writeFileSync(`/${n}`, text(n));
  store.fs.writeFileSync('/noise', NOISE.subarray(0, 20_000));
  const copy = store.fs.snapshot();
  store.sync();
  const again = await PageStore.open(new ModelDisk(disk.content()));
  expect(isSame(copy, again.fs)).toBe(true);
  again.close();
  store.close();
});
