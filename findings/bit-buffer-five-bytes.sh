#!/usr/bin/env bash
# bit-buffer 0.3.0: a value of 32 bits that does not begin at a byte's edge is written and read as another one, without an error.
# With its first bits it reaches into a fifth byte, whose place the word of 32 bits does not have: the highest bits are lost.
# From 26 bits on that is so at some offsets, and so for every integer and floating point number of 32 or 64 bits behind a
# flag, which is what a stream of bits is for. The README limits getBits() to 32 bits, and has the shortcuts at any offset.
#
# Seen: behind 3 bits 0xffffffff reads 0x1fffffff, -1 as Int32 536,870,911, and 1.5 as Float64 1.118751109680031e-154; behind 7
# bits 25 bits are right and 26 are not. At byte edges all are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund bit-buffer@0.3.0

cat > try.cjs << 'JS'
const { BitStream } = require('bit-buffer');

/** What is read where `value` was written, behind `before` bits. */
function round(type, value, before) {
  const stream = new BitStream(new ArrayBuffer(16));
  stream.writeBits(0, before);
  stream[`write${type}`](value);
  stream.index = before;
  return stream[`read${type}`]();
}
function bits(count, before) {
  const stream = new BitStream(new ArrayBuffer(16));
  const value = 2 ** count - 1;
  stream.writeBits(0, before);
  stream.writeBits(value, count);
  stream.index = before;
  return stream.readBits(count) === value;
}
const seen = {
  edges: [round('Uint32', 0xffffffff, 8), round('Int32', -1, 8), round('Float64', 1.5, 8)],
  behind3: [round('Uint32', 0xffffffff, 3), round('Int32', -1, 3), round('Float64', 1.5, 3)],
  behind7: [bits(25, 7), bits(26, 7)],
};
console.log(seen);
const right = '4294967295,-1,1.5,536870911,536870911,1.118751109680031e-154,true,false';
process.exitCode = Object.values(seen).join() === right ? 0 : 1;
JS
node try.cjs || { echo 'bit-buffer behaves in another way now' >&2; exit 1; }
