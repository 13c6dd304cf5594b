/** What a page's checks do in a worker: files of the browser can be read synchronously nowhere else. */
import { Engine, OpfsBacking, Zram } from '/node_modules/zram-wasm/dist/index.js';
import { PageStore } from '/node_modules/zram-wasm/dist/store.js';
import { codeOf, equal, page, sameBytes, useBacking } from './support.mjs';

const MODES = ['readwrite', 'read-only', 'readwrite-unsafe'];

/** The modes of access that the browser tells apart: in others, a file that is open cannot be opened once more. */
async function modesOf(file) {
  const found = [];
  for (const mode of MODES) {
    const first = await file.createSyncAccessHandle({ mode });
    try {
      (await file.createSyncAccessHandle({ mode })).close();
      found.push(mode);
    } catch (error) {
      if (error.name !== 'NoModificationAllowedError') throw error;
    }
    first.close();
  }
  return found;
}

async function keepFiles(root) {
  const handle = await root.getFileHandle('store', { create: true });
  const store = await PageStore.open(await handle.createSyncAccessHandle());
  for (let n = 0; n < 50; n++) store.fs.writeFileSync(`/file-${n}`, page(n));
  store.sync();
  store.close();
  const again = await PageStore.open(await handle.createSyncAccessHandle());
  for (let n = 0; n < 50; n++) equal(sameBytes(again.fs.readFileSync(`/file-${n}`), page(n)), true);
  again.close();
  return handle;
}

/** Saves to a stream of the browser's file, where it has such streams. */
async function saveTo(root) {
  const file = await root.getFileHandle('saved', { create: true });
  if (!file.createWritable) return 'no writable streams';
  const device = await Zram.create({ disksize: '16M' });
  for (let n = 0; n < 50; n++) device.writePage(n, page(n));
  await device.save(await file.createWritable());
  const loaded = await Zram.load(await file.getFile());
  for (let n = 0; n < 50; n++) equal(sameBytes(loaded.readPage(n), page(n)), true);
  loaded.destroy();
  device.destroy();
  return 'writable streams';
}

const TASKS = {
  module(module) {
    const device = Engine.createSync({ module }).createZram({ disksize: '1M' });
    device.writePage(1, page(1));
    equal(sameBytes(device.readPage(1), page(1)), true);
    device.destroy();
  },

  async noFiles() {
    equal(await codeOf(() => OpfsBacking.create('swap-1', 256)), 'EOPNOTSUPP');
    return 'not there';
  },

  async files() {
    const backings = [await OpfsBacking.create('swap-1', 256), await OpfsBacking.create('swap-2', 256)];
    equal(await codeOf(() => OpfsBacking.create('swap-1', 1)), 'EBUSY');
    useBacking({ Engine }, (n) => backings[n - 1]);
    for (const backing of backings) await backing.destroy();
    const root = await navigator.storage.getDirectory();
    const shared = await modesOf(await keepFiles(root));
    const modes = shared.length > 0 ? `opened twice as ${shared.join(' and ')}` : 'no shared modes';
    return `${modes}; ${await saveTo(root)}`;
  },
};

globalThis.onmessage = async ({ data: { task, data } }) => {
  try {
    globalThis.postMessage({ text: await TASKS[task](data) });
  } catch (error) {
    globalThis.postMessage({ error: `${error}\n${error.stack}` });
  }
};
