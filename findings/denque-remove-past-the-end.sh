#!/usr/bin/env bash
# denque 2.1.0, a queue on a ring buffer: remove(index, count) of two or more entries loses every entry behind them when those
# lie at the start of the ring again. It goes on through the array without going round, so that they become undefined, without
# an error, while the length is right. It takes a queue that was filled at the front, or used as a queue for a while.
# splice(index, count) calls it. In a ring that has not gone round, and one entry at a time, all is right.
#
# Seen: of 0 to 11, put in at the front, remove(1, 2) leaves 0, 3 and eight times undefined; put in at the end, 0, 3 to 11. In
# 616 of 2000 queues after 60 pushes and some shifts remove(index, 2) leaves undefined where entries were.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund denque@2.1.0

cat > try.cjs << 'JS'
const Denque = require('denque');

const front = new Denque();
const end = new Denque();
for (let entry = 11; entry >= 0; entry--) front.unshift(entry);
for (let entry = 0; entry < 12; entry++) end.push(entry);
front.remove(1, 2);
end.remove(1, 2);

let state = 1;
const random = (below) => ((state = (Math.imul(state, 1664525) + 1013904223) >>> 0) % 65_521) % below;
let lost = 0;
for (let run = 0; run < 2000; run++) {
  const queue = new Denque();
  const model = [];
  for (let entry = 0; entry < 60; entry++) {
    queue.push(entry);
    model.push(entry);
    if (random(2) === 0) {
      queue.shift();
      model.shift();
    }
  }
  const at = random(Math.max(1, model.length - 2));
  queue.remove(at, 2);
  model.splice(at, 2);
  if (queue.length !== model.length) throw new Error(`length of run ${run}`);
  const left = queue.toArray();
  if (left.some((entry, place) => entry !== undefined && entry !== model[place]))
    throw new Error(`entries of run ${run}`);
  if (left.includes(undefined)) lost++;
}
const seen = { front: front.toArray().join(), end: end.toArray().join(), lost };
console.log(seen);
const same = seen.front === '0,3,,,,,,,,' && seen.end === '0,3,4,5,6,7,8,9,10,11';
process.exitCode = same && lost === 616 ? 0 : 1;
JS
node try.cjs || { echo 'denque behaves in another way now' >&2; exit 1; }
