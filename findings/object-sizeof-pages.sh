#!/usr/bin/env bash
# object-sizeof 2.6.5, with which caches are told how large a value is: a page alone has its size, but in an object, a Map or
# an array it has that of its JSON text, which depends on what is in it, and an ArrayBuffer always has 2. A cache with a
# limit in bytes holds an eighth of what it may, or has no limit. "Typed Arrays" are among the README's supported types.
#
# Seen: 4096 bytes of 0, as a Uint8Array, are 4096; as { page } 35,764, and 43,956 if they are 200; as a Buffer in an array
# 8220; as an ArrayBuffer 2, and 64 MiB of it 2 as well.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund object-sizeof@2.6.5

cat > try.cjs << 'JS'
const sizeof = require('object-sizeof');

const page = new Uint8Array(4096);
const seen = {
  alone: sizeof(page),
  inObject: sizeof({ page }),
  other: sizeof({ page: new Uint8Array(4096).fill(200) }),
  buffer: sizeof([Buffer.alloc(4096)]),
  arrayBuffer: sizeof(page.buffer),
  large: sizeof(new ArrayBuffer(64 << 20)),
};
console.log(seen);
process.exitCode = Object.values(seen).join() === '4096,35764,43956,8220,2,2' ? 0 : 1;
JS
node try.cjs || { echo 'object-sizeof behaves in another way now' >&2; exit 1; }
