#!/usr/bin/env bash
# struct 0.0.12: a field of type word64Sle or word64Sbe that holds a negative number is read as the nearest multiple of 2048,
# since it is first taken for an unsigned number of 64 bits, which a double cannot hold, and 2^64 taken off then. What is
# written is right, so that a program reads back something else than it has just stored, without an error. The README has
# both types as signed 64-bit fields. Numbers that are not negative are right, up to 2^53 - 1.
#
# Seen: -1 and -1000 are right in the buffer and 0 when they are read, -1500 is -2048; -(2^40) and 2^53 - 1 are right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund struct@0.0.12

cat > try.cjs << 'JS'
const { Struct } = require('struct');

function back(type, value) {
  const struct = Struct()[type]('field');
  struct.allocate();
  struct.fields.field = value;
  const buffer = struct.buffer();
  const stored = type === 'word64Sle' ? buffer.readBigInt64LE() : buffer.readBigInt64BE();
  return `${stored} ${struct.fields.field}`;
}
const values = [-1, -1000, -1500, -(2 ** 40), 5, 2 ** 53 - 1];
const seen = ['word64Sle', 'word64Sbe'].map((type) => values.map((value) => back(type, value)).join());
console.log(seen);
const same = ['-1 0', '-1000 0', '-1500 -2048'];
for (const value of values.slice(3)) same.push(`${value} ${value}`);
process.exitCode = seen.every((types) => types === same.join()) ? 0 : 1;
JS
node try.cjs || { echo 'struct behaves in another way now' >&2; exit 1; }
