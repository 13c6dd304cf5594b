#!/usr/bin/env bash
# typedfastbitset 0.8.0: hasAnyInRange(start, end) leaves out the word before the last one of its range and says false where
# bits are set; who asks whether a range of pages is free is told yes, and overwrites what is there. It takes a range over
# three words of 32 bits or more. And SparseTypedFastBitSet's first flip(0) does nothing; other bits are flipped rightly.
#
# Seen: with bit 40 set, hasAnyInRange(0, 64) is true, (0, 65) and (0, 96) are false, (0, 97) is true; of the 128 maps with one
# bit set, (0, 128) is false for 32. flip(0) leaves a sparse set empty, and one with bit 5 as it was.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund typedfastbitset@0.8.0

cat > try.cjs << 'JS'
const { SparseTypedFastBitSet, TypedFastBitSet } = require('typedfastbitset');

const BITS = 128;
function hasAny(bit, end) {
  const map = new TypedFastBitSet();
  map.resize(BITS);
  map.add(bit);
  return map.hasAnyInRange(0, end);
}
function flipped(bits, bit) {
  const map = new SparseTypedFastBitSet(bits);
  map.flip(bit);
  return map.has(bit);
}
const seen = {
  ranges: [64, 65, 96, 97].map((end) => hasAny(40, end)).join(),
  missed: [...Array(BITS).keys()].filter((bit) => !hasAny(bit, BITS)).length,
  flip0: [flipped([], 0), flipped([5], 0)].join(),
  flip1: flipped([5], 1),
};
console.log(seen);
process.exitCode = Object.values(seen).join() === 'true,false,false,true,32,false,false,true' ? 0 : 1;
JS
node try.cjs || { echo 'typedfastbitset behaves in another way now' >&2; exit 1; }
