/** Requests and replies, against an array of bytes. */
import { randomBytes } from 'node:crypto';

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { Engine } from '../../../bindings/index.js';
import { Command, CommandFlag, Errno } from '../../../integrations/nbd/protocol.js';
import { FlakyBacking } from '../../support/flaky-backing.js';
import { Random, seedOfRun } from '../../support/random.js';
import { Client, requestBytes, type RequestFields } from './client.js';
import { listening } from './listening.js';

const { listen } = listening();
const MIB = 2 ** 20;
const RUNS = Number(process.env.ZRAM_WASM_NBD_RUNS ?? 25);
const engine = Engine.createSync();
const random = new Random(seedOfRun(), 'nbd');
/** What does not compress, made once: filling arrays is slow where tests run. */
const NOISE = random.fill(Buffer.alloc(70_000));
const { READ, WRITE, TRIM, WRITE_ZEROES, FLUSH, CACHE, BLOCK_STATUS } = Command;

/** Puts a reply's pieces where they belong. */
function joined(data: { offset: number; bytes: Buffer }[], offset: number, length: number, simple: boolean): Buffer {
  const out = Buffer.alloc(length, 0xee);
  for (const piece of data) piece.bytes.copy(out, simple ? 0 : piece.offset - offset);
  return out;
}

const DISK = 3 * MIB + 4096;
const operation = fc.record({
  type: fc.constantFrom(READ, READ, WRITE, WRITE, TRIM, WRITE_ZEROES, FLUSH, CACHE, BLOCK_STATUS),
  offset: fc.oneof(
    fc.nat(DISK),
    fc.nat(DISK / 4096).map((page) => page * 4096),
    fc.nat(20).map((n) => DISK - n),
  ),
  length: fc.oneof(
    fc.nat(9000),
    fc.nat(3).map((n) => n * 4096),
    fc.integer({ min: 1, max: 700_000 }),
  ),
  fill: fc.nat(255),
  flags: fc.constantFrom(0, 0, 0, CommandFlag.FUA),
  connection: fc.nat(2),
});

test(
  'random requests on three connections are an array of bytes',
  async () => {
    const property = fc.asyncProperty(
      fc.array(operation, { maxLength: 40 }),
      fc.boolean(),
      async (operations, structured) => {
        const device = engine.createZram({ disksize: DISK });
        const { server } = await listen(device);
        const clients = await Promise.all([0, 1, 2].map(() => Client.to(server)));
        for (const client of clients) expect((await client.go('', { structured })).size).toBe(DISK);
        const model = Buffer.alloc(DISK);
        for (const { connection, fill, flags, ...fields } of operations) {
          const { type, offset, length } = fields;
          const bytes = Buffer.alloc(type === WRITE ? length : 0, NOISE.subarray(random.below(9000))).fill(
            fill,
            length >> 1,
          );
          const request: RequestFields = {
            ...fields,
            flags: type === FLUSH ? 0 : flags,
            cookie: BigInt(random.next()),
            payload: bytes,
          };
          const reply = await clients[connection].request(request);
          expect(reply.cookie).toBe(request.cookie);
          const beyond = offset + length > DISK && type !== FLUSH;
          const unknown = type === BLOCK_STATUS && (!structured || length === 0);
          if (beyond || unknown) {
            const full = (type === WRITE || type === WRITE_ZEROES) && beyond;
            expect(reply.errno).toBe(full ? Errno.ENOSPC : Errno.EINVAL);
            continue;
          }
          expect(reply.errno).toBe(0);
          if (type === WRITE) model.set(bytes, offset);
          if (type === WRITE_ZEROES) model.fill(0, offset, offset + length);
          if (type === TRIM) {
            const [first, end] = [Math.ceil(offset / 4096) * 4096, Math.floor((offset + length) / 4096) * 4096];
            if (end > first) model.fill(0, first, end);
          }
          if (type === READ && length > 0)
            expect(
              joined(reply.data, offset, length, !structured).equals(model.subarray(offset, offset + length)),
            ).toBe(true);
          if (type === BLOCK_STATUS) {
            let at = offset;
            for (const [bytes, state] of reply.status) {
              if ((state & 2) !== 0) expect(model.subarray(at, at + bytes).every((byte) => byte === 0)).toBe(true);
              at += bytes;
            }
            expect(at).toBe(offset + length);
          }
        }
        expect(Buffer.from(device.readPages(0, DISK / 4096)).equals(model)).toBe(true);
        for (const client of clients) client.end();
        device.destroy();
      },
    );
    await fc.assert(property, { numRuns: RUNS, seed: random.next() | 0 });
  },
  60_000 + RUNS * 2000,
);

