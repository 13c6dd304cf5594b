#!/usr/bin/env bash
# lz4js 0.2.0: decompress() of a frame with block checksums (`lz4 -BX`, an option of the frame format) returns other bytes,
# and more or fewer of them, without an error: it looks for the checksum in front of the block, and it is behind it. Of
# frames one behind another, which lz4 reads as one content and `cat a.lz4 b.lz4` makes, it returns the first and drops the
# rest; so do lz4-napi's decompressFrameSync() and @foxglove/wasm-lz4.
#
# Seen: 4096 bytes with a block checksum come out with 4101, 1 MiB of zeros with 1,048,310; lz4-napi reads both. Two frames of
# 4096 bytes each come out of all three with 4096.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund lz4js@0.2.0 lz4-napi@2.10.0 @foxglove/wasm-lz4@1.0.2

cat > try.cjs << 'JS'
const wasm = require('@foxglove/wasm-lz4');
const lz4js = require('lz4js');
const { compressFrameSync, decompressFrameSync } = require('lz4-napi');

const page = Buffer.from(Uint8Array.from({ length: 4096 }, (_, at) => (at % 16 < 8 ? at >> 8 : (at * at) >> 5)));
const zeros = Buffer.alloc(1 << 20);
const frame = (bytes) => compressFrameSync(bytes, { blockChecksums: true, contentChecksum: true });
function read(bytes) {
  const content = lz4js.decompress(frame(bytes));
  const right = decompressFrameSync(frame(bytes)).equals(bytes);
  return { length: content.length, same: bytes.equals(content), right };
}
wasm.isLoaded.then(() => {
  const two = Buffer.concat([compressFrameSync(page), compressFrameSync(page)]);
  const decoders = [lz4js.decompress, decompressFrameSync, (bytes) => wasm(bytes, 2 * page.length)];
  const seen = { page: read(page), zeros: read(zeros), two: decoders.map((decode) => decode(two).length).join() };
  console.log(seen);
  const wrong = [seen.page, seen.zeros].every(({ same, right }) => !same && right);
  process.exitCode = wrong && seen.page.length === 4101 && seen.two === '4096,4096,4096' ? 0 : 1;
});
JS
node try.cjs || { echo 'lz4js or another reader behaves in another way now' >&2; exit 1; }
