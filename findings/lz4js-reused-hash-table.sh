#!/usr/bin/env bash
# lz4js 0.2.0: whoever keeps the hash table of compressBlock() from one page to the next loses each page that is equal to
# the one before it. Positions of the last call are still in the table, every search finds the page itself at distance 0,
# and the block that comes out is short, raises no error, and decodes to other bytes, again without an error.
#
# Seen: of two equal pages the first takes 2,847 bytes and comes back; the second takes 29, and does not. With a new table,
# or one filled with zeros, both come back. Different pages in between hide it: their old positions rarely match.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund lz4js@0.2.0

cat > try.cjs << 'JS'
const lz4 = require('lz4js');

const page = Uint8Array.from({ length: 4096 }, (_, at) => (at % 16 < 8 ? at >> 8 : (at * at) >> 5));
const table = new Uint32Array(1 << 16);

function roundTrip() {
  const block = new Uint8Array(lz4.compressBound(page.length));
  const length = lz4.compressBlock(page, block, 0, page.length, table);
  const back = new Uint8Array(page.length);
  lz4.decompressBlock(block, back, 0, length, 0);
  return { length, equal: Buffer.compare(page, back) === 0 };
}

const first = roundTrip();
const again = roundTrip();
table.fill(0);
const cleared = roundTrip();
console.log({ first, again, cleared });
const seen = first.equal && !again.equal && again.length < 40 && cleared.equal && cleared.length === first.length;
process.exitCode = seen ? 0 : 1;
JS
node try.cjs || { echo 'lz4js behaves in another way now' >&2; exit 1; }
