#!/usr/bin/env bash
# opfs-mock 2.8.0, a stand-in for the browser's private file system in tests: write() of a FileSystemSyncAccessHandle takes the
# elements of what it gets, not its bytes. Of a Uint32Array it keeps one byte of four, of an ArrayBuffer nothing, and it says
# 1024 for the one and undefined for the other; read() into such an array fills each element with one byte. The standard
# has any BufferSource, and its bytes; Uint8Array, DataView, and createWritable()'s streams are right.
#
# Seen: a Uint32Array of 1024 elements makes a file of 1024 bytes, not 4096; an ArrayBuffer of 4096 bytes one of 0.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund opfs-mock@2.8.0

cat > try.mjs << 'JS'
import { storageFactory } from 'opfs-mock';

const root = await storageFactory().getDirectory();
const file = await root.getFileHandle('page', { create: true });
const words = Uint32Array.from({ length: 1024 }, (_, at) => 0x01020304 + at);

const handle = await file.createSyncAccessHandle();
function write(data) {
  handle.truncate(0);
  const written = handle.write(data, { at: 0 });
  return [written, handle.getSize()].join('/');
}
const seen = { words: write(words), buffer: write(words.buffer), bytes: write(new Uint8Array(words.buffer)) };
const back = new Uint32Array(1024);
seen.read = handle.read(back, { at: 0 });
seen.element = back[0];
handle.close();
const stream = await file.createWritable();
await stream.write(words);
await stream.close();
seen.stream = (await file.getFile()).size;
console.log(seen);
process.exitCode = Object.values(seen).join() === '1024/1024,/0,4096/4096,1024,4,4096' ? 0 : 1;
JS
node try.mjs || { echo 'opfs-mock behaves in another way now' >&2; exit 1; }
