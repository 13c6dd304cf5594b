#!/usr/bin/env bash
# hfnv 1.0.3, FNV-1a with 128 bits: base64() and base64Url() of a hash that has a zero byte write padding in the middle of the
# text and leave the byte out. Such a text is no base64: Node.js's Buffer takes its first part alone, and atob() raises an error.
# And digest() makes "\n" of "\r\n" before it hashes, so that two keys that differ in that have one hash. The README shows
# base64() and says nothing of line ends. hex() is right.
#
# Seen: of the hashes of page-0 to page-999 the base64 of 21 is wrong; page-0 has ET2JHGw8ZL9vSw==CdN+Ow== where its hash is
# ET2JHGw8ZL9vSwBvCdN+Ow==. "a\r\nb" and "a\nb" have one hash.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund hfnv@1.0.3

cat > try.cjs << 'JS'
const { base64, base64Url, digest, hex } = require('hfnv');

function fnv1a(text) {
  let sum = 0x6c62272e07bb014262b821756295c58dn;
  for (const byte of Buffer.from(text))
    sum = BigInt.asUintN(128, (sum ^ BigInt(byte)) * 0x0000000001000000000000000000013bn);
  return Buffer.from(sum.toString(16).padStart(32, '0'), 'hex');
}
const keys = Array.from({ length: 1000 }, (_, at) => `page-${at}`);
const seen = {
  first: base64(digest('page-0')),
  right: fnv1a('page-0').toString('base64'),
  base64: keys.filter((key) => base64(digest(key)) !== fnv1a(key).toString('base64')).length,
  base64Url: keys.filter((key) => base64Url(digest(key)) !== fnv1a(key).toString('base64url')).length,
  hex: keys.filter((key) => hex(digest(key)) !== fnv1a(key).toString('hex')).length,
  lineEnds: hex(digest('a\r\nb')) === hex(digest('a\nb')) && !fnv1a('a\r\nb').equals(fnv1a('a\nb')),
};
console.log(seen);
const same = 'ET2JHGw8ZL9vSw==CdN+Ow==,ET2JHGw8ZL9vSwBvCdN+Ow==,21,21,0,true';
process.exitCode = Object.values(seen).join() === same ? 0 : 1;
JS
node try.cjs || { echo 'hfnv behaves in another way now' >&2; exit 1; }
