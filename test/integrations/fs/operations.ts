/**
 * Calls drawn by fast-check, each of which runs on Node's `fs` and on a PageFs with the same arguments. Both have the same
 * folder at the same path, so results and errors must be equal to the letter.
 */
import type * as NodeFs from 'node:fs';
import fc from 'fast-check';
import type { PageFs } from '../../../integrations/fs.js';

/** What both are taken for. */
export type Fs = Pick<typeof NodeFs, keyof PageFs & keyof typeof NodeFs>;

/** A file system and its open files. */
export interface Side {
  readonly fs: Fs;
  /** Descriptors, in the order of opening: the numbers differ. */
  readonly fds: (number | undefined)[];
}

/** A call, with all arguments but the descriptor. */
export interface Operation {
  readonly text: string;
  run(side: Side): unknown;
}

const NAMES = ['a', 'b', 'c', 'dd', 'é', 'link'];
/** Permissions are enforced by Linux for all but the superuser. */
const isRoot = process.getuid?.() === 0;

function seconds(time: number): number | undefined {
  return time < 1e12 ? time : undefined; // set by utimes, and not the time of a call
}

/** What is to be equal: not the numbers of devices and inodes, nor times of calls, nor that of access, which here stays. */
export function statOf(stats: NodeFs.Stats): unknown {
  const { mode, nlink, uid, gid, mtimeMs } = stats;
  return {
    ...{ mode, nlink, uid, gid, size: stats.isDirectory() ? 0 : stats.size },
    mtime: seconds(mtimeMs),
    kind: [stats.isFile(), stats.isDirectory(), stats.isSymbolicLink()],
  };
}

const CONTENTS = Array.from({ length: 22 }, (_, seed) => {
  const bytes = new Uint8Array(70_000);
  for (let n = 0; n < bytes.length; n++)
    bytes[n] = seed % 3 === 0 ? seed : Math.imul((seed + 1) * (n + 7), 2654435761) >>> 11;
  return bytes;
});

function bytesOf(seed: number, length: number): Uint8Array {
  return CONTENTS[seed].subarray(0, length);
}

const SIZES = [0, 1, 5, 100, 4095, 4096, 4097, 8192, 10_000, 20_480, 70_000];
const FLAGS = ['r', 'r+', 'w', 'wx', 'w+', 'wx+', 'a', 'ax', 'a+', 'ax+', 'rs', 'as+'];
const NUMBERS = [0, 1, 2, 0o100, 0o101, 0o102, 0o301, 0o1000, 0o1002, 0o2002, 0o200000, 0o400000, 0o400100, 0o200102];

const size = fc.oneof(fc.constantFrom(...SIZES), fc.nat(30_000));
const mode = fc.nat(0o7777).map((bits) => (isRoot ? bits : bits | 0o700));
const time = fc.oneof(fc.nat(900_000_000), fc.constantFrom(1.5, 0, 123456789.25));
const which = fc.nat(5);
const seed = fc.nat(20);
const place = fc.oneof(fc.constant(null), size);

/** Paths below the folder, mostly short, so that calls meet; with dots, slashes and names that are too long. */
export function pathsIn(folder: string): fc.Arbitrary<string> {
  const name = fc.oneof(
    { weight: 60, arbitrary: fc.constantFrom(...NAMES) },
    { weight: 4, arbitrary: fc.constantFrom('.', '..', '') },
    { weight: 1, arbitrary: fc.constantFrom('n'.repeat(255), 'n'.repeat(256), 'é'.repeat(128), '\ud800x', '😀') },
  );
  const tail = fc.oneof(
    { weight: 12, arbitrary: fc.constant('') },
    { weight: 1, arbitrary: fc.constantFrom('/', '//', '/.') },
  );
  return fc
    .tuple(fc.array(name, { minLength: 0, maxLength: 3 }), tail)
    .map(([names, end]) => [folder, ...names].join('/') + end);
}

const fdOf = (side: Side, n: number): number => {
  const { fds } = side;
  return fds.length === 0 ? 987_654 : (fds[n % fds.length] ?? 987_654);
};

function operation<T extends unknown[]>(
  name: string,
  args: { [K in keyof T]: fc.Arbitrary<T[K]> },
  run: (side: Side, ...args: T) => unknown,
): fc.Arbitrary<Operation> {
  return fc.tuple<T>(...args).map((values) => ({
    text: `${name}(${values.map((value) => JSON.stringify(value)).join(', ')})`,
    run: (side) => run(side, ...values),
  }));
}

