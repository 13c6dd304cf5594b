#!/usr/bin/env bash
# roaring-wasm 1.1.0: select() returns the element as a floating point number of 32 bits, so that above 2^24 it is often another
# one: the nearest multiple of 2, and of 256 in the end. That need not be in the bitmap, and may be more than a bitmap can
# hold. No error is raised. The types have "the element of given rank"; at(), rank(), minimum() and toArray() are right.
#
# Seen: of the one element 16,777,217 select(0) is 16,777,216, of 4,294,967,295 it is 4,294,967,296; of 1000 even numbers from
# 2^24 on none is wrong, of as many odd ones all are.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund roaring-wasm@1.1.0

cat > try.mjs << 'JS'
import { RoaringBitmap32, roaringLibraryInitialize } from 'roaring-wasm';

await roaringLibraryInitialize();
function wrong(from) {
  const elements = Array.from({ length: 1000 }, (_, at) => from + 2 * at);
  const bitmap = new RoaringBitmap32(elements);
  if (bitmap.toArray().join() !== elements.join()) throw new Error('other elements');
  return elements.filter((element, rank) => bitmap.select(rank) !== element).length;
}
const one = new RoaringBitmap32([2 ** 24 + 1]);
const last = new RoaringBitmap32([2 ** 32 - 1]);
const seen = {
  select: one.select(0),
  at: one.at(0),
  minimum: one.minimum(),
  last: last.select(0),
  rankOfLast: last.rank(2 ** 32 - 1),
  even: wrong(2 ** 24),
  odd: wrong(2 ** 24 + 1),
  below: wrong(2 ** 24 - 2001),
};
console.log(seen);
const same = [2 ** 24, 2 ** 24 + 1, 2 ** 24 + 1, 2 ** 32, 1, 0, 1000, 0];
process.exitCode = Object.values(seen).join() === same.join() ? 0 : 1;
JS
node try.mjs || { echo 'roaring-wasm behaves in another way now' >&2; exit 1; }
