/** The calls of just-bash's IFileSystem, one by one: results and words of errors as its InMemoryFs has them. */
import { afterAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { Bash, InMemoryFs, MountableFs, type IFileSystem } from 'just-bash';
import { Engine } from '../../../bindings/index.js';
import { PageFs } from '../../../integrations/fs.js';
import { PageFsFileSystem } from '../../../integrations/just-bash.js';
import { seedOfRun } from '../../support/random.js';

const RUNS = process.env.ZRAM_WASM_LONG === '1' ? 20_000 : 150;
const seed = seedOfRun();
const engine = await Engine.create();
afterAll(() => engine.destroy());

const TIME = new Date('2024-05-06T07:08:09.123Z');

/** What a call gives, or the message of what it throws. */
async function said(call: () => Promise<unknown>): Promise<unknown> {
  try {
    return await call();
  } catch (error) {
    return `threw ${(error as Error).message}`;
  }
}

/** Without what differs by design: times of now, identities. */
async function stat(fs: IFileSystem, path: string, call: 'stat' | 'lstat'): Promise<unknown> {
  const { isFile, isDirectory, isSymbolicLink, mode, size, identity } = await fs[call](path);
  expect(identity === undefined || typeof identity === 'string').toBe(true);
  return { isFile, isDirectory, isSymbolicLink, mode, size };
}

type Step = [name: string, call: (fs: IFileSystem) => Promise<unknown>];

const dir = fc.constantFrom('/', '/d', '/d/e', '/g', '/missing/deep');
const file = fc.constantFrom('/a', '/b', '/d/a', '/d/e/c', '/g/ü', 'relative', '/d/../a', '/d/./e//c', '/nul\0x');
const any = fc.oneof(dir, file);
const content = fc.oneof(fc.string({ maxLength: 20 }), fc.uint8Array({ maxLength: 9000 }));
const encoding = fc.constantFrom('utf8', 'binary', 'latin1', 'ascii', undefined);

const step: fc.Arbitrary<Step> = fc.oneof(
  fc.tuple(file, content, encoding).map(([p, c, e]): Step => [`writeFile ${p}`, (fs) => fs.writeFile(p, c, e)]),
  fc.tuple(file, content).map(([p, c]): Step => [`appendFile ${p}`, (fs) => fs.appendFile(p, c)]),
  fc.tuple(any, encoding).map(([p, e]): Step => [`readFile ${p}`, (fs) => fs.readFile(p, e)]),
  any.map((p): Step => [`readFileBytes ${p}`, (fs) => fs.readFileBytes!(p)]),
  any.map((p): Step => [`readFileBuffer ${p}`, async (fs) => Array.from(await fs.readFileBuffer(p))]),
  any.map((p): Step => [`exists ${p}`, (fs) => fs.exists(p)]),
  any.map((p): Step => [`stat ${p}`, (fs) => stat(fs, p, 'stat')]),
  any.map((p): Step => [`lstat ${p}`, (fs) => stat(fs, p, 'lstat')]),
  fc.tuple(dir, fc.boolean()).map(([p, recursive]): Step => [`mkdir ${p}`, (fs) => fs.mkdir(p, { recursive })]),
  any.map((p): Step => [`readdir ${p}`, (fs) => fs.readdir(p)]),
  any.map((p): Step => [`readdirWithFileTypes ${p}`, (fs) => fs.readdirWithFileTypes!(p)]),
  fc
    .tuple(any, fc.boolean(), fc.boolean())
    .filter(([p]) => p !== '/')
    .map(([p, recursive, force]): Step => [`rm ${p}`, (fs) => fs.rm(p, { recursive, force })]),
  fc.tuple(file, file).map(([a, b]): Step => [`cp ${a} ${b}`, (fs) => fs.cp(a, b)]),
  fc.tuple(dir, dir).map(([a, b]): Step => [`cp -r ${a} ${b}`, (fs) => fs.cp(a, b, { recursive: true })]),
  dir.map((p): Step => [`cp ${p}`, (fs) => fs.cp(p, '/copy')]),
  fc.tuple(file, file).map(([a, b]): Step => [`mv ${a} ${b}`, (fs) => fs.mv(a, b)]),
  fc.tuple(any, fc.integer({ min: 0, max: 0o777 })).map(([p, m]): Step => [`chmod ${p}`, (fs) => fs.chmod(p, m)]),
  any.map((p): Step => [
    `utimes ${p}`,
    async (fs) => {
      await fs.utimes(p, TIME, TIME);
      return (await fs.stat(p)).mtime;
    },
  ]),
  any.map((p): Step => [`readlink ${p}`, (fs) => fs.readlink(p)]),
  any.map((p): Step => [`realpath ${p}`, (fs) => fs.realpath(p)]),
  fc.constant<Step>(['getAllPaths', (fs) => Promise.resolve(fs.getAllPaths().sort())]),
  fc.tuple(any, any).map(([a, b]): Step => [`resolvePath`, (fs) => Promise.resolve(fs.resolvePath(a, b))]),
);

test(`sequences of calls, seed ${seed}`, async () => {
  const property = fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
    using fs = PageFs.createSync({ engine });
    const [ours, theirs] = [new PageFsFileSystem(fs), new InMemoryFs()];
    for (const [name, call] of steps) {
      const expected = await said(() => call(theirs));
      expect([name, await said(() => call(ours))]).toEqual([name, expected]);
    }
  });
  await fc.assert(property, { numRuns: RUNS, seed: seed | 0 });
}, 600_000);

