/** The installed declarations, checked in full by strict consumers that have the DOM's types, Node's, or neither. */
import { writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { Installed } from './installed.js';

/** A program that uses most of what is exported. Text, because it is not to be checked against the sources. */
const PROGRAM = `import { Engine, MemoryBacking, Zram, ZramError, ZsPool, Zswap } from 'zram-wasm';
import type { Handle, MergeReport, MmStat, PoolStats, Size, ZramErrorCode } from 'zram-wasm';
import * as external from 'zram-wasm/external';
import { FileBacking } from 'zram-wasm/node';
import { LostPagesError, ParallelZram } from 'zram-wasm/parallel';
import type { ParallelStats, WorkerLike } from 'zram-wasm/parallel';

const size: Size = '64M';
using engine: Engine = await Engine.create({ maxMemory: size });
using zram: Zram = engine.createZram({ disksize: '1G' });
const page: Uint8Array = zram.readPage(0, new Uint8Array(4096));
zram.writePage(1, page);
const report: MergeReport = zram.merge();
const stat: MmStat = zram.mmStat;
zram.sysfs.write('mem_limit', '1M');

using pool: ZsPool = await ZsPool.create();
const handle: Handle = pool.malloc(100);
const stats: PoolStats = pool.stats();
pool.free(handle);

using zswap = await Zswap.create({ backing: new MemoryBacking(10) });
const file = new FileBacking('pages', 10);

declare const start: () => WorkerLike;
await using parallel = await ParallelZram.create({ workers: 2, disksize: size, memLimit: '1M', worker: start });
await parallel.writePage(0, await parallel.readPage(1, page));
const { mmStat, workers }: ParallelStats = await parallel.stats();
const lost: number[] = parallel.lostPages();

let code: ZramErrorCode | undefined;
try {
  await external.Zram.create({ disksize: 1 });
} catch (error) {
  if (error instanceof ZramError) code = error.code;
  if (error instanceof LostPagesError) lost.push(...error.pages);
}

// What must not compile. Where it does, the comment itself is an error.
// @ts-expect-error: text is no page
zram.writePage(0, 'text');
// @ts-expect-error: a number is no handle
pool.free(1);
// @ts-expect-error: no such option
await Zram.create({ diskSize: '1G' });
// @ts-expect-error: results cannot be changed
stat.memUsedTotal = 0;

export { code, file, lost, mmStat, report, stats, workers, zswap };
`;

let installed: Installed;

beforeAll(async () => {
  installed = await Installed.make();
  await writeFile(installed.path('consumer.ts'), PROGRAM);
}, 60_000);
afterAll(() => installed.remove());

const STRICT = {
  target: 'ES2022',
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  noPropertyAccessFromIndexSignature: true,
  verbatimModuleSyntax: true,
  skipLibCheck: false,
  noEmit: true,
};
const DOM = { lib: ['ES2022', 'DOM'], types: [] };
const PLAIN = { lib: ['ES2022'], types: [] };
const NODE = {
  lib: ['ES2022'],
  types: ['node'],
  typeRoots: [fileURLToPath(new URL('../../node_modules/@types', import.meta.url))],
};
const BUNDLER = { module: 'ESNext', moduleResolution: 'bundler' };
const NODENEXT = { module: 'NodeNext', moduleResolution: 'nodenext' };

test.each([
  ['bundler, with the DOM', { ...BUNDLER, ...DOM }],
  ['bundler, without the DOM and Node', { ...BUNDLER, ...PLAIN }],
  ['nodenext, with Node', { ...NODENEXT, ...NODE }],
  ['nodenext, without the DOM and Node', { ...NODENEXT, ...PLAIN }],
])(
  'strict TypeScript: %s',
  async (_name, options) => {
    const tsconfig = { compilerOptions: { ...STRICT, ...options }, files: ['consumer.ts'] };
    await writeFile(installed.path('tsconfig.json'), JSON.stringify(tsconfig));
    const output = await installed.tool('typescript/bin/tsc', '--project', '.').catch((error: unknown) => error);
    expect(output).toMatchObject({ stdout: '' });
  },
  60_000,
);
