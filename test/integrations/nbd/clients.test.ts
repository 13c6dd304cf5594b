/** Real clients: libnbd's tools, QEMU's and fio. Where one is missing, its tests are skipped and say so. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from '@jest/globals';

import { Engine } from '../../../bindings/index.js';
import type { NbdDevice } from '../../../integrations/nbd.js';
import { describeWithTool } from '../../support/describe-with-tool.js';
import { listening } from './listening.js';
import { runClient } from './run-client.js';

const context = listening();
const engine = Engine.createSync();
const DISK = 24 * 2 ** 20;
const TIMEOUT_MILLISECONDS = 120_000;

const has = (tool: string): boolean => spawnSync(tool, ['--version']).status === 0;
const describeWith = (tool: string, tests: () => void): void =>
  describeWithTool(tool, `NBD with ${tool}`, has(tool), tests);

const run = (command: string, ...args: string[]): Promise<string> => runClient(context.folder, command, ...args);

const device = (disksize: number | string = DISK) => engine.createZram({ disksize });

/** Data, holes and zeros in an image. */
function image(): Buffer {
  const bytes = Buffer.alloc(DISK);
  randomBytes(3 * 2 ** 20).copy(bytes, 4096);
  bytes.fill('text ', 10 * 2 ** 20, 12 * 2 ** 20 + 77);
  return bytes;
}

describeWith('nbdinfo', () => {
  test(
    'knows size, abilities, names and what is allocated',
    async () => {
      const zram = device();
      zram.writePage(3, randomBytes(4096));
      const { uri } = await context.listen(
        new Map<string, NbdDevice>([
          ['a', zram],
          ['b', zram.snapshot()],
        ]),
      );
      const list = JSON.parse(await run('nbdinfo', '--list', '--json', uri));
      const facts = (list.exports as Record<string, unknown>[]).map((each) => [
        each['export-name'],
        each['export-size'],
        each['is_read_only'],
      ]);
      expect(facts).toEqual([
        ['a', DISK, false],
        ['b', DISK, true],
      ]);
      const one = uri.replace('///', '///a');
      const {
        exports: [known],
      } = JSON.parse(await run('nbdinfo', '--json', one));
      for (const ability of [
        'can_df',
        'can_fua',
        'can_flush',
        'can_trim',
        'can_zero',
        'can_fast_zero',
        'can_multi_conn',
        'can_cache',
      ])
        expect([ability, known[ability]]).toEqual([ability, true]);
      const map = JSON.parse(await run('nbdinfo', '--map', '--json', one)) as {
        offset: number;
        length: number;
        type: number;
      }[];
      expect(map.map(({ offset, length, type }) => [offset, length, type])).toEqual([
        [0, 12288, 3],
        [12288, 4096, 0],
        [16384, DISK - 16384, 3],
      ]);
    },
    TIMEOUT_MILLISECONDS,
  );
});

describeWith('nbdcopy', () => {
  test.each([1, 4])(
    'both ways with %i connections',
    async (connections) => {
      const zram = device();
      const { uri } = await context.listen(zram);
      const bytes = image();
      writeFileSync(join(context.folder, 'in'), bytes);
      await run('nbdcopy', `--connections=${connections}`, 'in', uri);
      expect(Buffer.from(zram.readPages(0, DISK / 4096)).equals(bytes)).toBe(true);
      await run('nbdcopy', `--connections=${connections}`, uri, 'out');
      expect(readFileSync(join(context.folder, 'out')).equals(bytes)).toBe(true);
    },
    TIMEOUT_MILLISECONDS,
  );
});

describeWith('qemu-img', () => {
  test(
    'converts into a device, compares and maps it',
    async () => {
      const zram = device();
      const { uri } = await context.listen(zram);
      writeFileSync(join(context.folder, 'image'), image());
      await run('qemu-img', 'convert', '-n', '-f', 'raw', '-O', 'raw', 'image', uri);
      expect(await run('qemu-img', 'compare', '-f', 'raw', '-F', 'raw', 'image', uri)).toMatch(/identical/);
      const map = JSON.parse(await run('qemu-img', 'map', '--output=json', '-f', 'raw', uri)) as {
        data: boolean;
        length: number;
      }[];
      expect(map.reduce((sum, { length }) => sum + length, 0)).toBe(DISK);
      expect(map.some(({ data }) => !data)).toBe(true);
    },
    TIMEOUT_MILLISECONDS,
  );
});

describeWith('qemu-io', () => {
  test(
    'patterns at odd offsets',
    async () => {
      const { uri } = await context.listen(device());
      const commands = [
        ['write -P 7 513 100000', 'read -P 7 513 100000', 'write -z 1000 70000', 'read -P 0 1000 70000'],
        ['discard 0 1M', 'read -P 0 4096 65536', 'write -f -P 3 1M 20M', 'read -P 3 1M 20M', 'flush'],
      ].flat();
      const out = await run('qemu-io', '-f', 'raw', ...commands.flatMap((command) => ['-c', command]), uri);
      expect(out).not.toMatch(/fail|error/i);
      expect(out.match(/^(?:read|wrote|discard) /gm)).toHaveLength(8);
    },
    TIMEOUT_MILLISECONDS,
  );
});

