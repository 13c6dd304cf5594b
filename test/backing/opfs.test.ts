/** OpfsBacking, with a stand-in for the browser's file system that fails as it is told to: test/package has a browser. */
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { MemoryBacking, OpfsBacking } from '../../bindings/index.js';
import { codeOf } from '../support/errors.js';

const PAGE_SIZE = 4096;

/** A file system with one file. */
class StandIn {
  bytes = new Uint8Array(8 * PAGE_SIZE);
  exists = false;
  open = 0;
  /** Calls that throw. */
  failing = new Set<string>();
  failure = 'InvalidStateError';
  /** What `read` and `write` answer in place of the count. */
  answer: ((count: number) => number) | undefined;

  #call(name: string): void {
    if (this.failing.has(name)) throw new DOMException(name, this.failure);
  }

  #transfer(bytes: Uint8Array, at: number, to: boolean): number {
    const count = this.answer ? this.answer(bytes.length) : bytes.length;
    const part = Math.min(count, bytes.length);
    if (to) bytes.set(this.bytes.subarray(at, at + part));
    else this.bytes.set(bytes.subarray(0, part), at);
    return count;
  }

  getDirectory = async (): Promise<object> => ({
    getFileHandle: async (_: string, { create }: { create: boolean }) => {
      if (!create && !this.exists) throw new DOMException('none', 'NotFoundError');
      this.exists = true;
      return { createSyncAccessHandle: async () => this.#handle() };
    },
    removeEntry: async () => {
      this.#call('removeEntry');
      this.exists = false;
    },
  });

  #handle(): object {
    if (this.open > 0) throw new DOMException('open', 'NoModificationAllowedError');
    this.#call('createSyncAccessHandle');
    this.open++;
    return {
      read: (bytes: Uint8Array, { at }: { at: number }) => this.#transfer(bytes, at, true),
      write: (bytes: Uint8Array, { at }: { at: number }) => this.#transfer(bytes, at, false),
      truncate: () => this.#call('truncate'),
      close: () => {
        this.open--;
        this.#call('close');
      },
    };
  }
}

const navigator = Object.getOwnPropertyDescriptor(globalThis, 'navigator');
let browser: StandIn;
beforeEach(() => {
  browser = new StandIn();
  Object.defineProperty(globalThis, 'navigator', { configurable: true, value: { storage: browser } });
});
afterEach(() => {
  if (navigator) Object.defineProperty(globalThis, 'navigator', navigator);
  else Reflect.deleteProperty(globalThis, 'navigator');
});

test('a slot that there is not, and a page of another length: EINVAL', async () => {
  const backing = await OpfsBacking.create('swap', 4);
  const page = new Uint8Array(PAGE_SIZE);
  const wrong: [unknown, unknown][] = [[4, page], [-1, page], [0.5, page], ['1', page], [0, new Uint8Array(8192)], [0, 'x']]; // prettier-ignore
  for (const [slot, bytes] of wrong) {
    expect(codeOf(() => backing.write(slot as number, bytes as Uint8Array))).toBe('EINVAL');
    expect(codeOf(() => backing.read(slot as number, bytes as Uint8Array))).toBe('EINVAL');
  }
});

test('what is transferred in parts is transferred whole', async () => {
  const backing = await OpfsBacking.create('swap', 4);
  const page = Buffer.from(Uint8Array.from({ length: PAGE_SIZE }, (_, n) => n >> 3));
  browser.answer = (count) => Math.min(count, 1000);
  backing.write(1, page);
  const read = new Uint8Array(PAGE_SIZE);
  backing.read(1, read);
  expect(Buffer.compare(read, page)).toBe(0);
});

test.each([0, 4294967288, -1, NaN])('a count of %s: EIO', async (count) => {
  const backing = await OpfsBacking.create('swap', 4);
  browser.answer = () => count;
  expect(codeOf(() => backing.write(1, new Uint8Array(PAGE_SIZE)))).toBe('EIO');
  expect(codeOf(() => backing.read(1, new Uint8Array(PAGE_SIZE)))).toBe('EIO');
});

test('a file that cannot be emptied is closed, and not left there', async () => {
  browser.failing.add('truncate');
  await expect(OpfsBacking.create('swap', 4)).rejects.toMatchObject({ code: 'EIO' });
  expect([browser.open, browser.exists]).toEqual([0, false]);
});

test('one that cannot be opened is not left there, unless it was there', async () => {
  browser.failing.add('createSyncAccessHandle');
  await expect(OpfsBacking.create('swap', 4)).rejects.toMatchObject({ code: 'EIO' });
  expect(browser.exists).toBe(false);
  browser.exists = true;
  await expect(OpfsBacking.create('swap', 4)).rejects.toMatchObject({ code: 'EIO' });
  expect(browser.exists).toBe(true);
});

test('a file system without synchronous access, as in WebKitGTK: EOPNOTSUPP', async () => {
  browser.failing.add('createSyncAccessHandle');
  browser.failure = 'NotSupportedError';
  await expect(OpfsBacking.create('swap', 4)).rejects.toMatchObject({ code: 'EOPNOTSUPP' });
  expect(browser.exists).toBe(false);
});

test('one name twice, also at once: EBUSY, and the first one works', async () => {
  const both = await Promise.allSettled([OpfsBacking.create('swap', 4), OpfsBacking.create('swap', 4)]);
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(both.find(({ status }) => status === 'rejected')).toMatchObject({ reason: { code: 'EBUSY' } });
  expect([browser.open, browser.exists]).toEqual([1, true]);
});

test.each(['truncate', 'close', 'removeEntry'])('destroy never rejects, and does the rest: %s', async (failing) => {
  const backing = await OpfsBacking.create('swap', 4);
  browser.failing.add(failing);
  const [first, second] = [backing.destroy(), backing.destroy()];
  expect(await Promise.all([first, second, backing[Symbol.asyncDispose]()])).toEqual([undefined, undefined, undefined]);
  expect(browser.open).toBe(0);
  expect(browser.exists).toBe(failing === 'removeEntry');
  expect(codeOf(() => backing.read(0, new Uint8Array(PAGE_SIZE)))).toBe('EINVAL');
});

test('options are read once; wrong ones are EINVAL before anything is made', async () => {
  for (const options of [{ keep: 1 }, { kept: true }, 'keep'] as object[]) {
    await expect(OpfsBacking.create('swap', 4, options)).rejects.toMatchObject({ code: 'EINVAL' });
  }
  expect(browser.exists).toBe(false);
});

test('MemoryBacking without memory: ENOMEM, and what it held is there', () => {
  const backing = new MemoryBacking(1024);
  const page = new Uint8Array(PAGE_SIZE).fill(7);
  backing.write(0, page);
  const { Uint8Array: Real } = globalThis;
  globalThis.Uint8Array = class extends Real {
    constructor(length: number) {
      super(length);
      if (length === 1 << 20) throw new RangeError('Array buffer allocation failed');
    }
  } as unknown as Uint8ArrayConstructor;
  try {
    expect(codeOf(() => backing.write(1000, page))).toBe('ENOMEM');
  } finally {
    globalThis.Uint8Array = Real;
  }
  const read = Buffer.alloc(PAGE_SIZE);
  backing.read(0, read);
  expect(Buffer.compare(read, page)).toBe(0);
  backing.write(1000, page);
});
