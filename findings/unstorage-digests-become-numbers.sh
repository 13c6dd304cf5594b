#!/usr/bin/env bash
# unstorage 1.17.6: a text that setItem() stored comes back from getItem() as a number if it looks like one, with its memory
# driver as with all. Of 64-bit numbers and digests in decimal the last digits are lost; a hexadecimal digest whose only letter
# is an e becomes a power of ten, or Infinity. What is stored is right: getItemRaw() has the text. The README has "Auto JSON value
# serialization and deserialization"; the text is stored as it is, not as JSON, and is still read as JSON.
#
# Seen: "9007199254740993" comes back as 9007199254740992, "1e5" as 100000, the digest "12e45678" as Infinity, "undefined" as
# undefined; "0012" and "12f45678" come back as they were.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund unstorage@1.17.6

cat > try.mjs << 'JS'
import { createStorage } from 'unstorage';

const storage = createStorage();
const texts = ['9007199254740993', '1e5', '12e45678', '1.50', 'undefined', '0012', '12f45678'];
const seen = {};
for (const text of texts) {
  await storage.setItem('digest', text);
  const back = await storage.getItem('digest');
  seen[text] = `${typeof back} ${back} ${(await storage.getItemRaw('digest')) === text}`;
}
console.log(seen);
const expected = [
  'number 9007199254740992 true',
  'number 100000 true',
  'number Infinity true',
  'number 1.5 true',
  'undefined undefined true',
  'string 0012 true',
  'string 12f45678 true',
];
process.exitCode = Object.values(seen).join() === expected.join() ? 0 : 1;
JS
node try.mjs || { echo 'unstorage behaves in another way now' >&2; exit 1; }