describe('what comes at once', () => {
  test('requests in one piece, and byte by byte, are answered in their order', async () => {
    const device = engine.createZram({ disksize: MIB });
    const { server } = await listen(device);
    const client = await Client.to(server);
    await client.go();
    const page = randomBytes(10_000);
    const all = Buffer.concat([
      requestBytes({ type: WRITE, cookie: 1, offset: 777, payload: page }),
      requestBytes({ type: READ, cookie: 2, offset: 777, length: page.length }),
      requestBytes({ type: FLUSH, cookie: 3 }),
    ]);
    client.send(all, all);
    for (let at = 0; at < all.length; at += 100) {
      client.send(all.subarray(at, at + 100));
      await new Promise(setImmediate);
    }
    for (let round = 0; round < 3; round++) {
      for (const cookie of [1n, 2n, 3n]) {
        const reply = await client.reply();
        expect(reply).toMatchObject({ cookie, errno: 0 });
        if (cookie === 2n) expect(reply.data[0].bytes.equals(page)).toBe(true);
      }
    }
  });

  test('32 MiB in each direction; DF makes it one chunk', async () => {
    const device = engine.createZram({ disksize: '64M' });
    const { server } = await listen(device);
    const client = await Client.to(server);
    await client.go();
    const payload = randomBytes(32 * MIB);
    expect((await client.request({ type: WRITE, offset: 4095, payload })).errno).toBe(0);
    const whole = await client.request({ type: READ, offset: 4095, length: payload.length, flags: CommandFlag.DF });
    expect([whole.chunks, whole.data[0].bytes.equals(payload)]).toEqual([1, true]);
    const parts = await client.request({ type: READ, offset: 4095, length: payload.length });
    expect(joined(parts.data, 4095, payload.length, false).equals(payload)).toBe(true);
    const longer = await client.request({ type: READ, length: payload.length + 1 });
    expect(longer.errno).toBe(Errno.EOVERFLOW);
    expect((await client.request({ type: WRITE, payload: Buffer.alloc(32 * MIB + 1) })).errno).toBe(Errno.EOVERFLOW);
    expect((await client.request({ type: FLUSH })).errno).toBe(0);
  }, 60_000);

  test('a client that does not read costs a few buffers, and nobody else waits', async () => {
    const device = engine.createZram({ disksize: '64M' });
    device.writePages(0, randomBytes(8 * MIB));
    const { server } = await listen(device);
    const [greedy, other] = [await Client.to(server), await Client.to(server)];
    await greedy.go();
    await other.go();
    greedy.socket.pause();
    const before = process.memoryUsage().arrayBuffers;
    for (let n = 0; n < 100; n++) greedy.send(requestBytes({ type: READ, length: 8 * MIB, cookie: n }));
    for (let n = 0; n < 50; n++) expect((await other.request({ type: READ, offset: n, length: 5000 })).errno).toBe(0);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(8 * MIB);
    greedy.end();
    expect((await other.request({ type: FLUSH })).errno).toBe(0);
  });
});