describeWith('fio', () => {
  const job = (uri: string, ...options: string[]): Promise<string> =>
    run(
      'fio',
      '--name=job',
      '--ioengine=nbd',
      `--uri=${uri}`,
      '--rw=randrw',
      '--bsrange=512-64k',
      '--blockalign=512',
      '--iodepth=16',
      '--size=6M',
      '--verify=crc32c',
      '--verify_fatal=1',
      ...options,
    );

  test(
    'verifies mixed sizes at sector offsets, four clients at once',
    async () => {
      const { uri } = await context.listen(device());
      await Promise.all([0, 1, 2, 3].map((n) => job(uri, `--offset=${6 * n}M`, `--randseed=${n + 1}`)));
    },
    TIMEOUT_MILLISECONDS,
  );

  test(
    'trims as it goes, and verifies',
    async () => {
      const { uri } = await context.listen(device());
      await run(
        'fio',
        ...['--name=job', '--ioengine=nbd', `--uri=${uri}`, '--rw=randtrimwrite', '--bs=4k', '--iodepth=8'],
        ...['--size=4M', '--verify=crc32c', '--verify_fatal=1'],
      );
    },
    TIMEOUT_MILLISECONDS,
  );
});

/** A program that stays, ended when the work is done. */
async function beside<T>(command: string, args: string[], ready: () => boolean, work: () => Promise<T>): Promise<T> {
  const child = spawn(command, args, { cwd: context.folder, stdio: 'inherit' });
  const closed = once(child, 'close');
  try {
    while (!ready()) {
      if (child.exitCode !== null) throw new Error(`${command} ended with ${child.exitCode}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return await work();
  } finally {
    child.kill();
    await closed;
  }
}

const root = process.getuid?.() === 0;
const fuse = root && existsSync('/dev/fuse') && has('nbdfuse') && spawnSync('mkfs.ext4', ['-V']).status === 0;

const hasLoop = root && spawnSync('losetup', ['--find']).status === 0;

describeWithTool('nbdfuse', 'ext4 on NBD with nbdfuse', fuse, () => {
  /** The device as a file. */
  const mounted = async (uri: string, work: (file: string) => Promise<void>): Promise<void> => {
    const folder = join(context.folder, 'fuse');
    mkdirSync(folder, { recursive: true });
    const file = join(folder, 'nbd');
    await beside(
      'nbdfuse',
      [folder, uri],
      () => existsSync(file) && statSync(file).size > 0,
      () => work(file),
    );
  };

  test(
    'mkfs.ext4 makes a file system, debugfs fills it, fsck finds nothing wrong',
    async () => {
      const { uri } = await context.listen(device('64M'));
      writeFileSync(join(context.folder, 'content'), image().subarray(0, 5_000_001));
      await mounted(uri, async (file) => {
        await run('mkfs.ext4', '-q', '-F', file);
        await run('debugfs', '-w', '-R', 'write content content', file);
        await run('fsck.ext4', '-f', '-n', file);
        await run('debugfs', '-R', 'dump content back', file);
      });
      const [content, back] = ['content', 'back'].map((name) => readFileSync(join(context.folder, name)));
      expect(back.equals(content)).toBe(true);
    },
    TIMEOUT_MILLISECONDS,
  );

  // Deadlocks if this process touches the mounted file system: it is the disk. Programs do all of it.
  (hasLoop ? test : test.skip)(
    'mounted by a loop device, with files of a tree, and fstrim gives back what they took',
    async () => {
      const zram = device('64M');
      const { uri } = await context.listen(zram);
      await mounted(uri, async (file) => {
        await run('mkfs.ext4', '-q', '-F', file);
        const loop = (await run('losetup', '--find', '--show', file)).trim();
        const folder = join(context.folder, 'mnt');
        mkdirSync(folder);
        try {
          await run('mount', loop, folder);
          try {
            await run('cp', '-r', join(import.meta.dirname, '../../../integrations'), folder);
            await run('dd', 'if=/dev/urandom', `of=${folder}/noise`, 'bs=1M', 'count=20', 'conv=fsync', 'status=none');
            const full = zram.mmStat.origDataSize;
            expect(full).toBeGreaterThan(20 * 2 ** 20);
            await run('rm', join(folder, 'noise'));
            await run('sync', '--file-system', folder);
            await run('fstrim', folder);
            expect(zram.mmStat.origDataSize).toBeLessThan(full - 19 * 2 ** 20);
          } finally {
            await run('umount', folder);
          }
        } finally {
          await run('losetup', '--detach', loop);
        }
        await run('fsck.ext4', '-f', '-n', file);
      });
    },
    TIMEOUT_MILLISECONDS,
  );
});
