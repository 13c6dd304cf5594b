#!/usr/bin/env bash
# @platformatic/dynamic-buffer 0.3.1, the buffers of a Kafka client: what writeVarInt64() writes is another number from 2^31 on,
# and what writeUnsignedVarInt64() writes from 2^32 on, since the mask of what is left to write has 32 bits. readVarInt() makes
# numbers of 2^30 and more negative, and readUnsignedVarInt() those of 2^31 and more, although they are written rightly. None
# raises an error. The README's own example, 123456789012345n, comes back as another number.
#
# Seen: 123456789012345 comes back as -123456788999986, 2^31 as -1, and 2^33 without a sign as 0; in 32 bits 2^31 - 1 and,
# without a sign, 2^32 - 1 come back as -1. The bytes of the last two are those of the format.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund @platformatic/dynamic-buffer@0.3.1

cat > try.mjs << 'JS'
import { DynamicBuffer } from '@platformatic/dynamic-buffer';

function back(kind, value) {
  const buffer = new DynamicBuffer();
  buffer[`write${kind}`](value);
  return `${buffer.buffer.toString('hex')} ${buffer[`read${kind}`](0)[0]}`;
}
const seen = {
  README: back('VarInt64', 123456789012345n),
  '2^31 - 1': back('VarInt64', 2n ** 31n - 1n),
  '2^31': back('VarInt64', 2n ** 31n),
  '2^33, unsigned': back('UnsignedVarInt64', 2n ** 33n),
  '2^30 - 1, 32 bits': back('VarInt', 2 ** 30 - 1),
  '2^31 - 1, 32 bits': back('VarInt', 2 ** 31 - 1),
  '2^32 - 1, unsigned, 32 bits': back('UnsignedVarInt', 2 ** 32 - 1),
};
console.log(seen);
const same = [
  'e3bcede0909238 -123456788999986',
  'feffffff0f 2147483647',
  '01 -1',
  '00 0',
  'feffffff07 1073741823',
  'feffffff0f -1',
  'ffffffff0f -1',
];
process.exitCode = Object.values(seen).join() === same.join() ? 0 : 1;
JS
node try.mjs || { echo '@platformatic/dynamic-buffer behaves in another way now' >&2; exit 1; }
