#!/usr/bin/env bash
# fzstd 0.1.1: decompress(data, buffer) returns the whole buffer, not the part that it filled. What was in the buffer
# behind the content stays there and counts as content: `result.length` is that of the buffer. Without a buffer the result
# has the content's length. fflate's inflateSync(data, { out }), by the same author, returns the part.
#
# Seen: a frame of 4096 bytes into a buffer of 5000 gives 5000 bytes, the last 904 of them old ones; inflateSync gives 4096.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund fzstd@0.1.1 fflate@0.8.2 @hpcc-js/wasm-zstd@1.12.5

cat > try.mjs << 'JS'
import { Zstd } from '@hpcc-js/wasm-zstd';
import { deflateSync, inflateSync } from 'fflate';
import { decompress } from 'fzstd';

const OLD = 9;
const page = Uint8Array.from({ length: 4096 }, (_, at) => at % 7);
const frame = (await Zstd.load()).compress(page);
const buffer = () => new Uint8Array(5000).fill(OLD);

const alone = decompress(frame).length;
const result = decompress(frame, buffer());
const old = result.subarray(page.length).filter((byte) => byte === OLD).length;
const inflated = inflateSync(deflateSync(page), { out: buffer() }).length;
console.log({ alone, withBuffer: result.length, old, inflated });
process.exitCode = alone === 4096 && result.length === 5000 && old === 904 && inflated === 4096 ? 0 : 1;
JS
node try.mjs || { echo 'fzstd behaves in another way now' >&2; exit 1; }
