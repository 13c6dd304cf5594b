#!/usr/bin/env bash
# highwayhash-wasm 1.2.6: toUint32Array() of a hash has one byte of each 64-bit word and drops seven, as the README's example
# shows to who counts: a 64-bit hash becomes one of 256 values, a 128-bit hash 16 bits. And toHex(), toString(), toBinary()
# and toOctal() put the words one behind the other without leading zeros, so that the digits of a 128-bit hash cannot be
# taken apart, and some have fewer than 32. toBytes() and toBigUint64Array() are right.
#
# Seen: 4000 different keys have 4000 values of toBytes() and 256 of toUint32Array() of hash64; of their 128-bit hashes 449
# have fewer than 32 digits. highwayhasher makes the same bytes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund highwayhash-wasm@1.2.6 highwayhasher@0.4.4

cat > try.cjs << 'JS'
const { useHighwayHash } = require('highwayhash-wasm');
const { HighwayHash } = require('highwayhasher');

const KEYS = 4000;
(async () => {
  const secret = Uint8Array.from({ length: 32 }, (_, at) => at);
  const { hash64, hash128 } = await useHighwayHash({ key: secret });
  const reference = await HighwayHash.loadModule();
  const keys = Array.from({ length: KEYS }, (_, n) => Uint8Array.of(n, n >> 8, 7));
  const different = (method) => new Set(keys.map((key) => hash64(key)[method]().join())).size;
  const seen = {
    bytes: different('toBytes'),
    words: different('toUint32Array'),
    short: keys.filter((key) => hash128(key).toHex().length < 32).length,
  };
  const same = keys.every((key) => Buffer.compare(hash128(key).toBytes(), reference.hash128(secret, key)) === 0);
  console.log(seen, { same });
  process.exitCode = same && Object.values(seen).join() === '4000,256,449' ? 0 : 1;
})();
JS
node try.cjs || { echo 'highwayhash-wasm behaves in another way now' >&2; exit 1; }
