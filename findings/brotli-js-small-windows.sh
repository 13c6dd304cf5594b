#!/usr/bin/env bash
# brotli-js 1.0.2: decompressArray() of a stream with a window of 1 or 2 KiB (lgwin 10 and 11) cuts the content off where a
# stretch of it is stored uncompressed, and returns the part without an error. Such streams are valid, and small windows are
# what one takes for little memory. Content that compresses comes out whole, and so does all with larger windows.
#
# Seen: of 300,000 bytes of noise 132,096 come out with lgwin 10, 133,120 with 11, all with 12 and 16; npm's brotli returns
# all four whole.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund brotli-js@1.0.2 brotli@1.3.3

cat > try.cjs << 'JS'
const zlib = require('node:zlib');
const brotli = require('brotli');
const brotliJs = require('brotli-js');

let state = 5;
const noise = Buffer.alloc(300_000).map(() => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24);
const { BROTLI_PARAM_LGWIN: window, BROTLI_PARAM_QUALITY: quality } = zlib.constants;
const compress = (bytes, bits) => zlib.brotliCompressSync(bytes, { params: { [quality]: 5, [window]: bits } });

const [lengths, right] = [[], []];
for (const bits of [10, 11, 12, 16]) {
  const stream = compress(noise, bits);
  lengths.push(brotliJs.decompressArray(new Uint8Array(stream)).length);
  right.push(noise.equals(brotli.decompress(stream)));
}
const zeros = brotliJs.decompressArray(new Uint8Array(compress(Buffer.alloc(300_000), 10))).length;
console.log({ lengths: lengths.join(), right, zeros });
const cut = lengths.join() === '132096,133120,300000,300000';
process.exitCode = cut && !right.includes(false) && zeros === 300_000 ? 0 : 1;
JS
node try.cjs || { echo 'brotli-js behaves in another way now' >&2; exit 1; }
