#!/usr/bin/env bash
# lru_cache 1.0.2 and js-lru 1.0.0, of one author: the cache grows without end. When it is full, put() drops the oldest
# entry and counts it off, but does not count the new one, so that the next put() finds room and drops nothing: of two new keys
# one stays for ever. `size` never goes above the limit, and nothing raises an error. The README has a "finite key-value cache"
# that holds at most its limit.
#
# Seen: after 100,000 keys a cache with a limit of 100 holds 50,050 values, and says 100.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund lru_cache@1.0.2 js-lru@1.0.0

cat > try.cjs << 'JS'
function held(LRUCache) {
  const cache = new LRUCache(100);
  for (let key = 0; key < 100_000; key++) cache.put(key, 'value');
  let values = 0;
  for (let key = 0; key < 100_000; key++) if (cache.get(key) !== undefined) values++;
  return `${cache.size} ${values}`;
}
const seen = { lru_cache: held(require('lru_cache').LRUCache), 'js-lru': held(require('js-lru').LRUCache) };
console.log(seen);
process.exitCode = Object.values(seen).join() === '100 50050,100 50050' ? 0 : 1;
JS
node try.cjs || { echo 'lru_cache or js-lru behaves in another way now' >&2; exit 1; }