describe('failures', () => {
  test('what is no request ends the connection, and no other one', async () => {
    const { server } = await listen(engine.createZram({ disksize: MIB }));
    const [one, other] = [await Client.to(server), await Client.to(server)];
    await one.go();
    await other.go();
    one.send(Buffer.alloc(28, 1));
    await one.readToEnd();
    expect((await other.request({ type: FLUSH })).errno).toBe(0);
  });

  test.each([
    ['an unknown command', { type: 77 }, Errno.EINVAL],
    ['an unknown flag', { type: READ, flags: 1 << 9, length: 1 }, Errno.EINVAL],
    ['an offset beyond 2^63', { type: READ, offset: 2n ** 64n - 1n, length: 1 }, Errno.EINVAL],
    ['a write beyond the end', { type: WRITE, offset: MIB - 1, payload: Buffer.alloc(2) }, Errno.ENOSPC],
    ['a resize', { type: 8, length: 1 }, Errno.EINVAL],
  ])('%s', async (_, request, errno) => {
    const { server } = await listen(engine.createZram({ disksize: MIB }));
    const client = await Client.to(server);
    await client.go();
    expect((await client.request(request)).errno).toBe(errno);
    expect((await client.request({ type: FLUSH })).errno).toBe(0);
  });

  test('a read-only export takes no writes, and its payloads go by', async () => {
    const { server } = await listen(engine.createZram({ disksize: MIB }), { readOnly: true });
    const client = await Client.to(server);
    await client.go();
    for (const type of [WRITE, TRIM, WRITE_ZEROES])
      expect((await client.request({ type, payload: Buffer.alloc(type === WRITE ? 5000 : 0) })).errno).toBe(
        Errno.EPERM,
      );
    expect((await client.request({ type: READ, length: 10 })).errno).toBe(0);
  });

  test('memory ends: ENOSPC, the old content stays', async () => {
    const small = Engine.createSync({ maxMemory: '6M' });
    const device = small.createZram({ disksize: '64M' });
    const { server } = await listen(device);
    const client = await Client.to(server);
    await client.go();
    const old = randomBytes(MIB);
    expect((await client.request({ type: WRITE, payload: old })).errno).toBe(0);
    const more = randomBytes(16 * MIB);
    expect((await client.request({ type: WRITE, offset: MIB, payload: more })).errno).toBe(Errno.ENOSPC);
    const read = await client.request({ type: READ, length: MIB });
    expect(joined(read.data, 0, MIB, false).equals(old)).toBe(true);
    expect((await client.request({ type: TRIM, offset: MIB, length: 32 * MIB })).errno).toBe(0);
    expect((await client.request({ type: WRITE, offset: MIB, payload: more.subarray(0, MIB) })).errno).toBe(0);
    small.destroy();
  });

  describe('a page in the middle of a long read cannot be read', () => {
    /** Its page 300 is on a backing that fails. */
    const damaged = async () => {
      const backing = new FlakyBacking(4);
      const zram = engine.createZram({ disksize: '2M', backing });
      const content = randomBytes(2 * MIB);
      zram.writePages(0, content);
      zram.writeback({ pageIndex: 300 });
      backing.failPercent = 100;
      return { content, server: (await listen(zram)).server };
    };

    test('structured replies: what comes before it, then the error, and the connection goes on', async () => {
      const { server, content } = await damaged();
      const client = await Client.to(server);
      await client.go();
      const reply = await client.request({ type: READ, length: 2 * MIB });
      expect(reply.errno).toBe(Errno.EIO);
      const before = Buffer.concat(reply.data.map(({ bytes }) => bytes));
      expect(before.length).toBeGreaterThan(MIB / 2);
      expect(before.equals(content.subarray(0, before.length))).toBe(true);
      const one = await client.request({ type: READ, offset: 300 * 4096, length: 4096 });
      expect(one).toMatchObject({ errno: Errno.EIO, data: [] });
      const last = await client.request({ type: READ, offset: 301 * 4096, length: 5000 });
      expect(last.data[0].bytes.equals(content.subarray(301 * 4096, 301 * 4096 + 5000))).toBe(true);
    });

    test.each([
      ['simple replies', false, 0],
      ['a reply that must not be fragmented', true, CommandFlag.DF],
    ])('%s: the connection ends', async (_, structured, flags) => {
      const { server } = await damaged();
      const client = await Client.to(server);
      await client.go('', { structured });
      expect((await client.request({ type: READ, flags, offset: 300 * 4096, length: 4096 })).errno).toBe(Errno.EIO);
      await expect(client.request({ type: READ, flags, length: 2 * MIB })).rejects.toThrow(/ended/);
    });
  });

  test('a device that is destroyed meanwhile is gone for its clients', async () => {
    const device = engine.createZram({ disksize: MIB });
    const { server } = await listen(device);
    const client = await Client.to(server);
    await client.go();
    device.destroy();
    for (const type of [READ, TRIM, WRITE_ZEROES, BLOCK_STATUS])
      expect((await client.request({ type, length: 4096 })).errno).toBe(Errno.ESHUTDOWN);
  });
});
