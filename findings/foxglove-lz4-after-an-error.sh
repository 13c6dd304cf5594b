#!/usr/bin/env bash
# @foxglove/wasm-lz4 1.0.2: one decompress() that fails makes all later ones fail, of any frame, until the process ends. The
# context is one for all calls and is not reset after an error. The README says that the size must be known exactly; who
# guesses too little, is told so by an error, and tries again with enough, never gets the content, nor any other.
#
# Seen: a frame of 4096 bytes comes out; with room for 4000 it is "Error during decompression", and so is then the same
# frame with room for 4096, and a frame of 16 bytes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund @foxglove/wasm-lz4@1.0.2 lz4-napi@2.10.0

cat > try.cjs << 'JS'
const decompress = require('@foxglove/wasm-lz4');
const { compressFrameSync } = require('lz4-napi');

const page = Buffer.from(Uint8Array.from({ length: 4096 }, (_, at) => (at % 16 < 8 ? at >> 8 : (at * at) >> 5)));
function attempt(bytes, room) {
  try {
    return decompress(compressFrameSync(bytes), room).equals(bytes);
  } catch (error) {
    return error.message;
  }
}
decompress.isLoaded.then(() => {
  const seen = {
    before: attempt(page, 4096),
    tooSmall: attempt(page, 4000),
    again: attempt(page, 4096),
    other: attempt(page.subarray(0, 16), 16),
  };
  console.log(seen);
  const failed = 'Error during decompression';
  process.exitCode = Object.values(seen).join() === `true,${failed},${failed},${failed}` ? 0 : 1;
});
JS
node try.cjs || { echo '@foxglove/wasm-lz4 behaves in another way now' >&2; exit 1; }
