#!/usr/bin/env bash
# int-interval-set 0.1.3: union() takes numbers out of the set. A single one that lies in an interval, or right before it, cuts
# off what is behind it there, and an interval that lies in another one takes away the next one. A set of pages that are in
# use, or were seen, forgets some, without an error. The README has union() as adding an interval; its examples, in which each
# one lies behind the others, are right.
#
# Seen: 5 to 7 and 6 leave 5 to 6, 5 to 7 and 4 leave 4; 5 to 9, 12 to 14 and 6 to 7 leave 5 to 9. Of 1000 sets made of four
# intervals of up to three numbers, of 0 to 13, 472 have lost some.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund int-interval-set@0.1.3

cat > try.cjs << 'JS'
const IntIntervalSet = require('int-interval-set');

const union = (intervals) => intervals.reduce((set, [lower, upper]) => set.union(lower, upper), new IntIntervalSet());
const shown = (...intervals) =>
  union(intervals)
    .intervals.map(({ lower, upper }) => `${lower}-${upper}`)
    .join(' ');

let state = 1;
const random = (below) => Math.floor(((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32) * below);
let lost = 0;
for (let run = 0; run < 1000; run++) {
  const intervals = [];
  for (let count = 0; count < 4; count++) {
    const lower = random(12);
    intervals.push([lower, lower + random(3)]);
  }
  const set = union(intervals);
  const numbers = intervals.flatMap(([lower, upper]) =>
    Array.from({ length: upper - lower + 1 }, (_, at) => lower + at),
  );
  if (numbers.some((number) => !set.intervals.some(({ lower, upper }) => lower <= number && number <= upper))) lost++;
}
const seen = {
  README: shown([2, 4], [5, 7], [10, 20]),
  within: shown([5, 7], [6, 6]),
  before: shown([5, 7], [4, 4]),
  next: shown([5, 9], [12, 14], [6, 7]),
  lost,
};
console.log(seen);
process.exitCode = Object.values(seen).join() === '2-7 10-20,5-6,4-4,5-9,472' ? 0 : 1;
JS
node try.cjs || { echo 'int-interval-set behaves in another way now' >&2; exit 1; }
