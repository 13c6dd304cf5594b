#!/usr/bin/env bash
# bit-array 0.2.4: after not() of a map whose length is no multiple of 32, count() counts the bits behind its end as well, so
# that a map can have more bits set than it has; equals() sees them too. And toHexString(), "with the greatest bits first",
# has its words of 32 bits in the other order: what it writes for bit 0 of 64 is bit 32. toBinaryString() is right.
#
# Seen: of 40 pages none of which is used, not().count() says that 64 are free; equals() of that map and of one with all 40
# bits set is false. new BitArray(64).set(0, true) is 0000000100000000 in hex.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund bit-array@0.2.4

cat > try.cjs << 'JS'
const BitArray = require('bit-array');

const free = new BitArray(40).not();
const all = new BitArray(40);
for (let bit = 0; bit < 40; bit++) all.set(bit, true);
const first = new BitArray(64).set(0, true);
const seen = {
  free: free.count(),
  all: all.count(),
  equal: free.equals(all),
  same: free.toArray().join() === all.toArray().join(),
  hex: first.toHexString(),
  binary: Number.parseInt(first.toBinaryString(), 2),
};
console.log(seen);
process.exitCode = Object.values(seen).join() === '64,40,false,true,0000000100000000,1' ? 0 : 1;
JS
node try.cjs || { echo 'bit-array behaves in another way now' >&2; exit 1; }
