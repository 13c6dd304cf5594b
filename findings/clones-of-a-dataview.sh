#!/usr/bin/env bash
# klona 2.0.6, rfdc 1.4.1, structured-clone-es 2.0.1, and @ungap/structured-clone 1.4.0 with serialize() and deserialize():
# the clone of a DataView of a part of a buffer is a view of another range, of the whole buffer or up to its end, and reads
# other bytes at the same place, without an error. All four clone typed arrays of a part rightly. structuredClone() keeps the
# range.
#
# Seen: of a view of the bytes 8 to 31 of 256 the clones begin at byte 0 and have 256, or begin at 8 and have 248 (rfdc); the
# first byte of the clone is 0, not 8.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund klona@2.0.6 rfdc@1.4.1 structured-clone-es@2.0.1 @ungap/structured-clone@1.4.0

cat > try.mjs << 'JS'
import { deserialize, serialize } from '@ungap/structured-clone';
import { klona } from 'klona';
import rfdc from 'rfdc';
import { structuredClone as es } from 'structured-clone-es';

const memory = Uint8Array.from({ length: 256 }, (_, at) => at).buffer;
const value = { view: new DataView(memory, 8, 24), bytes: new Uint8Array(memory, 8, 24) };
const clones = {
  klona,
  rfdc: rfdc(),
  'structured-clone-es': es,
  '@ungap': (it) => deserialize(serialize(it)),
  native: structuredClone,
};
const [seen, typed] = [{}, []];
for (const [name, clone] of Object.entries(clones)) {
  const { view, bytes } = clone(value);
  seen[name] = [view.byteOffset, view.byteLength, view.getUint8(0)].join();
  typed.push(bytes.length === 24 && bytes[0] === 8);
}
console.log(seen, typed);
const expected = '0,256,0 8,248,8 0,256,0 0,256,0 8,24,8';
process.exitCode = Object.values(seen).join(' ') === expected && !typed.includes(false) ? 0 : 1;
JS
node try.mjs || { echo 'A clone of a DataView is another now' >&2; exit 1; }
