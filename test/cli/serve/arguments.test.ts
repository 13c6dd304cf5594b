/** Wrong usage of `serve` and `ctl`: one sentence, status 2, and nothing is begun. */
import { once } from 'node:events';
import { existsSync, lstatSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { serveOptions, type ServeOptions } from '../../../cli/serve/arguments.js';
import { run } from '../run.js';

let folder: string;
const at = (...names: string[]): string => join(folder, ...names);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'zram-serve-'));
  writeFileSync(at('a.img'), 'an image');
  writeFileSync(at('b.img'), 'another');
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Arguments in which DIR stands for the folder. */
const inFolder = (args: readonly string[]): string[] => args.map((arg) => arg.replaceAll('DIR', folder));

async function refused(args: readonly string[], status: number): Promise<string> {
  const outcome = await run(inFolder(args));
  expect(outcome).toMatchObject({ status, out: '' });
  expect(outcome.err).toMatch(/^zram-wasm: [^\n]+\n$/);
  return outcome.err.replaceAll(folder, 'DIR');
}

describe('wrong usage', () => {
  test.each([
    [['serve'], 'serve needs images or packs, or --size S'],
    [['serve', '--size', '0'], '--size must be from 1 to'],
    [['serve', '--size', '17T'], '--size must be from 1 to'],
    [['serve', '--size', '1X'], "--size must be a size such as 4096, 512K, 64M or 1G, not '1X'"],
    [['serve', '--size', ''], '--size must be a size'],
    [['serve', '--export', 'vm'], '--export vm is an empty disk, which needs --size; an image is --export vm=IMAGE'],
    [['serve', '--size', '1M', '--export', ''], 'the name of an export must not be empty'],
    [['serve', '--size', '1M', '--export', '=x'], 'the name of an export must not be empty'],
    [['serve', '--size', '1M', '--export', 'a='], "names nothing behind '='"],
    [['serve', '--size', '1M', '--export', 'a:from='], "names nothing behind '='"],
    [['serve', '--size', '1M', '--export', 'a/b'], 'must be one that a file can have'],
    [['serve', '--size', '1M', '--export', '..'], 'must be one that a file can have'],
    [['serve', '--size', '1M', '--export', 'a\x07'], 'must be one that a file can have'],
    [['serve', '--size', '1M', '--export', 'é'.repeat(128)], 'must have at most 255 bytes'],
    [['serve', '--size', '1M', '--export', 'a', '--export', 'a'], "two exports are called 'a'"],
    [['serve', '--size', '1M', '--export', 'a', '--export', 'a:from=a'], "two exports are called 'a'"],
    [['serve', 'DIR/a.img', '--export', 'a.img=DIR/b.img', '--port', '0'], "two exports are called 'a.img'"],
    [['serve', 'DIR/a.img', 'DIR/a.img', '--port', '0'], "two exports are called 'a.img'"],
    [['serve', 'DIR/a.img', '--export', 'b:from=c', '--port', '0'], "there is no export called 'c'"],
    [
      ['serve', 'DIR/a.img', '--export', 'b:from=c', '--export', 'c:from=b', '--port', '0'],
      "--export b:from=c: there is no export called 'c'",
    ],
    [['serve', '-', '--export', 'b=-'], "standard input ('-') can be read only once"],
    [['serve', '--size', '1M', '--unix', 's', '--port', '1'], 'give one of them'],
    [['serve', '--size', '1M', '--unix', 's', '--host', '::1'], 'give one of them'],
    [['serve', '--size', '1M', '--unix', ''], '--unix must name a file'],
    [['serve', '--size', '1M', '--unix', 'DIR/a.img'], "'DIR/a.img' exists and is not a socket"],
    [['serve', '--size', '1M', '--unix', `DIR/${'x'.repeat(108)}`], 'the path of a socket must have at most'],
    [['serve', '--size', '1M', '--control', 'DIR/a.img', '--port', '0'], "'DIR/a.img' exists and is not a socket"],
    [['serve', '--size', '1M', '--port', '65536'], '--port must be a whole number from 0'],
    [['serve', '--size', '1M', '--port', '-1'], 'argument is ambiguous'],
    [['serve', '--size', '1M', '--port', 'nbd'], "not 'nbd'"],
    [['serve', '--size', '1M', '--host', '', '--port', '0'], '--host must name an address'],
    [
      ['serve', '--size', '1M', '--host', '203.0.113.7', '--port', '0'],
      "'203.0.113.7' is not an address of this machine",
    ],
    [['serve', '--size', '1M', '--memory', '5G'], '--memory must be from 1 to'],
    [['serve', '--size', '1M', '--memory', '1K', '--port', '0'], '--memory: maxMemory must be at least'],
    [['serve', '--size', '1M', '--memory'], 'argument missing'],
    [['--size', '1M', 'serve', '--memory', 'x'], "--memory must be a size such as 4096, 512K, 64M or 1G, not 'x'"],
    [['serve', '--size', '1M', '--algorithm', 'lz4,zstd'], 'serve takes only one --algorithm'],
    [['serve', '--size', '1M', '--algorithm', 'lz4', '--algorithm', 'zstd'], 'serve takes only one --algorithm'],
    [['serve', '--size', '1M', '--algorithm', 'zip', '--port', '0'], "unknown algorithm 'zip'"],
    [['serve', '--size', '1M', '--tls-cert', 'c'], 'TLS needs both --tls-cert and --tls-key'],
    [['serve', '--size', '1M', '--tls-ca', 'c'], 'TLS needs both --tls-cert and --tls-key'],
    [
      ['serve', '--size', '1M', '--tls-cert', 'DIR/a.img', '--tls-key', 'DIR/b.img'],
      "cannot use 'DIR/a.img', 'DIR/b.img' for TLS",
    ],
    [['serve', '--size', '1M', '--save', ''], '--save must name a file'],
    [['serve', '--size', '1M', '--save', '/dev/null'], "--save must name a file, which '/dev/null' is not"],
    [['serve', '--size', '1M', '--save', '-'], "--save must name a file, which '-' is not"],
    [
      ['serve', '--size', '1M', '--unix', 'DIR/s', '--save', 'DIR/./s'],
      "--unix and --save must not name the same file: 'DIR/./s'",
    ],
    [
      ['serve', '--size', '1M', '--port', '0', '--control', 'DIR/s', '--save', 'DIR/s'],
      '--control and --save must not name the same file',
    ],
    [['serve', 'DIR/a.img', '--save', 'DIR/a.img'], 'which is served as an image: saves are packs'],
    [['serve', '--size', '1M', '-o', 'x'], "serve has no option '--output'"],
    [['pack', 'DIR/a.img', '-o', 'x', '--size', '1'], "pack has no option '--size'"],
    [['ctl'], 'ctl needs the socket of a server'],
    [['ctl', 's'], 'ctl: nothing is asked for; it takes snapshot, fork, remove, merge, save, stat'],
    [['ctl', 's', 'explode'], "ctl: unknown request 'explode'"],
    [['ctl', 's', '__proto__'], "ctl: unknown request '__proto__'"],
    [['ctl', 's', 'fork', 'a'], 'ctl fork takes FROM and NAME: zram-wasm ctl SOCKET fork FROM NAME'],
    [['ctl', 's', 'stat', 'a'], 'ctl stat takes no arguments'],
    [['ctl', 's', 'stat', '--force'], '--force is for ctl SOCKET remove'],
    [['ctl', 's', 'save', '--prometheus'], '--prometheus is for ctl SOCKET stat'],
    [['ctl', 's', 'stat', '--prometheus', '--json'], 'give one of them'],
  ])('%j', async (args, message) => {
    expect(await refused(args, 2)).toContain(message);
  });

  test('ports and sockets in use', async () => {
    const [tcp, unix] = [createServer(), createServer()];
    tcp.listen(0, '127.0.0.1');
    unix.listen(at('used'));
    await Promise.all([once(tcp, 'listening'), once(unix, 'listening')]);
    const { port } = tcp.address() as { port: number };
    expect(await refused(['serve', '--size', '1M', '--port', `${port}`], 2)).toContain(
      `port ${port} is in use: a server listens on 127.0.0.1:${port}`,
    );
    for (const args of [
      ['--unix', 'DIR/used'],
      ['--port', '0', '--control', 'DIR/used'],
    ])
      expect(await refused(['serve', '--size', '1M', ...args], 2)).toContain(
        "'DIR/used' is in use: a server answers there",
      );
    expect(existsSync(at('used'))).toBe(true);
    tcp.close();
    unix.close();
  });
});

