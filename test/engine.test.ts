/** Engines: where the core's code may come from, owning and ending, several side by side. */
import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { Engine, Zram, ZramError, ZsPool, type CoreSource } from '../bindings/index.js';
import { compiledCore, engineOf, rawExports, wasmBytes, wasmUrl } from './support/raw-core.js';

const PAGE = Uint8Array.from({ length: 4096 }, (_, n) => (n * 31) >> 3);
const invalid = expect.objectContaining({ code: 'EINVAL' });
/** (module (import "a" "b" (func))) */
const IMPORTS_A_B = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 2, 7, 1, 1, 97, 1, 98, 0, 0);

const SOURCES: [string, () => CoreSource][] = [
  ['bytes', () => wasmBytes('release')],
  ['a Buffer', () => readFileSync(wasmUrl('release'))],
  ['an ArrayBuffer', () => wasmBytes('release').buffer],
  ['a compiled module', () => compiledCore('release')],
  ['a file URL', () => wasmUrl('release')],
  ['a Response', () => new Response(wasmBytes('release'), { headers: { 'content-type': 'application/wasm' } })],
];

test.each(SOURCES)('an engine made from %s works', async (_name, source) => {
  const engine = await Engine.create({ module: source() });
  const zram = engine.createZram({ disksize: '1M' });
  zram.writePage(5, PAGE);
  expect(Buffer.compare(zram.readPage(5), PAGE)).toBe(0);
  engine.destroy();
});

test.each(SOURCES.slice(0, 4))('createSync takes %s', (_name, source) => {
  const engine = Engine.createSync({ module: source() });
  engine.createPool().malloc(100);
  engine.destroy();
});

// On many processors the C library copies ten times as slowly to an address that lies 1 to 31 bytes further in its 4 KiB than
// the source does in its own; large arrays begin 16 bytes into one.
test('pages cross where copies from and to large arrays are fast', () => {
  using engine = engineOf('release');
  const inPage = rawExports(engine).stagingAddress() % 4096;
  expect(inPage).toBeGreaterThanOrEqual(16 + 32);
  expect(inPage).toBeLessThanOrEqual(4096 - 32);
});

test('createSync without a module uses the core that came along; a URL is too late for it', () => {
  Engine.createSync().destroy();
  expect(() => Engine.createSync({ module: wasmUrl('release') })).toThrow(invalid);
});

test.each([
  ['text', 'core.wasm'],
  ['a number', 7],
  ['null', null],
  ['other code', Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)],
  ['no code', Uint8Array.of(1, 2, 3)],
  ['a foreign module', new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0))],
  ['one with other imports', new WebAssembly.Module(IMPORTS_A_B)],
  ['an empty object', {}],
])('a module that is %s is EINVAL', async (_name, module) => {
  await expect(Engine.create({ module: module as CoreSource })).rejects.toEqual(invalid);
});

test('code that cannot be loaded is EIO', async () => {
  await expect(Engine.create({ module: new URL('file:///no/such/core.wasm') })).rejects.toMatchObject({ code: 'EIO' });
  const missing = new Response('', { status: 404 });
  await expect(Engine.create({ module: missing })).rejects.toMatchObject({ code: 'EIO' });
});

test('maxMemory: sizes as text, the limit told, too little refused', async () => {
  const engine = await Engine.create({ maxMemory: '64M' });
  expect(engine.memory.limit).toBe(64 << 20);
  expect(engine.memory.reserved).toBeLessThanOrEqual(64 << 20);
  engine.destroy();
  for (const maxMemory of ['64M ', 'x', -1, 1.5, NaN, {}, 4096]) {
    await expect(Engine.create({ maxMemory: maxMemory as number })).rejects.toEqual(invalid);
  }
  await expect(Engine.create({ maxmemory: 1 } as object)).rejects.toThrow(/no option 'maxmemory'/);
});

