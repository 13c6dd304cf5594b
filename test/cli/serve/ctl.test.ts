/** The control socket: what can be asked for, what is refused, and what hostile clients cannot do. */
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals';
import fc from 'fast-check';

import { clientOf, Folder, PAGE, readFrom, talk, writeTo, type Process } from './served.js';

/** Each test starts some processes, for which a busy machine takes its time. */
const TIMEOUT_MILLISECONDS = 180_000;
jest.setTimeout(TIMEOUT_MILLISECONDS);

let folder: Folder;
let server: Process;
beforeAll(async () => {
  folder = new Folder();
  ({ server } = await folder.serve('--size', '1M', '--export', 'base', '--unix', 'sock', '--control', 'ctl'));
});
afterAll(async () => {
  const { status, err } = await server.end();
  folder.remove();
  expect({ status, err }).toEqual({ status: 0, err: '' });
});

const ask = async (request: object): Promise<any> =>
  JSON.parse((await talk(folder.at('ctl'), `${JSON.stringify(request)}\n`))[0]);

test('forks, snapshots and their end', async () => {
  const base = await clientOf(folder.at('sock'), 'base');
  expect(await writeTo(base, 0, Buffer.from('first'))).toBe(0);
  const made = await folder.run('ctl', 'ctl', 'fork', 'base', 'vm');
  expect(made.out).toBe(`vm is a fork of base: nbd+unix:///vm?socket=${folder.at('sock')}\n`);
  expect(await folder.ctl('ctl', 'snapshot', 'base', 'then')).toMatchObject({
    name: 'then',
    size: 2 ** 20,
    readOnly: true,
  });
  expect(await writeTo(base, 0, Buffer.from('later'))).toBe(0);
  const [vm, then] = [await clientOf(folder.at('sock'), 'vm'), await clientOf(folder.at('sock'), 'then')];
  expect(await writeTo(vm, 5, Buffer.from(' of vm'))).toBe(0);
  expect(await writeTo(then, 0, Buffer.from('x'))).toBe(1); // EPERM
  const texts = await Promise.all([base, vm, then].map(async (client) => (await readFrom(client, 0, 11)).toString()));
  expect(texts).toEqual(['later\0\0\0\0\0\0', 'first of vm', 'first\0\0\0\0\0\0']);
  // Of a snapshot, a fork and a snapshot.
  expect(await folder.ctl('ctl', 'fork', 'then', 'again')).toMatchObject({ readOnly: false });
  expect(await folder.ctl('ctl', 'snapshot', 'then', 'kept')).toMatchObject({ readOnly: true });

  await expect(folder.ctl('ctl', 'remove', 'vm')).rejects.toThrow("'vm' has 1 client: --force ends their connections");
  expect((await folder.run('ctl', 'ctl', 'remove', 'vm', '--force')).out).toBe('vm is removed.\n');
  await expect(readFrom(vm, 0, 1)).rejects.toThrow(/ended/);
  await expect(clientOf(folder.at('sock'), 'vm')).rejects.toThrow(/refused/);
  then.end();
  base.end();
  for (const name of ['then', 'again', 'kept']) {
    // The server may see the end of a connection a little later.
    await folder.ctl('ctl', 'remove', name, '--force');
  }
  await expect(folder.ctl('ctl', 'remove', 'base')).rejects.toThrow("'base' is the only export: one has to stay");
});

