/** Journals and WALs in two streams read as one file, whatever is written, cut or copied in whichever order. */
import { describe, expect, test } from '@jest/globals';
import { PageFs } from '../../../integrations/fs.js';
import { Parting } from '../../../integrations/sqlite/parting.js';
import { JournalFile, openFile, pagesPath, removeFile } from '../../../integrations/sqlite/stored-file.js';
import { Random, seedOfRun } from '../../support/random.js';

const RUNS = Number(process.env.ZRAM_WASM_SEQUENCES ?? 2);

/** As SQLite begins them. */
function start(isWal: boolean, pageSize: number): Uint8Array {
  const bytes = new Uint8Array(isWal ? 32 : 512);
  const view = new DataView(bytes.buffer);
  if (isWal) {
    view.setUint32(0, 0x377f0682);
    view.setUint32(8, pageSize);
  } else {
    bytes.set([0xd9, 0xd5, 0x05, 0xf9, 0x20, 0xa1, 0x63, 0xd7]);
    view.setUint32(24, pageSize);
  }
  return bytes;
}

function journalOn(fs: PageFs): JournalFile {
  return new JournalFile(fs, '/j', openFile(fs, '/j', fs.constants.O_CREAT), true);
}

function readAll(file: JournalFile): Uint8Array {
  const bytes = new Uint8Array(file.size());
  file.read(bytes, 0);
  return bytes;
}

describe('a file in two streams', () => {
  test.each([
    [true, 4096],
    [false, 4096],
    [true, 8192],
    [false, 65536],
  ])('WAL: %s, pages of %d: as one array of bytes', async (isWal, pageSize) => {
    const seed = seedOfRun();
    for (let run = 0; run < RUNS; run++) {
      const random = new Random(seed + run, 'parting');
      const fs = await PageFs.create();
      const file = journalOn(fs);
      let model = new Uint8Array(0);
      const write = (bytes: Uint8Array, at: number): void => {
        file.write(bytes, at);
        const grown = new Uint8Array(Math.max(model.length, at + bytes.length));
        grown.set(model);
        grown.set(bytes, at);
        model = grown;
      };
      write(start(isWal, pageSize), 0);
      expect(fs.existsSync(pagesPath('/j'))).toBe(true);
      for (let step = 0; step < 40; step++) {
        const length = random.pick([4, 8, 24, 1020, 4096, pageSize, random.below(3 * pageSize)]);
        const bytes = random.fill(new Uint8Array(length));
        if (random.chance(75)) write(bytes, model.length);
        else if (random.chance(60)) write(bytes, random.below(model.length + 2 * pageSize));
        else if (random.chance(50)) {
          const size = random.below(model.length + pageSize);
          file.truncate(size);
          const cut = new Uint8Array(size);
          cut.set(model.subarray(0, size));
          model = cut;
        } else file.flush();
        expect(file.size()).toBe(model.length);
        const at = random.below(model.length + 10);
        const out = new Uint8Array(random.below(2 * pageSize));
        const read = file.read(out, at);
        expect(read).toBe(Math.max(0, Math.min(out.length, model.length - at)));
        expect(Buffer.compare(out.subarray(0, read), model.subarray(at, at + read))).toBe(0);
      }
      file.flush();
      const fork = fs.fork();
      expect(Buffer.compare(readAll(journalOn(fork)), model)).toBe(0);
      file.close();
      removeFile(fs, '/j');
      expect(fs.readdirSync('/')).toEqual([]);
      fork.destroy();
      fs.destroy();
    }
  });

  test('a copy that is made while bytes are held back ends before them', async () => {
    const fs = await PageFs.create();
    const file = journalOn(fs);
    file.write(start(false, 4096), 0);
    file.flush();
    for (let n = 0; n < 3; n++) {
      const at = 512 + n * 4104;
      file.write(Uint8Array.of(0, 0, 0, n + 1), at);
      file.write(new Uint8Array(4096).fill(n + 1), at + 4);
      file.write(Uint8Array.of(9, 9, 9, 9), at + 4100);
    }
    const fork = fs.fork();
    expect(journalOn(fork).size()).toBe(512);
    file.flush();
    expect(journalOn(fs.fork()).size()).toBe(512 + 3 * 4104);
    fs.destroy();
  });

  test('pages that are smaller than 4096 bytes, and files of other kinds, stay as they are', async () => {
    expect(Parting.of(start(true, 1024))).toBeUndefined();
    expect(Parting.of(start(false, 512))).toBeUndefined();
    const fs = await PageFs.create();
    const file = journalOn(fs);
    file.write(new Uint8Array(600).fill(7), 0);
    file.write(start(true, 4096), 0);
    expect(fs.readdirSync('/')).toEqual(['j']);
    expect(file.size()).toBe(600);
    fs.destroy();
  });
});
