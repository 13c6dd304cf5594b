// Two machines keep the cold pages of the same image in one Redis: what both have is there once. With a redis-server that is
// started here: node examples/remote.mjs
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Redis } from 'ioredis';
import { Zram } from 'zram-wasm';
import { createRemoteBacking, redisTier } from 'zram-wasm/remote';

const PAGES = 1024;
const folder = mkdtempSync(path.join(tmpdir(), 'remote-'));
const socket = path.join(folder, 'redis.sock');
const settings = [
  '--port',
  '0',
  '--unixsocket',
  socket,
  '--dir',
  folder,
  '--save',
  '',
  '--maxmemory-policy',
  'noeviction',
];
const server = spawn('redis-server', settings, { stdio: 'ignore' });
server.on('error', (error) => {
  console.log(`redis-server is not here (${error.code})`);
  process.exit();
});

/** Pages of text that differ; the last quarter is another one on each machine. */
function imageOf(machine) {
  const image = new Uint8Array(PAGES * 4096);
  const encoder = new TextEncoder();
  for (let n = 0; n < PAGES; n++) {
    const owner = n < PAGES * 0.75 ? 'everyone' : machine;
    for (let line = 0; line < 64; line++)
      encoder.encodeInto(
        `page ${n}, line ${line * n} of ${owner}: ${Math.sqrt(n * 64 + line)}\n`,
        image.subarray(n * 4096 + line * 64),
      );
  }
  return image;
}

async function machine(name) {
  const client = new Redis(socket);
  client.on('error', () => {}); // until the server listens
  const backing = createRemoteBacking(redisTier(client), { slots: PAGES });
  const zram = await Zram.create({ disksize: PAGES * 4096, backing });
  zram.writePages(0, imageOf(name));
  await zram.writebackAsync({ pageIndexes: [[0, PAGES - 1]] });
  return { name, client, backing, zram };
}

const machines = [await machine('one'), await machine('two')];
const [{ client }] = machines;
const bytes = /used_memory_dataset:(\d+)/.exec(await client.info('memory'))[1];
console.log(`${2 * PAGES} pages of two machines are ${await client.dbsize()} values, in ${bytes} bytes`);
for (const { name, zram, backing } of machines) {
  const same = Buffer.compare(await zram.readPagesAsync(0, PAGES), imageOf(name)) === 0;
  const lost = await backing.renew();
  console.log(`machine ${name}: ${same ? 'every page is as it was' : 'WRONG'}; ${lost.length} lost`);
}

for (const one of machines) {
  one.backing.close();
  one.zram.destroy();
  one.client.disconnect();
}
server.kill();
rmSync(folder, { recursive: true });
