#!/usr/bin/env bash
# random-access-memory-overlay 3.0.0, changes in memory over a storage that stays as it is: truncate() zeroes what is in front
# of the cut, without an error. It means to clear the pages behind the cut, does not count the one the cut is in, and so begins
# with that one: all that was kept of it is lost, the changes and the storage's own bytes. It takes two pages that are cut off,
# of 1 MiB unless the option says otherwise. The size is right, and so is a cut between two pages.
#
# Seen: of four pages of letters, cut in the middle of the first, no letter is left of 512; cut in the middle of the second,
# the first page's are. random-access-memory with the same content and cuts keeps all of them.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund random-access-memory-overlay@3.0.0 random-access-memory@6.2.1

cat > try.cjs << 'JS'
const { promisify } = require('node:util');
const Memory = require('random-access-memory');
const Overlay = require('random-access-memory-overlay');

const PAGE = 1024;
const call = (storage, method, ...rest) => promisify(storage[method]).call(storage, ...rest);
/** How many letters there are after a cut, and the size. */
async function kept(storage, length) {
  await call(storage, 'truncate', length);
  const { size } = await call(storage, 'stat');
  const bytes = await call(storage, 'read', 0, size);
  return `${bytes.filter((byte) => byte > 0).length} of ${size}`;
}
async function full() {
  const memory = new Memory();
  await call(memory, 'write', 0, Buffer.alloc(4 * PAGE, 'a'));
  return memory;
}
(async () => {
  const written = new Overlay(new Memory(), { pageSize: PAGE });
  await call(written, 'write', 0, Buffer.alloc(4 * PAGE, 'a'));
  const seen = {
    first: await kept(new Overlay(await full(), { pageSize: PAGE }), 512),
    second: await kept(new Overlay(await full(), { pageSize: PAGE }), PAGE + 512),
    written: await kept(written, 512),
    edge: await kept(new Overlay(await full(), { pageSize: PAGE }), PAGE),
    memory: await kept(await full(), 512),
  };
  console.log(seen);
  process.exitCode = Object.values(seen).join() === '0 of 512,1024 of 1536,0 of 512,1024 of 1024,512 of 512' ? 0 : 1;
})();
JS
node try.cjs || { echo 'random-access-memory-overlay behaves in another way now' >&2; exit 1; }
