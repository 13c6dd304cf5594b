#!/usr/bin/env bash
# node-murmurhash 2.1.0: a key whose last 1 to 3 bytes, behind its last multiple of 4, have a byte of 127 or more does not have
# MurmurHash2's hash: such bytes are taken for negative numbers, as Java has them, and 127 with them. In whole words of four
# they are right, so that pages are hashed as everywhere and most other binary keys are not: two programs look the same key
# up in different places, without an error. The README has "murmurhash V2, support utf8 Buffer".
#
# Seen: one byte of 0 to 126 is right, all 129 from 127 on are wrong; of keys of two bytes 49,407 of 65,536 are wrong; all of
# 1000 keys of 4096 bytes are right, of as many of 4095 bytes 109.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund node-murmurhash@2.1.0

cat > try.cjs << 'JS'
const hash = require('node-murmurhash');

function murmurHash2(key, seed) {
  const mix = (number) => Math.imul(number, 0x5bd1e995);
  let sum = seed ^ key.length;
  let at = 0;
  for (; at + 4 <= key.length; at += 4) {
    const word = mix(key.readInt32LE(at));
    sum = mix(sum) ^ mix(word ^ (word >>> 24));
  }
  if (at < key.length) sum = mix(sum ^ key.readUIntLE(at, key.length - at));
  sum = mix(sum ^ (sum >>> 13));
  return (sum ^ (sum >>> 15)) >>> 0;
}

let state = 1;
const random = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24;
const wrong = (keys) => keys.filter((key) => hash(key, 97) !== murmurHash2(key, 97));
const keys = (count, make) => Array.from({ length: count }, (_, at) => Buffer.from(make(at)));
const noise = (length) => wrong(keys(1000, () => Array.from({ length }, random))).length;
const one = wrong(keys(256, (at) => [at])).map(([byte]) => byte);
const two = wrong(keys(65_536, (at) => [at >> 8, at & 255])).length;
const seen = { least: one[0], one: one.length, two, pages: noise(4096), others: noise(4095) };
console.log(seen);
process.exitCode = Object.values(seen).join() === '127,129,49407,0,891' ? 0 : 1;
JS
node --no-deprecation try.cjs || { echo 'node-murmurhash behaves in another way now' >&2; exit 1; }
