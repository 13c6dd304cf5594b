/** File systems that are forks and snapshots of each other, each beside its model, and random calls on them. */
import { PageFs, type FileSystemStats } from '../../../integrations/fs.js';
import type { Engine } from '../../../bindings/index.js';
import { fail } from '../../support/model-checks.js';
import { Random } from '../../support/random.js';
import { MemorySink } from '../../save/support.js';
import { CopyingModel, truncateTo, writeTo, type ModelFile } from './copying-model.js';

interface Open {
  readonly fd: number;
  readonly file: ModelFile;
}

interface Pair {
  readonly fs: PageFs;
  readonly model: CopyingModel;
  readonly open: Open[];
}

export interface ForestOptions {
  dedup?: boolean;
  maxMetadata?: number;
  /** Of a hundred contents so many do not compress. Default: 30. */
  randomPercent?: number;
}

const DIRECTORIES = ['', '/d', '/e', '/d/x'];
const NAMES = ['a', 'b', 'c', 'f'];
const PAIRS_MAX = 7;
/** With less memory than this, calls may fail for want of it. */
const MEMORY_MIN = 2 ** 26;
/** What does not compress. */
const NOISE = new Random(1, 'noise').fill(new Uint8Array(60_000));
/** What a call may fail with, when memory ends. */
const NO_ROOM = new Set(['ENOSPC', 'ENOMEM']);

export class Forest {
  readonly pairs: Pair[];
  readonly #random: Random;
  readonly #engine: Engine;
  readonly #loadOptions: { maxMetadata?: number };
  readonly #randomPercent: number;
  /** Memory ends now and then. */
  readonly #full: boolean;
  readonly seen = new Map<string, number>();

  constructor(engine: Engine, random: Random, options: ForestOptions = {}) {
    const { randomPercent = 30, ...rest } = options;
    this.#random = random;
    this.#engine = engine;
    this.#loadOptions = options.maxMetadata === undefined ? {} : { maxMetadata: options.maxMetadata };
    this.#full = engine.memory.limit < MEMORY_MIN;
    this.#randomPercent = randomPercent;
    this.pairs = [{ fs: PageFs.createSync({ engine, ...rest }), model: new CopyingModel(), open: [] }];
  }

