/** TLS: what it protects, who is let in, and that nothing said before it counts after it. */
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';

import { beforeAll, expect, test } from '@jest/globals';

import { Engine } from '../../../bindings/index.js';
import type { NbdServer, NbdServerOptions } from '../../../integrations/nbd.js';
import { Command, Option, OptionReply } from '../../../integrations/nbd/protocol.js';
import { describeWithTool } from '../../support/describe-with-tool.js';
import { credentials, hasOpenssl, makeCertificates } from './certificates.js';
import { Client, infoData, metaData, optionBytes, requestBytes, u32 } from './client.js';
import { listening } from './listening.js';
import { runClient } from './run-client.js';

const context = listening();
const engine = Engine.createSync();
const { READ, WRITE, BLOCK_STATUS } = Command;
const TIMEOUT_MILLISECONDS = 60_000;

describeWithTool('openssl', 'NBD with TLS', hasOpenssl, () => {
  let folder = '';
  let strangers = '';
  beforeAll(() => {
    folder = makeCertificates(join(context.folder, 'pki'));
    strangers = makeCertificates(join(context.folder, 'strangers'));
  });

  const device = () => engine.createZram({ disksize: '1M' });
  const listen = (options: Partial<NonNullable<NbdServerOptions['tls']>> = {}, zram = device()) =>
    context.listen(zram, { tls: { ...credentials(folder, 'server'), ...options } });
  const trusting = () => ({ ca: credentials(folder, 'client').ca, servername: 'localhost' });

  /** Up to the acknowledgement of STARTTLS. */
  async function begun(server: NbdServer, ...before: Buffer[]): Promise<Client> {
    const client = await Client.to(server);
    client.send(u32(3), ...before);
    for (const _ of before) await client.answer();
    const [answer] = await client.option(Option.STARTTLS);
    expect(answer).toMatchObject({ option: Option.STARTTLS, type: OptionReply.ACK });
    return client;
  }

  test('after STARTTLS all is as without', async () => {
    const zram = device();
    const { server } = await listen({}, zram);
    const client = await (await begun(server)).secured(trusting());
    await client.option(Option.STRUCTURED_REPLY);
    expect((await client.option(Option.STARTTLS))[0].type).toBe(OptionReply.ERR_INVALID);
    expect((await client.option(Option.GO, infoData(''))).at(-1)?.type).toBe(OptionReply.ACK);
    const payload = randomBytes(700_000);
    expect((await client.request({ type: WRITE, offset: 100, payload })).errno).toBe(0);
    const { data } = await client.request({ type: READ, offset: 100, length: payload.length });
    expect(Buffer.concat(data.map(({ bytes }) => bytes)).equals(payload)).toBe(true);
    expect(Buffer.from(zram.read(100, payload.length)).equals(payload)).toBe(true);
  });

  test.each([Option.LIST, Option.INFO, Option.GO, Option.STRUCTURED_REPLY, Option.SET_META_CONTEXT, 99])(
    'where TLS is demanded, option %i is not answered without',
    async (option) => {
      const { server } = await listen();
      const client = await Client.to(server);
      client.send(u32(3));
      expect((await client.option(option, infoData('')))[0].type).toBe(OptionReply.ERR_TLS_REQD);
    },
  );

  test('where TLS is demanded, the option that cannot refuse ends the connection', async () => {
    const { server } = await listen();
    const client = await Client.to(server);
    client.send(u32(3), optionBytes(Option.EXPORT_NAME));
    expect(await client.readToEnd()).toBe(0);
  });

  test('where TLS is offered, both ways are open', async () => {
    const { server } = await listen({ required: false });
    expect((await (await Client.to(server)).go()).size).toBe(2 ** 20);
    const client = await (await begun(server)).secured(trusting());
    expect((await client.option(Option.LIST)).map(({ type }) => type)).toEqual([OptionReply.SERVER, OptionReply.ACK]);
  });

  test('what was agreed on before TLS is forgotten, but for the first flags', async () => {
    const { server } = await listen({ required: false });
    const before = [optionBytes(Option.STRUCTURED_REPLY), optionBytes(99)];
    const client = await (await begun(server, ...before)).secured(trusting());
    const context = await client.option(Option.SET_META_CONTEXT, metaData('', 'base:allocation'));
    expect(context[0].type).toBe(OptionReply.ERR_INVALID);
    client.send(optionBytes(Option.EXPORT_NAME));
    // Without 124 zeroes, which the client did not want.
    expect((await client.read(10)).readBigUInt64BE(0)).toBe(2n ** 20n);
    expect(await client.request({ type: READ, length: 10 })).toMatchObject({ structured: false, errno: 0 });
    expect((await client.request({ type: BLOCK_STATUS, length: 10 })).errno).toBe(22);
  });

  test('what is put behind STARTTLS in the clear ends the connection', async () => {
    const { server } = await listen();
    const client = await Client.to(server);
    client.send(u32(3), optionBytes(Option.STARTTLS), optionBytes(Option.GO, infoData('')));
    expect(await client.readToEnd()).toBe(0);
  });

  test.each(['options', 'requests'])('%s that come in the clear while TLS begins do nothing', async (what) => {
    const zram = device();
    const { server } = await listen({ required: false }, zram);
    const client = await begun(server);
    const write = requestBytes({ type: WRITE, payload: Buffer.alloc(4096, 7) });
    client.send(what === 'options' ? optionBytes(Option.LIST) : optionBytes(Option.GO, infoData('')), write);
    const rest = Buffer.alloc(await client.readToEnd());
    expect(rest.length).toBeLessThan(20); // an alert of TLS at most
    expect(zram.mmStat.origDataSize).toBe(0);
  });

  test('a client that begins TLS and says nothing is not waited for', async () => {
    const tls = credentials(folder, 'server');
    const { server } = await context.listen(device(), { tls, handshakeTimeout: 100 });
    const client = await begun(server);
    await client.readToEnd();
    await noneLeft(server);
  });

  test('with requestCert only clients of the authority are let in', async () => {
    const { server } = await listen({ requestCert: true });
    const connected = async (own: object): Promise<string> => {
      try {
        const client = await (await begun(server)).secured({ ...trusting(), ...own });
        return `${(await client.option(Option.LIST)).length} answers`;
      } catch {
        return 'refused';
      }
    };
    expect(await connected({})).toBe('refused');
    const { cert, key } = credentials(strangers, 'client');
    expect(await connected({ cert, key })).toBe('refused');
    const known = credentials(folder, 'client');
    expect(await connected({ cert: known.cert, key: known.key })).toBe('2 answers');
  });

  test('connections are gone when their clients are', async () => {
    const { server } = await listen();
    const clients = await Promise.all([1, 2, 3].map(async () => (await begun(server)).secured(trusting())));
    await clients[0].option(Option.ABORT);
    for (const client of clients) client.end();
    await noneLeft(server);
  });

  async function noneLeft(server: NbdServer): Promise<void> {
    const count = (): Promise<number> => new Promise((resolve) => server.getConnections((_, n) => resolve(n)));
    while ((await count()) > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  }

  const has = (tool: string): boolean => spawnSync(tool, ['--version']).status === 0;

  describeWithTool('nbdinfo', 'NBD with TLS and libnbd', has('nbdinfo'), () => {
    test(
      'shows a certificate, trusts the authority, and says that TLS is missing',
      async () => {
        const { server, socket, uri } = await listen({ requestCert: true });
        const secure = `nbds+unix:///?socket=${socket}&tls-certificates=${folder}`;
        expect(JSON.parse(await runClient(folder, 'nbdinfo', '--json', secure))).toMatchObject({ TLS: true });
        await expect(runClient(folder, 'nbdinfo', uri)).rejects.toThrow(/nbd_opt_go/);
        const foreign = secure.replace(folder, strangers);
        await expect(runClient(folder, 'nbdinfo', foreign)).rejects.toThrow();
        server.close();
        const network = await listen();
        network.server.close();
        await once(network.server, 'close');
        network.server.listen(0, '127.0.0.1');
        await once(network.server, 'listening');
        const { port } = network.server.address() as { port: number };
        const remote = `nbds://localhost:${port}/?tls-certificates=${folder}`;
        expect(await runClient(folder, 'nbdinfo', '--size', remote)).toBe(`${2 ** 20}\n`);
      },
      TIMEOUT_MILLISECONDS,
    );
  });

  describeWithTool('qemu-io', 'NBD with TLS and QEMU', has('qemu-io'), () => {
    test(
      'writes and reads with tls-creds',
      async () => {
        const { socket } = await listen({ requestCert: true });
        const object = `tls-creds-x509,id=tls0,endpoint=client,dir=${folder}`;
        const image = `driver=nbd,path=${socket},tls-creds=tls0,tls-hostname=localhost`;
        const commands = ['write -P 5 513 300000', 'read -P 5 513 300000'].flatMap((command) => ['-c', command]);
        const out = await runClient(folder, 'qemu-io', '--object', object, '--image-opts', ...commands, image);
        expect(out.match(/^(?:read|wrote) 300000/gm)).toHaveLength(2);
      },
      TIMEOUT_MILLISECONDS,
    );
  });
});
