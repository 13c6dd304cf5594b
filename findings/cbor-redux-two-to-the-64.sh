#!/usr/bin/env bash
# cbor-redux 1.0.0, CBOR: the bigint 2 ** 64 is encoded as 0, without an error. One less has its 8 bytes, one more raises
# "unsafe integer"; for this one the test of the range has "greater than" in place of "greater or equal". And a DataView of a
# part of a buffer is encoded as the whole buffer, with all that stands beside the part; typed arrays of a part are right. The
# README has "proper support for large integers" and typed arrays; the bytes are valid CBOR, and all decoders agree.
#
# Seen: 2n ** 64n becomes 1b0000000000000000, which is 0 for cborg, too; a DataView of 5 bytes of 4096 becomes a string of
# 4096.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund cbor-redux@1.0.0 cborg@6.1.5

cat > try.cjs << 'JS'
const { encode, decode } = require('cbor-redux');

const page = new ArrayBuffer(4096);
(async () => {
  const cborg = await import('cborg');
  const round = (value) => {
    try {
      return String(decode(encode(value)));
    } catch (error) {
      return 'error';
    }
  };
  const seen = {
    less: round(2n ** 64n - 1n),
    power: round(2n ** 64n),
    more: round(2n ** 64n + 1n),
    cborg: cborg.decode(new Uint8Array(encode(2n ** 64n))),
    array: decode(encode(new Uint8Array(page, 3, 5))).byteLength,
    view: decode(encode(new DataView(page, 3, 5))).byteLength,
  };
  console.log(seen);
  process.exitCode = Object.values(seen).join() === '18446744073709551615,0,error,0,5,4096' ? 0 : 1;
})();
JS
node try.cjs || { echo 'cbor-redux behaves in another way now' >&2; exit 1; }
