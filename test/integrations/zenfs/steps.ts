/** Calls that ZenFS's fs and Node's have both, as steps of a sequence below a root. */
import type * as nodeFs from 'node:fs';
import fc from 'fast-check';

export type Fs = typeof nodeFs;
export type Step = [name: string, call: (fs: Fs, root: string) => unknown];

const name = fc.constantFrom('a', 'b', 'ü');
const place = fc.oneof(
  name.map((n) => `/${n}`),
  fc.tuple(fc.constantFrom('/d', '/e', '/d/g'), name).map(([d, n]) => `${d}/${n}`),
  fc.constantFrom('/d', '/e', '/d/g'),
);
const bytes = fc.oneof(
  fc.uint8Array({ minLength: 1, maxLength: 30 }),
  fc
    .tuple(fc.integer({ min: 4000, max: 20_000 }), fc.nat(255))
    .map(([length, byte]) => new Uint8Array(length).fill(byte)),
);
const time = fc.integer({ min: 0, max: 4e9 });

/** Of what `stat` says, what both have. */
function statOf(stats: nodeFs.Stats): unknown {
  const { mode, nlink, size } = stats;
  const type = mode & 0o170000;
  const isDirectory = stats.isDirectory();
  return isDirectory ? { type } : { type, nlink, size, mode: stats.isSymbolicLink() ? 0 : mode };
}

export const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(place, bytes).map(([p, b]): Step => [`writeFile ${p}`, (fs, r) => fs.writeFileSync(r + p, b)]),
  fc.tuple(place, bytes).map(([p, b]): Step => [`appendFile ${p}`, (fs, r) => fs.appendFileSync(r + p, b)]),
  place.map((p): Step => [`readFile ${p}`, (fs, r) => Array.from(fs.readFileSync(r + p))]),
  place.map((p): Step => [`mkdir ${p}`, (fs, r) => fs.mkdirSync(r + p)]),
  place.map((p): Step => [`mkdir -p ${p}`, (fs, r) => void fs.mkdirSync(r + p, { recursive: true })]),
  place.map((p): Step => [`rmdir ${p}`, (fs, r) => fs.rmdirSync(r + p)]),
  place.map((p): Step => [`unlink ${p}`, (fs, r) => fs.unlinkSync(r + p)]),
  fc.tuple(place, place).map(([a, b]): Step => [`rename ${a} ${b}`, (fs, r) => fs.renameSync(r + a, r + b)]),
  fc.tuple(place, place).map(([a, b]): Step => [`link ${a} ${b}`, (fs, r) => fs.linkSync(r + a, r + b)]),
  place.map((p): Step => [`readlink ${p}`, (fs, r) => fs.readlinkSync(r + p)]),
  fc.oneof(place, fc.constant('/')).map((p): Step => [`readdir ${p}`, (fs, r) => fs.readdirSync(r + p).sort()]),
  place.map((p): Step => [`exists ${p}`, (fs, r) => fs.existsSync(r + p)]),
  place.map((p): Step => [`stat ${p}`, (fs, r) => statOf(fs.statSync(r + p))]),
  place.map((p): Step => [`lstat ${p}`, (fs, r) => statOf(fs.lstatSync(r + p))]),
  fc.tuple(place, fc.nat(0o777)).map(([p, m]): Step => [`chmod ${p}`, (fs, r) => fs.chmodSync(r + p, m | 0o600)]),
  fc.tuple(place, fc.nat(30_000)).map(([p, n]): Step => [`truncate ${p} ${n}`, (fs, r) => fs.truncateSync(r + p, n)]),
  fc.tuple(place, time).map(([p, t]): Step => [
    `utimes ${p}`,
    (fs, r) => {
      fs.utimesSync(r + p, t, t);
      return fs.statSync(r + p).mtimeMs;
    },
  ]),
  fc
    .tuple(place, fc.constantFrom('r', 'r+', 'w', 'a', 'wx', 'w+'), fc.nat(10_000), bytes)
    .map(([p, flags, position, b]): Step => [
      `open ${flags} ${p} at ${position}`,
      (fs, r) => {
        const fd = fs.openSync(r + p, flags);
        try {
          const written = flags === 'r' ? 0 : fs.writeSync(fd, b, 0, b.length, flags === 'a' ? null : position);
          const out = new Uint8Array(100);
          const read = flags === 'r' || flags.endsWith('+') ? fs.readSync(fd, out, 0, 100, position >> 1) : 0;
          return [written, read, Array.from(out)];
        } finally {
          fs.closeSync(fd);
        }
      },
    ]),
);

/** What a call returns, or the code of what it throws. */
export function resultOf(call: () => unknown): unknown {
  try {
    return call();
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === undefined) return 'THROWN';
    return code;
  }
}
