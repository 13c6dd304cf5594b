#!/usr/bin/env bash
# rabin-native 2.0.0 (and rabin-stream, which passes its options on): minSize and maxSize are the only options, and the average
# between two cuts stays about 1 MiB whatever they are. With a maxSize of 16 KiB, as for memory or small files, nearly every
# chunk ends because it is full: at multiples of 16 KiB, not where the content says, and after one byte more at the front no
# chunk is one of before. Nothing tells: the chunks are valid, and of allowed lengths.
#
# Seen: 1 MiB of noise with sizes from 1 to 16 KiB becomes 64 chunks of 16 KiB; with a byte in front, 65 chunks, none of them
# a chunk of before. rabin-wasm with the same sizes and an average of 4 KiB shares all but one of its 208.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund rabin-native@2.0.0 rabin-wasm@0.1.5

cat > try.cjs << 'JS'
const { createHash } = require('node:crypto');
const { Chunker } = require('rabin-native');
const { create } = require('rabin-wasm');

let state = 3;
const noise = Buffer.alloc(1 << 20).map(() => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) >>> 24);
const longer = Buffer.concat([Buffer.from('x'), noise]);
const [min, max] = [1024, 16384];

function native(bytes) {
  const chunker = new Chunker({ minSize: min, maxSize: max });
  return [...chunker.push(bytes), chunker.end()].filter(Boolean).map(({ length }) => length);
}
const wasm = async (bytes) => [...(await create(12, min, max, 64)).fingerprint(bytes)];
async function shared(cut) {
  const chunks = async (bytes) => {
    let at = 0;
    const lengths = await cut(bytes);
    return lengths.map((length) => createHash('sha1').update(bytes.subarray(at, (at += length))).digest('hex'));
  };
  const known = new Set(await chunks(noise));
  return { chunks: known.size, shared: (await chunks(longer)).filter((chunk) => known.has(chunk)).length };
}
(async () => {
  const seen = { full: native(noise).filter((length) => length === max).length };
  Object.assign(seen, { native: await shared(native), wasm: await shared(wasm) });
  console.log(seen);
  const { full, native: own, wasm: other } = seen;
  process.exitCode = full === 64 && own.chunks === 64 && own.shared === 0 && other.shared > 200 ? 0 : 1;
})();
JS
node try.cjs || { echo 'rabin-native behaves in another way now' >&2; exit 1; }
