#!/usr/bin/env bash
# fastintcompression 0.1.0: compressSigned() destroys numbers of 2^30 and more and below -2^30, and often the number behind
# one of them: the sign is folded in with signed 32-bit arithmetic, the result is negative and is written as a single byte. The
# list that comes back is another one, also in its length, without an error. The README has "signed (negative and positive)
# 32-bit integers". compress() and uncompress() of non-negative ones are right up to 2^32 - 1.
#
# Seen: 2^30 comes back as 0; 1, 2^31 - 1, 5, 6 as 1, 703, 6. 2^30 - 1 and -2^30 are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund fastintcompression@0.1.0

cat > try.cjs << 'JS'
const { compress, compressSigned, uncompress, uncompressSigned } = require('fastintcompression');

const signed = (number) => uncompressSigned(compressSigned([1, number, 5, 6])).join();
const seen = {
  '2^30 - 1': signed(2 ** 30 - 1),
  '-2^30': signed(-(2 ** 30)),
  '2^30': signed(2 ** 30),
  '2^31 - 1': signed(2 ** 31 - 1),
  unsigned: uncompress(compress([1, 2 ** 32 - 1, 5, 6])).join(),
};
console.log(seen);
const same = ['1,1073741823,5,6', '1,-1073741824,5,6', '1,0,5,6', '1,703,6', '1,4294967295,5,6'];
process.exitCode = Object.values(seen).join(' ') === same.join(' ') ? 0 : 1;
JS
node try.cjs || { echo 'fastintcompression behaves in another way now' >&2; exit 1; }
