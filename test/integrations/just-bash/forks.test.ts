/** A shell for each fork: what one does, no other sees, and a fork that has only been read holds nothing of its own. */
import { randomBytes } from 'node:crypto';
import { afterAll, describe, expect, test } from '@jest/globals';
import { Bash } from 'just-bash';
import { Engine } from '../../../bindings/index.js';
import { PageFs } from '../../../integrations/fs.js';
import { PageFsFileSystem } from '../../../integrations/just-bash.js';
import { treeOf } from '../fs/trees.js';

const engine = await Engine.create();
afterAll(() => engine.destroy());

const bashOn = (fs: PageFs): Bash => new Bash({ fs: new PageFsFileSystem(fs), cwd: '/src', defenseInDepth: false });

function base(): PageFs {
  const fs = PageFs.createSync({ engine });
  fs.mkdirSync('/src');
  for (let n = 0; n < 12; n++) fs.writeFileSync(`/src/file-${n}.ts`, `export const n = ${n};\n`.repeat(200));
  return fs;
}

describe('forks', () => {
  test('shells side by side', async () => {
    using fs = base();
    bashOn(fs);
    const before = treeOf(fs, '/');
    const forks = Array.from({ length: 4 }, () => fs.fork());
    await Promise.all(
      forks.map(async (fork, n) => {
        const script = `sed -i 's/const n/const m${n}/' *.ts; rm file-${n}.ts; echo ${n} > mine; mkdir d; mv file-9.ts d`;
        expect(await bashOn(fork).exec(script)).toMatchObject({ stderr: '', exitCode: 0 });
      }),
    );
    for (const [n, fork] of forks.entries()) {
      expect(fork.readFileSync('/src/mine', 'utf8')).toBe(`${n}\n`);
      expect(fork.existsSync(`/src/file-${n}.ts`)).toBe(false);
      expect(fork.readFileSync('/src/d/file-9.ts', 'utf8')).toBe(`export const m${n} = 9;\n`.repeat(200));
    }
    expect(treeOf(fs, '/')).toEqual(before);
    for (const fork of forks) fork.destroy();
  });

  test('a shell on a fork of a prepared tree writes nothing when it starts, and none on a snapshot', async () => {
    using fs = base();
    bashOn(fs);
    const { used } = engine.memory;
    using fork = fs.fork();
    using frozen = fs.snapshot();
    const forked = engine.memory.used;
    for (const one of [fork, frozen]) {
      const { stdout } = await bashOn(one).exec('cat file-7.ts | head -n 1; ls | wc -l; which ls');
      expect(stdout).toBe('export const n = 7;\n12\n/usr/bin/ls\n');
    }
    expect(engine.memory.used).toBe(forked);
    expect(forked - used).toBeLessThan(64 * 1024);
  });

  test('a snapshot refuses changes, and what is there stays', async () => {
    using fs = base();
    bashOn(fs);
    using frozen = fs.snapshot();
    const shell = bashOn(frozen);
    const { stdout, stderr, exitCode } = await shell.exec(
      'rm file-1.ts; mkdir d; touch new; mv file-1.ts x; cat file-1.ts | wc -l',
    );
    expect(exitCode).toBe(0);
    expect(stdout.trim()).toBe('200');
    expect(stderr.match(/EROFS: read-only file system/g)).toHaveLength(4);
    await expect(shell.exec('echo x > file-1.ts')).rejects.toMatchObject({ code: 'EROFS' });
    expect(treeOf(frozen, '/')).toEqual(treeOf(fs, '/'));
  });

  test('no memory: the command fails and the old content of others stays', async () => {
    using small = await Engine.create({ maxMemory: '4M' });
    using fs = PageFs.createSync({ engine: small });
    const shell = bashOn(fs);
    fs.mkdirSync('/src', { recursive: true });
    fs.writeFileSync('/src/kept', 'kept');
    await expect(shell.fs.writeFile('/src/large', randomBytes(6 << 20))).rejects.toMatchObject({
      code: 'ENOSPC',
      message: "ENOSPC: no space left on device, write '/src/large'",
    });
    expect((await shell.exec('rm large; cat kept')).stdout).toBe('kept');
  });
});
