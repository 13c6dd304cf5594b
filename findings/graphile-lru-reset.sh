#!/usr/bin/env bash
# @graphile/lru 5.0.0: reset() never calls dispose() for what it drops: it takes the map's iterator, clears the map and then goes
# through the iterator, which has nothing left. What the values hold, as memory or files, is never given back, without an
# error. And set() of a key that is there neither disposes of the old value nor counts as a use, so that the value that was set
# last is the next one to go. When the cache is full, dispose() is called as its comment says. The README has nothing on it.
#
# Seen: of three values dispose() is called for none by reset(), for one by a fourth key; after set a, set b, set a again, set c in
# a cache of two a is gone.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund @graphile/lru@5.0.0

cat > try.cjs << 'JS'
const { default: LRU } = require('@graphile/lru');

function cache(maxLength, keys) {
  const disposed = [];
  const lru = new LRU({ maxLength, dispose: (key, value) => disposed.push(key + value) });
  [...keys].forEach((key, at) => lru.set(key, at));
  return { lru, disposed };
}
const full = cache(3, 'abcd').disposed.join();
const dropped = cache(3, 'abc');
dropped.lru.reset();
const replaced = cache(2, 'abac');
const left = [...'abc'].filter((key) => replaced.lru.get(key) !== undefined).join('');
const seen = { full, reset: dropped.disposed.length, length: dropped.lru.length, left, disposed: replaced.disposed.join() };
console.log(seen);
process.exitCode = Object.values(seen).join() === 'a0,0,0,bc,a2' ? 0 : 1;
JS
node try.cjs || { echo '@graphile/lru behaves in another way now' >&2; exit 1; }
