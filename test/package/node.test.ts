/** The installed package in Node.js: every entry, the ways of loading it, and the command line. */
import { mkdir, readFile, readdir, symlink, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import * as sources from '../../bindings/index.js';
import { PARTS } from '../../scripts/parts.mjs';
import { everyPart } from './consumer/every-part.js';
import { roundTrip, type Seen } from './consumer/round-trip.js';
import { Installed } from './installed.js';

let installed: Installed;
let expected: Seen;

beforeAll(async () => {
  installed = await Installed.make();
  expected = await roundTrip(sources);
}, 60_000);
afterAll(() => installed.remove());

test('it installs alone: no dependencies', async () => {
  const names = (await readdir(installed.path('node_modules'))).filter((name) => !name.startsWith('.'));
  expect(names).toEqual(['zram-wasm']);
});

test('what every consumer here does is a useful test', () => {
  expect(expected).toMatchObject({ same: true, objectsMerged: 2 });
});

const IMPORTS = `import { roundTrip, roundTripIn } from './round-trip.js';\n`;
const CORE = `import { readFile } from 'node:fs/promises';
  const bytes = await readFile(new URL(import.meta.resolve('zram-wasm/core.wasm')));\n`;

const CONSUMERS: [string, string][] = [
  [
    'import',
    `import * as library from 'zram-wasm';
    console.log(JSON.stringify(await roundTrip(library)));`,
  ],
  [
    'import of zram-wasm/external: the core from its file',
    `import * as library from 'zram-wasm/external';
    console.log(JSON.stringify(await roundTrip(library)));`,
  ],
  [
    'createSync',
    `import { Engine } from 'zram-wasm';
    console.log(JSON.stringify(roundTripIn(Engine.createSync())));`,
  ],
  [
    'the bytes of zram-wasm/core.wasm',
    `import { Engine } from 'zram-wasm/external';
    ${CORE}
    console.log(JSON.stringify(roundTripIn(Engine.createSync({ module: bytes }))));`,
  ],
  [
    'zram-wasm/core.wasm, compiled',
    `import * as library from 'zram-wasm/external';
    ${CORE}
    console.log(JSON.stringify(await roundTrip(library, { module: await WebAssembly.compile(bytes) })));`,
  ],
  [
    'a worker_thread that is handed the compiled module',
    `import { Worker } from 'node:worker_threads';
    ${CORE}
    const worker = new Worker(new URL('./worker.js', import.meta.url));
    worker.on('message', (seen) => console.log(JSON.stringify(seen)));
    worker.postMessage(await WebAssembly.compile(bytes));`,
  ],
];

test.each(CONSUMERS)('%s', async (name, code) => {
  const file = `${name.replace(/\W+/g, '-')}.js`;
  expect(await installed.evaluate(file, IMPORTS + code)).toEqual(expected);
});

test('import of zram-wasm/parallel: workers and core from their files', async () => {
  const code = `import * as library from 'zram-wasm/parallel';
    import { ZramError } from 'zram-wasm';
    import { parallelRoundTrip } from './parallel-round-trip.js';
    const seen = [await parallelRoundTrip(library), await parallelRoundTrip(library, { sharedMemory: false })];
    const error = await library.ParallelZram.create({ workers: 0 }).catch((error) => error);
    console.log(JSON.stringify([...seen, error instanceof ZramError]));`;
  const seen = { same: true, objectsMerged: expect.any(Number), origDataSize: 201 * 4096, spread: true };
  expect(await installed.evaluate('parallel.js', code)).toEqual([seen, seen, true]);
});

test('zstd: EOPNOTSUPP where neither Node nor a package has it; with the package it works', async () => {
  const code = `import { Zram } from 'zram-wasm';
    const options = { disksize: '1M', compAlgorithm: 'zstd' };
    const zram = await Zram.create(options).catch(({ code }) => code);
    if (typeof zram !== 'string') zram.writePage(0, new Uint8Array(4096).map((_, n) => n >> 4));
    console.log(JSON.stringify(typeof zram === 'string' ? zram : zram.readPage(0)[4095]));`;
  const own = 'zstdCompressSync' in process.getBuiltinModule('node:zlib');
  expect(await installed.evaluate('zstd-absent.js', code)).toBe(own ? 255 : 'EOPNOTSUPP');
  const scope = installed.path('node_modules/@hpcc-js');
  await mkdir(scope);
  await symlink(fileURLToPath(new URL('../../node_modules/@hpcc-js/wasm-zstd', import.meta.url)), `${scope}/wasm-zstd`);
  expect(await installed.evaluate('zstd-present.js', code)).toBe(255);
});

test('deflate: fflate where pako is not installed, else pako, of which the command line says the version', async () => {
  const code = `import { Engine } from 'zram-wasm';
    const engine = await Engine.create();
    await engine.loadCompressor('deflate');
    console.log(JSON.stringify(engine.compressorInfo('deflate').code));`;
  await writeFile(
    installed.path('deflated'),
    new Uint8Array(4096).map((_, n) => n >> 4),
  );
  const analyze = ['exec', '--offline', '--', 'zram-wasm', 'analyze', 'deflated', '--algorithm', 'deflate'];
  expect(await installed.evaluate('pako-absent.js', code)).toBe('fflate');
  expect((await installed.npm(...analyze)).stdout).toContain('deflate (fflate: not the kernel');
  await symlink(
    fileURLToPath(new URL('../../node_modules/pako', import.meta.url)),
    installed.path('node_modules/pako'),
  );
  expect(await installed.evaluate('pako-present.js', code)).toBe('pako');
  expect((await installed.npm(...analyze)).stdout).toMatch(/deflate \(pako \d+\.\d+\.\d+: the kernel/);
});

describe('parts of the library', () => {
  const USE = `import { createRequire } from 'node:module';
    import { everyPart } from './every-part.js';
    const { cache } = createRequire(import.meta.url);
    const loaded = () => Object.keys(cache).map((file) => /([^\\\\/]+)\\.cjs$/.exec(file)?.[1]);\n`;
  const names = Object.keys(PARTS).sort();

  test('each is loaded by the first call that needs it, not by the import, an engine, a device and its pages', async () => {
    const code = `${USE}
      const steps = [];
      const seen = await everyPart(await import('zram-wasm'), (part) => steps.push([part, loaded()]));
      console.log(JSON.stringify({ at: import.meta.resolve('zram-wasm'), seen, steps, last: loaded() }));`;
    const { at, seen, steps, last } = (await installed.evaluate('parts.js', code)) as {
      at: string;
      seen: unknown;
      steps: [string, string[]][];
      last: string[];
    };
    expect(at).toMatch(/dist\/index\.node\.js$/);
    expect(seen).toEqual(await everyPart(sources));
    const order = steps.map(([part]) => part);
    expect(steps.map(([, before]) => before)).toEqual(order.map((_, n) => order.slice(0, n)));
    expect([...last].sort()).toEqual(names);
  });

  test('the library in one file, for all but Node.js: the same', async () => {
    const code = `${USE}
      const seen = await everyPart(await import('./node_modules/zram-wasm/dist/index.js'));
      console.log(JSON.stringify([seen, loaded()]));`;
    expect(await installed.evaluate('whole.js', code)).toEqual([await everyPart(sources), []]);
  });

  test('what stands on the library has the same one as its user', async () => {
    const code = `${USE}
      import { Zram } from 'zram-wasm';
      import { PageFs } from 'zram-wasm/fs';
      const fs = await PageFs.create();
      fs.writeFileSync('/a', 'text');
      const parts = [];
      await fs.save({ write: (part) => void parts.push(part.slice()) });
      const { devices } = await Zram.loadAll(parts);
      console.log(JSON.stringify([loaded(), devices.size > 0]));`;
    // Both saved and loaded by the one that is divided.
    expect(await installed.evaluate('one-library.js', code)).toEqual([['save'], true]);
  });

  test('one of another build, as after an update of the package below a running program: EIO, and pages stay', async () => {
    const parts = installed.path('node_modules/zram-wasm/dist/parts');
    const [build, ...others] = await readdir(parts);
    expect(others).toEqual([]);
    const file = `${parts}/${build}/zswap.cjs`;
    const part = await readFile(file, 'utf8');
    // A folder for each build: some runtimes run what they have compiled of a file that was at the same place.
    expect(part).toContain(`exports.build = "${build}"`);
    const code = `import { Engine } from 'zram-wasm';
      const engine = await Engine.create();
      const zram = engine.createZram({ disksize: '1M' });
      zram.writePage(0, new Uint8Array(4096).fill(7));
      const told = () => { try { engine.createZswap(); } catch ({ code, message }) { return [code, message]; } };
      console.log(JSON.stringify([told(), told(), zram.readPage(0)[4095]]));`;
    try {
      await writeFile(file, part.replace(/exports\.build = "/, '$&0'));
      const told = [
        'EIO',
        expect.stringMatching(
          /^EIO: cannot load \.\/parts\/[0-9a-f]{16}\/zswap\.cjs .* another build.* start the program again/,
        ),
      ];
      expect(await installed.evaluate('another-build.js', code)).toEqual([told, told, 7]);
    } finally {
      await writeFile(file, part);
    }
  });
});

test.each(['zram-wasm', 'zram-wasm/external'])('require(%j), without a warning', async (entry) => {
  const code = `const library = require('${entry}');
    void import('./round-trip.js')
      .then(({ roundTrip }) => roundTrip(library))
      .then((seen) => console.log(JSON.stringify(seen)));`;
  await writeFile(installed.path('require.cjs'), code);
  const { stdout, stderr } = await installed.node('require.cjs');
  expect(JSON.parse(stdout)).toEqual(expected);
  expect(stderr).toBe('');
});

test('all entries have one ZramError', async () => {
  const code = `import * as inlined from 'zram-wasm';
    import * as external from 'zram-wasm/external';
    import { FileBacking } from 'zram-wasm/node';
    const is = (make) => { try { make(); } catch (error) { return error instanceof inlined.ZramError; } };
    console.log(JSON.stringify([
      external.ZramError === inlined.ZramError,
      is(() => new FileBacking('package.json', 1)),
      is(() => external.Engine.createSync({ maxMemory: -1 })),
    ]));`;
  expect(await installed.evaluate('errors.js', code)).toEqual([true, true, true]);
});

test('objects of two copies do not mix, and the sentence says why; a backing has one user among all copies', async () => {
  const code = `import { Engine, MemoryBacking, Zram } from 'zram-wasm';
    import * as external from 'zram-wasm/external';
    const [one, two] = [await Engine.create(), await external.Engine.create()];
    const [a, b] = [one, two].map((engine) => engine.createZram({ disksize: '1M' }));
    const told = (call) => { try { call(); return 'nothing'; } catch ({ message }) { return message; } };
    const backing = new MemoryBacking(4);
    const user = one.createZram({ disksize: '1M', backing });
    const seen = [
      told(() => one.createZram({ pool: two.createPool() })),
      told(() => a.diff(b)),
      await a.save({ write() {} }).then(() => Zram.saveAll({ write() {} }, [b])).catch(({ message }) => message),
      told(() => two.createZram({ disksize: '1M', backing })),
    ];
    user.destroy();
    two.createZram({ disksize: '1M', backing });
    console.log(JSON.stringify(seen));`;
  const another = expect.stringMatching(/^EINVAL: .* not the (ZsPool|Zram) of another copy of zram-wasm/);
  const seen = await installed.evaluate('copies.js', code);
  expect(seen).toEqual([another, another, another, expect.stringMatching(/^EBUSY/)]);
});

test.each(['zram-wasm', 'zram-wasm/external'])(
  'making an engine loads no more of Node than it needs: %s',
  async (entry) => {
    const code = `import { Engine } from '${entry}';
    (await Engine.create()).createZram({ disksize: '1M' }).writePage(0, new Uint8Array(4096));
    console.log(JSON.stringify(process.moduleLoadList.filter((name) => /undici|webstreams|internal.crypto|zlib/.test(name))));`;
    const bare = `console.log(JSON.stringify(process.moduleLoadList.filter((name) => /undici|webstreams|internal.crypto|zlib/.test(name))));`;
    expect(await installed.evaluate('globals.js', code)).toEqual(await installed.evaluate('no-globals.js', bare));
  },
);

test('external.createSync without a module says what to do', async () => {
  const code = `import { Engine } from 'zram-wasm/external';
    try { Engine.createSync(); } catch ({ message }) { console.log(JSON.stringify(message)); }`;
  const message = await installed.evaluate('external-sync.js', code);
  expect(message).toMatch(/^EINVAL: .* must be bytes or a compiled WebAssembly\.Module.* create\(\) also takes a URL/);
});

describe('the command line', () => {
  test('--version', async () => {
    const { version } = JSON.parse(await readFile(installed.path('node_modules/zram-wasm/package.json'), 'utf8'));
    const { stdout } = await installed.npm('exec', '--offline', '--', 'zram-wasm', '--version');
    expect(stdout.trim()).toBe(version);
  });

  test('analyze FILE --json', async () => {
    const pages = new Uint8Array(8 * 4096);
    for (let n = 4096; n < pages.length; n++) pages[n] = ((n % 4096) * 31) >> 3;
    await writeFile(installed.path('image'), pages);
    const { stdout } = await installed.npm('exec', '--offline', '--', 'zram-wasm', 'analyze', 'image', '--json');
    expect(JSON.parse(stdout)).toMatchObject({
      inputs: [{ name: 'image', pages: 8 }],
      algorithms: [{ mm_stat: { afterMerge: { same_pages: 1, pages_merged: 6 } }, verified: true }],
    });
  });
});
