/** The checks in workerd, which compiles nothing at run time: the core is a module of the program. */
import core from './core.wasm';
import * as zram from 'zram-wasm';
import * as external from 'zram-wasm/external';
import { PageFs } from 'zram-wasm/fs';
import { CHECKS, codeOf, equal } from './checks.mjs';

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

const MORE = {
  async 'without a compiled module: a sentence'() {
    equal(await codeOf(() => external.Engine.create()), 'EIO');
    equal(await codeOf(() => zram.Engine.create()), 'EIO');
  },
};

export default {
  async fetch() {
    const results = [];
    for (const [name, check] of Object.entries({ ...CHECKS, ...MORE })) {
      const result = { name, milliseconds: 0 }; // the clock stands still in a handler
      try {
        result.text = await check({ Engine, Zram, MemoryBacking: zram.MemoryBacking, PageFs: files });
      } catch (error) {
        result.error = String(error.stack ?? error);
      }
      results.push(result);
    }
    return Response.json(results);
  },
};
