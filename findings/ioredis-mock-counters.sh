#!/usr/bin/env bash
# ioredis-mock 8.13.1: a counter whose value is no number, or no whole one, does not stay as it is with an error, as in Redis:
# incr of text stores "NaN", incrby of "" counts from 0, decrby of 3.5 and hincrby of 0.5 go on with a fraction. From 2^53 on
# incrby is off, where Redis counts in 64 bits. And rename of a key to itself removes its value. All of the commands are in
# its list of supported ones. Code that overwrites a counter by mistake passes its tests.
#
# Seen: incr of "x" gives NaN and stores it; incrby by 9007199254740993 stores 9007199254740992; after rename("page", "page")
# append("page", "y") starts a new value. Redis 7 (by its documentation, and seen with 7.0.15) has errors, ...993, and keeps it.
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
  const attempt = async (command, ...args) => String(await redis[command](...args).catch((error) => `error: ${error.message}`));
  await redis.mset('text', 'x', 'empty', '', 'half', '3.5', 'page', 'x');
  await redis.hset('hash', 'half', '0.5');
  const seen = {
    text: await attempt('incr', 'text'),
    stored: await redis.get('text'),
    empty: await attempt('incrby', 'empty', 5),
    half: await attempt('decrby', 'half', 7),
    hash: await attempt('hincrby', 'hash', 'half', 3),
  };
  await redis.incrby('large', '9007199254740993');
  seen.large = await redis.get('large');
  await redis.rename('page', 'page');
  seen.renamed = (await redis.exists('page')) + (await redis.append('page', 'y'));
  console.log(seen);
  redis.disconnect();
  process.exitCode = Object.values(seen).join() === 'NaN,NaN,5,-3.5,3.5,9007199254740992,1' ? 0 : 1;
})();
JS
node try.cjs || { echo 'ioredis-mock behaves in another way now' >&2; exit 1; }
