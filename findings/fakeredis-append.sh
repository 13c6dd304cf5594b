#!/usr/bin/env bash
# fakeredis 2.0.0, a stand-in for node-redis in tests: append() to a value that is no text loses what is appended, without an
# error, and strlen() of such a value is that of an encoding which the client never sees. append() answers a length in the
# encoding, too. get(), and all of it for text, are right. A test of what counts or appends binary pages passes on wrong
# values, or fails on right ones.
#
# Seen: of the bytes ff fe 00 80 c3 strlen() is 17; after append() of aa, which answers 30, get() has the five bytes of before.
# Of "abc" it is 3, and "abcd" after the append.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund fakeredis@2.0.0

cat > try.cjs << 'JS'
const { promisify } = require('node:util');
const redis = require('fakeredis').createClient({ return_buffers: true, fast: true });

const call = async (name, ...args) => promisify(redis[name].bind(redis))(...args);
async function appended(key, value, more) {
  await call('set', key, value);
  const length = Number(await call('strlen', key));
  const answer = Number(await call('append', key, more));
  return [length, answer, (await call('get', key)).toString('hex')].join();
}
(async () => {
  const seen = {
    bytes: await appended('page', Buffer.from('fffe0080c3', 'hex'), Buffer.of(0xaa)),
    text: await appended('text', Buffer.from('abc'), Buffer.from('d')),
  };
  console.log(seen);
  process.exit(Object.values(seen).join(' ') === '17,30,fffe0080c3 3,4,61626364' ? 0 : 1);
})();
JS
node try.cjs || { echo 'fakeredis behaves in another way now' >&2; exit 1; }
