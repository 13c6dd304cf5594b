/**
 * Memory that ends at any allocation: each call on a tree that shares its pages with a fork and a snapshot, in an engine with
 * 0, 1, 2 … free frames, and with room for 0, 1, 2 … bytes of names and inodes. Whichever allocation is the one that fails,
 * the call says so, what was there is there, all calls work again when there is memory, and nothing is lost.
 */
import { describe, expect, test } from '@jest/globals';
import { Engine, ZramError } from '../../../bindings/index.js';
import { PageFs } from '../../../integrations/fs.js';
import { hasMemory, leaveFrames } from '../../support/full-memory.js';
import { Random } from '../../support/random.js';
import { checkPools, compiledCore } from '../../support/raw-core.js';
import { MemorySink } from '../../save/support.js';
import { listingOf, savedFiles } from './saved-files.js';

const PAGE_SIZE = 4096;
/** No two pages are equal, and none compresses. */
const NOISE = new Random(9, 'noise').fill(new Uint8Array(40 * PAGE_SIZE));
const noise = (pages: number, from = 20): Uint8Array =>
  NOISE.subarray(from * PAGE_SIZE, from * PAGE_SIZE + pages * PAGE_SIZE);

/** A call, and what may have changed when it fails. */
interface Row {
  readonly name: string;
  run(fs: PageFs): unknown;
  /** Paths that may be new, other or gone after a failure; all else is as it was. */
  readonly partly?: readonly string[];
  /** What is asked of those, in place of nothing. */
  check?(fs: PageFs): void;
  /** It is a call on the whole file system, with errors of the library, and none of Node's. */
  whole?: true;
}

function makeFiles(engine: Engine, maxMetadata?: number): PageFs {
  const fs = PageFs.createSync({ engine, ...(maxMetadata === undefined ? {} : { maxMetadata }) });
  fs.mkdirSync('/d');
  fs.writeFileSync('/d/small', 'small');
  fs.writeFileSync('/file', noise(6, 0));
  fs.writeFileSync('/other', noise(3, 6));
  fs.writeFileSync('/text', 'text that compresses '.repeat(1500));
  fs.symlinkSync('file', '/link');
  return fs;
}

/** The content of a file is the old one, or that with the first bytes of `bytes` at a position. */
function expectWritten(fs: PageFs, path: string, old: Uint8Array, bytes: Uint8Array, at: number): void {
  const found = fs.readFileSync(path);
  if (Buffer.compare(found, old) === 0) return;
  let length = 0;
  while (length < bytes.length && found[at + length] === bytes[length]) length++;
  const expected = new Uint8Array(Math.max(old.length, at + length));
  expected.set(old);
  expected.set(bytes.subarray(0, length), at);
  if (length > 0 && Buffer.compare(found, expected) === 0) return;
  throw new Error(`${path} is neither what it was nor written from the beginning`);
}

function writing(name: string, bytes: Uint8Array, at: number): Row {
  return {
    name,
    partly: ['/file'],
    run: (fs) => {
      const fd = fs.openSync('/file', 'r+');
      try {
        for (let done = 0; done < bytes.length;) {
          done += fs.writeSync(fd, bytes, done, bytes.length - done, at + done);
        }
      } finally {
        fs.closeSync(fd);
      }
    },
    check: (fs) => expectWritten(fs, '/file', noise(6, 0), bytes, at),
  };
}

