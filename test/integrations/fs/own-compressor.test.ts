/** A compressor that calls the file system for which it compresses: it may read, and nothing changes under the call. */
import { describe, expect, test } from '@jest/globals';
import { PageFs } from '../../../integrations/fs.js';
import { MemorySink } from '../../save/support.js';
import { FLEETING } from '../../support/arrays.js';
import { thrownBy } from '../../support/errors.js';
import { Random } from '../../support/random.js';
import { checkPools, engineOf } from '../../support/raw-core.js';
import { CallingCompressor } from '../../support/toy-compressor.js';

const PAGE_SIZE = 4096;
const random = new Random(31, 'own compressor');
/** Pages that the toy compresses. */
const pages = (count: number) =>
  random.fill(new Uint8Array(count * PAGE_SIZE)).map((byte, n) => (n % PAGE_SIZE < 1000 ? byte : 0));
const [OLD, NEW, OTHER] = [pages(4), pages(4), pages(4)];

function make() {
  const toy = new CallingCompressor();
  const engine = engineOf('debug', { compressors: [toy] });
  const empty = engine.memory.used;
  const fs = PageFs.createSync({ engine, compAlgorithm: 'toy' });
  fs.mkdirSync('/d');
  fs.writeFileSync('/file', OLD);
  fs.writeFileSync('/other', OTHER);
  const twin = fs.fork(); // its file has the same bytes in other pages
  twin.rmSync('/file');
  twin.writeFileSync('/new', NEW);
  twin.writeFileSync('/file', OLD);
  twin.rmSync('/new');
  const end = (): void => {
    checkPools(engine);
    for (const one of [fs, twin]) one.destroy();
    expect(engine.memory.used).toBe(empty);
    engine.destroy();
  };
  return { toy, fs, twin, end };
}

/** Calls that are about content, and what the file holds after them. */
const CALLS: [name: string, call: (fs: PageFs, twin: PageFs) => unknown, after: Uint8Array][] = [
  ['a write of whole pages', (fs) => fs.writeFileSync('/file', NEW, { flag: 'r+' }), NEW],
  [
    'a write of a part',
    (fs) => {
      const fd = fs.openSync('/file', 'r+');
      fs.writeSync(fd, NEW, 0, 100, 5000);
      fs.closeSync(fd);
    },
    Buffer.concat([OLD.subarray(0, 5000), NEW.subarray(0, 100), OLD.subarray(5100)]),
  ],
  ['truncate', (fs) => fs.truncateSync('/file', 5000), OLD.subarray(0, 5000)],
  ['a read', (fs) => expect(Buffer.compare(fs.readFileSync('/file'), OLD)).toBe(0), OLD],
  ['diff', (fs, twin) => expect(twin.diff(fs)).toEqual([]), OLD],
];

/** Calls that a compressor must not do. */
const CHANGES: [name: string, call: (fs: PageFs) => unknown][] = [
  ['truncateSync', (fs) => fs.truncateSync('/file', 0)],
  ['writeFileSync', (fs) => fs.writeFileSync('/file', OTHER)],
  ['writeFileSync of a new file', (fs) => fs.writeFileSync('/new', OTHER)],
  ['rmSync', (fs) => fs.rmSync('/file')],
  ['renameSync', (fs) => fs.renameSync('/other', '/file')],
  ['mkdirSync', (fs) => fs.mkdirSync('/d/e')],
  ['utimesSync', (fs) => fs.utimesSync('/file', 1, 1)],
  ['fork', (fs) => fs.fork()],
  ['snapshot', (fs) => fs.snapshot()],
  ['save', (fs) => fs.save(new MemorySink())],
  ['import', (fs) => fs.import(new Uint8Array(1024))],
  ['merge', (fs) => fs.merge()],
];

describe.each(CALLS)('in %s', (_, call, after) => {
  test.each(CHANGES)('%s is EBUSY', async (_name, change) => {
    const { toy, fs, twin, end } = make();
    let refused: Promise<unknown> | undefined;
    toy.hook = () => {
      refused = thrownBy(() => change(fs));
      expect(fs.statSync('/file').size).toBe(OLD.length);
      expect(Buffer.compare(fs.readFileSync('/other'), OTHER)).toBe(0);
    };
    call(fs, twin);
    toy.hook = undefined;
    expect(await refused).toMatchObject({ code: 'EBUSY' });
    expect(Buffer.compare(fs.readFileSync('/file'), after)).toBe(0);
    expect(Buffer.compare(fs.readFileSync('/other'), OTHER)).toBe(0);
    expect(fs.readdirSync('/', { recursive: true })).toEqual(['d', 'file', 'other']);
    end();
  });
});

test('a file without a name that is closed in a write goes when the write is over', () => {
  const { toy, fs, end } = make();
  const fd = fs.openSync('/file', 'r+');
  fs.unlinkSync('/file');
  toy.hook = () => fs.closeSync(fd);
  expect(fs.writeSync(fd, NEW, 0, NEW.length, 0)).toBe(NEW.length);
  expect(fs.stats()).toMatchObject({ files: 1, bytes: OTHER.length });
  fs.writeFileSync('/new', OLD);
  expect(Buffer.compare(fs.readFileSync('/new'), OLD)).toBe(0);
  expect(Buffer.compare(fs.readFileSync('/other'), OTHER)).toBe(0);
  end();
});

describe.each(Object.keys(FLEETING))('an array that is lost in a call for two pieces: %s', (how) => {
  function during(toy: CallingCompressor, call: (array: Uint8Array) => unknown): Promise<unknown> {
    const { out, leave } = FLEETING[how](3 * PAGE_SIZE);
    out.set(NEW.subarray(0, out.length));
    toy.hook = leave;
    return thrownBy(() => call(out));
  }

  test.each([0, 100])('read from %i on: EINVAL', async (position) => {
    const { toy, fs, end } = make();
    const fd = fs.openSync('/file', 'r');
    const refused = during(toy, (array) => fs.readSync(fd, array, 0, array.length, position));
    expect(await refused).toMatchObject({ code: 'EINVAL' });
    fs.closeSync(fd);
    end();
  });

  test('write: the first piece is there, and nothing that was not in the array', async () => {
    const { toy, fs, end } = make();
    const fd = fs.openSync('/file', 'r+');
    const first = PAGE_SIZE - 100;
    let written = 0;
    const thrown = during(toy, (array) => (written = fs.writeSync(fd, array, 0, array.length, 100)));
    expect(await thrown).toBe(undefined);
    expect(written).toBe(first);
    const after = Buffer.concat([OLD.subarray(0, 100), NEW.subarray(0, first), OLD.subarray(PAGE_SIZE)]);
    expect(Buffer.compare(fs.readFileSync('/file'), after)).toBe(0);
    fs.closeSync(fd);
    end();
  });
});
