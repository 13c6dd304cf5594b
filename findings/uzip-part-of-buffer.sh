#!/usr/bin/env bash
# uzip 0.20201231.0 (UZIP.js): of bytes that do not compress and are a part of a larger buffer, as every page of a memory is,
# deflate() and deflateRaw() store other bytes: those at the same place from the start of the whole buffer. It copies stored
# blocks from `data.buffer` and drops the part's byteOffset. The stream is valid, and the checksum in deflate()'s is that of
# the right bytes, which its own inflate() does not compare. Pages that compress come back right.
#
# Seen: the second page of a buffer of noise comes back as the first one, by uzip and by zlib; zlib refuses deflate()'s with
# "incorrect data check". A copy of the page comes back right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund uzip@0.20201231.0

cat > try.cjs << 'JS'
const zlib = require('node:zlib');
const uzip = require('uzip');

const PAGE = 4096;
let state = 1;
const noise = Uint8Array.from({ length: 2 * PAGE }, () => (state = Math.imul(state, 1664525) + 1013904223) >>> 24);
const [first, second] = [noise.subarray(0, PAGE), noise.subarray(PAGE)];
function which(bytes) {
  return ['first', 'second'].find((_, at) => Buffer.compare(bytes, [first, second][at]) === 0);
}
function checked(bytes) {
  try {
    return which(zlib.inflateSync(bytes));
  } catch (error) {
    return error.message;
  }
}
const seen = {
  part: which(uzip.inflateRaw(uzip.deflateRaw(second))),
  byZlib: which(zlib.inflateRawSync(uzip.deflateRaw(second))),
  withHeader: which(uzip.inflate(uzip.deflate(second))),
  checked: checked(uzip.deflate(second)),
  copy: which(zlib.inflateRawSync(uzip.deflateRaw(second.slice()))),
};
console.log(seen);
process.exitCode = Object.values(seen).join() === 'first,first,first,incorrect data check,second' ? 0 : 1;
JS
node try.cjs || { echo 'uzip behaves in another way now' >&2; exit 1; }
