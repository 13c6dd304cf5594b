#!/usr/bin/env bash
# bitfield-rle 2.2.1: decode() returns the bitfield without the zeros at its end, and decodingLength() counts none of them, so
# the map of an empty memory comes back with no byte at all. The README's example, bit 400 of 1024, is said to come back with
# 128 bytes "like the old bitfield". A map that is read by index, or compared with another, needs its length kept beside it.
#
# Seen: the README's bitfield comes back with 51 bytes, 128 zeros with 0; 128 bytes of ones with all 128.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund bitfield-rle@2.2.1

cat > try.cjs << 'JS'
const rle = require('bitfield-rle');

function lengths(bits) {
  const packed = rle.encode(bits);
  return [rle.decode(packed).length, rle.decodingLength(packed)];
}
const one = Buffer.alloc(128);
one[400 >> 3] = 128 >> (400 & 7);
const seen = { one: lengths(one), zeros: lengths(Buffer.alloc(128)), ones: lengths(Buffer.alloc(128, 255)) };
console.log(seen);
process.exitCode = Object.values(seen).join() === '51,51,0,0,128,128' ? 0 : 1;
JS
node try.cjs || { echo 'bitfield-rle behaves in another way now' >&2; exit 1; }
