#!/usr/bin/env bash
# memfs 4.80.1: writeFile and appendFile (synchronous, with callbacks, as promises) write a typed array that is no Uint8Array
# as decimal text, and a DataView as "[object DataView]", without an error. Its types allow both, and Node.js
# writes their bytes, as memfs's own writeSync does. A page kept as a Uint32Array is lost.
#
# Seen: a Uint32Array of 1024 zeros, 4096 bytes, becomes 2047 bytes of "0,0,0"; a DataView of 4096 bytes becomes 17.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund memfs@4.80.1

cat > try.mjs << 'JS'
import * as node from 'node:fs';
import { memfs } from 'memfs';

const words = new Uint32Array(1024);
async function lengths(fs, folder) {
  const name = `${folder}/page`;
  const length = () => fs.statSync(name).size;
  const seen = {};
  fs.writeFileSync(name, words);
  seen.writeFileSync = length();
  fs.writeFileSync(name, '');
  fs.appendFileSync(name, words);
  seen.appendFileSync = length();
  await fs.promises.writeFile(name, words);
  seen.promises = length();
  fs.writeFileSync(name, new DataView(words.buffer));
  seen.dataView = length();
  const file = fs.openSync(name, 'w');
  fs.writeSync(file, words);
  fs.closeSync(file);
  seen.writeSync = length();
  return seen;
}
const { fs } = memfs();
const seen = { memfs: await lengths(fs, ''), node: await lengths(node, '.') };
console.log(seen);
const text = Object.values(seen.memfs).join() === '2047,2047,2047,17,4096';
process.exitCode = text && Object.values(seen.node).every((length) => length === 4096) ? 0 : 1;
JS
node try.mjs || { echo 'memfs behaves in another way now' >&2; exit 1; }
