/**
 * Random calls of Emscripten's FS on two mounts of one module: its own MEMFS, and ours. Each call has to give the same
 * value or the same error, and both trees have to hold the same at the end.
 */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { ZramFS } from '../../../integrations/emscripten.js';
import { PageFs } from '../../../integrations/fs.js';
import { seedOfRun } from '../../support/random.js';
import { startModule, type FS, type OpenStream } from './support.js';

const SEQUENCES = Number(process.env.ZRAM_WASM_SEQUENCES ?? 300);
const NAMES = ['a', 'b', 'c', 'dir', 'dir/a', 'dir/b', 'dir/sub', 'dir/sub/c', 'a/b', 'none/x'];
/** At the edges of pages, and anywhere. */
const places = fc.oneof(fc.constantFrom(0, 1, 4095, 4096, 4097, 8192), fc.integer({ min: 0, max: 20_000 }));
const names = fc.constantFrom(...NAMES);
const TYPE = 0o170000;
const DIRECTORY = 0o040000;

type Call = readonly [name: string, ...args: unknown[]];

const calls: fc.Arbitrary<Call> = fc.oneof(
  { weight: 4, arbitrary: fc.tuple(fc.constant('write'), names, places, places, fc.integer({ min: 1, max: 255 })) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('read'), names, places, places) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('writeFile'), names, places, fc.constantFrom('w', 'a', 'r+', 'w+')) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('open'), names, fc.constantFrom('r', 'r+', 'w', 'a+')) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('close'), fc.nat(4)) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('streamWrite'), fc.nat(4), places, fc.boolean()) },
  { weight: 3, arbitrary: fc.tuple(fc.constant('streamRead'), fc.nat(4), places, fc.boolean()) },
  fc.tuple(fc.constant('dup'), fc.nat(4)),
  fc.tuple(fc.constant('seek'), fc.nat(4), fc.integer({ min: -5000, max: 9000 }), fc.nat(2)),
  fc.tuple(fc.constant('ftruncate'), fc.nat(4), places),
  fc.tuple(fc.constant('truncate'), names, places),
  { weight: 2, arbitrary: fc.tuple(fc.constant('rename'), names, names) },
  { weight: 2, arbitrary: fc.tuple(fc.constant('mkdir'), names) },
  fc.tuple(fc.constant('unlink'), names),
  fc.tuple(fc.constant('rmdir'), names),
  fc.tuple(fc.constant('readdir'), names),
  fc.tuple(fc.constant('symlink'), fc.constantFrom('a', 'sub/c', '../b', 'c', '.'), names),
  fc.tuple(fc.constant('readlink'), names),
  fc.tuple(fc.constant('chmod'), names, fc.constantFrom(0o700, 0o755, 0o555)),
  fc.tuple(fc.constant('stat'), names),
  fc.tuple(fc.constant('utime'), names, fc.nat(2 ** 40)),
);

function pattern(length: number, from: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => (at * 7 + from) & 255);
}

/** One of the two sides: does a call, and says what came of it. */
class Side {
  readonly #FS: FS;
  readonly #root: string;
  #streams: OpenStream[] = [];

  constructor(FS: FS, root: string) {
    this.#FS = FS;
    this.#root = root;
  }

  do([name, ...args]: Call): unknown {
    try {
      return this.#actions[name](...(args as never[])) ?? 'done';
    } catch (error) {
      const { name: kind, errno } = error as { name: string; errno: number };
      if (kind !== 'ErrnoError') throw error;
      return { errno };
    }
  }

