#!/usr/bin/env bash
# farmhash-modern 1.1.0: fingerprint64() of a key whose length is a multiple of 64, from 128 on, is not FarmHash's, and so are
# bigqueryFingerprint() and hash64(); of 1 to 4 bytes fingerprint32() is another one if a byte is above 127. Pages of 4096
# bytes are such keys. The README has it as FarmHash, "portable and stable", and as "matches BigQuery's FARM_FINGERPRINT".
# Fingerprints that another program made, or that are kept from one, do not match.
#
# Seen, beside farmhash, which is Google's own code: of the lengths from 0 to 1300 the 19 multiples of 64 from 128 on differ;
# a page of 4096 zeros has two fingerprints, one of 4095 or 4097 has one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund farmhash-modern@1.1.0 farmhash@5.0.1

cat > try.cjs << 'JS'
const farmhash = require('farmhash');
const modern = require('farmhash-modern');

const key = (length) => Buffer.alloc(length).map((_, at) => at * 7);
const same64 = (bytes) => modern.fingerprint64(bytes) === farmhash.fingerprint64(bytes);
const lengths = Array.from({ length: 1301 }, (_, length) => length);
const wrong = lengths.filter((length) => !same64(key(length)));
const bigQuery = (bytes) => BigInt.asUintN(64, modern.bigqueryFingerprint(bytes)) === farmhash.fingerprint64(bytes);
const seen = {
  wrong: wrong.length,
  multiples: wrong.every((length) => length % 64 === 0 && length >= 128),
  pages: [4095, 4096, 4097].map((length) => same64(Buffer.alloc(length))).join(),
  bigQuery: [4095, 4096, 4097].map((length) => bigQuery(Buffer.alloc(length))).join(),
  short: [127, 128].map((byte) => modern.fingerprint32(Buffer.of(byte)) === farmhash.fingerprint32(Buffer.of(byte))).join(),
};
console.log(seen);
const expected = '19 true true,false,true true,false,true true,false';
process.exitCode = Object.values(seen).join(' ') === expected ? 0 : 1;
JS
node try.cjs || { echo 'farmhash-modern behaves in another way now' >&2; exit 1; }
