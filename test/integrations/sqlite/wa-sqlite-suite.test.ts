/** The tests of VFSes in npm's wa-sqlite 1.0.0, with no group left out. They are written for Jasmine. */
import { describe, expect } from '@jest/globals';
import { PageFs } from '../../../integrations/fs.js';
import { ZramVFS1 } from '../../../integrations/sqlite.js';

expect.extend({
  toBeTrue: (value: unknown) => ({ pass: value === true, message: () => `expected true, not ${String(value)}` }),
});

const suite = 'wa-sqlite/test/VFSTests.js'; // has no declarations
const { configureTests } = (await import(suite)) as {
  configureTests: (build: () => Promise<object>, clear: () => Promise<void>) => void;
};

const BUSY = 5;
const RESERVED = 2;
let fs: PageFs | undefined;
const vfses: ZramVFS1[] = [];

describe("wa-sqlite's own tests", () => {
  configureTests(
    async () => {
      fs ??= await PageFs.create();
      const vfs = await ZramVFS1.create('zram', { fs });
      vfses.push(vfs);
      // The suite tries again at once, which lets nobody go on: it is for locks that are waited for. As SQLite's busy
      // handler does, wait for readers and for a writer, but not with one lock for another's: that could be for ever.
      const lock = vfs.xLock.bind(vfs);
      const patient = async (fileId: number, level: number): Promise<number> => {
        for (;;) {
          const code = lock(fileId, level);
          if (code !== BUSY || level === RESERVED) return code;
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      };
      return Object.assign(vfs, { xLock: patient });
    },
    async () => {
      for (const vfs of vfses.splice(0)) vfs.destroy();
      fs?.destroy();
      fs = undefined;
      await Promise.resolve();
    },
  );
});
