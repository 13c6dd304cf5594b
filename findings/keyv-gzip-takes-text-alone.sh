#!/usr/bin/env bash
# @keyv/compress-gzip 2.0.3 with keyv 5.6.0: only text comes back as it was. A Buffer comes back as text, its bytes decoded as
# UTF-8, a Uint8Array with the same loss, both without an error; an object, a number or null cannot be set at all: set()
# raises an error from inside of pako. Without compression, and with @keyv/compress-brotli, Buffers and objects come back. The
# README names no type; it says "Gzip compression for Keyv".
#
# Seen: the Buffer 01 ff 03 comes back as the text 01 ef bf bd 03, { page: 1 } raises "strm.input.subarray is not a function".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund keyv@5.6.0 @keyv/compress-gzip@2.0.3 @keyv/compress-brotli@2.0.5

cat > try.mjs << 'JS'
import Brotli from '@keyv/compress-brotli';
import Gzip from '@keyv/compress-gzip';
import { Keyv } from 'keyv';

async function back(value, compression) {
  const store = new Keyv({ compression });
  try {
    await store.set('one', value);
    const read = await store.get('one');
    const bytes = Buffer.isBuffer(read) || typeof read === 'string';
    return bytes ? `${typeof read} ${Buffer.from(read).toString('hex')}` : JSON.stringify(read);
  } catch (error) {
    return error.message;
  }
}
const values = [Buffer.of(1, 255, 3), { page: 1 }, 'text'];
const seen = {};
for (const [name, compression] of Object.entries({ gzip: new Gzip(), brotli: new Brotli(), none: undefined })) {
  seen[name] = [];
  for (const value of values) seen[name].push(await back(value, compression));
}
console.log(seen);
const right = 'object 01ff03;{"page":1};string 74657874';
const wrong = 'string 01efbfbd03;strm.input.subarray is not a function;string 74657874';
process.exitCode = Object.values(seen).map((row) => row.join(';')).join() === [wrong, right, right].join() ? 0 : 1;
JS
node try.mjs || { echo '@keyv/compress-gzip behaves in another way now' >&2; exit 1; }
