#!/usr/bin/env bash
# random-access-idb 1.2.2, files in a browser's IndexedDB: pages that are written at once, without waiting for one before the
# next, leave a file that ends behind the page that was written last, not behind the longest. Each write of whole blocks (4096
# bytes) works the new length out from the length at its start, and stores it over the others'. All calls succeed; the pages
# behind are there and cannot be read, after opening it again too.
#
# Seen: of 8 pages written at once, the last one first, stat() says 4096 bytes; one after the other it says 32,768, and so does
# random-access-memory both times.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund random-access-idb@1.2.2 fake-indexeddb@6.2.8 random-access-memory@6.2.1

cat > try.cjs << 'JS'
const { promisify } = require('node:util');
const { indexedDB } = require('fake-indexeddb');
const files = require('random-access-idb')('pages', { idb: indexedDB });
const Memory = require('random-access-memory');

const PAGE = 4096;
const call = (storage, method, ...rest) => promisify(storage[method]).call(storage, ...rest);
const write = (storage, page) => call(storage, 'write', page * PAGE, Buffer.alloc(PAGE, 'a'));
const size = async (storage) => (await call(storage, 'stat')).size;
const pages = [7, 6, 5, 4, 3, 2, 1, 0];
async function atOnce(storage) {
  await Promise.all(pages.map((page) => write(storage, page)));
  return size(storage);
}
async function inTurn(storage) {
  for (const page of pages) await write(storage, page);
  return size(storage);
}
(async () => {
  const seen = { atOnce: await atOnce(files('one')) };
  seen.again = await size(files('one'));
  seen.inTurn = await inTurn(files('two'));
  seen.memory = [await atOnce(new Memory()), await inTurn(new Memory())].join();
  console.log(seen);
  process.exitCode = Object.values(seen).join() === '4096,4096,32768,32768,32768' ? 0 : 1;
})();
JS
node try.cjs || { echo 'random-access-idb behaves in another way now' >&2; exit 1; }
