// A fork across processes: one saves a device under a name, others open it by that name, read what they need, write, and save
// what they wrote. Here the store is a directory; with `s3Store` or `redisTier` the others may be on other machines.
//
//   node examples/names.mjs
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Zram } from 'zram-wasm';
import { fileStore, liveKeys, openNamed, saveNamed, segmentTier } from 'zram-wasm/remote';

const PAGE = 4096;
const PAGES = 5000;
const WORKERS = 3;

/** What page `n` of the base holds. */
function page(n) {
  return new Uint8Array(PAGE).fill(n % 256, 0, 2000).fill(Math.floor(n / 256), 2000, 2500);
}

const [, , role, directory, number] = process.argv;
await (role === 'worker' ? work(directory, Number(number)) : main());

/** What other processes do: nothing but the directory is in common. */
async function work(directory, number) {
  const tier = segmentTier(fileStore(directory));
  const fork = await openNamed(tier, 'base');
  const [read] = await fork.readAsync(number * PAGE, 1);
  assert.equal(read, number);
  await fork.writeAsync(number * PAGE + 10, new TextEncoder().encode(`worker ${number}`));
  const { sent, sentBytes } = await fork.save(`worker ${number}`);
  process.stdout.write(`worker ${number} sent ${sent} values, ${sentBytes} bytes\n`);
  fork.destroy();
}

async function main() {
  const directory = mkdtempSync(path.join(tmpdir(), 'zram-wasm-names-'));
  const tier = segmentTier(fileStore(directory));
  const zram = await Zram.create({ disksize: PAGES * PAGE });
  for (let n = 0; n < PAGES; n++) zram.writePage(n, page(n));
  const { sent, sentBytes } = await saveNamed(tier, 'base', zram);
  console.log(`the base: ${PAGES} pages, ${sent} values, ${sentBytes} bytes`);

  const run = promisify(execFile);
  const workers = Array.from({ length: WORKERS }, (_, n) =>
    run(process.execPath, [fileURLToPath(import.meta.url), 'worker', directory, String(n)]),
  );
  for (const { stdout } of await Promise.all(workers)) console.log(stdout.trim());

  for (const name of await tier.names()) {
    if (name === 'base') continue;
    const fork = await openNamed(tier, name);
    const written = Number(name.split(' ')[1]);
    assert.equal(new TextDecoder().decode(await fork.readAsync(written * PAGE + 10, 8)), name);
    assert.deepEqual(await fork.readPagesAsync(100, 50), zram.readPages(100, 50));
    fork.destroy();
  }
  const { lost } = await tier.collect({ live: liveKeys(tier, await tier.names()) });
  console.log(`${WORKERS} forks of other processes are as these left them; ${lost} values are lost`);
  zram.destroy();
  rmSync(directory, { recursive: true });
}
