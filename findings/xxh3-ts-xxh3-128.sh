#!/usr/bin/env bash
# xxh3-ts 2.0.1: XXH3_128 is not XXH3-128, with which the README has it compatible ("upstream v0.8.3"). Without a seed it is
# wrong for about half of the keys of 1 to 3 bytes and a few of up to 16; with a seed it is wrong for all of 4 to 16 bytes, and
# for more than 240 bytes the seed does not count at all: stores that are told apart by it have the same hashes of a page.
#
# Seen, beside hash-wasm and @node-rs/xxhash, which agree: of the 256 keys of one byte 128 are wrong; a page of 4096 bytes has
# one hash with the seeds 0, 1 and 2. XXH64 of the same package is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund xxh3-ts@2.0.1 hash-wasm@4.13.0 @node-rs/xxhash@1.7.8

cat > try.mjs << 'JS'
import xxhash from '@node-rs/xxhash';
import * as wasm from 'hash-wasm';
import xxh3 from 'xxh3-ts';

const padded = (hash, digits) => hash.toString(16).padStart(digits, '0');
async function right(key, seed) {
  const hash = await wasm.xxhash128(key, seed);
  if (hash !== padded(xxhash.xxh3.xxh128(key, BigInt(seed)), 32)) throw new Error('the references differ');
  return hash;
}
const own = (key, seed) => padded(xxh3.XXH3_128(key, BigInt(seed)), 32);
async function wrong(keys, seed) {
  let count = 0;
  for (const key of keys) if (own(key, seed) !== (await right(key, seed))) count++;
  return count;
}
const page = Buffer.from(Uint8Array.from({ length: 4096 }, (_, at) => at * 7));
const bytes = Array.from({ length: 256 }, (_, value) => Buffer.from([value]));
const seen = {
  bytes: await wrong(bytes, 0),
  seeded: await wrong([4, 8, 16].map((length) => page.subarray(0, length)), 1),
  page: await wrong([page], 0),
  hashes: new Set([0, 1, 2].map((seed) => own(page, seed))).size,
  rightHashes: new Set(await Promise.all([0, 1, 2].map((seed) => right(page, seed)))).size,
};
console.log(seen);
const xxh64 = padded(xxh3.XXH64(page, 1n), 16) === (await wasm.xxhash64(page, 1));
process.exitCode = xxh64 && Object.values(seen).join() === '128,3,0,1,3' ? 0 : 1;
JS
node try.mjs || { echo 'xxh3-ts behaves in another way now' >&2; exit 1; }
