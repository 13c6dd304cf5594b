/** Calls of a PageFs that the comparison with Node leaves out: promises, handles, copies of trees, life and arguments. */
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Engine } from '../../../bindings/index.js';
import { PageFs } from '../../../integrations/fs.js';
import { file, pax, tar } from './tars.js';

let engine: Engine;
beforeAll(() => void (engine = Engine.createSync()));
afterAll(() => engine.destroy());

const make = (): PageFs => PageFs.createSync({ engine });

function thrown(run: () => unknown): unknown {
  try {
    run();
  } catch (error) {
    return error;
  }
  return undefined;
}

test('typed arrays and DataViews are written as their bytes, parts of buffers as the part', async () => {
  const fs = make();
  const words = Uint32Array.from({ length: 1030 }, (_, n) => Math.imul(n, 0x9e3779b1)).subarray(3, 1027);
  const bytes = Buffer.from(words.buffer, words.byteOffset, words.byteLength);
  for (const view of [words, new Float64Array(words.slice().buffer), new DataView(words.buffer, 12, 4096)]) {
    fs.writeFileSync('/whole', view);
    await fs.promises.writeFile('/promised', view);
    fs.writeFileSync('/twice', view);
    fs.appendFileSync('/twice', view);
    const fd = fs.openSync('/by-descriptor', 'w');
    expect(fs.writeSync(fd, view)).toBe(4096);
    fs.closeSync(fd);
    for (const name of ['/whole', '/promised', '/by-descriptor'])
      expect(bytes.equals(fs.readFileSync(name) as Uint8Array)).toBe(true);
    expect(Buffer.concat([bytes, bytes]).equals(fs.readFileSync('/twice') as Uint8Array)).toBe(true);
  }
  fs.destroy();
});

