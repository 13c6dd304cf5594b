/** What callers pass to a pool and its scanner: read once and first, and arrays believed by their intrinsic properties alone. */
import { describe, expect, test } from '@jest/globals';
import type { Engine, Handle, Ksmd, ZsPool } from '../../bindings/index.js';
import { Random } from '../support/random.js';
import { checkPools, engineOf } from '../support/raw-core.js';

const random = new Random(1, 'arguments of a pool');
const noise = (bytes: number): Uint8Array => random.fill(new Uint8Array(bytes));
const EINVAL = expect.objectContaining({ code: 'EINVAL' });

/** An object whose property does something when it is read, and counts how often. */
function trap(
  values: object,
  name: string,
  action: () => void,
  value?: unknown,
): { options: object; reads: () => number } {
  let reads = 0;
  const options = Object.defineProperty({ ...values }, name, {
    enumerable: true,
    get: () => {
      reads++;
      action();
      return value;
    },
  });
  return { options, reads: () => reads };
}

interface Scene {
  readonly engine: Engine;
  readonly pool: ZsPool;
  readonly ksmd: Ksmd;
  readonly handle: Handle;
  readonly bytes: Uint8Array;
}

function scene(): Scene {
  const engine = engineOf('debug');
  const pool = engine.createPool({ dedup: true });
  const bytes = noise(500);
  return { engine, pool, ksmd: pool.createKsmd(), handle: pool.store(bytes), bytes };
}

/** Calls that take options, with a name of one, and what they are called on that may end meanwhile. */
const CALLS: readonly (readonly [string, string, (scene: Scene, options: object) => unknown, 'pool' | 'engine'])[] = [
  ['createPool', 'limit', ({ engine }, options) => engine.createPool(options), 'engine'],
  ['createPool', 'dedup', ({ engine }, options) => engine.createPool(options), 'engine'],
  ['read', 'offset', ({ pool, handle }, options) => pool.read(handle, options), 'pool'],
  ['read', 'out', ({ pool, handle }, options) => pool.read(handle, options), 'pool'],
  ['read', 'length', ({ pool, handle }, options) => pool.read(handle, options), 'pool'],
  ['merge', 'maxObjects', ({ pool }, options) => pool.merge(options), 'pool'],
  ['merge', 'dryRun', ({ pool }, options) => pool.merge(options), 'pool'],
  ['createKsmd', 'pagesToScan', ({ pool }, options) => pool.createKsmd(options), 'pool'],
];

describe.each(CALLS)('the options of %s: %s', (_, name, call, ends) => {
  test('a getter that destroys what it is passed to ends in EINVAL', () => {
    const here = scene();
    const other = here.engine.createPool();
    const kept = other.store(here.bytes);
    const { options } = trap({}, name, () => {
      here[ends].destroy();
      if (ends === 'engine') return;
      // What comes next may be where the pool was.
      here.engine.createPool().store(noise(700));
    });
    expect(() => call(here, options)).toThrow(EINVAL);
    if (ends === 'engine') return;
    checkPools(here.engine);
    expect(other.read(kept)).toEqual(here.bytes);
    here.engine.destroy();
  });

  test('each is read once', () => {
    const here = scene();
    const { options, reads } = trap({}, name, () => undefined);
    call(here, options);
    expect(reads()).toBe(1);
    here.engine.destroy();
  });

  test('a getter that throws is EINVAL, and changes nothing', () => {
    const here = scene();
    const before = here.engine.memory.used;
    const { options } = trap({}, name, () => {
      throw new TypeError('not now');
    });
    expect(() => call(here, options)).toThrow(EINVAL);
    expect(here.engine.memory.used).toBe(before);
    expect(here.pool.read(here.handle)).toEqual(here.bytes);
    here.engine.destroy();
  });
});

/** A subclass that says whatever it likes about itself. */
class Liar extends Uint8Array {
  static get [Symbol.species](): Uint8ArrayConstructor {
    throw new Error('nobody asks for the species');
  }
  override get length(): number {
    return 1 << 20;
  }
  override get buffer(): ArrayBuffer {
    return new ArrayBuffer(1 << 20);
  }
  override get byteOffset(): number {
    return 77;
  }
  override slice(): Uint8Array<ArrayBuffer> {
    throw new Error('nobody slices');
  }
  override subarray(): Uint8Array<ArrayBuffer> {
    throw new Error('nobody takes parts');
  }
  override set(): void {
    throw new Error('nobody sets');
  }
  override [Symbol.iterator](): ReturnType<Uint8Array['values']> {
    throw new Error('nobody iterates');
  }
}

function shared(bytes: Uint8Array): Uint8Array {
  const copy = new Uint8Array(new SharedArrayBuffer(bytes.length));
  copy.set(bytes);
  return copy;
}

function dressed(bytes: Uint8Array): Uint8Array {
  return Object.defineProperties(Uint8Array.from(bytes), { length: { value: 5 }, byteLength: { value: 9 } });
}

const ARRAYS: readonly (readonly [string, (bytes: Uint8Array) => Uint8Array])[] = [
  ['a plain array', (bytes) => bytes],
  ['a pooled Buffer', (bytes) => Buffer.from(bytes)],
  [
    'a part of a larger array',
    (bytes) => new Uint8Array([...noise(9), ...bytes, 1, 2, 3]).subarray(9, 9 + bytes.length),
  ],
  ['shared memory', shared],
  ['a subclass that lies', (bytes) => new Liar(bytes)],
  ['own properties that lie', dressed],
];

describe.each(ARRAYS)('bytes in %s', (_, dress) => {
  test('are stored, written and read as they are', () => {
    const { engine, pool } = scene();
    const bytes = noise(300);
    const handle = pool.store(dress(bytes));
    expect([pool.sizeOf(handle), pool.read(handle)]).toEqual([300, bytes]);
    const patch = noise(40);
    pool.write(handle, dress(patch), 100);
    bytes.set(patch, 100);
    expect(pool.read(handle)).toEqual(bytes);
    const out = dress(new Uint8Array(300));
    expect(pool.read(handle, { out })).toBe(out);
    expect(Array.from({ length: 300 }, (__, n) => out[n])).toEqual([...bytes]);
    expect(() => pool.read(handle, { out: dress(new Uint8Array(299)) })).toThrow(EINVAL);
    expect(() => {
      pool.write(handle, dress(new Uint8Array(41)), 260);
    }).toThrow(EINVAL);
    engine.destroy();
  });
});

test('arrays that were transferred are EINVAL, and change nothing', () => {
  const { engine, pool, handle, bytes } = scene();
  const gone = noise(500);
  structuredClone(gone.buffer, { transfer: [gone.buffer as ArrayBuffer] });
  const { handles } = pool.stats();
  expect(() => pool.store(gone)).toThrow(EINVAL);
  expect(() => {
    pool.write(handle, gone);
  }).toThrow(EINVAL);
  expect(() => pool.read(handle, { out: gone })).toThrow(EINVAL);
  expect(pool.stats().handles).toBe(handles);
  expect(pool.read(handle)).toEqual(bytes);
  engine.destroy();
});