function fileOperations(path: fc.Arbitrary<string>): fc.Arbitrary<Operation>[] {
  return [
    operation('open', [path, fc.constantFrom(...FLAGS, ...NUMBERS), mode], ({ fs, fds }, p, flags, bits) => {
      const fd = fs.openSync(p, flags, bits);
      fds.push(fd);
      return typeof fd;
    }),
    operation('close', [which], (side, n) => {
      const fd = fdOf(side, n);
      side.fs.closeSync(fd);
      side.fds[side.fds.indexOf(fd)] = undefined;
    }),
    operation('read', [which, size, place], (side, n, length, at) => {
      const out = Buffer.alloc(length + 3, 0xaa);
      const read = side.fs.readSync(fdOf(side, n), out, 2, length, at);
      return [read, out.toString('base64')];
    }),
    operation('write', [which, seed, size, place], (side, n, s, length, at) =>
      side.fs.writeSync(fdOf(side, n), bytesOf(s, length), 0, length, at),
    ),
    operation('write text', [which, fc.constantFrom('', 'x', 'äöü', 'ab'.repeat(3000)), place], (side, n, text, at) =>
      side.fs.writeSync(fdOf(side, n), text, at),
    ),
    operation('writev', [which, seed, size, place], (side, n, s, length, at) =>
      side.fs.writevSync(fdOf(side, n), [bytesOf(s, length), bytesOf(s + 1, 10)], at ?? undefined),
    ),
    operation('readv', [which, size, place], (side, n, length, at) => {
      const out = [Buffer.alloc(length), Buffer.alloc(5000)];
      return [side.fs.readvSync(fdOf(side, n), out, at ?? undefined), Buffer.concat(out).toString('base64')];
    }),
    operation('ftruncate', [which, size], (side, n, length) => side.fs.ftruncateSync(fdOf(side, n), length)),
    operation('fstat', [which], (side, n) => statOf(side.fs.fstatSync(fdOf(side, n)))),
    operation('fchmod', [which, mode], (side, n, bits) => side.fs.fchmodSync(fdOf(side, n), bits)),
    operation('futimes', [which, time, time], (side, n, a, m) => side.fs.futimesSync(fdOf(side, n), a, m)),
    operation('fsync', [which], (side, n) => side.fs.fsyncSync(fdOf(side, n))),
    operation('readFile of fd', [which], (side, n) => side.fs.readFileSync(fdOf(side, n), 'base64')),
    operation('appendFile to fd', [which, seed, size], (side, n, s, length) =>
      side.fs.appendFileSync(fdOf(side, n), bytesOf(s, length)),
    ),
  ];
}

function contentOperations(path: fc.Arbitrary<string>): fc.Arbitrary<Operation>[] {
  return [
    operation('readFile', [path], ({ fs }, p) => fs.readFileSync(p, 'base64')),
    operation('writeFile', [path, seed, size], ({ fs }, p, s, length) => fs.writeFileSync(p, bytesOf(s, length))),
    operation('writeFile with flags', [path, seed, size, fc.constantFrom('a', 'r+', 'wx'), mode], ({ fs }, ...all) => {
      const [p, s, length, flag, bits] = all;
      fs.writeFileSync(p, bytesOf(s, length), { flag, mode: bits });
    }),
    operation('appendFile', [path, seed, size], ({ fs }, p, s, length) => fs.appendFileSync(p, bytesOf(s, length))),
    operation('truncate', [path, size], ({ fs }, p, length) => fs.truncateSync(p, length)),
    operation('copyFile', [path, path, fc.constantFrom(0, 1)], ({ fs }, p, q, how) => fs.copyFileSync(p, q, how)),
  ];
}

function leadsThroughLink(fs: Fs, path: string): boolean {
  const names = path.split('/').filter((name) => name !== '' && name !== '.');
  const parent = `/${names.slice(0, -1).join('/')}`;
  try {
    return fs.realpathSync(parent) !== parent;
  } catch {
    return false;
  }
}