test('an engine ends all that it made; ending twice is allowed, using afterwards is EINVAL', async () => {
  const engine = await Engine.create();
  const pool = engine.createPool();
  const own = engine.createZram({ disksize: '1M' });
  const shared = engine.createZram({ disksize: '1M', pool });
  const handle = pool.malloc(10);
  pool.destroy();
  expect(() => shared.writePage(0, PAGE)).toThrow(invalid);
  own.writePage(0, PAGE);
  engine.destroy();
  engine[Symbol.dispose]();
  for (const use of [
    () => own.readPage(0),
    () => own.mmStat,
    () => own.sysfs.read('mm_stat'),
    () => own.reset(),
    () => pool.read(handle),
    () => pool.stats(),
    () => engine.memory,
    () => engine.createPool(),
    () => engine.createZram(),
  ]) {
    expect(use).toThrow(invalid);
  }
  own.destroy();
  pool.destroy();
});

test('an option that ends the engine when it is read: EINVAL, and nothing of it lives on', () => {
  for (const make of ['createPool', 'createZram', 'createZswap', 'createStateHistory'] as const) {
    const engine = Engine.createSync();
    const options = {
      get pool() {
        engine.destroy();
        return undefined;
      },
      get dedup() {
        engine.destroy();
        return false;
      },
    };
    if (make === 'createPool') Reflect.deleteProperty(options, 'pool');
    else if (make !== 'createZram') Reflect.deleteProperty(options, 'dedup');
    expect(() => engine[make](options)).toThrow(invalid);
    engine.destroy();
  }
});

test('each option is read once, and what cannot be read is EINVAL', async () => {
  let reads = 0;
  const options = {
    get maxMemory() {
      return ++reads === 1 ? '64M' : 'x';
    },
  };
  Engine.createSync(options).destroy();
  expect(reads).toBe(1);
  const unreadable = (name: string): object =>
    Object.defineProperty({}, name, {
      enumerable: true,
      get() {
        throw new TypeError('no');
      },
    });
  for (const name of ['maxMemory', 'module', 'compressors']) {
    await expect(Engine.create(unreadable(name))).rejects.toEqual(invalid);
  }
  for (const name of ['href', 'arrayBuffer']) {
    await expect(Engine.create({ module: unreadable(name) })).rejects.toEqual(invalid);
  }
  await expect(Engine.create({ module: new Blob([wasmBytes('release')]) })).resolves.toBeInstanceOf(Engine);
  const detached = wasmBytes('release');
  structuredClone(detached, { transfer: [detached.buffer] });
  await expect(Engine.create({ module: detached })).rejects.toEqual(invalid);
});

test('what an engine gave is given back', async () => {
  const engine = await Engine.create();
  const { used } = engine.memory;
  for (let round = 0; round < 3; round++) {
    const zram = engine.createZram({ disksize: '64M' });
    for (let index = 0; index < 2000; index++) zram.writePage(index * 7, PAGE);
    zram.destroy();
    expect(engine.memory.used).toBe(used);
  }
  engine.destroy();
});

test('X.create makes an engine of its own and ends it', async () => {
  const zram = await Zram.create({ disksize: '1M', maxMemory: '16M' });
  zram.destroy();
  zram.destroy();
  expect(() => zram.mmStat).toThrow(invalid);
  const pool = await ZsPool.create({ chainSize: 4 });
  expect(pool.hugeClassSize).toBe(3257);
  pool[Symbol.dispose]();
  expect(() => pool.malloc(1)).toThrow(invalid);
  await expect(Zram.create({ disksize: 0 })).rejects.toBeInstanceOf(ZramError);
});

test('engines and pools are apart: foreign pools and handles are EINVAL', async () => {
  const [one, two] = [await Engine.create(), await Engine.create()];
  const [pool, other] = [one.createPool(), one.createPool()];
  const [handle, otherHandle] = [pool.malloc(10), other.malloc(10)];
  const far = two.createPool();
  far.malloc(10);
  expect(() => two.createZram({ disksize: '1M', pool })).toThrow(invalid);
  expect(() => two.createZram({ disksize: '1M', pool: JSON.parse('{}') })).toThrow(invalid);
  for (const foreign of [() => other.read(handle), () => pool.free(otherHandle), () => far.read(handle)]) {
    expect(foreign).toThrow(invalid);
  }
  expect(pool.read(handle)).toEqual(new Uint8Array(10));
  one.destroy();
  far.malloc(20);
  two.destroy();
});
