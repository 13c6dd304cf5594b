#!/usr/bin/env bash
# zstddec 0.3.4: decode() of a frame that does not say how long its content is, as everything that was compressed as a stream
# is, returns more than 16 MB that are not the content, without an error, unless the length is given. zstd's answers "unknown"
# and "error" are taken for lengths. The README says that such a call may raise an error, which would be better. With the
# length, or with zstddec/stream, the content comes out right.
#
# Seen: a frame of one raw block of 4096 bytes gives 16,908,214 bytes, and they do not begin with the content.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund zstddec@0.3.4 fzstd@0.1.1

cat > try.mjs << 'JS'
import { decompress } from 'fzstd';
import { ZSTDDecoder } from 'zstddec';
import { ZSTDDecoder as StreamDecoder } from 'zstddec/stream';

const page = Uint8Array.from({ length: 4096 }, (_, at) => (at % 251) + 1);
const block = (page.length << 3) | 1; // the last one, raw; RFC 8878, 3.1.1.2
const header = [0x28, 0xb5, 0x2f, 0xfd, 0, 0x10, block & 255, (block >> 8) & 255, block >> 16]; // no content size
const frame = new Uint8Array([...header, ...page]);
const same = (bytes) => Buffer.compare(bytes, page) === 0;

const [decoder, stream] = [new ZSTDDecoder(), new StreamDecoder()];
await Promise.all([decoder.init(), stream.init()]);
const result = decoder.decode(frame);
const right = [same(decompress(frame)), same(decoder.decode(frame, page.length)), same(stream.decode(frame))];
const begins = same(result.subarray(0, page.length));
console.log({ length: result.length, begins, right });
process.exitCode = result.length > 1e6 && !begins && !right.includes(false) ? 0 : 1;
JS
node try.mjs || { echo 'zstddec behaves in another way now' >&2; exit 1; }