const ROWS: readonly Row[] = [
  writing('writing whole pages', noise(3), PAGE_SIZE),
  writing('writing parts of pages', noise(1).subarray(0, 3000), 3000),
  writing('writing at the end', noise(3), 6 * PAGE_SIZE),
  writing('writing far behind the end', noise(1).subarray(0, 10), 600 * PAGE_SIZE + 7),
  {
    name: 'writeFile, new',
    partly: ['/new'],
    run: (fs) => fs.writeFileSync('/new', noise(3)),
    check: (fs) => fs.existsSync('/new') && expectWritten(fs, '/new', new Uint8Array(0), noise(3), 0),
  },
  {
    name: 'writeFile, again',
    partly: ['/file'],
    run: (fs) => fs.writeFileSync('/file', noise(4)),
    check: (fs) => {
      if (fs.statSync('/file').size !== 6 * PAGE_SIZE) expectWritten(fs, '/file', new Uint8Array(0), noise(4), 0);
    },
  },
  {
    name: 'appendFile',
    partly: ['/d/small'],
    run: (fs) => fs.appendFileSync('/d/small', noise(2)),
    check: (fs) => expectWritten(fs, '/d/small', Buffer.from('small'), noise(2), 5),
  },
  { name: 'truncate within a page', run: (fs) => fs.truncateSync('/file', 5000) },
  { name: 'truncate within a page that compresses', run: (fs) => fs.truncateSync('/text', 9000) },
  { name: 'truncate, longer', run: (fs) => fs.truncateSync('/file', 10_000_000) },
  { name: 'truncate to nothing', run: (fs) => fs.truncateSync('/file') },
  { name: 'open with O_TRUNC', run: (fs) => fs.closeSync(fs.openSync('/file', 'w')) },
  {
    name: 'copyFile',
    partly: ['/copied'],
    run: (fs) => fs.copyFileSync('/text', '/copied'),
    check: (fs) => expect(fs.existsSync('/copied')).toBe(false),
  },
  {
    name: 'copyFile over another',
    partly: ['/other'],
    run: (fs) => fs.copyFileSync('/text', '/other'),
    check: (fs) => expect(fs.existsSync('/other')).toBe(false),
  },
  {
    name: 'cp',
    partly: ['/e'],
    run: (fs) => {
      fs.mkdirSync('/e');
      for (const from of ['/d', '/text', '/link']) fs.cpSync(from, `/e/copy of ${from.slice(1)}`, { recursive: true });
    },
  },
  { name: 'unlink', run: (fs) => fs.unlinkSync('/file') },
  { name: 'rm', run: (fs) => fs.rmSync('/d', { recursive: true }) },
  { name: 'rename over another', run: (fs) => fs.renameSync('/text', '/other') },
  {
    name: 'names',
    partly: ['/made', '/dir', '/sym', '/hard', '/file'],
    run: (fs) => {
      fs.mkdirSync('/dir/dir', { recursive: true });
      fs.symlinkSync('target', '/sym');
      fs.linkSync('/file', '/hard');
      fs.closeSync(fs.openSync('/made', 'w'));
    },
  },
  { name: 'rename to a longer name', run: (fs) => fs.renameSync('/link', '/d/a longer name of the link') },
  {
    name: 'inodes',
    run: (fs) => {
      for (const path of ['/file', '/d', '/']) {
        fs.chmodSync(path, 0o750);
        fs.chownSync(path, 5, 6);
        fs.utimesSync(path, 7, 8);
      }
    },
  },
  { name: 'reading', run: (fs) => [listingOf(fs), fs.statfsSync('/'), fs.stats(), fs.readdirSync('/')] },
  { name: 'fork', whole: true, run: (fs) => fs.fork().destroy() },
  { name: 'snapshot', whole: true, run: (fs) => fs.snapshot().destroy() },
  {
    name: 'fork of a snapshot, and a snapshot of that',
    whole: true,
    run: (fs) => {
      const made = [fs.snapshot()];
      try {
        made.push(made[0].fork());
        made.push(made[0].snapshot());
      } finally {
        for (const each of made) each.destroy();
      }
    },
  },
  { name: 'diff', run: (fs) => fs.diff(fs) },
  { name: 'merge', run: (fs) => fs.merge() },
  { name: 'compact', run: (fs) => fs.compact() },
  { name: 'save', whole: true, run: (fs) => fs.save(new MemorySink()) },
  {
    name: 'export',
    whole: true,
    run: async (fs) => {
      for await (const piece of fs.export()) expect(piece.length).toBeGreaterThan(0);
    },
  },
  { name: 'import of a tar', run: async (fs) => fs.import(await tarOf(), { into: '/imported' }) },
  { name: 'import of a directory', run: (fs) => fs.import('/', { into: '/imported', fs: DONOR }) },
];

const donorEngine = Engine.createSync();
const DONOR = makeFiles(donorEngine);

async function tarOf(): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of DONOR.export()) pieces.push(piece);
  return Buffer.concat(pieces);
}

function expectNoRoom(error: unknown, whole = false): void {
  const { code, syscall } = error as { code?: string; syscall?: string };
  const found = [error instanceof ZramError, code, typeof syscall];
  expect(found).toEqual(whole ? [true, 'ENOMEM', 'undefined'] : [false, 'ENOSPC', 'string']);
}

/** All lines of a listing but those of some paths. The root's times may change with them. */
function withoutPaths(listing: readonly string[], paths: readonly string[]): string[] {
  const skipped = (line: string): boolean =>
    (paths.length > 0 && line.startsWith('/ ')) ||
    paths.some((path) => line.startsWith(`${path} `) || line.startsWith(`${path}/`));
  return listing.filter((line) => !skipped(line));
}