  #at(name: string): string {
    return `${this.#root}/${name}`;
  }

  #stream(n: number): OpenStream | undefined {
    return this.#streams[n % Math.max(1, this.#streams.length)];
  }

  #with<T>(name: string, flags: string, run: (stream: OpenStream) => T): T {
    const stream = this.#FS.open(this.#at(name), flags);
    try {
      return run(stream);
    } finally {
      this.#FS.close(stream);
    }
  }

  readonly #actions: Record<string, (...args: never[]) => unknown> = {
    write: (name: string, length: number, position: number, fill: number) =>
      this.#with(name, 'r+', (stream) => this.#FS.write(stream, pattern(length, fill), 0, length, position)),
    read: (name: string, length: number, position: number) =>
      this.#with(name, 'r', (stream) => {
        const bytes = new Uint8Array(length + 2).fill(9);
        return [this.#FS.read(stream, bytes, 1, length, position), bytes];
      }),
    writeFile: (name: string, length: number, flags: string) => {
      this.#FS.writeFile(this.#at(name), pattern(length + 3, 1).subarray(3), { flags });
    },
    open: (name: string, flags: string) => {
      this.#streams.push(this.#FS.open(this.#at(name), flags));
    },
    close: (n: number) => {
      const stream = this.#stream(n);
      if (!stream) return;
      this.#streams = this.#streams.filter((each) => each !== stream);
      this.#FS.close(stream);
    },
    dup: (n: number) => {
      const stream = this.#stream(n);
      if (stream && this.#streams.length < 6) this.#streams.push(this.#FS.dupStream(stream));
    },
    streamWrite: (n: number, length: number, here: boolean) => {
      const stream = this.#stream(n);
      return stream && this.#FS.write(stream, pattern(length, n), 0, length, here ? undefined : length);
    },
    streamRead: (n: number, length: number, here: boolean) => {
      const stream = this.#stream(n);
      const bytes = new Uint8Array(length);
      return stream && [this.#FS.read(stream, bytes, 0, length, here ? undefined : 100), bytes];
    },
    seek: (n: number, offset: number, whence: number) => {
      const stream = this.#stream(n);
      return stream && this.#FS.llseek(stream, offset, whence);
    },
    ftruncate: (n: number, length: number) => {
      const stream = this.#stream(n);
      if (stream) this.#FS.ftruncate(stream.fd as number, length);
    },
    truncate: (name: string, length: number) => this.#FS.truncate(this.#at(name), length),
    rename: (from: string, to: string) => this.#FS.rename(this.#at(from), this.#at(to)),
    mkdir: (name: string) => {
      this.#FS.mkdir(this.#at(name));
    },
    unlink: (name: string) => this.#FS.unlink(this.#at(name)),
    rmdir: (name: string) => this.#FS.rmdir(this.#at(name)),
    readdir: (name: string) => this.#FS.readdir(this.#at(name)).sort(),
    symlink: (target: string, name: string) => {
      this.#FS.symlink(target, this.#at(name));
    },
    readlink: (name: string) => this.#FS.readlink(this.#at(name)),
    chmod: (name: string, mode: number) => this.#FS.chmod(this.#at(name), mode),
    stat: (name: string) => this.#attributes(this.#FS.stat(this.#at(name))),
    utime: (name: string, time: number) => {
      this.#FS.utime(this.#at(name), time, time);
      return this.#FS.stat(this.#at(name)).mtime.getTime();
    },
  };

  #attributes({ mode, size }: { mode: number; size: number }): unknown {
    return { mode, size: (mode & TYPE) === DIRECTORY ? 0 : size };
  }

  /** All that there is: by path, the attributes with the content, the target or nothing. */
  tree(path = this.#root): Map<string, unknown> {
    const found = new Map<string, unknown>();
    for (const name of this.#FS.readdir(path).sort()) {
      if (name === '.' || name === '..') continue;
      const child = `${path}/${name}`;
      const { mode, size } = this.#FS.lstat(child);
      const key = child.slice(this.#root.length);
      if ((mode & TYPE) === DIRECTORY) {
        found.set(key, this.#attributes({ mode, size }));
        for (const [below, what] of this.tree(child)) found.set(below, what);
      } else if ((mode & TYPE) === 0o120000) found.set(key, this.#FS.readlink(child));
      else found.set(key, [this.#attributes({ mode, size }), this.#FS.readFile(child)]);
    }
    return found;
  }

  closeAll(): void {
    for (const stream of this.#streams) this.#FS.close(stream);
    this.#streams = [];
  }
}

test('a mount does as MEMFS does', async () => {
  const module = await startModule();
  const { FS } = module;
  FS.mkdir('/theirs');
  FS.mkdir('/ours');
  const empty = await PageFs.create();
  empty.chmodSync('/', 0o777); // which the root of MEMFS has
  const property = fc.property(fc.array(calls, { minLength: 5, maxLength: 60 }), (sequence) => {
    const files = empty.fork();
    FS.mount(module.MEMFS, {}, '/theirs');
    FS.mount(new ZramFS(module, files), {}, '/ours');
    const [theirs, ours] = [new Side(FS, '/theirs'), new Side(FS, '/ours')];
    try {
      for (const call of sequence) expect([call, ours.do(call)]).toEqual([call, theirs.do(call)]);
      expect(ours.tree()).toEqual(theirs.tree());
    } finally {
      for (const side of [ours, theirs]) side.closeAll();
      FS.unmount('/theirs');
      FS.unmount('/ours');
      files.destroy();
    }
  });
  const seed = seedOfRun();
  fc.assert(property, { numRuns: SEQUENCES, seed: seed | 0 });
}, 600_000);
