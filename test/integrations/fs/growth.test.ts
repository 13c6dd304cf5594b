/** How the time of calls grows with what there is: the processor time of one size against that of another. */
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Engine } from '../../../bindings/index.js';
import { PageFs } from '../../../integrations/fs.js';
import { measure, type Scale } from '../../growth/measure.js';
import { savedFiles } from './saved-files.js';

let engine: Engine;
beforeAll(() => void (engine = Engine.createSync()));
afterAll(() => engine.destroy());

function withFiles(count: number, bytes = 0): PageFs {
  const fs = PageFs.createSync({ engine });
  const content = new Uint8Array(bytes).fill(7, 0, 9);
  for (let n = 0; n < count; n++) {
    if (n % 100 === 0) fs.mkdirSync(`/d${n / 100}`);
    fs.writeFileSync(`/d${Math.floor(n / 100)}/f${n}`, content);
  }
  return fs;
}

/** A call that ends what it was measured on. */
function ending(fs: PageFs, run: () => unknown): () => void {
  return () => {
    run();
    fs.destroy();
  };
}

const fork = (fs: PageFs): (() => void) =>
  ending(fs, () => {
    for (let n = 0; n < 20; n++) fs.fork().destroy();
  });

/** Times of `size` things against `size` times 16: what grows with the square would take 256 times as long. */
const ROWS: (Scale & { name: string })[] = [
  {
    name: 'making files in one directory',
    size: 500,
    factor: 16,
    make: (size) => {
      const fs = PageFs.createSync({ engine });
      return ending(fs, () => {
        for (let n = 0; n < size; n++) fs.writeFileSync(`/f${n}`, 'x');
      });
    },
  },
  {
    name: 'removing every other file, then all',
    size: 500,
    factor: 16,
    make: (size) => {
      const fs = PageFs.createSync({ engine });
      for (let n = 0; n < size; n++) fs.writeFileSync(`/f${n}`, 'x');
      return ending(fs, () => {
        for (let n = 0; n < size; n += 2) fs.unlinkSync(`/f${n}`);
        for (let n = 1; n < size; n += 2) fs.unlinkSync(`/f${n}`);
      });
    },
  },
  {
    name: 'renaming all files of one directory',
    size: 1000,
    factor: 16,
    make: (size) => {
      const fs = PageFs.createSync({ engine });
      for (let n = 0; n < size; n++) fs.writeFileSync(`/f${n}`, '');
      return ending(fs, () => {
        for (let n = 0; n < size; n++) fs.renameSync(`/f${n}`, `/g${n}`);
      });
    },
  },
  {
    name: 'listing a directory',
    size: 1000,
    factor: 16,
    make: (size) => {
      const fs = PageFs.createSync({ engine });
      for (let n = 0; n < size; n++) fs.mkdirSync(`/f${n}`);
      return ending(fs, () => fs.readdirSync('/', { withFileTypes: true }));
    },
  },
  {
    name: 'pages written here and there in a sparse file',
    size: 500,
    factor: 16,
    make: (size) => {
      const fs = PageFs.createSync({ engine });
      const fd = fs.openSync('/sparse', 'w+');
      const page = new Uint8Array(4096).fill(1, 5);
      return ending(fs, () => {
        for (let n = 0; n < size; n++) fs.writeSync(fd, page, 0, 4096, ((n * 7919) % size) * 2 ** 23);
      });
    },
  },
  {
    name: 'appending to a file',
    size: 1000,
    factor: 16,
    make: (size) => {
      const fs = PageFs.createSync({ engine });
      const fd = fs.openSync('/log', 'a');
      return ending(fs, () => {
        for (let n = 0; n < size; n++) fs.writeSync(fd, new Uint8Array(1000).fill(n));
      });
    },
  },
  {
    name: 'saving files',
    size: 300,
    factor: 16,
    make: (size) => {
      const fs = withFiles(size, 10);
      return async () => {
        await savedFiles([fs]);
        fs.destroy();
      };
    },
  },
  {
    name: 'loading files',
    size: 300,
    factor: 16,
    make: async (size) => {
      const fs = withFiles(size, 10);
      const file = await savedFiles([fs]);
      fs.destroy();
      return async () => (await PageFs.load(file, { engine })).destroy();
    },
  },
];

/** As ROWS, but for forks and not files. */
const FORKS: (Scale & { name: string })[] = ['saving forks', 'loading forks'].map((name) => ({
  name,
  size: 8,
  factor: 16,
  make: async (size) => {
    const base = withFiles(100);
    const forks = Array.from({ length: size }, (_, n) => {
      const fork = base.fork();
      fork.writeFileSync(`/d0/f${n % 100}`, 'x');
      return fork;
    });
    const file = await savedFiles(forks);
    return async () => {
      if (name === 'saving forks') await savedFiles(forks);
      else for (const fs of (await PageFs.loadAll(file, { engine })).fileSystems.values()) fs.destroy();
      for (const fs of [base, ...forks]) fs.destroy();
    };
  },
}));

test.each([...ROWS, ...FORKS])('$name: in proportion', async (row) => {
  const { ratio, limit } = await measure(row);
  expect(ratio).toBeLessThan(limit);
});

test('a fork costs what its pages do, and no file', async () => {
  const { ratio } = await measure({
    size: 250,
    factor: 16,
    leastMs: 1,
    make: (size) => fork(withFiles(size)),
  });
  expect(ratio).toBeLessThan(8);
});

test('the first change in a fork copies its directory, and no other', () => {
  const fs = withFiles(5000);
  const start = process.cpuUsage();
  for (let n = 0; n < 100; n++) {
    const copy = fs.fork();
    copy.writeFileSync('/d7/new', 'x');
    copy.destroy();
  }
  const { user, system } = process.cpuUsage(start);
  expect((user + system) / 100).toBeLessThan(5000); // microseconds
  fs.destroy();
});

test('making and removing files for ever takes no memory', () => {
  const fs = PageFs.createSync({ engine });
  for (let n = 0; n < 50; n++) fs.writeFileSync(`/kept${n}`, 'x'.repeat(n * 100));
  const round = (seed: number): void => {
    for (let n = 0; n < 40; n++) fs.writeFileSync(`/f${(n * seed) % 40}`, 'y'.repeat(((n + seed) % 9) * 3000));
    for (let n = 0; n < 40; n++) fs.unlinkSync(`/f${(n * 7) % 40}`);
  };
  round(1);
  const before = fs.stats();
  const used = engine.memory.used;
  for (let seed = 1; seed < 100; seed += 2) if (seed % 5 !== 0) round(seed);
  expect(fs.stats()).toEqual(before);
  expect(engine.memory.used).toBeLessThanOrEqual(used + 16_384);
  fs.destroy();
});