describe('links', () => {
  test('errors are worded as theirs', async () => {
    using fs = PageFs.createSync({ engine });
    const each: IFileSystem[] = [new PageFsFileSystem(fs), new InMemoryFs()];
    const seen: unknown[][] = [];
    for (const one of each) {
      await one.writeFile('/d/f', 'content');
      await one.symlink('loop', '/loop');
      await one.symlink('d', '/l');
      await one.symlink('/nowhere', '/dangling');
      seen.push([
        await said(() => one.readFile('/loop')),
        await said(() => one.realpath('/dangling')),
        await said(() => one.stat('/dangling')),
        await said(() => one.readdir('/dangling')),
        await said(() => one.readdir('/d/f')),
        await said(() => one.readFile('/d/f/x')),
        await said(() => one.symlink('x', '/l')),
        await said(() => one.link('/none', '/new')),
        await said(() => one.link('/d', '/new')),
        await said(() => one.link('/d/f', '/l')),
        await said(() => one.readlink('/d/f')),
        await said(() => one.cp('/d', '/d/e', { recursive: true })),
        await said(() => one.mv('/d', '/d/e')),
        await said(() => stat(one, '/l', 'lstat')),
        await said(() => stat(one, '/l', 'stat')),
        await said(() => one.readdir('/l')),
        await said(() => one.readFile('/l/f')),
        await said(() => one.realpath('/l/f')),
        await said(() => one.readlink('/l')),
        await said(() => one.exists('/dangling')),
        await said(() => one.exists('/loop')),
      ]);
    }
    expect(seen[0]).toEqual(seen[1]);
  });

  test('a directory does not get into itself by way of a link', async () => {
    using fs = PageFs.createSync({ engine });
    const ours = new PageFsFileSystem(fs);
    await ours.mkdir('/d/e', { recursive: true });
    await ours.symlink('/d/e', '/l');
    for (const call of ['cp', 'mv'] as const) {
      expect(await said(() => ours[call]('/d', '/l/new/deep', { recursive: true }))).toMatch(/^threw EINVAL: cannot /);
    }
    expect(fs.readdirSync('/d/e')).toEqual([]);
  });

  test('hard links are one file, which mounts tell apart', async () => {
    using fs = PageFs.createSync({ engine });
    using other = PageFs.createSync({ engine });
    const mounted = new MountableFs({ base: new PageFsFileSystem(fs) });
    mounted.mount('/other', new PageFsFileSystem(other));
    const shell = new Bash({ fs: mounted, cwd: '/', defenseInDepth: false });
    fs.writeFileSync('/a', 'one\n');
    other.writeFileSync('/b', 'two\n');
    const { stdout, stderr } = await shell.exec('ln a l; echo more >> l; cat a; cp a l; cp a /other/b; cat /other/b');
    expect(stderr).toBe("cp: 'a' and '/l' are the same file\n");
    expect(stdout).toBe('one\nmore\none\nmore\n');
    expect(fs.statSync('/a').nlink).toBe(2);
  });
});
