/** FileBacking: whose file it is, who else may use it, and what a file may be. */
import { execFile, execFileSync, spawn, type ChildProcess } from 'node:child_process';
import {
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import { afterAll, describe, expect, test } from '@jest/globals';
import { Engine } from '../../bindings/index.js';
import { FileBacking } from '../../bindings/node.js';
import { codeOf } from '../support/errors.js';

const PAGE_SIZE = 4096;
const here = fileURLToPath(new URL('.', import.meta.url));
const library = new URL('../../dist/node.js', import.meta.url).href;
const folder = mkdtempSync(join(tmpdir(), 'file-backing-'));
afterAll(() => rmSync(folder, { recursive: true }));

let files = 0;
const unused = (): string => join(folder, `f${files++}`);
function image(pages = 4): string {
  const path = unused();
  writeFileSync(path, new Uint8Array(pages * PAGE_SIZE));
  return path;
}

describe('the file that it made', () => {
  test('is removed by its absolute path, wherever the process has gone; another of that name stays', () => {
    const start = process.cwd();
    process.chdir(folder);
    const backing = new FileBacking('relative', 4);
    expect(backing.name).toBe(join(process.cwd(), 'relative'));
    mkdirSync('sub');
    process.chdir('sub');
    writeFileSync('relative', 'precious');
    backing.destroy();
    expect([existsSync('relative'), existsSync('../relative')]).toEqual([true, false]);
    process.chdir(start);
  });

  test('stays when it is not that one any more', () => {
    const path = unused();
    const backing = new FileBacking(path, 4);
    renameSync(path, `${path}.moved`);
    writeFileSync(path, 'precious');
    backing.destroy();
    expect([existsSync(path), existsSync(`${path}.moved`)]).toEqual([true, true]);
  });

  test('may be gone already, and with it its folder', () => {
    const sub = unused();
    mkdirSync(sub);
    const backing = new FileBacking(join(sub, 'swap'), 4);
    rmSync(sub, { recursive: true });
    backing.destroy();
    backing.destroy();
    expect(codeOf(() => backing.read(0, new Uint8Array(PAGE_SIZE)))).toBe('EINVAL');
  });

  test('is not left behind when it cannot be made as long as it should', () => {
    const path = unused();
    const code = codeOf(() => new FileBacking(path, 2 ** 32 - 1).destroy());
    expect([undefined, 'EIO']).toContain(code);
    expect(existsSync(path)).toBe(false);
  });
});

describe('what is no file and no block device is EINVAL, and is not opened', () => {
  test.each(['/dev/zero', '/dev/null', '/dev/full', folder])('%s', (path) => {
    expect(codeOf(() => FileBacking.open(path))).toBe('EINVAL');
    expect(codeOf(() => new FileBacking(path, 1))).toBe('EBUSY');
  });

  test('a FIFO that nobody writes', () => {
    const path = unused();
    execFileSync('mkfifo', [path]);
    expect(codeOf(() => FileBacking.open(path))).toBe('EINVAL');
  });

  test('a socket', async () => {
    const path = unused();
    const server = createServer().listen(path);
    await new Promise((resolve) => server.once('listening', resolve));
    expect(codeOf(() => FileBacking.open(path))).toBe('EINVAL');
    server.close();
  });

  test.each([
    ['', 'ENOENT'],
    ['a\0b', 'EINVAL'],
    [join(folder, 'none'), 'ENOENT'],
    [join(folder, 'none', 'none'), 'ENOENT'],
    ['x'.repeat(5000), 'EINVAL'],
    ['/proc/self/status', 'EINVAL'],
  ])('%j: %s', (path, code) => {
    const seen = codeOf(() => FileBacking.open(path));
    if (path.startsWith('/proc')) expect(['EINVAL', 'EIO']).toContain(seen);
    else expect(seen).toBe(code);
  });
});

test('a file that was made shorter: EIO, and what is there is read', () => {
  const path = image();
  const backing = FileBacking.open(path);
  truncateSync(path, PAGE_SIZE + 100);
  const page = new Uint8Array(PAGE_SIZE);
  expect(codeOf(() => backing.read(0, page))).toBe(undefined);
  expect(codeOf(() => backing.read(1, page))).toBe('EIO');
  expect(codeOf(() => backing.read(4, page))).toBe('EINVAL');
  const liar = Object.defineProperty(new Uint8Array(1), 'length', { value: PAGE_SIZE });
  for (const wrong of [new Uint8Array(1), liar]) {
    expect(codeOf(() => backing.write(0, wrong))).toBe('EINVAL');
  }
  backing.destroy();
});

describe('one user at a time: EBUSY', () => {
  test('by any path and link, until it is destroyed', () => {
    const path = image();
    linkSync(path, `${path}.hard`);
    symlinkSync(path, `${path}.soft`);
    const backing = FileBacking.open(path);
    for (const other of [path, `${path}.hard`, `${path}.soft`, join(folder, 'sub', '..', path.slice(folder.length))]) {
      expect(codeOf(() => FileBacking.open(other))).toBe('EBUSY');
    }
    backing.destroy();
    const again = FileBacking.open(`${path}.hard`);
    expect(codeOf(() => FileBacking.open(path))).toBe('EBUSY');
    again.destroy();
    const made = new FileBacking(unused(), 2);
    expect(codeOf(() => FileBacking.open(made.name))).toBe('EBUSY');
    made.destroy();
  });

  test('backing_dev of two devices; one device may be told its own again', () => {
    const [path, other] = [image(), image()];
    using engine = Engine.createSync();
    const [a, b] = [engine.createZram(), engine.createZram()];
    a.sysfs.write('backing_dev', path);
    a.sysfs.write('backing_dev', path);
    expect(codeOf(() => b.sysfs.write('backing_dev', path))).toBe('EBUSY');
    a.init('1M');
    expect(codeOf(() => b.sysfs.write('backing_dev', path))).toBe('EBUSY');
    a.reset();
    b.sysfs.write('backing_dev', path);
    b.sysfs.write('backing_dev', other); // lets go of the first
    a.sysfs.write('backing_dev', path);
  });

  test('two copies of the library, and a worker thread', async () => {
    const path = image();
    const backing = FileBacking.open(path);
    const { FileBacking: Copy } = (await import(library)) as { FileBacking: typeof FileBacking };
    expect(() => Copy.open(path)).toThrow(expect.objectContaining({ code: 'EBUSY' })); // an error of that copy's class
    const code = `const { parentPort } = require('node:worker_threads');
      import(${JSON.stringify(library)}).then(({ FileBacking }) => {
        try { FileBacking.open(${JSON.stringify(path)}); parentPort.postMessage('held'); }
        catch (error) { parentPort.postMessage(error.code); }
        setInterval(() => {}, 1000);
      });`;
    const said = async (worker: Worker): Promise<unknown> => new Promise((resolve) => worker.once('message', resolve));
    const first = new Worker(code, { eval: true });
    expect(await said(first)).toBe('EBUSY');
    backing.destroy();
    const second = new Worker(code, { eval: true });
    expect(await said(second)).toBe('held');
    expect(codeOf(() => FileBacking.open(path))).toBe('EBUSY');
    await Promise.all([first.terminate(), second.terminate()]);
    FileBacking.open(path).destroy(); // what a thread held that is gone is free
  }, 30_000);

  const line = async (child: ChildProcess): Promise<string> =>
    new Promise((resolve) => child.stdout!.once('data', (data) => resolve(String(data).trim())));

  test('of many processes that come at once, after one was killed, exactly one has the file', async () => {
    const path = image();
    linkSync(path, `${path}.link`);
    for (let round = 0; round < 2; round++) {
      const children = Array.from({ length: 6 }, (_, n) =>
        spawn(process.execPath, [join(here, 'open.mjs'), library, n % 2 ? path : `${path}.link`]),
      );
      await Promise.all(children.map(line));
      const answers = children.map(line);
      for (const child of children) child.stdin.write('now\n');
      const seen = await Promise.all(answers);
      expect(seen.sort()).toEqual([...Array<string>(5).fill('EBUSY'), 'held']);
      expect(codeOf(() => FileBacking.open(path))).toBe('EBUSY');
      const ends = children.map(async (child) => new Promise((resolve) => child.once('exit', resolve)));
      for (const child of children) child.kill('SIGKILL');
      await Promise.all(ends);
    }
    FileBacking.open(path).destroy();
  }, 120_000);

  test('two processes never hold it together, however often locks are left behind', async () => {
    const sub = unused();
    mkdirSync(sub);
    writeFileSync(join(sub, 'swap'), new Uint8Array(PAGE_SIZE));
    const until = Date.now() + 4000;
    const run = async (): Promise<{ held: number }> => {
      const { stdout } = await promisify(execFile)(process.execPath, [
        join(here, 'contend.mjs'),
        library,
        sub,
        `${until}`,
      ]);
      return JSON.parse(stdout) as { held: number };
    };
    const seen = await Promise.all([run(), run(), run()]);
    for (const one of seen) expect(one).toMatchObject({ overlaps: 0, others: [] });
    expect(seen.reduce((sum, { held }) => sum + held, 0)).toBeGreaterThan(0);
  }, 60_000);
});

test('nothing is left beside the file, nor open', () => {
  const sub = unused();
  mkdirSync(sub);
  writeFileSync(join(sub, 'image'), new Uint8Array(PAGE_SIZE));
  const descriptor = (): number => {
    const file = openSync('/dev/null', 'r');
    closeSync(file);
    return file;
  };
  const before = descriptor();
  const [made, opened] = [new FileBacking(join(sub, 'made'), 4), FileBacking.open(join(sub, 'image'))];
  expect(readdirSync(sub).sort()).toEqual(['image', 'made']);
  codeOf(() => FileBacking.open(join(sub, 'image')));
  made.destroy();
  opened.destroy();
  expect(readdirSync(sub)).toEqual(['image']);
  expect(descriptor()).toBe(before);
});
