#!/usr/bin/env bash
# random-access-memory 6.2.1: what truncate() cuts off, and del() at the end, comes back when the storage grows again. They
# clear the rest of the first page and drop the pages that were full; a last page that was not full stays as it was, behind
# the end. A later write further on makes its bytes readable again, where a file on the disk has zeros.
#
# Seen: of 6000 bytes, cut to 10 and then extended by a write at 6000, the bytes from 4096 on are the old ones (1904 of them).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund random-access-memory@6.2.1

cat > try.cjs << 'JS'
const fs = require('node:fs');
const { promisify } = require('node:util');
const RAM = require('random-access-memory');

const OLD = 7;
const old = (bytes) => bytes.subarray(10).filter((byte) => byte === OLD).length;
async function inMemory() {
  const storage = new RAM({ pageSize: 4096 });
  const call = (name) => promisify(storage[name].bind(storage));
  await call('write')(0, Buffer.alloc(6000, OLD));
  await call('truncate')(10);
  await call('write')(6000, Buffer.from([1]));
  return old(await call('read')(0, 6001));
}
function onDisk() {
  fs.writeFileSync('file', Buffer.alloc(6000, OLD));
  fs.truncateSync('file', 10);
  const file = fs.openSync('file', 'r+');
  fs.writeSync(file, Buffer.from([1]), 0, 1, 6000);
  fs.closeSync(file);
  return old(fs.readFileSync('file'));
}
inMemory().then((memory) => {
  const seen = { memory, disk: onDisk() };
  console.log(seen);
  process.exitCode = seen.memory === 1904 && seen.disk === 0 ? 0 : 1;
});
JS
node try.cjs || { echo 'random-access-memory behaves in another way now' >&2; exit 1; }
