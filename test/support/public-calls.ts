/** Every public call with its parameters, and one object of each class to call it on. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Engine, MemoryBacking } from '../../bindings/index.js';
import { FileBacking } from '../../bindings/node.js';
import { Random } from './random.js';
import { checkPools, compiledCore, wasmUrl } from './raw-core.js';
import { boolean, bytes, integer, optional, options, out, real, size, text, word } from './wrong-values.js';
import type { Parameter } from './wrong-values.js';

const PAGE_SIZE = 4096;
const DISK_PAGES = 64;
const DISK_BYTES = DISK_PAGES * PAGE_SIZE;
const OBJECT_BYTES = 3000;
const SLOTS = 16;
const KEYS = [0, 1, 2];
const SAFE_MAX = Number.MAX_SAFE_INTEGER;
/** (module) */
const EMPTY_MODULE = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);

const folder = mkdtempSync(join(tmpdir(), 'zram-wasm-'));
let files = 0;
const newFile = (): string => join(folder, String(files++));

/** To be called when no scene is needed any more. */
export function removeFiles(): void {
  rmSync(folder, { recursive: true });
}

/** One of everything, with something in it, which `print` shows: a call that is refused must leave that as it is. */
export function makeScene() {
  const random = new Random(4, 'public calls');
  const noise = random.fill(new Uint8Array(PAGE_SIZE));
  const page = Uint8Array.from(noise).fill(0, 1500);
  const engine = Engine.createSync({ maxMemory: '64M', module: compiledCore('debug') });
  const elsewhere = Engine.createSync({ module: compiledCore('release') });
  const [pool, otherPool, deadPool] = [1, 2, 3].map(() => engine.createPool({ dedup: true }));
  deadPool.destroy();
  const [handle, twin, freed] = [page, page, noise].map((content) => pool.store(content.subarray(0, OBJECT_BYTES)));
  const zram = engine.createZram({ disksize: DISK_BYTES, pool });
  zram.writePages(0, Buffer.concat([page, page, noise, new Uint8Array(PAGE_SIZE).fill(1)]));
  zram.merge();
  const backings = { MemoryBacking: new MemoryBacking(SLOTS), FileBacking: new FileBacking(newFile(), SLOTS) };
  for (const backing of Object.values(backings)) backing.write(3, page);
  const zswap = engine.createZswap({ pool, backing: new MemoryBacking(SLOTS) });
  for (const key of KEYS) zswap.store(key, noise);
  zswap.shrink(1);
  const ksmd = pool.createKsmd({ pagesToScan: 7 });
  const foreignPool = elsewhere.createPool();
  const foreignHandles = [otherPool.malloc(10), foreignPool.malloc(10)];
  pool.free(freed); // as the last, so that its number is not given out again

  return {
    page,
    ...{ pool, otherPool, deadPool, foreignPool, handle },
    notHandles: [freed, ...foreignHandles, handle + 0.5, handle + 2 ** 29, 0, 2 ** 31],
    subjects: { Engine: engine, ZsPool: pool, Zram: zram, Sysfs: zram.sysfs, Zswap: zswap, Ksmd: ksmd, ...backings },
    print(): string {
      const { pagesToScan, sleepMillisecs, sliceMillisecs, running } = ksmd;
      const hash = createHash('sha256').update(zram.readPages(0, DISK_PAGES));
      for (const each of [handle, twin]) hash.update(pool.read(each));
      for (const key of KEYS) hash.update(zswap.load(key)!);
      const read = new Uint8Array(PAGE_SIZE);
      for (const backing of Object.values(backings)) {
        for (let slot = 0; slot < SLOTS; slot++) {
          backing.read(slot, read);
          hash.update(read);
        }
      }
      const attributes = zram.sysfs.list().map(({ name, mode }) => (mode === 'w' ? '' : zram.sysfs.read(name)));
      const counters = [zram.mmStat, zram.ioStat, pool.stats(), zswap.stats(), ksmd.stats(), engine.memory];
      const knobs = { pagesToScan, sleepMillisecs, sliceMillisecs, running };
      return JSON.stringify([counters, knobs, attributes, readdirSync(folder), hash.digest('hex')]);
    },
    end(): void {
      checkPools(engine);
      for (const each of [engine, elsewhere, backings.FileBacking]) each.destroy();
    },
  };
}
export type Scene = ReturnType<typeof makeScene>;
export type Name = keyof Scene['subjects'];

