/** Tars to and from others: GNU tar in each of its formats, Python's tarfile, and directories of the disk. */
import { execFileSync, spawnSync } from 'node:child_process';
import * as nodeFs from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Engine } from '../../../bindings/index.js';
import { PageFs } from '../../../integrations/fs.js';
import { sampleTar, tar, file, header } from './tars.js';
import { treeOf, type TreeEntry } from './trees.js';

const engine = await Engine.create();
const folder = nodeFs.mkdtempSync(path.join(nodeFs.realpathSync(tmpdir()), 'tars-'));
const source = path.join(folder, 'source');
const has = (command: string): boolean => spawnSync(command, ['--version']).status === 0;
const isGnu = process.platform === 'linux' && has('tar');
const LONG = 'name'.repeat(22);

afterAll(() => {
  nodeFs.rmSync(folder, { recursive: true, force: true });
  engine.destroy();
});

/** A tree with what tars have trouble with, of which v7 and ustar can hold part. */
beforeAll(() => {
  const at = (name: string): string => path.join(source, name);
  nodeFs.mkdirSync(at('d/empty'), { recursive: true });
  nodeFs.writeFileSync(at('a'), 'hello');
  nodeFs.writeFileSync(at('none'), '');
  nodeFs.writeFileSync(at('d/large'), Buffer.alloc(300_000, 'abc'));
  nodeFs.writeFileSync(at('d/ü — 名'), 'unicode');
  nodeFs.linkSync(at('a'), at('b'));
  nodeFs.linkSync(at('a'), at('d/hard'));
  nodeFs.symlinkSync('../a', at('d/soft'));
  nodeFs.symlinkSync('nowhere', at('dangling'));
  nodeFs.chmodSync(at('none'), 0o4751);
  const sparse = nodeFs.openSync(at('sparse'), 'w');
  for (let n = 1; n < 40; n++) nodeFs.writeSync(sparse, `piece ${n}`, n * 100_000);
  nodeFs.ftruncateSync(sparse, 5_000_000);
  nodeFs.closeSync(sparse);
  nodeFs.mkdirSync(at(`long/${LONG}/${LONG}/${LONG}`), { recursive: true });
  nodeFs.writeFileSync(at(`long/${LONG}/${LONG}/${LONG}/deep`), 'deep');
  nodeFs.symlinkSync(`${LONG}/${LONG}/${LONG}/deep`, at('long/link'));
  nodeFs.linkSync(at(`long/${LONG}/${LONG}/${LONG}/deep`), at('long/second'));
  nodeFs.utimesSync(at('a'), 1_600_000_000.25, 1_600_000_000.125);
});

async function bytesOf(fs: PageFs): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of fs.export()) pieces.push(piece);
  return Buffer.concat(pieces);
}

const modes = (fs: Pick<typeof nodeFs, 'lstatSync'> | PageFs, root: string): unknown =>
  ['a', 'none', 'd', 'd/large'].map((name) => {
    const { mode, mtimeMs } = fs.lstatSync(`${root}/${name}`);
    return [mode, Math.floor(mtimeMs / 1000)];
  });

