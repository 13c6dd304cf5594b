/** The handshake: every option is answered, and who does not keep to the protocol is cut off. */
import { describe, expect, test } from '@jest/globals';

import { Engine } from '../../../bindings/index.js';
import { createServer, type NbdDevice } from '../../../integrations/nbd.js';
import { Command, Errno, Info, Option, OptionReply, Transmission } from '../../../integrations/nbd/protocol.js';
import { codeOf } from '../../support/errors.js';
import { Client, infoData, metaData, optionBytes, text, u16, u32, u64 } from './client.js';
import { listening } from './listening.js';

const { listen } = listening();
const MIB = 2 ** 20;
const engine = Engine.createSync();
const disk = (disksize: string | number = '1M') => engine.createZram({ disksize });
const typesOf = (answers: { type: number }[]) => answers.map(({ type }) => type);

describe('fixed newstyle', () => {
  test('the first words', async () => {
    const client = await Client.to((await listen(disk())).server);
    expect(client.greeting.toString('latin1', 0, 16)).toBe('NBDMAGICIHAVEOPT');
    expect(client.greeting.readUInt16BE(16)).toBe(3);
  });

  test.each([
    ['flags that nobody offered', u32(7)],
    ['another magic number', Buffer.concat([u32(3), u64(1), u32(7), u32(0)])],
    [
      'an export that is not there, by the option that cannot refuse',
      Buffer.concat([u32(3), optionBytes(1, Buffer.from('none'))]),
    ],
    ['a name that is too long', Buffer.concat([u32(3), optionBytes(1, Buffer.alloc(5000, 'a'))])],
  ])('%s ends the connection', async (_, bytes) => {
    const client = await Client.to((await listen(disk())).server);
    client.send(bytes);
    expect(await client.readToEnd()).toBe(0);
  });

  test.each([
    [3, 10],
    [1, 134],
  ])('EXPORT_NAME with flags %i has %i bytes, and requests follow', async (flags, bytes) => {
    const client = await Client.to((await listen(disk())).server);
    client.send(u32(flags), optionBytes(Option.EXPORT_NAME));
    const answer = await client.read(bytes);
    expect(answer.readBigUInt64BE(0)).toBe(BigInt(MIB));
    expect((await client.request({ type: 0, length: 10 })).data[0].bytes).toEqual(Buffer.alloc(10));
  });

  test('ABORT is acknowledged', async () => {
    const client = await Client.to((await listen(disk())).server);
    client.send(u32(3));
    expect(typesOf(await client.option(Option.ABORT))).toEqual([OptionReply.ACK]);
    await client.readToEnd();
  });

  test('a client that says nothing is not waited for', async () => {
    const client = await Client.to((await listen(disk(), { handshakeTimeout: 50 })).server);
    await client.readToEnd();
  });

  test('a client that asks on and on is cut off', async () => {
    const client = await Client.to((await listen(disk())).server);
    client.send(u32(3), ...Array.from({ length: 1100 }, () => optionBytes(Option.LIST)));
    await client.readToEnd();
  });
});