  #path(): string {
    return `${this.#random.pick(DIRECTORIES)}/${this.#random.pick(NAMES)}`;
  }

  #bytes(): Uint8Array {
    const random = this.#random;
    const length = random.pick([1, 7, 300, 4096, 5000, 8192, 12_288, 40_000, random.below(9000)]);
    const bytes = new Uint8Array(length);
    if (random.chance(this.#randomPercent))
      return NOISE.subarray(random.below(NOISE.length - length)).subarray(0, length);
    if (random.chance(20)) return bytes; // zeros
    const from = random.below(4);
    for (let n = 0; n < length; n++) bytes[n] = ((n >> 4) * (from + 1)) & 255;
    return bytes;
  }

  /** One call. Returns whether there was room for it. */
  step(): boolean {
    const random = this.#random;
    const pair = random.pick(this.pairs);
    const calls = pair.fs.frozen
      ? [this.#fork, this.#snapshot, this.#end, this.#refused]
      : [
          ...[this.#write, this.#write, this.#write, this.#writeOpen, this.#truncate, this.#remove, this.#rename],
          ...[this.#makeDirectory, this.#link, this.#symlink, this.#mode, this.#openOne, this.#closeOne, this.#copy],
          ...[this.#fork, this.#snapshot, this.#end, this.#merge],
        ];
    const call = random.pick(calls);
    this.seen.set(call.name, (this.seen.get(call.name) ?? 0) + 1);
    try {
      call.call(this, pair);
      return true;
    } catch (error) {
      if (NO_ROOM.has((error as { code?: string }).code ?? '')) return false;
      throw error;
    }
  }

  #write(pair: Pair): void {
    const { fs, model } = pair;
    const path = this.#path();
    const bytes = this.#bytes();
    const old = model.files.get(path);
    const at = this.#random.pick([0, old?.bytes.length ?? 0, this.#random.below(20_000), 4096, 100_000]);
    if (!old && (model.has(path) || !model.directories.has(path.slice(0, path.lastIndexOf('/')) || '/'))) return;
    const fd = fs.openSync(path, old ? 'r+' : 'wx');
    const file = old ?? { bytes: new Uint8Array(0), mode: 0o644 };
    if (!old) model.files.set(path, file);
    this.#put(fs, fd, file, bytes, at);
  }

  #put(fs: PageFs, fd: number, file: ModelFile, bytes: Uint8Array, at: number, close = true): void {
    try {
      writeTo(file, bytes.subarray(0, fs.writeSync(fd, bytes, 0, bytes.length, at)), at);
    } finally {
      if (close) fs.closeSync(fd);
    }
  }

  #openOne({ fs, model, open }: Pair): void {
    const path = this.#path();
    const file = model.files.get(path);
    if (file && open.length < 3) open.push({ fd: fs.openSync(path, 'r+'), file });
  }

  #writeOpen({ fs, open }: Pair): void {
    if (open.length === 0) return;
    const { fd, file } = this.#random.pick(open);
    this.#put(fs, fd, file, this.#bytes(), this.#random.below(30_000), false);
  }

  #closeOne({ fs, open }: Pair): void {
    const one = open.pop();
    if (!one) return;
    this.#check(fs.fstatSync(one.fd).size === one.file.bytes.length, 'size of an open file');
    fs.closeSync(one.fd);
  }

  #truncate({ fs, model }: Pair): void {
    const path = this.#path();
    const file = model.files.get(path);
    if (!file) return;
    const size = this.#random.pick([
      0,
      1,
      4096,
      5000,
      this.#random.below(file.bytes.length + 1),
      file.bytes.length + 9,
    ]);
    fs.truncateSync(path, size);
    truncateTo(file, size);
  }

  #remove({ fs, model }: Pair): void {
    const path = this.#random.chance(80) ? this.#path() : this.#random.pick(DIRECTORIES);
    if (path === '' || !model.has(path)) return;
    fs.rmSync(path, { recursive: true });
    model.remove(path);
  }

  #rename({ fs, model }: Pair): void {
    const [from, to] = [this.#path(), this.#path()];
    if (!model.files.has(from) || model.directories.has(to)) return;
    if (from === to || !model.directories.has(to.slice(0, to.lastIndexOf('/')) || '/')) return;
    if (model.files.get(to) === model.files.get(from)) return;
    fs.renameSync(from, to);
    model.remove(to);
    model.rename(from, to);
  }

  #makeDirectory({ fs, model }: Pair): void {
    const path = this.#random.pick(DIRECTORIES.slice(1));
    if (model.has(path) || !model.directories.has(path.slice(0, path.lastIndexOf('/')) || '/')) return;
    fs.mkdirSync(path);
    model.directories.add(path);
  }

  #link({ fs, model }: Pair): void {
    const [from, to] = [this.#path(), this.#path()];
    const file = model.files.get(from);
    if (!file || model.has(to) || !model.directories.has(to.slice(0, to.lastIndexOf('/')) || '/')) return;
    fs.linkSync(from, to);
    model.files.set(to, file);
  }

  #symlink({ fs, model }: Pair): void {
    const [target, path] = [this.#path(), this.#path()];
    if (model.has(path) || !model.directories.has(path.slice(0, path.lastIndexOf('/')) || '/')) return;
    fs.symlinkSync(target, path);
    model.links.set(path, target);
  }

  #mode({ fs, model }: Pair): void {
    const path = this.#path();
    const file = model.files.get(path);
    if (!file) return;
    file.mode = this.#random.below(0o1000);
    fs.chmodSync(path, file.mode);
  }

  #copy({ fs, model }: Pair): void {
    const [from, to] = [this.#path(), this.#path()];
    const file = model.files.get(from);
    if (!file || model.has(to) || !model.directories.has(to.slice(0, to.lastIndexOf('/')) || '/')) return;
    fs.copyFileSync(from, to);
    model.files.set(to, { bytes: file.bytes.slice(), mode: file.mode });
  }

  #fork({ fs, model }: Pair): void {
    if (this.pairs.length < PAIRS_MAX) this.pairs.push({ fs: fs.fork(), model: model.copy(), open: [] });
  }

  #snapshot({ fs, model }: Pair): void {
    if (this.pairs.length < PAIRS_MAX) this.pairs.push({ fs: fs.snapshot(), model: model.copy(), open: [] });
  }

  #end(pair: Pair): void {
    if (this.pairs.length < 2 || this.#random.chance(50)) return;
    pair.fs.destroy();
    this.pairs.splice(this.pairs.indexOf(pair), 1);
  }

  #merge({ fs }: Pair): void {
    if (this.#random.chance(50)) fs.merge();
    else fs.compact();
  }

  #refused({ fs }: Pair): void {
    for (const call of [
      () => fs.writeFileSync('/new', 'x'),
      () => fs.mkdirSync('/new'),
      () => fs.symlinkSync('x', '/new'),
      () => fs.chmodSync('/', 0o700),
      () => fs.utimesSync('/', 1, 1),
    ]) {
      let code: unknown;
      try {
        call();
      } catch (error) {
        ({ code } = error as { code: unknown });
      }
      this.#check(code === 'EROFS', 'a snapshot was changed');
    }
  }

  #check(right: boolean, what: string): void {
    if (!right) fail(what);
  }

  /** Compares all file systems with their models, whole. */
  check(): void {
    for (const { fs, model, open } of this.pairs) {
      const found = fs.readdirSync('/', { recursive: true }).map((name) => `/${name}`);
      const expected = [
        ...model.files.keys(),
        ...[...model.directories].filter((each) => each !== '/'),
        ...model.links.keys(),
      ];
      this.#check(
        found.sort().join() === expected.sort().join(),
        `names: ${found.join()} instead of ${expected.join()}`,
      );
      for (const [path, file] of model.files) {
        const { size, mode } = fs.lstatSync(path);
        this.#check(size === file.bytes.length && (mode & 0o7777) === file.mode, `size or mode of ${path}`);
        this.#check(Buffer.compare(fs.readFileSync(path), file.bytes) === 0, `content of ${path}`);
      }
      for (const [path, target] of model.links) this.#check(fs.readlinkSync(path) === target, `target of ${path}`);
      for (const { fd, file } of open) {
        const out = new Uint8Array(file.bytes.length);
        this.#check(fs.readSync(fd, out, 0, out.length, 0) === out.length, 'length of an open file');
        this.#check(Buffer.compare(out, file.bytes) === 0, 'content of an open file');
      }
      const bytes = [...new Set(model.files.values()), ...open.map(({ file }) => file)];
      const sum = [...new Set(bytes)].reduce((all, file) => all + file.bytes.length, 0);
      this.#check(fs.frozen || fs.stats().bytes === sum, 'sum of sizes');
    }
  }

  /** What two of them differ in must be what their models do. */
  checkDiff(): void {
    const [one, other] = [this.#random.pick(this.pairs), this.#random.pick(this.pairs)];
    const differences = new Map(one.fs.diff(other.fs).map((each) => [`${each.path} ${each.what}`, each]));
    for (const [path, file] of one.model.files) {
      const there = other.model.files.get(path);
      if (there) this.#checkRanges(path, file, there, differences.get(`${path} changed`)?.ranges ?? []);
      else if (!other.model.has(path)) this.#check(differences.has(`${path} removed`), `${path} was removed`);
    }
    for (const path of other.model.files.keys()) {
      if (!one.model.has(path)) this.#check(differences.has(`${path} added`), `${path} was added`);
    }
    for (const path of [...differences.keys()].map((key) => key.split(' ')[0])) {
      this.#check(path === '/' || one.model.has(path) || other.model.has(path), `${path} is in neither`);
    }
  }

  #checkRanges(path: string, a: ModelFile, b: ModelFile, ranges: readonly { offset: number; length: number }[]): void {
    const length = Math.max(a.bytes.length, b.bytes.length);
    for (let page = 0; page * 4096 < length; page++) {
      const [from, to] = [page * 4096, Math.min((page + 1) * 4096, length)];
      const [x, y] = [a.bytes.subarray(from, to), b.bytes.subarray(from, to)];
      const listed = ranges.some(({ offset, length: bytes }) => offset < to && offset + bytes > from);
      this.#check(
        listed === (Buffer.compare(x, y) !== 0),
        `page ${page} of ${path} ${listed ? 'is' : 'is not'} listed`,
      );
    }
  }

  /**
   * Saves all of them to one file, and goes on with what is loaded from it. What they share, and what each takes, must be
   * the same, but for files that were open without a name, which are not saved.
   */
  async reload(): Promise<void> {
    const sink = new MemorySink();
    const list = this.pairs.map(({ fs }) => fs);
    await PageFs.saveAll(sink, list, { comment: 'a forest' });
    const { fileSystems, comment } = await PageFs.loadAll(sink.bytes, { engine: this.#engine, ...this.#loadOptions });
    this.#check(comment === 'a forest' && [...fileSystems.keys()].join() === [...list.keys()].join(), 'what was saved');
    const nameless = this.pairs.some(
      ({ fs, open }) => fs.frozen || open.some(({ fd }) => fs.fstatSync(fd).nlink === 0),
    );
    const loaded = [...fileSystems.values()];
    for (const [n, pair] of this.pairs.entries()) {
      this.#check(loaded[n].frozen === pair.fs.frozen, 'a snapshot, or none');
      if (!nameless) this.#checkSame(pair.fs.stats(), loaded[n].stats());
    }
    for (const pair of this.pairs) pair.fs.destroy();
    this.pairs.forEach(({ model }, n) => (this.pairs[n] = { fs: loaded[n], model, open: [] }));
    this.check();
  }

  #checkSame(stats: FileSystemStats, loaded: FileSystemStats): void {
    const [one, other] = [stats, loaded].map((each) => JSON.stringify(each));
    this.#check(one === other, `${one} became ${other}`);
  }

  /** Removes all files of all, then the file systems, in any order. */
  end(): void {
    while (this.pairs.length > 0) {
      const [{ fs, open }] = this.pairs.splice(this.#random.below(this.pairs.length), 1);
      for (const { fd } of open) fs.closeSync(fd);
      if (!fs.frozen) {
        for (const name of fs.readdirSync('/')) fs.rmSync(`/${name}`, { recursive: true });
        const { files, directories, links, bytes, metadataBytes, ...held } = fs.stats();
        this.#check(files === 0 && directories === 1 && links === 0 && bytes === 0, 'something is left');
        // Without memory, pages among those of other forks stay until there is some.
        if (this.pairs.length === 0 || !this.#full)
          this.#check(held.privateBytes + held.sharedBytes === 0, 'pages are left');
        this.#check(metadataBytes < 1000, `metadata is left: ${metadataBytes}`);
      }
      fs.destroy();
    }
  }
}
