#!/usr/bin/env bash
# jsondiffpatch 0.7.7: diff() sees no difference between two BigInts that are properties of objects or elements of typed
# arrays: it returns undefined, as for equal states, without an error. An undo list or a replica that is fed with its deltas
# loses every 64-bit counter, address or hash. In plain arrays BigInts do differ, and numbers do everywhere.
#
# Seen: { at: 1n } and { at: 2n } have no difference, nor have BigUint64Arrays of them; of { at: 1n, n: 1 } and
# { at: 2n, n: 2 } the delta has n alone, and the patched state the old at. [1n] and [2n] differ.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund jsondiffpatch@0.7.7

cat > try.mjs << 'JS'
import { diff, patch } from 'jsondiffpatch';

const [before, after] = [{ at: 1n, n: 1 }, { at: 2n, n: 2 }];
const delta = diff(before, after);
const seen = {
  property: diff({ at: 1n }, { at: 2n }),
  array: diff(BigUint64Array.of(1n), BigUint64Array.of(2n)),
  delta: Object.keys(delta).join(),
  patched: patch({ ...before }, delta),
  list: diff([1n], [2n]) !== undefined,
};
console.log(seen);
const lost = seen.property === undefined && seen.array === undefined && seen.delta === 'n';
process.exitCode = lost && seen.patched.at === 1n && seen.patched.n === 2 && seen.list ? 0 : 1;
JS
node try.mjs || { echo 'jsondiffpatch behaves in another way now' >&2; exit 1; }
