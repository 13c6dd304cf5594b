/** What is served: images, packs, forks and empty disks, byte for byte, to whom, and where. */
import { randomBytes } from 'node:crypto';
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { once } from 'node:events';

import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';

import { describeWithTool } from '../../support/describe-with-tool.js';
import { clientOf, Folder, PAGE, readFrom, writeTo } from './served.js';

/** Each test starts some processes, for which a busy machine takes its time. */
const TIMEOUT_MILLISECONDS = 180_000;
jest.setTimeout(TIMEOUT_MILLISECONDS);

let folder: Folder;
beforeAll(() => {
  folder = new Folder();
  writeFileSync(folder.at('odd.img'), ODD);
  writeFileSync(folder.at('even.img'), EVEN);
  writeFileSync(folder.at('empty.img'), '');
});
afterEach(() => folder.endAll());
afterAll(() => folder.remove());

/** Ends in the midst of a page. */
const ODD = Buffer.concat([Buffer.alloc(3 * PAGE), randomBytes(2 * PAGE), Buffer.from('the end')]);
const EVEN = Buffer.alloc(64 * PAGE, 'text ');

const has = (tool: string, option = '--version'): boolean => spawnSync(tool, [option]).status === 0;

test('images have their own lengths, are written to within them, and come back out of the pack', async () => {
  const { server, announced } = await folder.serve(
    ...['odd.img', '--export', 'other=even.img', 'empty.img', '--unix', 'a.sock', '--save', 'a.zram'],
  );
  const facts = announced.exports.map(({ name, size, readOnly }) => [name, size, readOnly]);
  expect(facts).toEqual([
    ['odd.img', ODD.length, false],
    ['empty.img', 0, false],
    ['other', EVEN.length, false],
  ]);
  expect(announced.exports[0].uri).toBe(`nbd+unix:///odd.img?socket=${folder.at('a.sock')}`);
  const client = await clientOf(folder.at('a.sock'), 'odd.img');
  expect((await readFrom(client, 0, ODD.length)).equals(ODD)).toBe(true);
  expect(await writeTo(client, ODD.length - 3, Buffer.from('END'))).toBe(0);
  // ENOSPC: the last page of the device is longer than the image.
  expect(await writeTo(client, ODD.length - 2, Buffer.from('END'))).toBe(28);
  const { status, out } = await server.end();
  expect(status).toBe(0);
  expect(JSON.parse(out.split('\n')[1])).toMatchObject({
    event: 'ended',
    signal: 'SIGTERM',
    save: { file: 'a.zram', exports: 3 },
  });
  expect(await folder.run('unpack', 'a.zram', '-o', 'out')).toMatchObject({ status: 0 });
  expect(readFileSync(folder.at('out', 'odd.img'), 'latin1')).toBe(`${ODD.toString('latin1').slice(0, -3)}END`);
  expect(readFileSync(folder.at('out', 'other')).equals(EVEN)).toBe(true);
  expect(statSync(folder.at('out', 'empty.img')).size).toBe(0);
  // The image itself is left alone.
  expect(readFileSync(folder.at('odd.img')).equals(ODD)).toBe(true);
});

test('--size makes empty disks, and continues shorter images with zeros', async () => {
  const { announced } = await folder.serve(
    ...['odd.img', '--size', '128K', '--export', 'blank', '--export', 'copy:from=odd.img', '--unix', 'b.sock'],
  );
  expect(announced.exports.map(({ name, size, from }) => [name, size, from])).toEqual([
    ['odd.img', 131072, null],
    ['blank', 131072, null],
    ['copy', 131072, 'odd.img'],
  ]);
  const client = await clientOf(folder.at('b.sock'), 'copy');
  const whole = Buffer.concat([ODD, Buffer.alloc(131072 - ODD.length)]);
  expect((await readFrom(client, 0, 131072)).equals(whole)).toBe(true);
  expect(await writeTo(client, 131072 - PAGE, randomBytes(PAGE))).toBe(0);
  const blank = await clientOf(folder.at('b.sock'), 'blank');
  expect((await readFrom(blank, 0, 131072)).equals(Buffer.alloc(131072))).toBe(true);
});

test('forks are made whatever their order, and do not see each other', async () => {
  await folder.serve(
    ...['--export', 'vm2:from=vm1', '--export', 'vm1:from=base', '--export', 'base=even.img', '--unix', 'c.sock'],
  );
  const clients = await Promise.all(['base', 'vm1', 'vm2'].map((name) => clientOf(folder.at('c.sock'), name)));
  for (const [n, client] of clients.entries())
    expect(await writeTo(client, PAGE * n, Buffer.alloc(PAGE, n + 1))).toBe(0);
  for (const [n, client] of clients.entries()) {
    const expected = Buffer.from(EVEN);
    expected.fill(n + 1, PAGE * n, PAGE * (n + 1));
    expect((await readFrom(client, 0, EVEN.length)).equals(expected)).toBe(true);
  }
});

