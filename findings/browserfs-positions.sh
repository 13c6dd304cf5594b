#!/usr/bin/env bash
# browserfs 2.0.0 with its InMemory file system: a write at a given place moves the place at which the descriptor reads on, and
# two descriptors that append to one file overwrite each other: the file keeps what the one that was closed last wrote. On Linux
# a write with a position leaves the position, and both lines are there. Neither raises an error. The README says that it
# "emulates the Node JS file system API". What is written at a given place is where it should be.
#
# Seen: after a write of 2 bytes at 4 of "12345678" a read of 3 bytes returns "78" (Node.js: "123"); with "A" and "B" appended to
# "1234" the file is "1234B" (Node.js: "1234AB").
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund browserfs@2.0.0

cat > try.cjs << 'JS'
const node = require('node:fs');
const browserfs = require('browserfs');

function tried(fs, folder) {
  const [disk, log] = [`${folder}/disk`, `${folder}/log`];
  fs.writeFileSync(disk, '12345678');
  const file = fs.openSync(disk, 'r+');
  fs.writeSync(file, Buffer.from('AA'), 0, 2, 4);
  const bytes = Buffer.alloc(3);
  const read = fs.readSync(file, bytes, 0, 3, null);
  fs.closeSync(file);

  fs.writeFileSync(log, '1234');
  const writers = [fs.openSync(log, 'a'), fs.openSync(log, 'a')];
  writers.forEach((writer, at) => fs.writeSync(writer, Buffer.from('AB'), at, 1, null));
  for (const writer of writers) fs.closeSync(writer);
  const [content, lines] = [disk, log].map((name) => fs.readFileSync(name, 'utf8'));
  return [bytes.toString('latin1', 0, read), content, lines].join();
}
browserfs.configure({ fs: 'InMemory' }, (error) => {
  if (error) throw error;
  const seen = { browserfs: tried(browserfs.BFSRequire('fs'), ''), node: tried(node, '.') };
  console.log(seen);
  const expected = { browserfs: '78,1234AA78,1234B', node: '123,1234AA78,1234AB' };
  process.exit(JSON.stringify(seen) === JSON.stringify(expected) ? 0 : 1);
});
JS
node try.cjs || { echo 'browserfs behaves in another way now' >&2; exit 1; }
