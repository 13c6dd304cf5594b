#!/usr/bin/env bash
# js-string-compression 1.0.1: Hauffman's decompress() returns the text with letters behind its end unless the bits happen to fill
# the last byte: the zeros that fill it up are decoded, too, since the number of letters is not stored. Of a text with one kind
# of letter, as a page of zeros, nothing comes back: it is compressed to the letter alone, however long it is. Neither
# raises an error. The README shows compress() and decompress() of one text.
#
# Seen: "ab" comes back as "abaaa", "pages" as "pagesa", "aaaa" and 4096 zeros as an empty text; "hello world" is right. Of 1000
# short texts 960 come back longer.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund js-string-compression@1.0.1

cat > try.cjs << 'JS'
const { Hauffman } = require('js-string-compression');

const back = (text) => new Hauffman().decompress(new Hauffman().compress(text));
const texts = Array.from({ length: 1000 }, (_, at) => `page ${at} of memory ${(at * 7919) % 1000}`);
const seen = {
  ab: back('ab'),
  pages: back('pages'),
  hello: back('hello world'),
  aaaa: back('aaaa'),
  zeros: back('\0'.repeat(4096)),
  longer: texts.filter((text) => back(text).startsWith(text) && back(text) !== text).length,
};
console.log(seen);
process.exitCode = Object.values(seen).join() === 'abaaa,pagesa,hello world,,,960' ? 0 : 1;
JS
node try.cjs || { echo 'js-string-compression behaves in another way now' >&2; exit 1; }
