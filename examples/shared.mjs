// What two processes have in common: their memory is analysed together, so pages that are equal in both are found.
//
// Each process holds 16 MiB that both have, and 4 MiB that it alone has; none of it compresses. Where the memory of
// another process cannot be read (no /proc, or not allowed), the processes write theirs to files, and those are analysed.
//
//   node examples/shared.mjs [files]     `files`: take that way at once
import assert from 'node:assert/strict';
import { execFile, fork } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createCipheriv, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const MIB = 1024 * 1024;
const [SHARED, OWN] = [16 * MIB, 4 * MIB];
const command = fileURLToPath(new URL('../dist/cli.js', import.meta.url)); // installed, this is `npx zram-wasm`

/** Bytes that look random, and are the same for the same key. */
function noise(length, key) {
  return createCipheriv('aes-128-ctr', key, Buffer.alloc(16)).update(Buffer.alloc(length));
}

async function analyze(...inputs) {
  const { stdout } = await promisify(execFile)(process.execPath, [command, 'analyze', '--json', ...inputs]);
  return JSON.parse(stdout);
}

async function main() {
  const folder = mkdtempSync(join(tmpdir(), 'zram-wasm-'));
  const files = [join(folder, 'one'), join(folder, 'two')];
  const children = files.map((file) => fork(import.meta.filename, ['child', file]));
  try {
    await Promise.all(children.map((child) => once(child, 'message')));
    const pids = children.map(({ pid }) => pid).join(',');
    const viaFiles = async ({ stderr = '' }) => {
      if (stderr) console.log(`files instead: ${stderr.trim()}`);
      for (const child of children) child.send('write');
      await Promise.all(children.map((child) => once(child, 'message')));
      return analyze(...files);
    };
    const analysis = await (process.argv[2] === 'files' ? viaFiles({}) : analyze('--pid', pids).catch(viaFiles));
    report(analysis);
  } finally {
    for (const child of children) child.kill();
    rmSync(folder, { recursive: true });
  }
}

function report({ inputs, algorithms: [result] }) {
  for (const [i, { name, pages }] of inputs.entries()) {
    console.log(`${name}: ${pages} pages, ${result.inputs[i].pagesSharing} of them shared after the merge`);
  }
  const { before, afterCompact } = result.mm_stat;
  console.log(
    `together: ${before.mem_used_total} bytes before, ${afterCompact.mem_used_total} with what is equal stored once`,
  );
  // Beginning and end of a large buffer need not fall on the border of a page.
  assert.ok(before.mem_used_total - afterCompact.mem_used_total > 0.95 * SHARED);
  assert.ok(result.verified);
}

/** A child holds its memory until it is killed. */
function child(file) {
  const memory = [noise(SHARED, Buffer.alloc(16)), noise(OWN, randomBytes(16))];
  process.on('message', () => {
    writeFileSync(file, Buffer.concat(memory));
    process.send('written');
  });
  process.send('ready');
}

if (process.argv[2] === 'child') child(process.argv[3]);
else await main();