describe('refusals have a code and a sentence', () => {
  test.each([
    [{ command: 'fork', from: 'nobody', name: 'x' }, 'ENOENT', "there is no export called 'nobody'"],
    [{ command: 'snapshot', from: 'base', name: 'base' }, 'EEXIST', "two exports cannot both be called 'base'"],
    [{ command: 'remove', name: 'nobody' }, 'ENOENT', "there is no export called 'nobody'"],
    [{ command: 'fork', from: 'base', name: 'a/b' }, 'EINVAL', 'must be one that a file can have'],
    [{ command: 'fork', from: 'base', name: '' }, 'EINVAL', 'must not be empty'],
    [{ command: 'fork', from: 'base', name: '\ud800' }, 'EINVAL', 'must be one that a file can have'],
    [{ command: 'fork', from: 'base' }, 'EINVAL', "the field 'name' of fork must be a string"],
    [{ command: 'fork', from: 'base', name: 7 }, 'EINVAL', "the field 'name' of fork must be a string"],
    [{ command: 'fork', from: 'base', name: 'x', force: true }, 'EINVAL', "fork has no such field: 'force'"],
    [{ command: 'remove', name: 'base', force: 'yes' }, 'EINVAL', "the field 'force' of remove must be a boolean"],
    [{ command: 'toString' }, 'EINVAL', "the field 'command' must be one of snapshot, fork"],
    [{ command: ['stat'] }, 'EINVAL', "the field 'command' must be one of"],
    [{}, 'EINVAL', "the field 'command' must be one of"],
    [{ command: 'save' }, 'EOPNOTSUPP', 'it was started without --save'],
    [{ command: 'stat', id: {} }, 'EINVAL', "the field 'id' must not be an object or array"],
  ])('%j', async (request, code, message) => {
    expect(await ask(request)).toEqual({ ok: false, error: { code, message: expect.stringContaining(message) } });
  });

  test('an id comes back, with refusals too; requests of a connection are answered in order', async () => {
    const requests = [
      { command: 'stat', id: 1 },
      { command: 'x', id: 'two' },
      { id: null, command: 'merge' },
      { id: false },
    ];
    const lines = await talk(folder.at('ctl'), requests.map((each) => `${JSON.stringify(each)}\r\n`).join(''));
    expect(lines.map((line) => JSON.parse(line)).map(({ id, ok }) => [id, ok])).toEqual([
      [1, true],
      ['two', false],
      [null, true],
      [false, false],
    ]);
  });

  test.each([
    ['no JSON', 'stat\n'],
    ['an array', '["stat"]\n'],
    ['null', 'null\n'],
    ['no UTF-8', Buffer.from('7b22636f6d6d616e64223a2273746174ff227d0a', 'hex')],
    ['two objects', '{"command":"stat"}{"command":"stat"}\n'],
  ])('%s', async (_, line) => {
    const lines = await talk(folder.at('ctl'), line);
    expect(lines.map((each) => JSON.parse(each))).toMatchObject([{ ok: false, error: { code: 'EINVAL' } }]);
  });
});

describe('hostile clients', () => {
  const stillAnswers = async () => expect(await ask({ command: 'stat' })).toMatchObject({ ok: true });

  test('a line without end is cut off, and one that is not finished is not a request', async () => {
    const lines = await talk(folder.at('ctl'), ...Array.from({ length: 40 }, () => Buffer.alloc(4096, 'x')));
    expect(lines.map((each) => JSON.parse(each))).toMatchObject([{ ok: false, error: { code: 'EMSGSIZE' } }]);
    const long = await talk(folder.at('ctl'), `{"command":"stat","id":"${'x'.repeat(70_000)}"}\n{"command":"stat"}\n`);
    expect(long.map((each) => JSON.parse(each))).toMatchObject([{ ok: false, error: { code: 'EMSGSIZE' } }]);
    expect(await talk(folder.at('ctl'), '{"command":"fork","from":"base","name":"half"}')).toEqual([]);
    expect(await talk(folder.at('ctl'), '{"comm', 'and":"st', 'at"}', '\n\n\n')).toHaveLength(1);
    await stillAnswers();
  });

  test('hundreds of connections and one that does not read cost nothing', async () => {
    const silent: Socket[] = [];
    for (let n = 0; n < 200; n++) {
      const socket = connect(folder.at('ctl'));
      socket.on('error', () => undefined);
      silent.push(socket);
    }
    await Promise.all(silent.map((socket) => once(socket, 'connect')));
    for (const socket of silent) socket.destroy();
    const deaf = connect(folder.at('ctl'));
    deaf.on('error', () => undefined);
    deaf.pause();
    // Its answers are not read: after some of them, its requests are not either.
    for (let n = 0; n < 300; n++) deaf.write('{"command":"stat"}\n'.repeat(100));
    await stillAnswers();
    const { memory } = (await ask({ command: 'stat' })).result;
    expect(memory.used).toBeLessThan(8 * 2 ** 20);
    deaf.destroy();
    await stillAnswers();
  });

  test('every line has one answer, whatever is in it', async () => {
    const word = fc.constantFrom(
      'command',
      'from',
      'name',
      'id',
      'stat',
      'fork',
      'remove',
      'base',
      '__proto__',
      '\0',
      '{',
      '"',
    );
    const line = fc.oneof(
      fc.json().map((text) => Buffer.from(text)),
      fc
        .dictionary(word, fc.oneof(word, fc.integer(), fc.constant(null)))
        .map((value) => Buffer.from(JSON.stringify(value))),
      fc.uint8Array({ minLength: 1, maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
    );
    // Line ends inside and a force that ends the exports of others would be requests of their own.
    const lines = fc.array(
      line.map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 10))).filter(({ length }) => length > 0),
      { maxLength: 20 },
    );
    await fc.assert(
      fc.asyncProperty(lines, async (sent) => {
        const answers = await talk(folder.at('ctl'), Buffer.concat(sent.flatMap((each) => [each, Buffer.from('\n')])));
        expect(answers).toHaveLength(sent.length);
        for (const each of answers) expect(typeof JSON.parse(each).ok).toBe('boolean');
      }),
      { numRuns: 60 },
    );
    await stillAnswers();
  });
});

