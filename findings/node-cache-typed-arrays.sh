#!/usr/bin/env bash
# node-cache 5.1.2: a typed array that is no Buffer comes back as something that passes for one and is none: instanceof says
# yes, its bytes can be indexed, and every method and length raise an error. With useClones, the default, values go through
# the package clone, which makes such objects of all typed arrays. And vsize, "value size count in approximately bytes",
# counts a Uint8Array 80-fold and one in an object as nothing, so it is no base for a limit.
#
# Seen: get() of a Uint8Array of 4096 bytes is an instance of Uint8Array whose length raises "incompatible receiver"; vsize is
# 327,680 for it, 80 for { page } with it, 4096 for a Buffer. With useClones: false the array is the one that was set.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund node-cache@5.1.2

cat > try.cjs << 'JS'
const NodeCache = require('node-cache');

const page = new Uint8Array(4096).fill(7);
function cached(value, options) {
  const cache = new NodeCache(options);
  cache.set('one', value);
  return { value: cache.get('one'), size: cache.getStats().vsize };
}
function length(array) {
  try {
    return array.length;
  } catch (error) {
    return /incompatible receiver/.test(error.message) ? 'no typed array' : error.message;
  }
}
const { value, size } = cached(page);
const seen = {
  instance: value instanceof Uint8Array,
  byte: value[4095],
  length: length(value),
  size,
  inObject: cached({ page }).size,
  buffer: cached(Buffer.from(page)).size,
  same: cached(page, { useClones: false }).value === page,
};
console.log(seen);
process.exitCode = Object.values(seen).join() === 'true,7,no typed array,327680,80,4096,true' ? 0 : 1;
JS
node try.cjs || { echo 'node-cache behaves in another way now' >&2; exit 1; }