describe('options', () => {
  test.each([
    ['an unknown one', 99, Buffer.alloc(3), OptionReply.ERR_UNSUP],
    ['extended headers', 11, Buffer.alloc(0), OptionReply.ERR_UNSUP],
    ['PEEK_EXPORT', 4, Buffer.alloc(0), OptionReply.ERR_UNSUP],
    ['LIST with data', Option.LIST, Buffer.alloc(1), OptionReply.ERR_INVALID],
    ['STRUCTURED_REPLY with data', Option.STRUCTURED_REPLY, Buffer.alloc(1), OptionReply.ERR_INVALID],
    ['GO, cut short', Option.GO, u16(1), OptionReply.ERR_INVALID],
    ['GO with a lying length', Option.GO, Buffer.concat([u32(900), u16(0)]), OptionReply.ERR_INVALID],
    ['GO with too many requests', Option.GO, Buffer.concat([text(''), u16(9)]), OptionReply.ERR_INVALID],
    ['GO with something behind', Option.GO, Buffer.concat([infoData(''), u16(0)]), OptionReply.ERR_INVALID],
    ['GO to nowhere', Option.GO, infoData('nowhere'), OptionReply.ERR_UNKNOWN],
    ['INFO on nothing', Option.INFO, infoData('nowhere'), OptionReply.ERR_UNKNOWN],
    ['contexts of nothing', Option.LIST_META_CONTEXT, metaData('nowhere'), OptionReply.ERR_UNKNOWN],
    [
      'contexts with 2^32 - 1 queries',
      Option.LIST_META_CONTEXT,
      Buffer.concat([text(''), u32(2 ** 32 - 1)]),
      OptionReply.ERR_INVALID,
    ],
    ['SET_META_CONTEXT too early', Option.SET_META_CONTEXT, metaData('', 'base:allocation'), OptionReply.ERR_INVALID],
    ['one that is too long', 77, Buffer.alloc(100_000), OptionReply.ERR_TOO_BIG],
    ['STARTTLS without a certificate', Option.STARTTLS, Buffer.alloc(0), OptionReply.ERR_POLICY],
  ])('%s is answered, and the next one as well', async (_, option, data, type) => {
    const client = await Client.to((await listen(disk())).server);
    client.send(u32(3));
    const answers = await client.option(option, data);
    expect(answers.map((answer) => [answer.option, answer.type])).toEqual([[option, type]]);
    expect(answers[0].data.length).toBeGreaterThan(5);
    expect(typesOf(await client.option(Option.LIST))).toEqual([OptionReply.SERVER, OptionReply.ACK]);
  });

  test('LIST names the exports there are when it is asked', async () => {
    const exports = new Map([['a', disk()]]);
    const client = await Client.to((await listen(exports)).server);
    client.send(u32(3));
    const names = async () =>
      (await client.option(Option.LIST)).slice(0, -1).map(({ data }) => data.toString('utf8', 4));
    expect(await names()).toEqual(['a']);
    exports.set('größer', disk());
    expect(await names()).toEqual(['a', 'größer']);
  });

  test('INFO tells size, flags, name and block sizes', async () => {
    const client = await Client.to((await listen(new Map([['one', disk(1)]]))).server);
    client.send(u32(3));
    const answers = await client.option(Option.INFO, infoData('', Info.NAME, Info.BLOCK_SIZE, 77));
    expect(answers.slice(0, -1).map(({ data }) => [data.readUInt16BE(0), data.subarray(2).toString('hex')])).toEqual([
      [Info.EXPORT, expect.stringMatching(/^0000000000001000/)],
      [Info.NAME, Buffer.from('one').toString('hex')],
      [Info.BLOCK_SIZE, '000000010000100002000000'],
    ]);
  });

  test('each of many exports can be looked at', async () => {
    const names = Array.from({ length: 600 }, (_, i) => `${i}`);
    const device = disk();
    const client = await Client.to((await listen(new Map(names.map((name) => [name, device])))).server);
    client.send(u32(3));
    for (const name of names)
      for (const [option, data] of [
        [Option.INFO, infoData(name)],
        [Option.LIST_META_CONTEXT, metaData(name)],
      ] as const)
        expect((await client.option(option, data)).at(-1)).toMatchObject({ type: OptionReply.ACK });
  });

  test('contexts are listed and chosen', async () => {
    const client = await Client.to((await listen(disk())).server);
    client.send(u32(3));
    await client.option(Option.STRUCTURED_REPLY);
    const seen = async (option: number, ...queries: string[]) =>
      (await client.option(option, metaData('', ...queries))).slice(0, -1).map(({ data }) => data.toString('utf8', 4));
    expect(await seen(Option.LIST_META_CONTEXT)).toEqual(['base:allocation']);
    expect(await seen(Option.LIST_META_CONTEXT, 'base:')).toEqual(['base:allocation']);
    expect(await seen(Option.LIST_META_CONTEXT, 'qemu:')).toEqual([]);
    expect(await seen(Option.SET_META_CONTEXT, 'qemu:dirty-bitmap:x', 'base:allocation')).toEqual(['base:allocation']);
    expect(await seen(Option.SET_META_CONTEXT)).toEqual([]);
  });

  test.each([
    ['no queries', metaData(''), OptionReply.ACK],
    ['another export', metaData('nowhere', 'base:allocation'), OptionReply.ERR_UNKNOWN],
    ['a query that ends too early', Buffer.concat([text(''), u32(1), u32(9)]), OptionReply.ERR_INVALID],
    ['more than is understood', Buffer.alloc(70_000), OptionReply.ERR_TOO_BIG],
  ])('a choice of contexts ends the one before: %s', async (_, data, type) => {
    const client = await Client.to((await listen(disk())).server);
    client.send(u32(3));
    await client.option(Option.STRUCTURED_REPLY);
    await client.option(Option.SET_META_CONTEXT, metaData('', 'base:allocation'));
    expect(typesOf(await client.option(Option.SET_META_CONTEXT, data))).toEqual([type]);
    await client.option(Option.GO, infoData(''));
    expect(await client.request({ type: Command.BLOCK_STATUS, length: 4096 })).toMatchObject({
      errno: Errno.EINVAL,
      message: 'no context was chosen (base:allocation), so there is no status',
    });
    expect(await client.request({ type: Command.READ, length: 2 ** 24 })).toMatchObject({
      errno: Errno.EINVAL,
      message: expect.stringContaining('beyond the disk'),
    });
  });
});

