#!/usr/bin/env bash
# @dfinity/cbor 0.2.3: encode() of a number with a fraction writes the whole part, without an error: 1.5 comes back as 1,
# everything between 0 and 1 as 0, and -0.5 as -1. CBOR has floating point numbers (RFC 8949, 3.3), the types
# allow every number, and the README's list of what is not implemented does not have them. And typed arrays that are no
# Uint8Arrays come back as objects with a name per element. Whole numbers and bytes are right.
#
# Seen: 1.5 is the byte 01 and 0.1 the byte 00; a Uint32Array of two comes back as { 0: ..., 1: ... }. cborg keeps the numbers.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund @dfinity/cbor@0.2.3 cborg@6.1.5

cat > try.mjs << 'JS'
import * as cborg from 'cborg';
import { decode, encode } from '@dfinity/cbor';

const numbers = [1.5, 0.1, -0.5, 7, 2 ** 32];
const words = decode(encode(Uint32Array.of(7, 9)));
const seen = {
  hex: [1.5, 0.1].map((number) => Buffer.from(encode(number)).toString('hex')).join(),
  back: numbers.map((number) => decode(encode(number))).join(),
  reference: numbers.map((number) => cborg.decode(cborg.encode(number))).join(),
  words: ArrayBuffer.isView(words) ? 'array' : Object.keys(words).join(),
  bytes: Buffer.from(decode(encode(Uint8Array.of(1, 255)))).toString('hex'),
};
console.log(seen);
const expected = ['01,00', '1,0,-1,7,4294967296', '1.5,0.1,-0.5,7,4294967296', '0,1', '01ff'];
process.exitCode = Object.values(seen).join(' ') === expected.join(' ') ? 0 : 1;
JS
node try.mjs || { echo '@dfinity/cbor behaves in another way now' >&2; exit 1; }