describe('from a tar', () => {
  const formats = ['gnu', 'oldgnu', 'pax', 'gnu --sparse', 'pax --sparse'];
  const versions = ['pax --sparse --sparse-version=0.0', 'pax --sparse --sparse-version=0.1'];
  (isGnu ? test.each : test.skip.each)([...formats, ...versions])('of GNU tar, --format=%s', async (format) => {
    const bytes = execFileSync(
      'tar',
      ['-C', source, `--format=${format.split(' ')[0]}`, ...format.split(' ').slice(1), '-c', '.'],
      {
        maxBuffer: 1 << 28,
      },
    );
    using fs = PageFs.createSync({ engine });
    await fs.import(Readable.from([bytes.subarray(0, 1000), bytes.subarray(1000)]));
    expect(treeOf(fs, '/')).toEqual(treeOf(nodeFs, source));
    expect(modes(fs, '')).toEqual(modes(nodeFs, source));
  });

  (isGnu ? test.each : test.skip.each)(['v7', 'ustar'])(
    'of GNU tar, --format=%s, without long names',
    async (format) => {
      const bytes = execFileSync('tar', ['-C', source, `--format=${format}`, '--exclude=./long', '-c', '.'], {
        maxBuffer: 1 << 28,
      });
      using fs = PageFs.createSync({ engine });
      await fs.import(bytes);
      const contents = (entries: TreeEntry[]): unknown =>
        entries.map(({ path: name, type, content }) => [name, type, content]);
      const short = treeOf(nodeFs, source).filter((entry) => !entry.path.startsWith('/long'));
      expect(contents(treeOf(fs, '/'))).toEqual(contents(short));
    },
  );

  test('into a directory, without leading parts, in pieces of a byte', async () => {
    using fs = PageFs.createSync({ engine });
    fs.mkdirSync('/into/kept', { recursive: true });
    const bytes = tar(file('top/a'), header({ name: 'top/b', type: '1', link: 'top/a' }), file('skipped'));
    await fs.import(
      Array.from(bytes, (byte) => Uint8Array.of(byte)),
      { into: '/into', strip: 1 },
    );
    expect(fs.readdirSync('/into').sort()).toEqual(['a', 'b', 'kept']);
    expect(fs.statSync('/into/a').nlink).toBe(2);
  });

  test('of a whole system: links as they are, if that is said', async () => {
    using fs = PageFs.createSync({ engine });
    await fs.import(tar(file('bin/busybox'), header({ name: 'bin/sh', type: '2', link: '/bin/busybox' })), {
      outsideLinks: true,
    });
    expect(fs.readFileSync('/bin/sh', 'utf8')).toBe('content');
  });

  test('while others write: both are there', async () => {
    using fs = PageFs.createSync({ engine });
    const whole = sampleTar();
    async function* slowly(): AsyncGenerator<Uint8Array> {
      for (let at = 0; at < whole.length; at += 4096) {
        fs.writeFileSync(`/meanwhile-${at}`, String(at));
        yield whole.subarray(at, at + 4096);
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    using other = PageFs.createSync({ engine });
    await other.import(whole);
    await Promise.all([fs.import(slowly(), { into: '/one' }), fs.import(slowly(), { into: '/two' })]);
    expect(treeOf(fs, '/one')).toEqual(treeOf(other, '/'));
    expect(treeOf(fs, '/two')).toEqual(treeOf(other, '/'));
    expect(fs.readFileSync('/meanwhile-4096', 'utf8')).toBe('4096');
    // Open files stay open, and unlinked ones have their content.
    const fd = fs.openSync('/meanwhile-0', 'r+');
    fs.unlinkSync('/meanwhile-0');
    await fs.import(whole, { into: '/three' });
    expect(fs.readFileSync(fd, 'utf8')).toBe('0');
    fs.closeSync(fd);
    await expect(fs.import(whole, { into: '/three' })).rejects.toMatchObject({ code: 'EEXIST' });
  });
});

describe('to a tar', () => {
  test('and back: the same, byte for byte', async () => {
    using fs = PageFs.createSync({ engine });
    await fs.import(source);
    expect(treeOf(fs, '/')).toEqual(treeOf(nodeFs, source));
    const bytes = await bytesOf(fs);
    using again = PageFs.createSync({ engine });
    await again.import(bytes);
    expect(Buffer.compare(await bytesOf(again), bytes)).toBe(0);
    expect(bytes.length).toBeLessThan(600_000); // of 5.3 MB with holes
  });

  (isGnu ? test : test.skip)('that GNU tar unpacks', async () => {
    using fs = PageFs.createSync({ engine });
    await fs.import(source);
    const out = nodeFs.mkdtempSync(path.join(folder, 'gnu-'));
    execFileSync('tar', ['-C', out, '-xpf', '-'], { input: await bytesOf(fs) });
    expect(treeOf(nodeFs, out)).toEqual(treeOf(nodeFs, source));
    expect(modes(nodeFs, out)).toEqual(modes(nodeFs, source));
  });

  (has('python3') ? test : test.skip)("that Python's tarfile reads", async () => {
    using fs = PageFs.createSync({ engine });
    await fs.import(source);
    const script = [
      'import hashlib, json, sys, tarfile, io',
      't = tarfile.open(fileobj=io.BytesIO(sys.stdin.buffer.read()))',
      'print(json.dumps([[m.name, m.size, hashlib.sha1(t.extractfile(m).read()).hexdigest()] for m in t if m.isreg()]))',
    ].join('\n');
    const found = JSON.parse(
      execFileSync('python3', ['-c', script], { input: await bytesOf(fs), encoding: 'utf8' }),
    ) as [string, number][];
    const names = Object.fromEntries(
      found.map(([name, size, sha1]: unknown[] & [string, number]) => [name, [size, sha1]]),
    );
    for (const { path: name, type, same } of treeOf(fs, '/')) {
      const isFirst = treeOf(fs, '/').findIndex((entry) => entry.same === same && entry.type === 'file') >= 0;
      if (type !== 'file' || !isFirst || fs.statSync(name).nlink > 1) continue;
      expect([name, names[name.slice(1)]?.[0]]).toEqual([name, fs.statSync(name).size]);
    }
    expect(found.length).toBeGreaterThan(5);
  });

  test('of sizes, times and owners that ustar has no room for', async () => {
    using fs = PageFs.createSync({ engine });
    fs.writeFileSync('/vast', '');
    fs.truncateSync('/vast', 2 ** 40);
    fs.writeFileSync('/old', '');
    fs.utimesSync('/old', new Date(-5000), new Date(-1500));
    fs.chownSync('/old', 4_000_000_000, 3_000_000);
    fs.writeFileSync(`/${'x'.repeat(255)}`, '');
    fs.symlinkSync('y'.repeat(300), '/far');
    using again = PageFs.createSync({ engine });
    await again.import(fs.export());
    expect(treeOf({ ...bound(again), readFileSync: () => new Uint8Array(0) }, '/')).toHaveLength(4);
    expect(again.statSync('/vast').size).toBe(2 ** 40);
    expect(again.statSync('/old')).toMatchObject({ mtimeMs: -1500, uid: 4_000_000_000, gid: 3_000_000 });
    expect(again.readlinkSync('/far')).toBe('y'.repeat(300));
  });
});

/** The calls that a walk makes. */
function bound(fs: PageFs): Parameters<typeof treeOf>[0] {
  return {
    lstatSync: (name: string) => fs.lstatSync(name),
    readdirSync: (name) => fs.readdirSync(name),
    readlinkSync: (name) => fs.readlinkSync(name),
    openSync: (name, flags) => fs.openSync(name, flags),
    readSync: (fd, bytes, offset, length, position) => fs.readSync(fd, bytes, offset, length, position),
    closeSync: (fd) => fs.closeSync(fd),
    readFileSync: (name) => fs.readFileSync(name),
  };
}

describe('directories', () => {
  test('to the disk and back', async () => {
    using fs = PageFs.createSync({ engine });
    await fs.import(source, { into: '/deep/in' });
    const out = path.join(folder, 'out');
    await fs.export(out, { from: '/deep/in' });
    expect(treeOf(nodeFs, out)).toEqual(treeOf(nodeFs, source));
    expect(modes(nodeFs, out)).toEqual(modes(nodeFs, source));
    await expect(fs.export(out)).rejects.toMatchObject({ code: 'ENOTEMPTY' });
  });

  test('what cannot be made leaves nothing behind', async () => {
    using fs = PageFs.createSync({ engine });
    fs.writeFileSync('/a', 'a');
    fs.symlinkSync('/etc/passwd', '/z');
    const before = nodeFs.readdirSync(folder);
    await expect(fs.export(path.join(folder, 'new'))).rejects.toMatchObject({ code: 'EXDEV' });
    expect(nodeFs.readdirSync(folder)).toEqual(before);
  });

  test('between file systems with these calls', async () => {
    using one = PageFs.createSync({ engine });
    using two = PageFs.createSync({ engine });
    await one.import(source);
    await two.import('/', { fs: one, into: '/copy' });
    expect(treeOf(two, '/copy')).toEqual(treeOf(one, '/'));
    await one.export('/exported', { fs: two, from: '/d' }).catch((error: unknown) => {
      // d/soft leads out of d.
      expect(error).toMatchObject({ code: 'EXDEV' });
    });
    expect(two.readdirSync('/')).toEqual(['copy']);
    await one.export('/exported', { fs: two, from: '/d', outsideLinks: true });
    expect(two.readlinkSync('/exported/soft')).toBe('../a');
  });
});
