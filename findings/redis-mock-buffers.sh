#!/usr/bin/env bash
# redis-mock 0.56.3, a stand-in for node-redis in tests: set() keeps the caller's Buffer, not its bytes, so that a value
# changes when the buffer is used again, as a page buffer is. lpush() and rpush() of a Buffer store something else: the places
# and the values of its bytes as one text each, and the name of a method of Buffer, without an error.
#
# Seen: a value that was set as "page" reads "next" after the buffer was filled for the next one; rpush() of the two bytes 1
# and 2 answers 5, and the list is 0, 1, 1, 2, readBigUInt64LE.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund redis-mock@0.56.3

cat > try.cjs << 'JS'
const { promisify } = require('node:util');
const redis = require('redis-mock').createClient({ return_buffers: true });

const call = (name, ...args) => promisify(redis[name].bind(redis))(...args);
(async () => {
  const buffer = Buffer.from('page');
  await call('set', 'one', buffer);
  buffer.write('next');
  const one = String(await call('get', 'one'));
  const length = await call('rpush', 'list', Buffer.of(1, 2));
  const list = (await call('lrange', 'list', 0, -1)).map(String);
  console.log({ one, length, list });
  const method = typeof Buffer.prototype[list[4]] === 'function';
  process.exit(one === 'next' && length === 5 && list.slice(0, 4).join() === '0,1,1,2' && method ? 0 : 1);
})();
JS
node try.cjs || { echo 'redis-mock behaves in another way now' >&2; exit 1; }
