#!/usr/bin/env bash
# deep-equal 2.2.3, object-hash 3.0.0, deterministic-object-hash 2.0.2 and node-object-hash 3.1.1: what is in a DataView does not
# count. States that differ in one alone are equal, or have one hash, without an error, so that the second is not stored,
# cached or sent. For node-object-hash that is so of ArrayBuffers, too. deep-equal's README has it as Node's deepEqual
# algorithm, which sees the difference, as it does in strict mode. Typed arrays do count in all four.
#
# Seen: two views of other bytes, and even of other lengths, are one for all four; Node.js tells them apart.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund \
  deep-equal@2.2.3 object-hash@3.0.0 deterministic-object-hash@2.0.2 node-object-hash@3.1.1

cat > try.mjs << 'JS'
import { isDeepStrictEqual } from 'node:util';
import deepEqual from 'deep-equal';
import deterministic from 'deterministic-object-hash';
import { hasher } from 'node-object-hash';
import objectHash from 'object-hash';

const same = (hash) => async (one, two) => (await hash(one)) === (await hash(two));
const comparisons = {
  'deep-equal': (one, two) => deepEqual(one, two, { strict: true }),
  'object-hash': same(objectHash),
  'deterministic-object-hash': same(deterministic.default ?? deterministic),
  'node-object-hash': same((value) => hasher().hash(value)),
  'Node.js': isDeepStrictEqual,
};
const bytes = (...values) => Uint8Array.from(values);
const pairs = [
  [new DataView(bytes(1, 2).buffer), new DataView(bytes(1, 9).buffer)],
  [new DataView(bytes(1, 2).buffer), new DataView(bytes(1, 2, 3).buffer)],
  [bytes(1, 2).buffer, bytes(1, 9).buffer],
  [bytes(1, 2), bytes(1, 9)],
];
const seen = {};
for (const [name, compare] of Object.entries(comparisons)) {
  seen[name] = '';
  for (const [one, two] of pairs) seen[name] += (await compare({ page: one }, { page: two })) ? '=' : '.';
}
console.log(seen);
process.exitCode = Object.values(seen).join() === '==..,==..,==..,===.,....' ? 0 : 1;
JS
node try.mjs || { echo 'A DataView is compared in another way now' >&2; exit 1; }