describe('failures', () => {
  test.each([
    [['serve', 'DIR/none.img'], "cannot read 'DIR/none.img': no such file"],
    [['serve', 'DIR'], "cannot read 'DIR': it is a directory"],
    [['serve', '--export', 'x=DIR/none'], "cannot read 'DIR/none': no such file"],
    [
      ['serve', '--size', '1M', '--tls-cert', 'DIR/none', '--tls-key', 'DIR/none'],
      "cannot read 'DIR/none': no such file",
    ],
    [['serve', '--size', '1M', '--save', 'DIR/none/pack'], "cannot write 'DIR/none/pack': no such file"],
    [
      ['serve', '--size', '1M', '--unix', 'DIR/none/socket'],
      "cannot listen on 'DIR/none/socket': its folder does not exist",
    ],
    [
      ['serve', 'DIR/a.img', '--save', 'DIR/b.img'],
      "'DIR/b.img' exists and is not served: name it as a pack to go on with what is in it, or --force to replace it",
    ],
    [
      ['serve', 'DIR/a.img', '--save', 'DIR/link'],
      "'DIR/link' is a symbolic link to 'DIR/b.img'; --force replaces that file",
    ],
    [['ctl', 'DIR/none', 'stat'], "cannot ask the server at 'DIR/none': there is no such socket"],
    [['ctl', 'DIR/a.img', 'stat'], "cannot ask the server at 'DIR/a.img'"],
  ])('%j', async (args, message) => {
    if (!existsSync(at('link'))) symlinkSync(at('b.img'), at('link'));
    expect(await refused(args, 1)).toContain(message);
    expect(readFileSync(at('b.img'), 'utf8')).toBe('another');
    expect(lstatSync(at('link')).isSymbolicLink()).toBe(true);
  });
});

