#!/usr/bin/env bash
# number-allocator 1.0.14: free() of a number behind the last vacant range forgets that range but for its end. Nobody has the
# numbers in between, alloc() never gives them out, and use() says that they are taken, until clear(). In free() the lower end
# of the range on the left is read from its upper one. The README has the freed number as vacant again, and nothing of others.
#
# Seen: of 1 to 65,535 one use(65535) and one free(65535) leave two numbers, 65,534 and 65,535; use(1) answers false. After
# use(65534) and free(65534) all 65,535 are there.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund number-allocator@1.0.14

cat > try.cjs << 'JS'
const { NumberAllocator } = require('number-allocator');

function left(number) {
  const allocator = new NumberAllocator(1, 65_535);
  if (!allocator.use(number)) throw new Error(`${number} is taken`);
  allocator.free(number);
  const given = [];
  for (let next = allocator.alloc(); next !== null; next = allocator.alloc()) given.push(next);
  return given;
}
const other = new NumberAllocator(1, 65_535);
other.use(65_535);
other.free(65_535);
const seen = { last: left(65_535).join(), lastButOne: left(65_534).length, use: other.use(1) };
console.log(seen);
process.exitCode = Object.values(seen).join() === '65534,65535,65535,false' ? 0 : 1;
JS
node try.cjs || { echo 'number-allocator behaves in another way now' >&2; exit 1; }