/** Makes the call. @returns whether there was room */
async function attempt({ run, partly, check, whole }: Row, fs: PageFs, others: readonly PageFs[]): Promise<boolean> {
  const before = listingOf(fs);
  const untouched = others.map(listingOf);
  let done = true;
  try {
    await run(fs);
  } catch (error) {
    expectNoRoom(error, whole);
    done = false;
    expect(withoutPaths(listingOf(fs), partly ?? [])).toEqual(withoutPaths(before, partly ?? []));
    check?.(fs);
  }
  expect(others.map(listingOf)).toEqual(untouched);
  return done;
}

describe('no memory at any allocation', () => {
  test.each(ROWS)('$name', async (row) => {
    const engine = Engine.createSync({ module: compiledCore('debug'), maxMemory: '1M' });
    const { used } = engine.memory;
    for (let frames = 0, done = false; !done; frames++) {
      const fs = makeFiles(engine);
      const others = [fs.fork(), fs.snapshot()];
      const ballast = leaveFrames(engine, frames);
      done = await attempt(row, fs, others);
      checkPools(engine);
      ballast.destroy();
      // With memory it goes on, also where it was left half done.
      if (!done) {
        for (const path of row.partly ?? []) fs.rmSync(path, { recursive: true, force: true });
        fs.writeFileSync('/file', noise(6, 0));
        fs.writeFileSync('/other', noise(3, 6));
        fs.writeFileSync('/d/small', 'small');
        await row.run(fs);
      }
      for (const name of fs.readdirSync('/')) fs.rmSync(`/${name}`, { recursive: true });
      expect(fs.stats()).toMatchObject({ files: 0, bytes: 0, sharedBytes: 0, privateBytes: 0 });
      for (const each of [fs, ...others]) each.destroy();
      checkPools(engine);
      expect(engine.memory.used).toBe(used);
    }
    engine.destroy();
  });
});

test('a file system that finds no memory is ENOMEM, and nothing is left of it', () => {
  const engine = Engine.createSync({ module: compiledCore('debug'), maxMemory: '1M' });
  let frames = 0;
  for (let made = false; !made; frames++) {
    const ballast = leaveFrames(engine, frames);
    const { used } = engine.memory;
    made = hasMemory(() => PageFs.createSync({ engine }).destroy());
    expect(engine.memory.used).toBe(used);
    ballast.destroy();
  }
  expect(frames).toBeGreaterThan(2);
  engine.destroy();
});

test('pages that could not be discarded for want of memory are discarded later, also in copies', async () => {
  const engine = Engine.createSync({ module: compiledCore('debug'), maxMemory: '1M' });
  const fs = makeFiles(engine);
  const other = fs.fork(); // shares the table of the pages
  const ballast = leaveFrames(engine, 0);
  fs.unlinkSync('/file');
  ballast.destroy();
  const then = fs.snapshot();
  then.stats();
  const sink = new MemorySink();
  await fs.save(sink);
  const loaded = await PageFs.load(sink.bytes, { engine });
  for (const copy of [fs, then.fork(), loaded]) {
    const fd = copy.openSync('/new', 'wx+');
    for (let at = 0; at < 6; at++) copy.writeSync(fd, 'x', (2 * at + 1) * PAGE_SIZE);
    copy.closeSync(fd);
    const expected = new Uint8Array(11 * PAGE_SIZE + 1);
    for (let at = 0; at < 6; at++) expected[(2 * at + 1) * PAGE_SIZE] = 120;
    expect(Buffer.compare(copy.readFileSync('/new'), expected)).toBe(0);
    for (const name of copy.readdirSync('/')) copy.rmSync(`/${name}`, { recursive: true });
    expect(copy.stats()).toMatchObject({ sharedBytes: 0, privateBytes: 0 });
  }
  expect(other.readFileSync('/file')).toHaveLength(6 * PAGE_SIZE);
  engine.destroy();
});

describe('no room for names and inodes', () => {
  const engine = Engine.createSync();
  const STEP = 24; // a run of pages, which is the least that is counted

  test.each(ROWS)('$name', async (row) => {
    const { metadataBytes } = DONOR.stats();
    for (let room = 0, done = false; !done; room += STEP) {
      const fs = makeFiles(engine, metadataBytes + room);
      done = await attempt(row, fs, []);
      // What is counted is what there is: a reader of the file counts again.
      const loaded = await PageFs.load(await savedFiles([fs]), { engine });
      expect(loaded.stats().metadataBytes).toBe(fs.stats().metadataBytes);
      expect(listingOf(loaded)).toEqual(listingOf(fs));
      expect(fs.stats().metadataBytes).toBeLessThanOrEqual(metadataBytes + room);
      loaded.destroy();
      fs.destroy();
    }
  });
});
