// A disk image in compressed memory: loaded from a file, read and written at any place, and written back.
//
//   node examples/disk-image.mjs [FILE]     FILE is only read; without one, an image of 32 MiB is made
import assert from 'node:assert/strict';
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Zram } from 'zram-wasm';

const CHUNK = 1024 * 1024;

/** Copies a file to the beginning of the device and returns its length. */
function load(zram, path) {
  const file = openSync(path, 'r');
  const chunk = new Uint8Array(CHUNK);
  let length = 0;
  for (let bytes; (bytes = readSync(file, chunk)) > 0; length += bytes) zram.write(length, chunk.subarray(0, bytes));
  closeSync(file);
  return length;
}

/** Copies the first `length` bytes of the device to a new file. */
function save(zram, path, length) {
  const file = openSync(path, 'wx');
  const chunk = new Uint8Array(CHUNK);
  for (let offset = 0; offset < length; offset += CHUNK) {
    const bytes = Math.min(CHUNK, length - offset);
    zram.read(offset, bytes, chunk);
    writeSync(file, chunk, 0, bytes);
  }
  closeSync(file);
}

/** An image as a new disk has it: some text, and much that was never written. */
function makeImage(path) {
  const image = Buffer.alloc(32 * CHUNK);
  for (let at = 0; at < 4 * CHUNK;) at += image.write(`${at}: a line of a file on this disk, ${at % 977}\n`, at);
  writeFileSync(path, image);
}

const folder = mkdtempSync(join(tmpdir(), 'zram-wasm-'));
try {
  const [, , source = join(folder, 'disk.img')] = process.argv;
  if (!process.argv[2]) makeImage(source);

  const zram = await Zram.create({ disksize: '16G' }); // sparse: what is not written takes nothing
  const length = load(zram, source);
  const { memUsedTotal, samePages } = zram.mmStat;
  console.log(`${length} bytes take ${memUsedTotal}; ${samePages} pages are same-filled and take none`);

  // The same reads and writes, here and on a plain copy: any offset, any length, across pages.
  const copy = readFileSync(source);
  const edit = Buffer.alloc(10000);
  for (let n = 0; n < 1000; n++) {
    const offset = (n * 7919 * 4099) % (length - edit.length);
    const bytes = edit.subarray(0, 1 + ((n * 7919) % edit.length)).fill(`edit ${n} `);
    assert.deepEqual(zram.read(offset, bytes.length), new Uint8Array(copy.subarray(offset, offset + bytes.length)));
    zram.write(offset, bytes);
    copy.set(bytes, offset);
  }

  const saved = join(folder, 'saved.img');
  save(zram, saved, length);
  assert.ok(readFileSync(saved).equals(copy));
  console.log(
    `after 1000 reads and writes the image takes ${zram.mmStat.memUsedTotal}; the saved file is as it should be`,
  );
  zram.destroy();
} finally {
  rmSync(folder, { recursive: true });
}