function nameOperations(path: fc.Arbitrary<string>): fc.Arbitrary<Operation>[] {
  // Node joins the paths of what it goes through as texts, in which `link/..` is where the link is, and not where it leads.
  const through = path.filter((each) => !each.includes('..'));
  const relative = fc.constantFrom('a', '../a', 'b/c', '.', '..', './link', 'dd/', 'missing', 'n'.repeat(4096), '');
  return [
    operation('mkdir', [path, mode], ({ fs }, p, bits) => fs.mkdirSync(p, bits)),
    operation('mkdir -p', [path], ({ fs }, p) => fs.mkdirSync(p, { recursive: true })),
    operation('rmdir', [path], ({ fs }, p) => fs.rmdirSync(p)),
    // Node stops at the first name that it cannot reach any more, if the path leads through what is removed.
    operation('rm', [through, fc.boolean(), fc.boolean()], ({ fs }, p, recursive, force) =>
      recursive && leadsThroughLink(fs, p) ? 'not compared' : fs.rmSync(p, { recursive, force }),
    ),
    operation('unlink', [path], ({ fs }, p) => fs.unlinkSync(p)),
    operation('rename', [path, path], ({ fs }, p, q) => fs.renameSync(p, q)),
    operation('link', [path, path], ({ fs }, p, q) => fs.linkSync(p, q)),
    operation('symlink', [fc.oneof(path, relative, relative), path], ({ fs }, to, p) => fs.symlinkSync(to, p)),
    operation('readlink', [path], ({ fs }, p) => fs.readlinkSync(p)),
    operation('realpath', [path], ({ fs }, p) => fs.realpathSync(p)),
    operation('readdir', [path], ({ fs }, p) => fs.readdirSync(p)),
    operation('readdir -r', [through], ({ fs }, p) => {
      // Node follows links to directories here, round and round, but not with types.
      const links = fs.readdirSync(p, { recursive: true, withFileTypes: true }).some((one) => one.isSymbolicLink());
      return links || fs.readdirSync(p, { recursive: true });
    }),
    operation('readdir, types', [through, fc.boolean()], ({ fs }, p, recursive) =>
      fs
        .readdirSync(p, { withFileTypes: true, recursive })
        .map((one) => [one.name, one.parentPath, one.isFile(), one.isDirectory(), one.isSymbolicLink()]),
    ),
  ];
}

function inodeOperations(path: fc.Arbitrary<string>): fc.Arbitrary<Operation>[] {
  return [
    operation('stat', [path], ({ fs }, p) => statOf(fs.statSync(p))),
    operation('stat, missing', [path], ({ fs }, p) => {
      const found = fs.statSync(p, { throwIfNoEntry: false });
      return found && statOf(found);
    }),
    operation('lstat', [path], ({ fs }, p) => statOf(fs.lstatSync(p))),
    operation('exists', [path], ({ fs }, p) => fs.existsSync(p)),
    operation('access', [path, fc.nat(7)], ({ fs }, p, how) => fs.accessSync(p, how)),
    operation('chmod', [path, mode], ({ fs }, p, bits) => fs.chmodSync(p, bits)),
    operation(
      'chown',
      [path, fc.integer({ min: -1, max: 9 }), fc.integer({ min: -1, max: 9 })],
      ({ fs }, p, uid, gid) => {
        if (isRoot) fs.chownSync(p, uid, gid);
      },
    ),
    operation('lchown', [path, fc.nat(9)], ({ fs }, p, id) => {
      if (isRoot) fs.lchownSync(p, id, id);
    }),
    operation('utimes', [path, time, time], ({ fs }, p, a, m) => fs.utimesSync(p, a, m)),
    operation('lutimes', [path, time, time], ({ fs }, p, a, m) => fs.lutimesSync(p, a, m)),
  ];
}

/** All calls, those with more effect more often. */
export function operationsIn(folder: string): fc.Arbitrary<Operation> {
  const path = pathsIn(folder);
  return fc.oneof(
    { weight: 3, arbitrary: fc.oneof(...fileOperations(path)) },
    { weight: 2, arbitrary: fc.oneof(...contentOperations(path)) },
    { weight: 3, arbitrary: fc.oneof(...nameOperations(path)) },
    { weight: 1, arbitrary: fc.oneof(...inodeOperations(path)) },
  );
}

/** What a call gave: its value, or its error as Node describes it. */
export function outcomeOf(side: Side, { text, run }: Operation): unknown {
  try {
    return { value: run(side) };
  } catch (error) {
    const { message, code, errno, syscall, path, dest } = error as NodeJS.ErrnoException & { dest?: string };
    if (code === undefined) throw error;
    if (text.startsWith('rm(')) return { code }; // which of its calls fails differs between versions of Node
    return { message, code, errno, syscall, path, dest };
  }
}

/** Everything below a folder, without changing it. */
export function contentsOf(fs: Fs, folder: string): unknown[] {
  const found: unknown[] = [];
  const queue = [folder];
  for (const path of queue) {
    for (const name of fs.readdirSync(path)) {
      const each = `${path}/${name}`;
      const stats = fs.lstatSync(each);
      if (stats.isDirectory()) queue.push(each);
      const content = stats.isFile()
        ? fs.readFileSync(each, 'base64')
        : stats.isSymbolicLink()
          ? fs.readlinkSync(each)
          : '';
      found.push([each, statOf(stats), content]);
    }
  }
  return found;
}