describe('exports', () => {
  test('one alone is also the one without a name; of two, none is', async () => {
    const exports = new Map([['a', disk()]]);
    const { server } = await listen(exports);
    expect(await (await Client.to(server)).go('')).toMatchObject({ size: MIB });
    exports.set('b', disk('2M'));
    await expect((await Client.to(server)).go('')).rejects.toThrow(/refused/);
    expect(await (await Client.to(server)).go('b')).toMatchObject({ size: 2 * MIB });
  });

  test('snapshots and what is declared so are read only', async () => {
    const device = disk();
    const exports = new Map<string, NbdDevice>([
      ['snapshot', device.snapshot()],
      ['device', device],
    ]);
    const { server } = await listen(exports);
    const readOnly = async (name: string) =>
      ((await (await Client.to(server)).go(name)).flags & Transmission.READ_ONLY) !== 0;
    expect([await readOnly('snapshot'), await readOnly('device')]).toEqual([true, false]);
    const one = await listen(device, { readOnly: true });
    expect((await (await Client.to(one.server)).go()).flags & Transmission.READ_ONLY).toBe(Transmission.READ_ONLY);
  });

  test('a destroyed device, and one without a size, is none', async () => {
    const gone = disk();
    const { server } = await listen(
      new Map([
        ['gone', gone],
        ['bare', engine.createZram({})],
      ]),
    );
    gone.destroy();
    for (const name of ['gone', 'bare']) await expect((await Client.to(server)).go(name)).rejects.toThrow(/refused/);
  });

  test('wrong arguments', () => {
    expect(codeOf(() => createServer({} as never))).toBe('EINVAL');
    expect(codeOf(() => createServer(undefined as never))).toBe('EINVAL');
    expect(codeOf(() => createServer(new Map([['a', 1 as never]])))).toBe('EINVAL');
    expect(codeOf(() => createServer(new Map([['a'.repeat(5000), disk()]])))).toBe('EINVAL');
    const exports = [new Map([[5, disk()]]), new Map([['a', { device: disk(), readOnly: 'no' }]]), new Uint8Array(3)];
    for (const wrong of exports) expect(codeOf(() => createServer(wrong as never))).toBe('EINVAL');
    const options = [
      ...[null, 'x', { handshakeTimeout: -1 }, { exportName: 5 }, { readOnly: 'no' }, { tls: null }],
      ...[{ maxConnections: NaN }, { maxConnections: '9' }, { maxConnections: 0 }],
    ];
    for (const wrong of options)
      expect([wrong, codeOf(() => createServer(disk(), wrong as never))]).toEqual([wrong, 'EINVAL']);
  });

  test('a handshake may have more time than timers do', async () => {
    const client = await Client.to((await listen(disk(), { handshakeTimeout: 2 ** 40 })).server);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await client.go('');
  });
});
