#!/usr/bin/env bash
# @ygoe/msgpack 1.0.3, messagepack 1.1.12 (its type Any) and bsonfy 1.0.2: a floating point number that is whole and has no
# place in 64 bits is still written as a 64-bit integer, and comes back as another number, without an error: 0, the largest
# integer there is, or one with the other sign. A state with a clock, a sum or an infinity in it is another one. Numbers with a
# fraction are right, however large; no documentation of the three has a limit. @msgpack/msgpack writes such as float 64.
#
# Seen: 1e300 comes back as 18446744073709552000, 0 and 0; 2 ** 64 as 0 from all; 2 ** 63 with a minus from @ygoe/msgpack and
# bsonfy, which has 0 for Infinity, too. 1e15 and 1e15 + 0.5 come back.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund @ygoe/msgpack@1.0.3 messagepack@1.1.12 bsonfy@1.0.2 @msgpack/msgpack@3.1.3

cat > try.cjs << 'JS'
const reference = require('@msgpack/msgpack');
const ygoe = require('@ygoe/msgpack');
const { BSON } = require('bsonfy');
const messagepack = require('messagepack');

const through = {
  '@ygoe/msgpack': (value) => ygoe.decode(ygoe.encode(value)),
  messagepack: (value) => messagepack.decode(messagepack.encode(value)),
  bsonfy: (value) => BSON.deserialize(BSON.serialize({ value })).value,
  reference: (value) => reference.decode(reference.encode(value)),
};
const values = [1e300, 2 ** 64, 2 ** 63, Infinity, 1e15, 1e15 + 0.5];
const seen = {};
for (const [name, copy] of Object.entries(through)) seen[name] = values.map(copy).join();
console.log(seen);
const expected = {
  '@ygoe/msgpack': [18446744073709552000, 0, -(2 ** 63), Infinity, ...values.slice(4)].join(),
  messagepack: [0, 0, 2 ** 63, Infinity, ...values.slice(4)].join(),
  bsonfy: [0, 0, -(2 ** 63), 0, ...values.slice(4)].join(),
  reference: values.join(),
};
process.exitCode = JSON.stringify(seen) === JSON.stringify(expected) ? 0 : 1;
JS
node try.cjs || { echo 'A serializer treats large numbers in another way now' >&2; exit 1; }
