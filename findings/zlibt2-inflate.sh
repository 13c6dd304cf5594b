#!/usr/bin/env bash
# zlibt2 0.6.1, a TypeScript port of zlib.js: Inflate and RawInflate decompress to other bytes, and more or fewer of them,
# mostly without an error, since the Adler-32 is compared only with the option verify; other streams raise "input buffer is
# broken" or "invalid code length". What its Deflate makes is right, by zlib, so the loss shows when it is read back.
# zlibjs, of which it is a port, reads both.
#
# Seen: 4096 zeros that its own Deflate compressed come out as 5128 bytes, 256 zeros that zlib compressed as 262. Of 1200
# streams by zlib of 64 to 4096 bytes 184 came out right, 786 wrong, and 230 raised an error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund zlibt2@0.6.1 zlibjs@0.3.1

cat > try.cjs << 'JS'
const zlib = require('node:zlib');
const zlibjs = require('zlibjs');
const { Deflate, Inflate } = require('zlibt2');

const zeros = (length) => new Uint8Array(length);
const inflate = (bytes) => new Inflate(bytes).decompress().length;
const own = Deflate.compress(zeros(4096));
const other = new Uint8Array(zlib.deflateSync(zeros(256)));
const seen = {
  own: inflate(own),
  ownByZlib: zlib.inflateSync(own).length,
  ownByZlibjs: zlibjs.inflateSync(own).length,
  zlib: inflate(other),
  small: inflate(new Uint8Array(zlib.deflateSync(zeros(16)))),
};
console.log(seen);
process.exitCode = Object.values(seen).join() === '5128,4096,4096,262,16' ? 0 : 1;
JS
node try.cjs || { echo 'zlibt2 behaves in another way now' >&2; exit 1; }
