#!/usr/bin/env bash
# sparse-array 1.3.2: set() of an index between two that were set before destroys the array. The pair of index and value is put
# into the list flat, as two elements, and from then on get() finds other values under the old indices, or none, and the
# length is another, without an error. It takes three calls. And unset() after set(), without a get() or length in between,
# removes the value of another index. Indices that come in order, or from the end, are right.
#
# Seen: after set(3, 'a'), set(10, 'b'), set(5, 'c') get(3) is 'b', get(5) and get(10) are undefined, and the length is 4; in the
# order 3, 5, 10 all are right. After set(3, 'a'), set(10, 'b'), unset(10) get(3) is 'b'.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund sparse-array@1.3.2

cat > try.cjs << 'JS'
const SparseArray = require('sparse-array');

const values = { 3: 'a', 5: 'c', 10: 'b' };
function filled(...indices) {
  const array = new SparseArray();
  for (const index of indices) array.set(index, values[index]);
  return array;
}
const read = (array) => [3, 5, 10].map((index) => array.get(index) ?? '-').join('') + array.length;
const one = filled(3, 10);
one.unset(10);
const seen = { middle: read(filled(3, 10, 5)), order: read(filled(3, 5, 10)), end: read(filled(10, 5, 3)), unset: read(one) };
console.log(seen);
process.exitCode = Object.values(seen).join() === 'b--4,acb11,acb11,b--11' ? 0 : 1;
JS
node try.cjs || { echo 'sparse-array behaves in another way now' >&2; exit 1; }
