#!/usr/bin/env bash
# fast-bitset 1.3.2: nextUnsetBit() of a set with no free bit from there on returns the set's size, a bit that does not exist,
# and not -1 as its README says, if it is asked from within the last word of 31 bits; asked from an earlier word it returns -1.
# get() and set() of that bit are false without an error, so a map of pages that gives them out this way gives out one behind
# its end. ffz() and nextSetBit() are right.
#
# Seen: of a full set of 45 bits nextUnsetBit(0) is -1, of 40 it is 45, and ffz() is -1; with 62 bits, two full words, both are -1.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund fast-bitset@1.3.2

cat > try.cjs << 'JS'
const BitSet = require('fast-bitset');

function full(size) {
  const bits = new BitSet(size);
  bits.setRange(0, size - 1);
  return bits;
}
const [bits, words] = [full(45), full(62)];
const seen = {
  early: bits.nextUnsetBit(0),
  late: bits.nextUnsetBit(40),
  set: bits.set(45),
  first: bits.ffz(),
  nextSet: full(45).nextSetBit(45),
  words: [words.nextUnsetBit(0), words.nextUnsetBit(40)].join(),
};
console.log(seen);
process.exitCode = Object.values(seen).join() === '-1,45,false,-1,-1,-1,-1' ? 0 : 1;
JS
node try.cjs || { echo 'fast-bitset behaves in another way now' >&2; exit 1; }