test.each<[string, Partial<Pick<ServeOptions, 'disks' | 'forks' | 'images'>>]>([
  ['vm', { disks: ['vm'] }],
  ['vm:from=base', { forks: [{ name: 'vm', from: 'base' }] }],
  ['vm:from=a=b', { forks: [{ name: 'vm', from: 'a=b' }] }],
  ['vm=a=b', { images: [{ name: 'vm', file: 'a=b' }] }],
  ['vm=x:from=y', { images: [{ name: 'vm', file: 'x:from=y' }] }],
  ['a:b=c', { images: [{ name: 'a:b', file: 'c' }] }],
  ['a:from', { disks: ['a:from'] }],
  ['a:from:from=b', { forks: [{ name: 'a:from', from: 'b' }] }],
  ['vm=a\nb', { images: [{ name: 'vm', file: 'a\nb' }] }],
])('--export %j', (text, parts) => {
  const { images, disks, forks } = serveOptions([], { export: [text], size: '1M' });
  const none = parts.forks === undefined ? { disks: [] } : { disks: ['disk'] };
  expect({ images, disks, forks }).toEqual({ images: [], forks: [], ...none, ...parts });
});

test('without anything else, the port of NBD on loopback', () => {
  expect(serveOptions([], { size: '64M' })).toMatchObject({
    disks: ['disk'],
    size: 64 * 2 ** 20,
    place: { kind: 'tcp', host: '127.0.0.1', port: 10809 },
    algorithm: 'lz4',
    save: undefined,
    control: undefined,
    tls: undefined,
  });
});
