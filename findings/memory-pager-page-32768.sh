#!/usr/bin/env bash
# memory-pager 1.5.0, small pages in place of one large buffer, and sparse-bitfield 3.0.3 on top of it: page 32,768 is page 0.
# get(32768) of a pager that has no page behind it yet returns the page 0 if there is one, so that what is written to the one
# is in both, without an error; and as soon as a later page is asked for, page 0 is there alone, and 32,768 is gone. A bitfield
# so loses the 8192 bits from 2^28 on, with its default pages. Only that page is wrong; the README knows no limit.
#
# Seen: with pages of 1 KiB, 32 MiB from the start, get(32768) === get(0), and after get(32769) page 32,768 is undefined, with
# its bytes in page 0. In a bitfield of 1 KiB pages set(2 ** 28 + 3) reads false at once. Page 1,048,576 is right.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund memory-pager@1.5.0 sparse-bitfield@3.0.3

cat > try.cjs << 'JS'
const pager = require('memory-pager');
const bitfield = require('sparse-bitfield');

const pages = pager(1024);
pages.get(0).buffer[0] = 7;
const first = pages.get(0);
pages.get(32768).buffer[0] = 9;
const seen = { same: pages.get(32768) === first, zero: first.buffer[0] };
pages.get(32769);
seen.later = pages.get(32768, true);
seen.stays = pages.get(0, true).buffer[0];

const bits = bitfield();
const bit = 2 ** 28 + 3;
bits.set(bit, true);
seen.bit = bits.get(bit);
bits.set(bit + 8192, true);
seen.next = bits.get(bit + 8192);
seen.alone = pager(1024).get(32768).offset;

const large = pager(1024);
for (const page of [5, 32767, 32769, 1_048_576]) large.get(page).buffer[0] = page % 255;
seen.others = [5, 32767, 32769, 1_048_576].every((page) => large.get(page, true).buffer[0] === page % 255);
console.log(seen);
process.exitCode = Object.values(seen).join() === 'true,9,,9,false,true,33554432,true' ? 0 : 1;
JS
node try.cjs || { echo 'memory-pager or sparse-bitfield behaves in another way now' >&2; exit 1; }
