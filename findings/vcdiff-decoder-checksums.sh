#!/usr/bin/env bash
# @ably/vcdiff-decoder 1.0.6 and xdelta3 3.0.11: of a delta with xdelta3's checksum, which it writes unless it is told -n, decode()
# returns other bytes, as many as it should, without an error. It takes no notice of the flag in the window's header, and reads
# the four bytes of the checksum as content. The README has it "tested and proven" with xdelta, and names no options. (With
# xdelta3's other defaults, a header for the application and a second compression, it raises errors.)
#
# Seen: of two states of 64 KiB, one with a page overwritten, 65,297 of the 65,536 bytes are other ones; with -n none. xdelta3
# reads both.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
get() { apt-get download -qq xdelta3=3.0.11-dfsg-1.2 liblzma5 2> /dev/null; }
get || { apt-get update -qq && get; }
for package in *.deb; do dpkg-deb -x "$package" .; done
LD_LIBRARY_PATH=$(echo "$folder"/lib/*-linux-gnu)
export LD_LIBRARY_PATH
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund @ably/vcdiff-decoder@1.0.6

cat > try.cjs << 'JS'
const { execFileSync } = require('node:child_process');
const { readFileSync, writeFileSync } = require('node:fs');
const { decode } = require('@ably/vcdiff-decoder');

const before = Buffer.from(Uint8Array.from({ length: 65_536 }, (_, at) => at * 7 + (at >> 8)));
const after = Buffer.from(before).fill(1, 4096, 8192);
writeFileSync('before', before);
writeFileSync('after', after);
function wrong(...options) {
  const xdelta3 = (...args) => execFileSync('usr/bin/xdelta3', ['-f', ...args]);
  xdelta3('-e', '-S', 'none', '-A', ...options, '-s', 'before', 'after', 'delta');
  xdelta3('-d', '-s', 'before', 'delta', 'back');
  const read = decode(readFileSync('delta'), before);
  const others = [...read].filter((byte, at) => byte !== after[at]).length;
  return [read.length, others, readFileSync('back').equals(after)].join();
}
const seen = { checksum: wrong(), without: wrong('-n') };
console.log(seen);
process.exitCode = Object.values(seen).join(' ') === '65536,65297,true 65536,0,true' ? 0 : 1;
JS
node try.cjs || { echo '@ably/vcdiff-decoder or xdelta3 behaves in another way now' >&2; exit 1; }
