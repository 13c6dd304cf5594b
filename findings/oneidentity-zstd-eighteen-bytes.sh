#!/usr/bin/env bash
# @oneidentity/zstd-js 1.0.3: ZstdSimple's frames are not those of zstd. compress() puts 18 bytes more into the frame than it
# was given, and decompress() drops the last 18 bytes of every frame, so that only the two together are right. The README
# has decompress() read a frame of the library's own ZstdStream, and that loses 18 bytes of the content too.
#
# Seen: a page of 4096 bytes comes out of ZstdSimple's frame with 4114 by zstd itself (@bokuweb/zstd-wasm), and out of a
# frame by zstd or by ZstdStream with 4078 by ZstdSimple, without an error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund @oneidentity/zstd-js@1.0.3 @bokuweb/zstd-wasm@0.0.27

cat > try.cjs << 'JS'
const zstd = require('@bokuweb/zstd-wasm');
const { ZstdInit } = require('@oneidentity/zstd-js');

const page = Uint8Array.from({ length: 4096 }, (_, at) => (at % 16 < 8 ? at >> 8 : (at * at) >> 5));
const same = (bytes) => Buffer.compare(bytes, page) === 0;
(async () => {
  await zstd.init();
  const { ZstdSimple, ZstdStream } = await ZstdInit();
  const frame = ZstdSimple.compress(page);
  const seen = {
    both: same(ZstdSimple.decompress(frame)),
    simpleByZstd: zstd.decompress(frame).length,
    zstdBySimple: ZstdSimple.decompress(zstd.compress(page, 3)).length,
    streamBySimple: ZstdSimple.decompress(ZstdStream.compress(page)).length,
  };
  const right = same(zstd.decompress(zstd.compress(page, 3))) && same(zstd.decompress(ZstdStream.compress(page)));
  console.log(seen);
  const { simpleByZstd, zstdBySimple, streamBySimple } = seen;
  process.exitCode = seen.both && right && [simpleByZstd, zstdBySimple, streamBySimple].join() === '4114,4078,4078' ? 0 : 1;
})();
JS
node try.cjs || { echo '@oneidentity/zstd-js behaves in another way now' >&2; exit 1; }
