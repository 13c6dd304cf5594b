/** The checks in workerd, which compiles nothing at run time: the core is a module of the program. */
import core from '../core.wasm';
import * as zram from 'zram-wasm';
import * as external from 'zram-wasm/external';
import { PageFs } from 'zram-wasm/fs';
import { CHECKS } from './every.mjs';
import { codeOf, equal, page, runChecks, sameBytes } from './support.mjs';

class Engine {
  static create(options) {
    return zram.Engine.create({ module: core, ...options });
  }
}
class Zram {
  static load(source, options) {
    return zram.Zram.load(source, { module: core, ...options });
  }
}
const files = { create: async (options) => PageFs.create({ engine: await Engine.create(), ...options }) };

// While the program is loaded, workerd gives no random numbers.
const early = await Engine.create();
const device = early.createZram({ disksize: '1M' });
for (let n = 0; n < 20; n++) device.writePage(n, page(n % 5));
const used = early.memory.used;
const EARLY = {
  merge: await codeOf(() => device.merge()),
  dedup: await codeOf(() => early.createZram({ disksize: '1M', dedup: true })),
  history: await codeOf(() => early.createStateHistory()),
  pool: await codeOf(() => early.createPool({ dedup: true })),
};
const usedAfter = early.memory.used;

const MORE = {
  'while the program is loaded: no merging, and no harm'() {
    equal(EARLY, { merge: 'EOPNOTSUPP', dedup: 'EOPNOTSUPP', history: 'EOPNOTSUPP', pool: 'EOPNOTSUPP' });
    equal(usedAfter, used);
    equal(device.merge().objectsMerged, 15);
    for (let n = 0; n < 20; n++) equal(sameBytes(device.readPage(n), page(n % 5)), true);
  },

  async 'without a compiled module: a sentence'() {
    for (const { Engine: Other } of [external, zram]) {
      const { code, message } = await Other.create().catch((error) => error);
      equal([code, /[Pp]ass a compiled WebAssembly\.Module as module/.test(message)], ['EIO', true]);
    }
  },
};

export default {
  async fetch() {
    const results = [];
    const given = { Engine, Zram, MemoryBacking: zram.MemoryBacking, PageFs: files };
    await runChecks({ ...CHECKS, ...MORE }, given, (result) => void results.push(result));
    return Response.json(results);
  },
};
