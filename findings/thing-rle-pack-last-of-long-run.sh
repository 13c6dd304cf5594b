#!/usr/bin/env bash
# @thi.ng/rle-pack 3.2.12: of bytes that end with a run of one more than a multiple of 65,536, encodeBinary() does not write
# the last one, and decodeBinary() fails on what it returned. The README says that what a run has more than 65,536 goes into
# additional chunks; two more, and one more that other bytes follow, do. With smaller group sizes it is 2^size + 1.
#
# Seen: 65,536 and 65,538 zeros come back, 65,537 do not ("illegal state: can't read past EOF"), nor do 131,073; with the
# README's group sizes [1, 2, 3, 9] 513 do not. 65,537 zeros and a one come back.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund @thi.ng/rle-pack@3.2.12

cat > try.mjs << 'JS'
import { decodeBinary, encodeBinary } from '@thi.ng/rle-pack';

function roundTrip(bytes, ...sizes) {
  const packed = encodeBinary(bytes, bytes.length, ...sizes);
  try {
    return Buffer.compare(decodeBinary(packed), bytes) === 0;
  } catch (error) {
    return error.message;
  }
}

const followed = new Uint8Array(65538);
followed[65537] = 1;
const seen = { followed: roundTrip(followed), 'by 9 bits': roundTrip(new Uint8Array(513), 8, [1, 2, 3, 9]) };
for (const length of [65536, 65537, 65538, 131073]) seen[length] = roundTrip(new Uint8Array(length));
console.log(seen);
const failed = [65537, 131073, 'by 9 bits'].every((which) => /past EOF/.test(seen[which]));
process.exitCode = failed && [65536, 65538, 'followed'].every((which) => seen[which] === true) ? 0 : 1;
JS
node try.mjs || { echo '@thi.ng/rle-pack behaves in another way now' >&2; exit 1; }
