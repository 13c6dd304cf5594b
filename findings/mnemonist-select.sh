#!/usr/bin/env bash
# mnemonist 0.40.8: select(r) of BitSet and BitVector, the place of the r-th bit that is set, does not count words of 32 bits
# that are empty: each one before the bit makes the place too small by 32. It looks up another page than it should, without an
# error, in every map with a gap of a word; rank(), get() and the iterators are right.
#
# Seen: with bit 40 alone set, select(1) is 8; with 1, 100 and 200, select() gives 1, 36 and 72. Of maps without an empty word
# all are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund mnemonist@0.40.8

cat > try.cjs << 'JS'
const { BitSet, BitVector } = require('mnemonist');

function places(Map, bits) {
  const map = new Map(256);
  for (const bit of bits) map.set(bit);
  return bits.map((_, at) => map.select(at + 1)).join();
}
const dense = Array.from({ length: 64 }, (_, at) => at * 4);
const seen = [];
for (const Map of [BitSet, BitVector]) {
  const right = places(Map, dense) === dense.join();
  seen.push({ one: places(Map, [40]), three: places(Map, [1, 100, 200]), right });
}
console.log(seen);
const wrong = seen.every(({ one, three, right }) => one === '8' && three === '1,36,72' && right);
process.exitCode = wrong ? 0 : 1;
JS
node try.cjs || { echo 'mnemonist behaves in another way now' >&2; exit 1; }
