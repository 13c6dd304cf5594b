/** Every public call with its parameters, and one object of each class to call it on. */
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Engine, MemoryBacking } from '../../bindings/index.js';
import { FileBacking } from '../../bindings/node.js';
import { PageFs } from '../../integrations/fs.js';
import { Random } from './random.js';
import { checkPools, compiledCore, wasmUrl } from './raw-core.js';
import { MemorySink } from '../save/support.js';
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

function fileOfAPage(): string {
  const path = join(folder, 'existing');
  writeFileSync(path, new Uint8Array(PAGE_SIZE));
  return path;
}

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
  const usedBacking = new MemoryBacking(SLOTS);
  const zram = engine.createZram({ disksize: DISK_BYTES, pool, backing: usedBacking, recompAlgorithms: ['deflate'] });
  zram.writePages(0, Buffer.concat([page, page, noise, new Uint8Array(PAGE_SIZE).fill(1)]));
  zram.merge();
  const snapshot = zram.snapshot();
  const foreignSnapshot = elsewhere.createZram({ disksize: DISK_BYTES }).snapshot();
  const backings = { MemoryBacking: new MemoryBacking(SLOTS), FileBacking: new FileBacking(newFile(), SLOTS) };
  for (const backing of Object.values(backings)) backing.write(3, page);
  const zswap = engine.createZswap({ pool, backing: new MemoryBacking(SLOTS) });
  for (const key of KEYS) zswap.store(key, noise);
  zswap.shrink(1);
  const history = engine.createStateHistory({ pool });
  for (const content of [page, noise]) history.push(content.subarray(0, OBJECT_BYTES));
  const ksmd = pool.createKsmd({ pagesToScan: 7 });
  const files = PageFs.createSync({ engine, pool });
  files.writeFileSync('/file', page);
  const otherFiles = PageFs.createSync({ engine: elsewhere });
  otherFiles.writeFileSync('/file', noise);
  const foreignPool = elsewhere.createPool();
  const foreignHandles = [otherPool.malloc(10), foreignPool.malloc(10)];
  pool.free(freed); // as the last, so that its number is not given out again

  return {
    page,
    ...{ otherPool, deadPool, foreignPool, handle, zram, usedBacking, foreignSnapshot, otherFiles },
    notHandles: [freed, ...foreignHandles, (handle % 2 ** 28) + 0.5, handle + 2 ** 29, 0, 2 ** 31],
    subjects: {
      ...{ Engine: engine, ZsPool: pool, Zram: zram, ZramSnapshot: snapshot, Sysfs: zram.sysfs },
      ...{ Zswap: zswap, StateHistory: history, Ksmd: ksmd, PageFs: files, ...backings },
    },
    print(): string {
      const { pagesToScan, sleepMillisecs, sliceMillisecs, smartScan, running } = ksmd;
      // Before it is read: that takes idle marks away.
      const states = zram.pageStates(0, DISK_PAGES);
      const hash = createHash('sha256').update(zram.readPages(0, DISK_PAGES)).update(snapshot.readPages(0, DISK_PAGES));
      for (const each of [handle, twin]) hash.update(pool.read(each));
      for (const key of KEYS) hash.update(zswap.load(key)!);
      for (const id of history.ids()) hash.update(history.get(id));
      for (const name of files.readdirSync('/')) hash.update(name).update(files.readFileSync(`/${name}`));
      const read = new Uint8Array(PAGE_SIZE);
      for (const backing of Object.values(backings)) {
        for (let slot = 0; slot < SLOTS; slot++) {
          backing.read(slot, read);
          hash.update(read);
        }
      }
      const blockStates = Array.from({ length: DISK_PAGES }, (_, index) => snapshot.blockState(index));
      const attributes = zram.sysfs
        .list()
        .map(({ name, mode }) => (mode === 'w' || name === 'block_state' ? '' : zram.sysfs.read(name)));
      const counters = [
        zram.mmStat,
        zram.ioStat,
        pool.stats(),
        zswap.stats(),
        ksmd.stats(),
        engine.memory,
        history.stats(),
        files.stats(),
      ];
      const knobs = { pagesToScan, sleepMillisecs, sliceMillisecs, smartScan, running };
      const rest = [engine.compressors, Array.from(states), blockStates, readdirSync(folder), hash.digest('hex')];
      return JSON.stringify([counters, knobs, attributes, rest]);
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
const CALL_OF_ANY = { addEventListener: CALL, removeEventListener: CALL };
const END = { destroy: [], '[Symbol.dispose]': [] };

/** What `Zram.save` writes of a device that holds a page. */
const SAVE_FILE = await saveFile();

/** And what `PageFs.save` does, of a file. */
const SAVED_FILES = await savedFiles();

async function savedFiles(): Promise<Uint8Array> {
  const engine = Engine.createSync({ module: compiledCore('release') });
  const files = PageFs.createSync({ engine });
  files.writeFileSync('/file', 'content');
  const sink = new MemorySink();
  await files.save(sink);
  engine.destroy();
  return sink.bytes;
}

async function saveFile(): Promise<Uint8Array> {
  const engine = Engine.createSync({ module: compiledCore('release') });
  const zram = engine.createZram({ disksize: DISK_BYTES });
  zram.write(5000, Uint8Array.of(1, 2, 3));
  const sink = new MemorySink();
  await zram.save(sink);
  engine.destroy();
  return sink.bytes;
}

/** A page as it is: the simplest compressor. */
const COPY = { name: 'copy', compress: (page: Uint8Array) => page, decompress: (block: Uint8Array) => block };

export function callsOf(scene: Scene): Calls {
  const { page, handle, notHandles, otherPool, foreignPool, deadPool, zram, usedBacking, foreignSnapshot, otherFiles } =
    scene;
  const { ZramSnapshot: snapshot, PageFs: files } = scene.subjects;
  const module: Parameter = {
    good: compiledCore('release'),
    wrong: [null, 'core.wasm', 7, true, {}, [], Uint8Array.of(1, 2, 3), new WebAssembly.Module(EMPTY_MODULE)],
  };
  const needsTime = [wasmUrl('release'), new Response(''), Promise.resolve()];
  const moduleNow: Parameter = { ...module, wrong: [...module.wrong, ...needsTime] };
  const maxMemory: Parameter = { ...size('32M'), wrong: [...size('32M').wrong, 0, 4096, '64K'] };
  const compressor: Parameter = {
    good: COPY,
    wrong: [
      ...[
        undefined,
        null,
        'lz4',
        1,
        {},
        [],
        CALL,
        { name: 'copy' },
        { ...COPY, compress: 1 },
        { ...COPY, decompress: '' },
      ],
      ...['', 'a b', 'a\n', '[a]', 'lz4', 'deflate', 'x'.repeat(128), 1, undefined].map((name) => ({ ...COPY, name })),
    ],
  };
  const compressors: Parameter = {
    good: [COPY],
    wrong: [null, 'lz4', 1, {}, COPY, ...compressor.wrong.map((wrong) => [wrong]), [COPY, COPY]],
  };
  const engine = { module, maxMemory, compressors };
  const pool: Parameter = { good: otherPool, wrong: [null, 1, 'pool', {}, [], foreignPool, deadPool] };

  const chainSize: Parameter = { good: 16, wrong: [null, '8', 0, 1, 7, 32, 8.5, NaN, {}, 8n] };
  const kernel: Parameter = { good: '6.18', wrong: [null, 6.18, '', '6.2', '6.18 ', 'toString', {}, ['6.18']] };
  const dedupCache: Parameter = { ...size('1M'), wrong: [...size('1M').wrong, 1, '28K', 2 ** 30, '1G'] };
  const poolOptions = { kernel, chainSize, limit: size('1M'), dedup: boolean, dedupCache, shrinker: boolean };
  const ofPool: Parameter = { good: handle, wrong: [...integer(0, 0, SAFE_MAX).wrong, ...notHandles] };
  const merge = options({
    maxObjects: integer(10, 1, SAFE_MAX),
    maxMilliseconds: real(5, [-1, -Infinity]),
    dryRun: boolean,
  });

  const disksize: Parameter = { ...size('1M'), wrong: [...size('1M').wrong, 0, '0', 2 ** 44, '16T', '8E'] };
  const zramOptions = {
    ...{
      kernel,
      disksize,
      memLimit: size('1M'),
      dedup: boolean,
      verifyCompressors: boolean,
      trackEntryActime: boolean,
    },
    ...{ compAlgorithm: word('deflate'), level: integer(2, -(2 ** 31), 2 ** 31 - 1) },
    ...{ compressedWriteback: boolean, writebackBatchSize: integer(2, 1, 2 ** 32 - 1) },
    dictionary: { ...bytes(page.subarray(0, 100)), coded: [[new Uint8Array(9), 'EOPNOTSUPP']] } satisfies Parameter,
    recompAlgorithms: {
      good: ['lz4', { algo: 'lz4hc', level: 9, favorDecSpeed: 6 }],
      wrong: [
        ...[null, 'lz4', 1, {}, ['nope'], [1], [null], [undefined], [{}], [{ algo: 'nope' }], Array(4).fill('lz4')],
        ...[['lz4', { algo: 'deflate', level: '1' }], [{ algo: 'deflate', dictionary: 'text' }]],
      ],
      coded: [
        [[{ algo: 'lz4', dictionary: new Uint8Array(9) }], 'EOPNOTSUPP'],
        [[{ algo: 'lz4', favorDecSpeed: 1 }], 'EOPNOTSUPP'],
        ...[-1, 17, 1.5, '6', true, null].map(
          (favorDecSpeed) => [[{ algo: 'lz4hc', favorDecSpeed }], 'EINVAL'] as const,
        ),
      ],
    } satisfies Parameter,
  };
  const ofItsPool = { chainSize, dedupCache, shrinker: boolean };
  const index = integer(1, 0, DISK_PAGES - 1);
  const onePage = bytes(page, [0, PAGE_SIZE - 1, PAGE_SIZE + 1, 2 * PAGE_SIZE]);
  const twoPages = bytes(new Uint8Array(2 * PAGE_SIZE), [1, PAGE_SIZE + 1, 3 * PAGE_SIZE]);
  const attribute = (good: string, wrong: string): Parameter => ({
    good,
    wrong: [wrong],
    coded: ['', 'nothing', 'toString', '__proto__', undefined, null, 1, {}].map((name) => [name, 'ENOENT']),
  });

  const signal: Parameter = {
    good: new AbortController().signal,
    wrong: [
      null,
      1,
      true,
      'abort',
      {},
      [],
      CALL,
      { aborted: false },
      { ...CALL_OF_ANY, aborted: 0 },
      new EventTarget(),
    ],
  };
  const pages = [integer(1, 0, DISK_PAGES - 2), integer(2, 0, DISK_PAGES - 1), out(2 * PAGE_SIZE)];
  const range = [integer(100, 0, DISK_BYTES - 5000), integer(5000, 0, DISK_BYTES - 100), out(5000)];
  const reads = {
    ...{ readPage: [index, out(PAGE_SIZE)], readPages: pages, read: range },
    ...{ readPagesAsync: [...pages, options({ signal })], readAsync: [...range, options({ signal })] },
    readCompressed: [index, out(PAGE_SIZE)],
    ...{ blockState: [index], objectOf: [index], extents: range.slice(0, 2) },
  };
  const written = [
    integer(DISK_BYTES - 5000, 0, DISK_BYTES - 5000),
    bytes(new Uint8Array(5000), [5001, DISK_BYTES + 1]),
  ];
  const zeroed = [integer(100, 0, DISK_BYTES - 5000), integer(5000, 0, DISK_BYTES - 100)];
  const states: Parameter = {
    good: new Uint32Array(4),
    wrong: [
      null,
      'out',
      4,
      {},
      [0, 0, 0, 0],
      new Uint8Array(16),
      new Float64Array(4),
      new DataView(new ArrayBuffer(16)),
      new Uint32Array(3),
    ],
  };
  const other: Parameter = { good: zram, wrong: [undefined, null, 1, 'zram', {}, [], otherPool, deadPool] };
  const taken: Parameter = { good: snapshot, wrong: [undefined, null, 1, {}, [], zram, otherPool, foreignSnapshot] };
  const sink: Parameter = {
    good: new MemorySink(),
    wrong: [undefined, null, 'path', 1, true, {}, [], CALL, { write: 1 }, new Uint8Array(9), new Blob()],
  };
  const saved: Parameter = {
    good: { now: zram },
    wrong: [
      undefined,
      null,
      'zram',
      1,
      {},
      [],
      new Map(),
      zram,
      ...other.wrong.map((wrong) => [wrong]),
      new Map([[1, zram]]),
    ],
  };
  const attachment: Parameter = {
    good: [page, Uint8Array.of(1)],
    wrong: [
      null,
      '',
      'text',
      1,
      true,
      {},
      CALL,
      [1],
      ['text'],
      [page, null],
      new Float64Array(9),
      [new DataView(new ArrayBuffer(9))],
    ],
  };
  const source: Parameter = {
    good: SAVE_FILE,
    wrong: [
      ...[undefined, null, 'path', 1, true, {}, [], CALL, [1], ['text'], new Uint8Array(0), new Blob(['no save file'])],
      ...[SAVE_FILE.subarray(1), SAVE_FILE.subarray(0, -1), Buffer.concat([SAVE_FILE, SAVE_FILE])],
    ],
  };
  const sourceOfFiles = {
    good: SAVED_FILES,
    wrong: [...source.wrong, SAVE_FILE, SAVED_FILES.subarray(0, -1), Buffer.concat([SAVED_FILES, SAVED_FILES])],
  };
  const savedFileSystems = {
    good: { files },
    wrong: [...saved.wrong, saved.good, [files, null], files, new Map([[1, files]])],
  };
  const maxMetadata = real(10_000, [-1, -Infinity]);
  const given = (good: unknown): Parameter => ({ good, wrong: [null, 1, 'engine', {}, [], otherPool] });
  const loadAllOptions = {
    ...{ kernel, memLimit: size('1M'), verifyCompressors: boolean, trackEntryActime: boolean },
  };
  const idle: Parameter = {
    good: 'all',
    wrong: [
      null,
      '',
      'some',
      '-1',
      -1,
      NaN,
      Infinity,
      2 ** 40,
      true,
      1n,
      { age: -1 },
      { age: '1' },
      { age: null },
      { ages: 1 },
    ],
  };
  const attempts = integer(10, 0, SAFE_MAX);
  const isLimit = ([value]: readonly [unknown, ...unknown[]]) => value !== Infinity; // Infinity: any number
  const maxPages = { ...attempts, coded: attempts.coded?.filter(isLimit) ?? [] };
  const recompress: Parameter = options({
    ...{ type: word('huge'), threshold: { ...size(1000), wrong: [...size(1000).wrong, PAGE_SIZE, '1M'] } },
    ...{ maxPages, algo: word('deflate'), priority: integer(1, 0, 3) },
  });
  const { wrong: noIndex } = integer(2, 0, DISK_PAGES - 1);
  const writeback: Parameter = {
    good: { type: 'huge' },
    wrong: [
      ...[undefined, null, 'nope', 'type=nope', 'page_index=', 'page_index=x', 'page_indexes=3', '=1', 1],
      ...[true, {}, { types: 'huge' }, { type: 'huge', pageIndex: 1 }, ...word('huge').wrong.map((type) => ({ type }))],
      ...noIndex.flatMap((value) => [{ pageIndex: value }, { pageIndexes: [value] }, { pageIndexes: [[0, value]] }]),
      ...[null, 1, 'all', {}].map((pageIndexes) => ({ pageIndexes })),
    ],
    coded: [DISK_PAGES, 2 ** 32]
      .flatMap<unknown>((far) => [{ pageIndex: far }, { pageIndexes: [1, [2, far]] }, `page_index=${far}`])
      .concat('page_indexes=3-2', { pageIndexes: [[3, 2]] })
      .map((value) => [value, 'ERANGE']),
  };
  const writebackAsync: Parameter = {
    ...writeback,
    good: { type: 'huge', signal: signal.good, maxFailures: 3 },
    wrong: [
      ...writeback.wrong,
      ...signal.wrong.map((wrong) => ({ type: 'huge', signal: wrong })),
      ...[null, 0, -1, 1.5, NaN, '3', {}, 2 ** 53].map((maxFailures) => ({ type: 'huge', maxFailures })),
    ],
  };

  const pageList: Parameter = {
    good: [1, [2, 3]],
    wrong: [undefined, null, 1, 'all', {}, ...noIndex.flatMap((value) => [[value], [[0, value]]]), [[1, 2, 3]]],
    coded: [[DISK_PAGES], [[3, 2]], [[0, DISK_PAGES]]].map((value) => [value, 'ERANGE']),
  };

  const percent = integer(50, 1, 100);
  const backing: Parameter = {
    good: new MemoryBacking(SLOTS),
    wrong: [
      ...[null, 'file', 1, {}, [], CALL, { slots: 1 }, { slots: 1, read: CALL }, { slots: 1, read: 1, write: CALL }],
      ...[-1, 1.5, NaN, 2 ** 32, '1', undefined].map((slots) => ({ slots, read: CALL, write: CALL })),
    ],
  };
  const deviceBacking = { ...backing, wrong: [...backing.wrong, { slots: 0, read: CALL, write: CALL }] };
  const cacheBacking: Parameter = {
    ...backing,
    wrong: [
      ...backing.wrong,
      { asynchronous: true, slots: 1, read: CALL, write: CALL, objects: true },
      { asynchronous: true, slots: 1, read: CALL, write: CALL, batchSize: 0 },
    ],
    coded: [[usedBacking, 'EBUSY']],
  };
  const zswapOptions = {
    ...{ maxPoolPercent: percent, acceptThresholdPercent: percent, maxPoolBytes: size('1M') },
    ...{ compressor: word('lz4'), backing: cacheBacking, exclusiveLoads: boolean, shrinkerEnabled: boolean },
    packSlots: boolean,
  };
  const key = integer(1, 0, SAFE_MAX);

  const segments: Parameter = {
    good: [0, 100, 200],
    wrong: [null, 1, '1', true, {}, new Uint32Array(1), ['1'], [null], [-1], [0.5], [NaN], [2 ** 53], [1, 1], [2, 1]],
  };
  const ofOneState = { ...segments, wrong: [...segments.wrong, [OBJECT_BYTES + 1]] };
  const historyOptions = {
    ...{ maxStates: integer(2, 1, SAFE_MAX), policy: word('thin'), segments },
    ...{ cuts: word('content'), keepNewest: boolean },
  };
  const dirty: Parameter = {
    good: [
      { offset: 7, length: 90 },
      { offset: 3, length: 0 },
    ],
    wrong: [
      ...[null, 1, '1', true, {}, [1], [null], [[0, 1]], [{}], [{ offset: 0 }], [{ length: 1 }]],
      ...[-1, 0.5, NaN, '1', 2 ** 53, null].flatMap((n) => [[{ offset: n, length: 1 }], [{ offset: 1, length: n }]]),
      ...[[{ offset: 0, length: OBJECT_BYTES + 1 }], [{ offset: OBJECT_BYTES, length: 1 }]],
    ],
  };
  const maxBytes = { ...size('1M'), wrong: [...size('1M').wrong, 0, '4K'] };
  const id = integer(1, 1, 2);

  const knobs = {
    pagesToScan: integer(5, 1, SAFE_MAX),
    sleepMillisecs: integer(5, 0, 2 ** 31 - 1),
    sliceMillisecs: real(2.5, [0, -1, -Infinity]),
    smartScan: boolean,
  };
  const setters = Object.entries(knobs).map(([name, knob]) => [`set ${name}`, [knob]] as const);
  const getters = [...Object.keys(knobs), 'running'].map((name) => [`get ${name}`, []] as const);

  const slots = integer(SLOTS, 1, 2 ** 32 - 1);
  const existing: Parameter = {
    ...text(fileOfAPage()),
    wrong: [...text('').wrong, folder],
    coded: [[join(folder, 'missing'), 'ENOENT']],
  };
  const transfer = [integer(2, 0, SLOTS - 1), onePage];

  const loadOptions = { ...loadAllOptions, backing: deviceBacking };
  const ofFiles = {
    ...{ kernel, memLimit: size('1M'), dedup: boolean, maxMetadata },
    ...{ compAlgorithm: word('deflate'), level: zramOptions.level, dictionary: zramOptions.dictionary },
  };
  const ofLoading = { kernel, memLimit: size('1M'), verifyCompressors: boolean, maxMetadata };
  /** As `options`, each with an engine. */
  const withEngine = (known: Readonly<Record<string, Parameter>>): Parameter => {
    const { good, wrong, coded = [] } = options(known);
    const and = (value: unknown): unknown =>
      typeof value === 'object' && value !== null && !Array.isArray(value)
        ? { engine: scene.subjects.Engine, ...value }
        : value;
    return { good: and(good), wrong: [...wrong.map(and), {}], coded: coded.map(([value, code]) => [and(value), code]) };
  };
  return {
    Engine: {
      'static create': [options(engine)],
      'static createSync': [options({ ...engine, module: moduleNow })],
      createPool: [options(poolOptions)],
      createZram: [options({ ...zramOptions, backing: deviceBacking, pool })],
      createZswap: [options({ ...zswapOptions, pool })],
      createStateHistory: [options({ ...historyOptions, pool })],
      registerCompressor: [compressor],
      reserve: [size('1M')],
      loadCompressor: [word('deflate')],
      compressorInfo: [word('deflate')],
      loadZram: [source, options({ ...loadOptions, pool })],
      loadAll: [source, options({ ...loadAllOptions, pool })],
      'get compressors': [],
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
      'get kernel': [],
      stats: [],
      classes: [],
      ...END,
    },
    Zram: {
      'static create': [options({ ...zramOptions, backing: deviceBacking, ...ofItsPool, ...engine })],
      init: [{ ...size('1M'), wrong: [...size('1M').wrong, 0, '0'] }],
      setBacking: [{ ...backing, coded: [[new MemoryBacking(1), 'EBUSY']] }], // the device has a disksize
      writePage: [index, onePage],
      writePages: [integer(DISK_PAGES - 2, 0, DISK_PAGES - 2), twoPages],
      compressPage: [onePage, out(PAGE_SIZE)],
      writeCompressed: [index, bytes(page, [0, 1, PAGE_SIZE - 1, PAGE_SIZE + 1])],
      write: written,
      writeAsync: [...written, options({ signal })],
      writeChanged: written,
      writeChangedAsync: [...written, options({ signal })],
      writeZeroes: zeroed,
      writeZeroesAsync: [...zeroed, options({ signal })],
      ...reads,
      diff: [other],
      diffAsync: [other, options({ signal })],
      pageStates: [integer(1, 0, DISK_PAGES - 2), integer(2, 0, DISK_PAGES - 1), states],
      discard: [integer(PAGE_SIZE, 0, DISK_BYTES - PAGE_SIZE), integer(PAGE_SIZE, 0, DISK_BYTES - PAGE_SIZE)],
      merge: [merge],
      compact: [options({ inPageOrder: boolean })],
      idle: [idle],
      recompress: [recompress],
      writeback: [writeback],
      writebackAsync: [writebackAsync],
      prefetch: [pageList, options({ signal })],
      snapshot: [],
      clone: [],
      restore: [taken],
      memoryUse: [],
      save: [sink],
      'static saveAll': [sink, saved, options({ comment: text('of my own'), attachment })],
      'static load': [source, options({ ...loadOptions, ...ofItsPool, ...engine })],
      'static loadAll': [source, options({ ...loadAllOptions, ...ofItsPool, ...engine })],
      reset: [],
      'get disksize': [],
      'get kernel': [],
      'get mmStat': [],
      'get ioStat': [],
      'get bdStat': [],
      'get debugStat': [],
      ...END,
    },
    ZramSnapshot: {
      ...reads,
      diff: [other],
      diffAsync: [other, options({ signal })],
      memoryUse: [],
      clone: [],
      save: [sink],
      'get disksize': [],
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
      loadAsync: [key, out(PAGE_SIZE), options({ signal })],
      shrinkAsync: [integer(1, 0, SAFE_MAX), options({ signal })],
      stats: [],
      ...END,
    },
    StateHistory: {
      'static create': [options({ ...historyOptions, maxBytes, ...engine })],
      push: [bytes(page.subarray(0, OBJECT_BYTES)), options({ segments: ofOneState, dirty, verify: boolean })],
      get: [id, out(OBJECT_BYTES), options({ holding: id, verify: { ...boolean, good: false } })],
      diff: [id, id],
      ...{ sizeOf: [id], delete: [id], ids: [], stats: [] },
      ...END,
    },
    Ksmd: {
      ...Object.fromEntries([...getters, ...setters]),
      ...{ start: [], stop: [], scan: [], unmerge: [], stats: [] },
      ...END,
    },
    // The calls of Node's `fs` throw Node's errors: test/integrations/fs has them.
    PageFs: {
      'static create': [options({ ...ofFiles, ...ofItsPool, ...engine })],
      'static createSync': [
        { ...withEngine({ ...ofFiles, ...ofItsPool }), good: { engine: scene.subjects.Engine, pool: otherPool } },
      ],
      'static load': [sourceOfFiles, options({ ...ofLoading, ...ofItsPool, ...engine })],
      'static loadAll': [sourceOfFiles, options({ ...ofLoading, ...ofItsPool, ...engine, engine: given(undefined) })],
      'static saveAll': [sink, savedFileSystems, options({ comment: text('of my own') })],
      ...{ save: [sink], fork: [], snapshot: [], stats: [], merge: [merge], compact: [] },
      diff: [{ good: otherFiles, wrong: [undefined, null, 1, {}, [], zram] }],
      ...END,
    },
    MemoryBacking: { new: [slots], read: transfer, write: transfer, ...END },
    FileBacking: { new: [text(newFile()), slots], 'static open': [existing], read: transfer, write: transfer, ...END },
  };
}

/** Makes a call of `callsOf`. */
export function invoke(scene: Scene, name: Name, call: string, args: readonly unknown[]): unknown {
  const [, kind = call === 'new' ? call : '', property = call] = /^(get|set|static) (.*)$/.exec(call) ?? [];
  const subject = scene.subjects[name] as unknown as Record<PropertyKey, unknown>;
  const type = subject.constructor as new (...args: unknown[]) => unknown;
  if (kind === 'new') return new type(...args);
  if (kind === 'get') return subject[property];
  if (kind === 'set') return (subject[property] = args[0]);
  const on = kind === 'static' ? (type as unknown as typeof subject) : subject;
  return (on[property === '[Symbol.dispose]' ? Symbol.dispose : property] as (...args: unknown[]) => unknown)(...args);
}