describe('promises', () => {
  test('give what the synchronous calls give', async () => {
    const fs = make();
    const { promises } = fs;
    await promises.mkdir('/a/b', { recursive: true });
    await promises.writeFile('/a/b/f', 'text');
    await promises.appendFile('/a/b/f', ' more');
    expect(await promises.readFile('/a/b/f', 'utf8')).toBe('text more');
    expect((await promises.stat('/a/b/f', { bigint: true })).size).toBe(9n);
    await promises.symlink('b/f', '/a/link');
    expect(await promises.readlink('/a/link')).toBe('b/f');
    expect(await promises.realpath('/a/link')).toBe('/a/b/f');
    await promises.cp('/a', '/copy', { recursive: true });
    expect(await promises.readdir('/copy', { recursive: true })).toEqual(['b', 'link', 'b/f']);
    await promises.rm('/a', { recursive: true });
    await expect(promises.access('/a')).rejects.toMatchObject({ code: 'ENOENT', syscall: 'access' });
    const names: string[] = [];
    for await (const { name } of await promises.opendir('/copy')) names.push(name);
    expect(names).toEqual(['b', 'link']);
    fs.destroy();
  });

  test('what is written may come in pieces, from an array, a generator or a stream', async () => {
    const fs = make();
    const { promises } = fs;
    const later = async function* (): AsyncGenerator<string | Uint8Array> {
      yield await Promise.resolve('ä');
      expect(fs.readFileSync('/f', 'latin1')).toMatch(/ä$/);
      yield new Uint8Array([33]);
    };
    const text = (): string => fs.readFileSync('/f', 'latin1');
    const lowest = fs.openSync('/');
    fs.closeSync(lowest);
    await promises.writeFile('/f', ['one, ', 'two, ', Buffer.from('three')]);
    expect(text()).toBe('one, two, three');
    await promises.writeFile('/f', later(), 'latin1');
    expect(text()).toBe('ä!');
    await promises.appendFile('/f', later(), { encoding: 'latin1', flag: null as never });
    expect(text()).toBe('ä!ä!');
    await promises.writeFile('/f', Readable.from(['s', 't']));
    expect(text()).toBe('st');
    const handle = await promises.open('/f', 'r+');
    await handle.writeFile(['S']);
    await promises.writeFile(handle, ['T', 'U']);
    await handle.appendFile(new Set(['V']));
    expect(text()).toBe('STUV');
    const closing = (async function* (): AsyncGenerator<string> {
      yield 'W';
      await handle.close();
      yield 'X';
    })();
    await expect(handle.writeFile(closing)).rejects.toMatchObject({ code: 'EBADF' });
    expect(text()).toBe('STUVW');
    await expect(promises.writeFile('/f', ['a', 5] as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    expect(text()).toBe('a');
    expect(fs.openSync('/f')).toBe(lowest); // what was opened to write pieces is closed
    fs.destroy();
  });

  test('a signal ends reading and writing, before the first byte or between two pieces', async () => {
    const fs = make();
    const { promises } = fs;
    await promises.writeFile('/f', 'text', { signal: new AbortController().signal });
    const signal = AbortSignal.abort('why');
    const aborted = { name: 'AbortError', code: 'ABORT_ERR', cause: 'why' };
    await expect(promises.readFile('/f', { signal })).rejects.toMatchObject(aborted);
    await expect(promises.writeFile('/f', 'new', { signal })).rejects.toMatchObject(aborted);
    await expect(promises.appendFile('/f', ['new'], { signal })).rejects.toMatchObject(aborted);
    const handle = await promises.open('/f', 'r+');
    await expect(handle.readFile({ signal })).rejects.toMatchObject(aborted);
    await expect(handle.writeFile('new', { signal })).rejects.toMatchObject(aborted);
    expect(fs.readFileSync('/f', 'utf8')).toBe('text');
    const controller = new AbortController();
    const pieces = (function* (): Generator<string> {
      yield 'one';
      controller.abort('why');
      yield 'two';
    })();
    await expect(promises.writeFile('/g', pieces, { signal: controller.signal })).rejects.toMatchObject(aborted);
    expect(fs.readFileSync('/g', 'utf8')).toBe('one');
    const wrong = promises.readFile('/f', { signal: 5 as never });
    await expect(wrong).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    fs.destroy();
  });

  test('a FileHandle reads, writes, and is closed', async () => {
    const fs = make();
    const handle = await fs.promises.open('/f', 'w+');
    expect(await handle.write('hello')).toEqual({ bytesWritten: 5, buffer: 'hello' });
    expect(await handle.write(new Uint8Array([33]), 0, 1, 5)).toMatchObject({ bytesWritten: 1 });
    expect((await handle.read(new Uint8Array(4), 0, 4, 1)).bytesRead).toBe(4);
    const { bytesRead, buffer } = await handle.read({ position: 0 });
    expect([bytesRead, buffer.toString().slice(0, 6)]).toEqual([6, 'hello!']); // a Buffer, as all bytes that are returned
    await expect(handle.read('hello' as never)).rejects.toMatchObject({ code: 'ERR_INVALID_ARG_TYPE' });
    expect((await handle.stat()).size).toBe(6);
    await handle.truncate(2);
    expect(await fs.promises.readFile('/f', 'utf8')).toBe('he');
    await handle.close();
    await handle.close();
    expect(handle.fd).toBe(-1);
    await expect(handle.read()).rejects.toMatchObject({ code: 'EBADF' });
    await expect(fs.promises.open('/none')).rejects.toMatchObject({ code: 'ENOENT', syscall: 'open', path: '/none' });
    fs.destroy();
  });
});

describe('life', () => {
  test('forks and snapshots outlive their origin, and an engine of its own ends with the last', async () => {
    const fs = await PageFs.create({ maxMemory: '8M' });
    fs.writeFileSync('/f', 'one');
    const fork = fs.fork();
    const snapshot = fork.snapshot();
    fs.destroy();
    fs.destroy();
    expect(thrown(() => fs.readFileSync('/f'))).toMatchObject({ code: 'EINVAL' });
    fork.writeFileSync('/f', 'two');
    fork.destroy();
    expect(snapshot.readFileSync('/f', 'utf8')).toBe('one');
    const again = snapshot.fork();
    snapshot.destroy();
    again.writeFileSync('/f', 'three');
    expect(again.readFileSync('/f', 'utf8')).toBe('three');
    again.destroy();
  });

  test('a time that no disk holds is the nearest that there is, and one that is none is refused', async () => {
    const fs = make();
    fs.writeFileSync('/f', '');
    fs.mkdirSync('/d');
    fs.utimesSync('/f', 1, 2);
    const fd = fs.openSync('/f');
    const none = new Date('no date');
    for (const call of [
      () => fs.utimesSync('/f', 1, none),
      () => fs.utimesSync('/d', none, 1),
      () => fs.lutimesSync('/f', none, 1),
      () => fs.futimesSync(fd, 1, none),
    ])
      expect(thrown(call)).toMatchObject({ code: 'EINVAL' });
    expect([fs.statSync('/f').atimeMs, fs.statSync('/f').mtimeMs]).toEqual([1000, 2000]);
    const last = 8.64e15;
    fs.utimesSync('/f', 1e300, new Date(-last));
    fs.utimesSync('/d', 1, 2 ** 40);
    const { atime, mtime } = fs.statSync('/f');
    expect([atime.getTime(), mtime.getTime(), fs.statSync('/f', { bigint: true }).atimeMs]).toEqual([
      ...[last, -last],
      BigInt(last),
    ]);
    // What a tar is made of can be read from it, of all times.
    const copy = make();
    await copy.import(fs.export());
    expect([copy.statSync('/f').mtimeMs, copy.statSync('/d').mtimeMs]).toEqual([-last, 1000 * 2 ** 40]);
    await copy.import(tar(pax({ mtime: '9999999999999' }), file('later')));
    expect(copy.statSync('/later').mtimeMs).toBe(last);
    for (const each of [fs, copy]) each.destroy();
  });

  test('a file without a name that is open is not in a fork, and goes when it is closed', () => {
    const before = engine.memory.used;
    const fs = make();
    const fd = fs.openSync('/f', 'w+');
    fs.writeSync(fd, 'x'.repeat(5000));
    fs.unlinkSync('/f');
    const [fork, snapshot] = [fs.fork(), fs.snapshot()];
    const late = snapshot.fork();
    for (const each of [fork, late]) expect(each.stats()).toMatchObject({ files: 0, bytes: 0, privateBytes: 0 });
    expect(fs.stats().bytes).toBe(5000);
    fs.closeSync(fd);
    expect(fs.stats().bytes).toBe(0);
    for (const each of [fs, fork, snapshot, late]) each.destroy();
    expect(engine.memory.used).toBe(before);
  });

  test('what cannot be made says why', async () => {
    const options = { engine, disksize: 5 } as { engine: Engine };
    expect(thrown(() => PageFs.createSync(options))).toMatchObject({ code: 'EINVAL' });
    await expect(PageFs.create({ compAlgorithm: 'none' })).rejects.toMatchObject({ code: 'EINVAL' });
    expect(thrown(() => make().diff(JSON.parse('{}')))).toMatchObject({ code: 'EINVAL' });
    expect(thrown(() => Reflect.construct(PageFs, []))).toMatchObject({ code: 'EINVAL' });
  });
});

describe('sharing', () => {
  test('stats tell what forks share, and what is their own', () => {
    const fs = make();
    // No two of its pages are equal.
    const content = new Uint8Array(40_000).map((_, n) => ((n * n) >>> 7) ^ (n >>> 12));
    fs.writeFileSync('/a', content);
    expect(fs.stats()).toMatchObject({ files: 1, sharedBytes: 0 });
    const all = fs.stats().privateBytes;
    const fork = fs.fork();
    expect(fork.stats()).toMatchObject({ sharedBytes: all, privateBytes: 0 });
    fork.writeFileSync('/b', content.subarray(0, 4096));
    expect(fork.stats().privateBytes).toBeGreaterThan(0);
    fork.merge(); // it is the first page of /a
    expect(fork.stats()).toMatchObject({ sharedBytes: all, privateBytes: 0 });
    fork.destroy();
    fs.destroy();
  });

  test('diff lists names, ranges, modes and targets', () => {
    const fs = make();
    fs.mkdirSync('/d');
    for (const name of ['/same', '/cut', '/page', '/d/gone', '/mode', '/type'])
      fs.writeFileSync(name, 'x'.repeat(20_000));
    fs.symlinkSync('same', '/link');
    const fork = fs.fork();
    expect(fs.diff(fork)).toEqual([]);
    fork.truncateSync('/cut', 5000);
    const fd = fork.openSync('/page', 'r+');
    fork.writeSync(fd, 'y', 9000);
    fork.closeSync(fd);
    fork.rmSync('/d/gone');
    fork.chmodSync('/mode', 0o600);
    fork.rmSync('/type');
    fork.mkdirSync('/type');
    fork.writeFileSync('/type/in', '');
    fork.unlinkSync('/link');
    fork.symlinkSync('cut', '/link');
    const plain = { ranges: [], mode: false, target: false };
    expect(fs.diff(fork)).toEqual([
      { ...plain, path: '/cut', what: 'changed', ranges: [{ offset: 4096, length: 15_904 }] },
      { ...plain, path: '/d/gone', what: 'removed' },
      { ...plain, path: '/link', what: 'changed', target: true },
      { ...plain, path: '/mode', what: 'changed', mode: true },
      { ...plain, path: '/page', what: 'changed', ranges: [{ offset: 8192, length: 4096 }] },
      { ...plain, path: '/type', what: 'type', mode: true },
      { ...plain, path: '/type/in', what: 'added' },
    ]);
    const other = PageFs.createSync({ engine: Engine.createSync() });
    for (const name of fs.readdirSync('/'))
      if (fs.statSync(`/${name}`).isFile()) other.writeFileSync(`/${name}`, fs.readFileSync(`/${name}`));
    expect(fs.diff(other).map(({ path }) => path)).toEqual(['/d', '/d/gone', '/link']);
    fork.destroy();
    fs.destroy();
  });
});

describe('limits', () => {
  test('a sparse file reaches 16 TiB less a page', () => {
    const fs = make();
    const most = (2 ** 32 - 1) * 4096;
    const fd = fs.openSync('/sparse', 'w+');
    fs.ftruncateSync(fd, most);
    expect(fs.writeSync(fd, 'ab', most - 1)).toBe(1);
    expect(fs.statSync('/sparse')).toMatchObject({ size: most, blocks: 8 });
    const out = new Uint8Array(3);
    expect(fs.readSync(fd, out, 0, 3, most - 2)).toBe(2);
    expect([...out]).toEqual([0, 97, 0]);
    expect(thrown(() => fs.writeSync(fd, 'a', most))).toMatchObject({ code: 'EFBIG' });
    expect(thrown(() => fs.ftruncateSync(fd, most + 1))).toMatchObject({ code: 'EFBIG' });
    expect(thrown(() => fs.readFileSync('/sparse'))).toMatchObject({ code: 'ERR_FS_FILE_TOO_LARGE' });
    expect(fs.stats().privateBytes).toBeLessThan(1000);
    fs.destroy();
  });

  test('arguments are refused as in Node', () => {
    const fs = make();
    fs.symlinkSync('loop/', '/loop');
    const wrong: [() => unknown, string][] = [
      [() => fs.statSync(5 as never), 'ERR_INVALID_ARG_TYPE'],
      [() => fs.statSync('a\0b'), 'ERR_INVALID_ARG_VALUE'],
      [() => fs.statSync(new URL('http://a/b')), 'ERR_INVALID_URL_SCHEME'],
      [() => fs.statSync(new Uint8Array([255])), 'EILSEQ'],
      [() => fs.openSync('/f', 'q'), 'ERR_INVALID_ARG_VALUE'],
      [() => fs.closeSync(-1), 'ERR_OUT_OF_RANGE'],
      [() => fs.writeFileSync('/f', {} as never), 'ERR_INVALID_ARG_TYPE'],
      [() => fs.utimesSync('/', Number.NaN, 1), 'ERR_INVALID_ARG_TYPE'],
      [() => fs.chmodSync('/', '0x7'), 'ERR_INVALID_ARG_VALUE'],
      [() => fs.accessSync('/', 9), 'ERR_OUT_OF_RANGE'],
      [() => fs.rmSync('/'), 'ERR_FS_EISDIR'],
      [() => fs.rmSync('/loop/', { recursive: true }), 'ELOOP'],
      [() => fs.rmSync('/loop/', { recursive: true, force: true }), 'ENOTDIR'],
      [() => fs.rmdirSync('/'), 'EBUSY'],
      [() => fs.cpSync('/', '/x', { recursive: true }), 'ERR_FS_CP_EINVAL'],
    ];
    for (const [run, code] of wrong) expect(thrown(run)).toMatchObject({ code });
    expect(fs.statSync(new URL('file:///')).isDirectory()).toBe(true);
    expect(fs.readdirSync('/')).toEqual(['loop']);
    fs.destroy();
  });

  test('options that are no object are refused, and nothing is done', async () => {
    const fs = make();
    fs.writeFileSync('/kept', 'text');
    for (const wrong of [null, 5, true, 'x', []] as never[]) {
      for (const call of [() => fs.rmSync('/kept', wrong), () => fs.cpSync('/kept', '/copy', wrong)])
        expect(thrown(call)).toMatchObject({ name: 'TypeError', code: 'ERR_INVALID_ARG_TYPE' });
    }
    await expect(fs.import(new Uint8Array(1024), null as never)).rejects.toMatchObject({ code: 'EINVAL' });
    expect(fs.readdirSync('/')).toEqual(['kept']);
    fs.destroy();
  });

  test('a directory that is very deep is removed', () => {
    const fs = make();
    let path = '';
    for (let n = 0; n < 2000; n++) fs.mkdirSync((path += '/d'));
    fs.writeFileSync(`${path}/f`, 'x');
    fs.renameSync('/d', '/e');
    expect(fs.stats()).toMatchObject({ directories: 2001, files: 1 });
    fs.rmSync('/e', { recursive: true });
    expect(fs.stats()).toMatchObject({ directories: 1, files: 0 });
    fs.destroy();
  });
});