describe('statistics', () => {
  const stat = async (...args: string[]): Promise<string> => (await folder.run('ctl', 'ctl', 'stat', ...args)).out;

  test('count pages, clients and merges across exports', async () => {
    const client = await clientOf(folder.at('sock'), 'base');
    const noise = randomBytes(PAGE);
    for (const n of [1, 2, 3]) expect(await writeTo(client, n * PAGE, noise)).toBe(0);
    expect(await writeTo(client, 9 * PAGE, Buffer.alloc(PAGE, 7))).toBe(0);
    await folder.ctl('ctl', 'fork', 'base', 'copy');
    const copy = await clientOf(folder.at('sock'), 'copy');
    expect(await writeTo(copy, 20 * PAGE, noise)).toBe(0);
    await folder.ctl('ctl', 'snapshot', 'copy', 'still');
    const merged = await folder.ctl('ctl', 'merge');
    expect(merged).toMatchObject({ milliseconds: expect.any(Number) });
    const found = await folder.ctl('ctl', 'stat');
    const stored = (name: string) => found.exports.find((each: { name: string }) => each.name === name);
    expect(stored('base')).toMatchObject({ clients: 1, size: 2 ** 20, same_pages: 1, snapshot: false, from: null });
    expect(stored('still')).toMatchObject({ clients: 0, readOnly: true, snapshot: true, from: 'copy', same_pages: 1 });
    // Four pages of noise in all, and the text of the first test, each stored once.
    expect(found.mm_stat.huge_pages).toBe(3 + 4 + 4);
    expect(found.mm_stat.compr_data_size).toBeLessThan(2 * PAGE);
    expect(found.ksm.pages_sharing).toBe(3);
    expect(found.memory.limit).toBe(2 ** 32 - 65536);
    const text = await stat();
    expect(text).toMatch(/^3 exports, 2 clients\n/);
    expect(text).toMatch(/\n {2}still +1\.0 MiB +0 .*snapshot of copy\n/);
    expect(text).toMatch(/\n {2}pages_sharing +3\n/);
    expect(text).toMatch(/\nNothing is saved\.\n$/);
  });

  test('as text of Prometheus', async () => {
    const lines = (await stat('--prometheus')).trimEnd().split('\n');
    const types = new Map<string, string>();
    const values = new Map<string, number>();
    for (const line of lines) {
      const type = /^# TYPE (\w+) (gauge|counter)$/.exec(line);
      if (type) {
        expect(types.has(type[1])).toBe(false);
        types.set(type[1], type[2]);
        continue;
      }
      if (/^# HELP zram_wasm_\w+ \S.*$/.test(line)) continue;
      const [, name, label = '', value] = /^(\w+)(\{export="(?:[^"\\\n]|\\[\\"n])*"\})? (-?[\d.e+-]+)$/.exec(line)!;
      expect(types.has(name)).toBe(true);
      expect(name.endsWith('_total')).toBe(types.get(name) === 'counter');
      expect(values.has(name + label)).toBe(false);
      values.set(name + label, Number(value));
    }
    const { ksm } = JSON.parse(await stat('--json')) as { ksm: object };
    for (const counter of Object.keys(ksm))
      expect([...values.keys()]).toContainEqual(expect.stringMatching(`^zram_wasm_ksm_${counter}(_total|_bytes)?$`));
    expect(values.get('zram_wasm_export_size_bytes{export="base"}')).toBe(2 ** 20);
    expect(values.get('zram_wasm_export_clients{export="still"}')).toBe(0);
    expect(values.get('zram_wasm_ksm_pages_sharing')).toBe(3);
    expect(values.has('zram_wasm_saves_total')).toBe(false);
  });
});
