#!/usr/bin/env bash
# file-disk 8.0.1, images of disks: read(buffer, bufferOffset, length, fileOffset), "behaves like fs.read", takes no notice of
# the bufferOffset: what is read into the middle of a buffer lands at its start, over what was there, without an error. And
# bytesRead is the length that was asked for, also where the image ends before: the rest of the buffer is no content. write()
# has the offset.
#
# Seen: 4 bytes from 4 into the place 8 of a buffer of dots make "4567............", where fs.read makes "........4567...."; 16
# bytes of a file of 10 are said to be 16, by fs.read 10. FileDisk and BufferDisk are alike.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund file-disk@8.0.1

cat > try.mjs << 'JS'
import { open, writeFile } from 'node:fs/promises';
import { BufferDisk, FileDisk } from 'file-disk';

await writeFile('ten', '0123456789');
const file = await open('ten');
async function read(disk) {
  const buffer = Buffer.alloc(16, '.');
  await disk.read(buffer, 8, 4, 4);
  const { bytesRead } = await disk.read(Buffer.alloc(16), 0, 16, 0);
  return `${buffer} ${bytesRead}`;
}
const seen = {
  fs: await read(file),
  FileDisk: await read(new FileDisk(file)),
  BufferDisk: await read(new BufferDisk(Buffer.from('0123456789'))),
};
await file.close();
console.log(seen);
const right = '........4567.... 10,4567............ 16,4567............ 16';
process.exitCode = Object.values(seen).join() === right ? 0 : 1;
JS
node try.mjs || { echo 'file-disk behaves in another way now' >&2; exit 1; }