test('standard input and packs with another name; --read-only refuses writes', async () => {
  expect(await folder.run('pack', 'odd.img', '-o', 'one.zram')).toMatchObject({ status: 0 });
  expect(await folder.run('pack', 'odd.img', 'even.img', '-o', 'two.zram')).toMatchObject({ status: 0 });
  const { announced } = await folder.serve(
    ...['two.zram', '--export', 'one=one.zram', '--export', 'in=-', '--read-only', '--port', '0'],
  );
  expect(announced.exports.map(({ name, size, readOnly }) => [name, size, readOnly])).toEqual([
    ['odd.img', ODD.length, true],
    ['even.img', EVEN.length, true],
    ['one', ODD.length, true],
    ['in', 0, true],
  ]);
  const port = Number(/:(\d+)\//.exec(announced.exports[0].uri)![1]);
  const client = await clientOf(port, 'one');
  expect((await readFrom(client, 0, ODD.length)).equals(ODD)).toBe(true);
  expect(await writeTo(client, 0, Buffer.from('x'))).toBe(1); // EPERM
  const { status, err } = await folder.run('serve', '--export', 'x=two.zram', '--unix', 'd.sock');
  expect({ status, err }).toEqual({
    status: 2,
    err: "zram-wasm: 'two.zram' is a pack of 2 images, which have names: name it without --export\n",
  });
});

describe('sockets', () => {
  const mode = (name: string) => lstatSync(folder.at(name)).mode & 0o777;

  test('are for their owner alone, and are gone afterwards', async () => {
    const { server } = await folder.serve('--size', '1M', '--unix', 'e.sock', '--control', 'e.ctl');
    expect([mode('e.sock'), mode('e.ctl')]).toEqual([0o600, 0o600]);
    expect(await server.end('SIGINT')).toMatchObject({ status: 0, err: '' });
    expect([existsSync(folder.at('e.sock')), existsSync(folder.at('e.ctl'))]).toEqual([false, false]);
  });

  test('that were left behind are replaced; those in use stay', async () => {
    const first = await folder.serve('--size', '1M', '--unix', 'f.sock', '--control', 'f.ctl');
    await first.server.end('SIGKILL');
    expect([existsSync(folder.at('f.sock')), existsSync(folder.at('f.ctl'))]).toEqual([true, true]);
    const second = await folder.serve('--size', '1M', '--unix', 'f.sock', '--control', 'f.ctl');
    const third = await folder.run('serve', '--size', '1M', '--unix', 'f.sock');
    expect(third).toMatchObject({ status: 2, err: "zram-wasm: 'f.sock' is in use: a server answers there\n" });
    const client = await clientOf(folder.at('f.sock'));
    expect(await writeTo(client, 5, Buffer.from('still there'))).toBe(0);
    expect(await second.server.end()).toMatchObject({ status: 0 });
  });

  test('the same one for clients and control is refused', async () => {
    const { status, err } = await folder.run('serve', '--size', '1M', '--unix', 'g.sock', '--control', 'g.sock');
    expect({ status, err }).toEqual({
      status: 2,
      err: "zram-wasm: --unix and --control must not name the same file: 'g.sock'\n",
    });
    expect(existsSync(folder.at('g.sock'))).toBe(false);
  });
});

test('beyond loopback, it warns; on loopback it does not', async () => {
  const { server } = await folder.serve('--size', '1M', '--host', '0.0.0.0', '--port', '0');
  expect(server.err).toMatch(
    /^zram-wasm: WARNING: whoever reaches 0\.0\.0\.0 can read and write the exports.*--tls-cert/,
  );
  const inside = await folder.serve('--size', '1M', '--port', '0');
  expect(inside.server.err).toBe('');
  expect(inside.announced.exports[0].uri).toMatch(/^nbd:\/\/127\.0\.0\.1:\d+\/disk$/);
});

test('memory that ends is ENOSPC, the old content stays, and all of it is saved', async () => {
  const { server } = await folder.serve(
    ...['--size', '64M', '--export', 'a', '--export', 'b', '--memory', '4M'],
    ...['--unix', 'h.sock', '--control', 'h.ctl', '--save', 'h.zram'],
  );
  const client = await clientOf(folder.at('h.sock'), 'a');
  const noise = randomBytes(PAGE);
  const page = (n: number) => {
    noise.writeUInt32LE(n, 0);
    return noise;
  };
  let written = 0;
  while ((await writeTo(client, written * PAGE, page(written))) === 0) written++;
  expect(written).toBeGreaterThan(500);
  // Until not even the smallest object finds room.
  let small = written + 1;
  for (let bytes = 2048; bytes >= 16; bytes /= 2)
    while ((await writeTo(client, small * PAGE, noise.subarray(0, bytes))) === 0) small++;
  // The new page needs room before that of the old one is free.
  expect(await writeTo(client, 0, page(77777))).toBe(28);
  expect((await readFrom(client, 0, PAGE)).equals(page(0))).toBe(true);
  expect((await readFrom(client, written * PAGE, PAGE)).equals(Buffer.alloc(PAGE))).toBe(true);
  const saves = [folder.ctl('h.ctl', 'save'), folder.ctl('h.ctl', 'save')];
  expect(await Promise.all(saves)).toMatchObject([{ exports: 2 }, { exports: 2 }]);
  await expect(folder.ctl('h.ctl', 'fork', 'a', 'c')).rejects.toThrow(/fork: .*memory/i);
  expect(await server.end()).toMatchObject({ status: 0, err: '' });

  await folder.serve('h.zram', '--unix', 'h.sock');
  const again = await clientOf(folder.at('h.sock'), 'a');
  for (let n = 0; n < written; n += 37) expect((await readFrom(again, n * PAGE, PAGE)).equals(page(n))).toBe(true);
});

describeWithTool(
  'openssl',
  'TLS of serve with openssl and nbdinfo',
  has('openssl', 'version') && has('nbdinfo'),
  () => {
    test('clients with a certificate are served, others are not', async () => {
      const openssl = (...args: string[]) => {
        const { status, stderr } = spawnSync('openssl', args, { cwd: folder.path, encoding: 'utf8' });
        if (status !== 0) throw new Error(stderr);
      };
      const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
      const of = (name: string) => ['-subj', `/CN=${name}`, '-keyout', `${name}-key.pem`, '-out', `${name}-cert.pem`];
      openssl('req', '-x509', ...key, ...of('ca'));
      for (const name of ['server', 'client']) {
        const by = ['-CA', 'ca-cert.pem', '-CAkey', 'ca-key.pem'];
        openssl(
          'req',
          '-x509',
          ...key,
          ...by,
          '-addext',
          'subjectAltName=IP:127.0.0.1',
          '-addext',
          'basicConstraints=critical,CA:FALSE',
          ...of(name),
        );
      }
      const tls = ['--tls-cert', 'server-cert.pem', '--tls-key', 'server-key.pem', '--tls-ca', 'ca-cert.pem'];
      for (const wrong of ['odd.img', 'ca-key.pem']) {
        const { status, err } = await folder.run('serve', 'odd.img', '--port', '0', ...tls.slice(0, -1), wrong);
        expect({ status, err }).toEqual({ status: 2, err: expect.stringContaining(`'${wrong}' for TLS`) });
      }
      const { announced } = await folder.serve('odd.img', '--port', '0', ...tls);
      const [{ uri }] = announced.exports;
      expect(uri).toMatch(/^nbds:/);
      const info = (address: string) =>
        spawnSync('nbdinfo', ['--size', address], { cwd: folder.path, encoding: 'utf8' });
      expect(info(uri.replace('nbds:', 'nbd:')).status).not.toBe(0);
      spawnSync(
        'sh',
        ['-c', 'mkdir -p pki && cp client-cert.pem pki/ && cp client-key.pem pki/ && cp ca-cert.pem pki/'],
        {
          cwd: folder.path,
        },
      );
      const { status, stdout, stderr } = info(`${uri}?tls-certificates=${folder.at('pki')}`);
      expect({ status, stdout, stderr }).toEqual({ status: 0, stdout: `${ODD.length}\n`, stderr: '' });
    });
  },
);

describeWithTool('nbdcopy', 'serve with nbdcopy and nbdinfo', has('nbdcopy') && has('nbdinfo'), () => {
  test('copies in and out; the one export has no name, too', async () => {
    const { server } = await folder.serve('--size', '1M', '--unix', 'n.sock', '--save', 'n.zram');
    const bytes = Buffer.concat([randomBytes(300_000), Buffer.alloc(2 ** 20 - 300_000)]);
    writeFileSync(folder.at('in'), bytes);
    const tool = (command: string, ...args: string[]) =>
      spawnSync(command, args, { cwd: folder.path, encoding: 'utf8' });
    const uri = `nbd+unix:///?socket=${folder.at('n.sock')}`;
    expect(tool('nbdcopy', 'in', uri)).toMatchObject({ status: 0, stderr: '' });
    expect(JSON.parse(tool('nbdinfo', '--json', '--list', uri).stdout)).toMatchObject({
      exports: [{ 'export-name': 'disk', 'export-size': 2 ** 20, is_read_only: false }],
    });
    expect(await server.end()).toMatchObject({ status: 0 });
    await folder.serve('n.zram', '--unix', 'n.sock');
    expect(tool('nbdcopy', uri, 'out.img')).toMatchObject({ status: 0, stderr: '' });
    expect(readFileSync(folder.at('out.img')).equals(bytes)).toBe(true);
  });
});

test('a connection that says nothing does not keep it from ending', async () => {
  const { server } = await folder.serve('--size', '1M', '--unix', 'q.sock', '--control', 'q.ctl');
  const sockets = ['q.sock', 'q.ctl'].map((name) => connect(folder.at(name)));
  await Promise.all(sockets.map((socket) => once(socket, 'connect')));
  for (const socket of sockets) socket.on('error', () => undefined);
  expect(await server.end()).toMatchObject({ status: 0, err: '' });
});
