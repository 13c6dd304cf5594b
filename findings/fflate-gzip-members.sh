#!/usr/bin/env bash
# fflate 0.8.3: of a gzip file with several members gunzipSync() and gunzip() return the content of the first alone, cut to the
# length of the last one, which they take for that of all, without an error. gzip takes such files for one (RFC 1952, 2.2);
# `cat a.gz b.gz`, bgzip and log writers make them. The class Gunzip of the same package reads all members, for which its
# change log has an entry; the README tells no difference.
#
# Seen: of 5000 bytes and 100 more gunzipSync() returns the first 100, zlib and Gunzip 5100; of 100 bytes and 5000 more it returns
# 100.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund fflate@0.8.3

cat > try.mjs << 'JS'
import zlib from 'node:zlib';
import { Gunzip, gunzip, gunzipSync } from 'fflate';

const members = (...lengths) => Buffer.concat(lengths.map((length, at) => zlib.gzipSync(Buffer.alloc(length, at + 1))));
const summary = (bytes) => `${bytes.length}:${[...new Set(bytes)].join('')}`;
function streamed(file) {
  const chunks = [];
  const stream = new Gunzip((chunk) => chunks.push(chunk));
  for (let at = 0; at < file.length; at += 50) stream.push(file.subarray(at, at + 50), at + 50 >= file.length);
  return Buffer.concat(chunks);
}
const asynchronous = (file) =>
  new Promise((resolve, reject) => gunzip(file, (error, bytes) => (error ? reject(error) : resolve(bytes))));
const seen = {};
for (const lengths of [[5000, 100], [100, 5000]]) {
  const file = members(...lengths);
  const all = [gunzipSync(file), await asynchronous(file), streamed(file), zlib.gunzipSync(file)];
  seen[lengths] = all.map(summary).join();
}
console.log(seen);
process.exitCode = Object.values(seen).join(' ') === '100:1,100:1,5100:12,5100:12 100:1,100:1,5100:12,5100:12' ? 0 : 1;
JS
node try.mjs || { echo 'fflate behaves in another way now' >&2; exit 1; }
