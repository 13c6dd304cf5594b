#!/usr/bin/env bash
# notepack.io 3.0.1, a MessagePack encoder: of typed arrays it keeps one byte per element, the lowest of integers and the whole
# part of floating point numbers, and of a DataView nothing, without an error. A page kept as a Uint32Array comes back as a
# quarter of its bytes. The README has ArrayBuffers as `bin`; those, Uint8Arrays and Buffers are right, and bigint arrays
# raise an error.
#
# Seen: a Uint32Array of 1024 elements, 4096 bytes, comes back with 1024, 0x01020304 as 04; a Float64Array of 1.5 as 01; a
# DataView of 4096 bytes with 0. msgpackr and @msgpack/msgpack write all the bytes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund notepack.io@3.0.1 msgpackr@2.1.4 @msgpack/msgpack@3.1.3

cat > try.cjs << 'JS'
const msgpack = require('@msgpack/msgpack');
const msgpackr = require('msgpackr');
const notepack = require('notepack.io');

const words = new Uint32Array(1024).fill(0x01020304);
const numbers = new Float64Array(512).fill(1.5);
const values = { words, numbers, view: new DataView(words.buffer), bytes: new Uint8Array(words.buffer) };
const back = ({ encode, decode }, value) => decode(encode(value));
const seen = {};
for (const [name, value] of Object.entries(values)) {
  const others = [msgpack, msgpackr].map((library) => back(library, value).byteLength);
  seen[name] = [back(notepack, value).byteLength, ...others].join();
}
seen.first = [back(notepack, words)[0], back(notepack, numbers)[0]].join();
console.log(seen);
const expected = ['1024,4096,4096', '512,4096,4096', '0,4096,4096', '4096,4096,4096', '4,1'];
process.exitCode = Object.values(seen).join(' ') === expected.join(' ') ? 0 : 1;
JS
node try.cjs || { echo 'notepack.io behaves in another way now' >&2; exit 1; }
