#!/usr/bin/env bash
# ioredis-mock 8.13.1: setrange of a binary value makes text of it. Its bytes are decoded as UTF-8, what is no UTF-8 becomes
# U+FFFD, and the value is longer and lost, without an error; its list of commands has setrange as supported. A test of what
# writes a part of a binary value fails on it, or passes on the wrong bytes. set, append, hset and rpush keep bytes.
#
# Seen: ff fe 00 80 c3 with aa written at 1 becomes 13 bytes, ef bf bd ef bf bd 00 ..., where Redis has ff aa 00 80 c3.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund ioredis-mock@8.13.1 ioredis@5.11.1

cat > try.cjs << 'JS'
const Redis = require('ioredis-mock');

(async () => {
  const redis = new Redis();
  await redis.set('page', Buffer.from('fffe0080c3', 'hex'));
  const before = (await redis.getBuffer('page')).toString('hex');
  const length = await redis.setrange('page', 1, Buffer.from('aa', 'hex'));
  const after = (await redis.getBuffer('page')).toString('hex');
  console.log({ before, length, after });
  redis.disconnect();
  process.exitCode = before === 'fffe0080c3' && after.startsWith('efbfbdefbfbd00') ? 0 : 1;
})();
JS
node try.cjs || { echo 'ioredis-mock behaves in another way now' >&2; exit 1; }
