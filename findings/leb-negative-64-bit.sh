#!/usr/bin/env bash
# leb 1.0.0 and @webassemblyjs/leb128 1.14.1, which has it from there: encoders of signed 64-bit numbers, encodeInt64() and
# encodeI64(), are wrong for negative ones, mostly without an error: the bytes are those of another number nearby.
# From -1 down to -1024 they raise "Value out of range". Only a few, as negative powers of two, come out right. Positive
# numbers, 32-bit ones and decoders are right. The README has the full range, but for what a number of JavaScript loses.
#
# Seen: -8193 is encoded as -8192 and -1000003 as -999424; of 1000 negative odd numbers up to 2^52 none comes back from either,
# 163 with an error; all come back with encodeSLEB128() of @thi.ng/leb128.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund leb@1.0.0 @webassemblyjs/leb128@1.14.1 @thi.ng/leb128@3.1.93

cat > try.mjs << 'JS'
import { decodeSLEB128, encodeSLEB128 } from '@thi.ng/leb128';
import wasm from '@webassemblyjs/leb128';
import leb from 'leb';

function attempt(encode, number) {
  try {
    return Number(decodeSLEB128(new Uint8Array(encode(number)))[0]);
  } catch (error) {
    return error.message;
  }
}
let state = 5;
const next = () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
const numbers = Array.from({ length: 1000 }, () => 2 * Math.ceil(2 ** (1 + 50 * next())) + 1);
const encoders = { leb: leb.encodeInt64, '@webassemblyjs': wasm.encodeI64, '@thi.ng': (number) => encodeSLEB128(BigInt(number)) };
const seen = {};
for (const [name, encode] of Object.entries(encoders)) {
  const back = numbers.map((number) => attempt(encode, -number));
  const right = back.filter((number, at) => number === -numbers[at]).length;
  const errors = back.filter((number) => number === 'Value out of range.').length;
  const positive = numbers.every((number) => attempt(encode, number) === number);
  seen[name] = [attempt(encode, -8193), attempt(encode, -1_000_003), right, errors, positive].join();
}
console.log(seen);
const wrong = '-8192,-999424,0,163,true';
process.exitCode = Object.values(seen).join(' ') === `${wrong} ${wrong} -8193,-1000003,1000,0,true` ? 0 : 1;
JS
node try.mjs || { echo 'A package encodes in another way now' >&2; exit 1; }
