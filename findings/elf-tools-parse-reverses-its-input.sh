#!/usr/bin/env bash
# elf-tools 1.1.2: parse() of a 64-bit image changes the image. To read a little-endian offset, address or size it reverses
# the 8 bytes where they are, in the caller's buffer, and leaves them so. What parse() returns is right; the buffer is no
# ELF file any more, and the same parse() of it again fails or returns other numbers. A core or another image that is looked
# into before it is stored is stored broken.
#
# Seen: an image that elf-tools itself built has other bytes after parse(), 20 of the first 120; elfinfo opens it before and
# says "Invalid offsets" after, and a second parse() raises an error.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund elf-tools@1.1.2 elfinfo@0.4.0-beta

cat > try.cjs << 'JS'
const { build, parse } = require('elf-tools');
const { open } = require('elfinfo');

const opens = async (bytes) => (await open(bytes)).success;
function attempt(bytes) {
  try {
    return parse(bytes).programs.length;
  } catch (error) {
    return error.message;
  }
}
(async () => {
  const image = build({ code: Buffer.alloc(64, 0x90) });
  const copy = Buffer.from(image);
  const before = await opens(image);
  const first = attempt(image);
  const changed = image.subarray(0, 120).filter((byte, at) => byte !== copy[at]).length;
  const seen = { before, first, changed, after: await opens(image), second: attempt(Buffer.from(image)) };
  console.log(seen, { copy: await opens(copy) });
  const right = before && first > 0 && (await opens(copy));
  process.exitCode = right && changed > 0 && !seen.after && seen.second !== first ? 0 : 1;
})();
JS
node try.cjs || { echo 'elf-tools behaves in another way now' >&2; exit 1; }