/** Methods by name, accessors as `get name` and `set name`, statics as `static name`, constructors as `new`. */
export type Calls = Readonly<Record<Name, Readonly<Record<string, readonly Parameter[]>>>>;

const CALL = (): void => undefined;
const END = { destroy: [], '[Symbol.dispose]': [] };

export function callsOf({ page, handle, notHandles, otherPool, foreignPool, deadPool }: Scene): Calls {
  const module: Parameter = {
    good: compiledCore('release'),
    wrong: [null, 'core.wasm', 7, true, {}, [], Uint8Array.of(1, 2, 3), new WebAssembly.Module(EMPTY_MODULE)],
  };
  const needsTime = [wasmUrl('release'), new Response(''), Promise.resolve()];
  const moduleNow: Parameter = { ...module, wrong: [...module.wrong, ...needsTime] };
  const maxMemory: Parameter = { ...size('32M'), wrong: [...size('32M').wrong, 0, 4096, '64K'] };
  const engine = { module, maxMemory };
  const pool: Parameter = { good: otherPool, wrong: [null, 1, 'pool', {}, [], foreignPool, deadPool] };

  const chainSize: Parameter = { good: 16, wrong: [null, '8', 0, 1, 7, 32, 8.5, NaN, {}, 8n] };
  const poolOptions = { chainSize, limit: size('1M'), dedup: boolean, shrinker: boolean };
  const ofPool: Parameter = { good: handle, wrong: [...integer(0, 0, SAFE_MAX).wrong, ...notHandles] };
  const merge = options({
    maxObjects: integer(10, 1, SAFE_MAX),
    maxMilliseconds: real(5, [-1, -Infinity]),
    dryRun: boolean,
  });

  const disksize: Parameter = { ...size('1M'), wrong: [...size('1M').wrong, 0, '0', 2 ** 44, '16T', '8E'] };
  const zramOptions = {
    ...{ disksize, memLimit: size('1M'), dedup: boolean },
    ...{ compAlgorithm: word('lz4'), level: integer(2, -(2 ** 31), 2 ** 31 - 1) },
  };
  const ofItsPool = { chainSize, shrinker: boolean };
  const index = integer(1, 0, DISK_PAGES - 1);
  const onePage = bytes(page, [0, PAGE_SIZE - 1, PAGE_SIZE + 1, 2 * PAGE_SIZE]);
  const twoPages = bytes(new Uint8Array(2 * PAGE_SIZE), [1, PAGE_SIZE + 1, 3 * PAGE_SIZE]);
  const attribute = (good: string, wrong: string): Parameter => ({
    good,
    wrong: [wrong],
    coded: ['', 'nothing', 'toString', '__proto__', undefined, null, 1, {}].map((name) => [name, 'ENOENT']),
  });

  const percent = integer(50, 1, 100);
  const backing: Parameter = {
    good: new MemoryBacking(SLOTS),
    wrong: [
      ...[null, 'file', 1, {}, [], CALL, { slots: 1 }, { slots: 1, read: CALL }, { slots: 1, read: 1, write: CALL }],
      ...[-1, 1.5, NaN, 2 ** 32, '1', undefined].map((slots) => ({ slots, read: CALL, write: CALL })),
    ],
  };
  const zswapOptions = {
    ...{ maxPoolPercent: percent, acceptThresholdPercent: percent, maxPoolBytes: size('1M') },
    ...{ compressor: word('lz4'), backing, exclusiveLoads: boolean, shrinkerEnabled: boolean },
  };
  const key = integer(1, 0, SAFE_MAX);

  const knobs = {
    pagesToScan: integer(5, 1, SAFE_MAX),
    sleepMillisecs: integer(5, 0, 2 ** 31 - 1),
    sliceMillisecs: real(2.5, [0, -1, -Infinity]),
  };
  const setters = Object.entries(knobs).map(([name, knob]) => [`set ${name}`, [knob]] as const);
  const getters = [...Object.keys(knobs), 'running'].map((name) => [`get ${name}`, []] as const);

  const slots = integer(SLOTS, 1, 2 ** 32 - 1);
  const transfer = [integer(2, 0, SLOTS - 1), onePage];

  return {
    Engine: {
      'static create': [options(engine)],
      'static createSync': [options({ ...engine, module: moduleNow })],
      createPool: [options(poolOptions)],
      createZram: [options({ ...zramOptions, pool })],
      createZswap: [options({ ...zswapOptions, pool })],
      'get memory': [],
      ...END,
    },
    ZsPool: {
      'static create': [options({ ...poolOptions, ...engine })],
      malloc: [integer(10, 1, PAGE_SIZE, 'ENOSPC')],
      store: [{ ...bytes(page, [0]), coded: [[new Uint8Array(PAGE_SIZE + 1), 'ENOSPC']] }],
      free: [ofPool],
      retain: [ofPool],
      sizeOf: [ofPool],
      write: [ofPool, bytes(page.subarray(0, 2000), [OBJECT_BYTES, PAGE_SIZE + 1]), optional(integer(1000, 0, 1000))],
      read: [
        ofPool,
        options({
          offset: integer(0, 0, OBJECT_BYTES),
          length: integer(OBJECT_BYTES, 0, OBJECT_BYTES),
          out: out(OBJECT_BYTES),
        }),
      ],
      compact: [],
      merge: [merge],
      createKsmd: [options(knobs)],
      'get totalPages': [],
      'get hugeClassSize': [],
      stats: [],
      classes: [],
      ...END,
    },
    Zram: {
      'static create': [options({ ...zramOptions, ...ofItsPool, ...engine })],
      init: [{ ...size('1M'), wrong: [...size('1M').wrong, 0, '0'] }],
      writePage: [index, onePage],
      writePages: [integer(DISK_PAGES - 2, 0, DISK_PAGES - 2), twoPages],
      write: [integer(DISK_BYTES - 5000, 0, DISK_BYTES - 5000), bytes(new Uint8Array(5000), [5001, DISK_BYTES + 1])],
      readPage: [index, out(PAGE_SIZE)],
      readPages: [integer(1, 0, DISK_PAGES - 2), integer(2, 0, DISK_PAGES - 1), out(2 * PAGE_SIZE)],
      read: [integer(100, 0, DISK_BYTES - 5000), integer(5000, 0, DISK_BYTES - 100), out(5000)],
      discard: [integer(PAGE_SIZE, 0, DISK_BYTES - PAGE_SIZE), integer(PAGE_SIZE, 0, DISK_BYTES - PAGE_SIZE)],
      merge: [merge],
      compact: [],
      reset: [],
      'get mmStat': [],
      'get ioStat': [],
      'get debugStat': [],
      blockState: [index],
      objectOf: [index],
      ...END,
    },
    Sysfs: {
      read: [attribute('mm_stat', 'mem_limit')],
      write: [attribute('mem_limit', 'mm_stat'), text('1M')],
      list: [],
    },
    Zswap: {
      'static create': [options({ ...zswapOptions, ...engine })],
      store: [key, onePage],
      load: [key, out(PAGE_SIZE)],
      invalidate: [key],
      shrink: [integer(1, 0, SAFE_MAX)],
      stats: [],
      ...END,
    },
    Ksmd: {
      ...Object.fromEntries([...getters, ...setters]),
      ...{ start: [], stop: [], scan: [], unmerge: [], stats: [] },
      ...END,
    },
    MemoryBacking: { new: [slots], read: transfer, write: transfer },
    FileBacking: { new: [text(newFile()), slots], read: transfer, write: transfer, ...END },
  };
}

/** Makes a call of `callsOf`. */
export function invoke(scene: Scene, name: Name, call: string, args: readonly unknown[]): unknown {
  const [kind, property = call] = call.split(' ');
  const subject = scene.subjects[name] as unknown as Record<PropertyKey, unknown>;
  const type = subject.constructor as new (...args: unknown[]) => unknown;
  if (kind === 'new') return new type(...args);
  if (kind === 'get') return subject[property];
  if (kind === 'set') return (subject[property] = args[0]);
  const on = kind === 'static' ? (type as unknown as typeof subject) : subject;
  return (on[property === '[Symbol.dispose]' ? Symbol.dispose : property] as (...args: unknown[]) => unknown)(...args);
}
