#!/usr/bin/env bash
# @xen-orchestra/qcow2 1.3.1 and qemu-img: of an image that qemu-img compressed (convert -c) readBlock() returns other bytes,
# without an error: it takes the place of a compressed cluster for that of a plain one, and what lies there for the content.
# And a cluster that was zeroed comes back with what was in it before: its bit for "reads as zeros", which QEMU sets for `write
# -z`, is masked off, and the old place is read. The specification of qcow2 has both in the L2 entry. What was discarded comes
# back as zeros, as it should.
#
# Seen: of 1 MiB in 16 clusters a plain image is right; of a compressed one 1,048,532 bytes are others; of one whose first two
# clusters were zeroed these 131,072 bytes are the old ones. qemu-img reads all three rightly.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
command -v qemu-img > /dev/null || { apt-get update -qq && apt-get install -qq qemu-utils > /dev/null; }
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund @xen-orchestra/qcow2@1.3.1 @vates/read-chunk@1.2.1

cat > try.mjs << 'JS'
import { execFileSync } from 'node:child_process';
import { open, readFile, writeFile } from 'node:fs/promises';
import { QCowAccessor } from '@xen-orchestra/qcow2';

const accessor = {
  openFile: (path) => open(path),
  read: (file, buffer, position) => file.read(buffer, 0, buffer.length, position),
  closeFile: (file) => file.close(),
};
/** How many bytes differ from those that qemu-img reads. */
async function wrong(path) {
  const disk = new QCowAccessor(accessor, path);
  await disk.init();
  const bytes = Buffer.alloc(disk.getVirtualSize());
  for (const index of disk.getBlockIndexes()) {
    const { data } = await disk.readBlock(index);
    data.copy(bytes, index * disk.getBlockSize());
  }
  await disk.close();
  execFileSync('qemu-img', ['convert', '-O', 'raw', path, 'read']);
  const right = await readFile('read');
  return bytes.filter((byte, at) => byte !== right[at]).length;
}
await writeFile(
  'disk',
  Uint8Array.from({ length: 1 << 20 }, (_, at) => 1 + ((at >> 12) % 251)),
);
const convert = (path, ...options) =>
  execFileSync('qemu-img', ['convert', '-O', 'qcow2', ...options, '-f', 'raw', 'disk', path]);
convert('plain');
convert('compressed', '-c');
convert('zeroed');
execFileSync('qemu-io', ['-c', 'write -z 0 128k', 'zeroed']);
const seen = { plain: await wrong('plain'), compressed: await wrong('compressed'), zeroed: await wrong('zeroed') };
console.log(seen);
process.exitCode = seen.plain === 0 && seen.compressed > 1_000_000 && seen.zeroed === 131_072 ? 0 : 1;
JS
node try.mjs || { echo '@xen-orchestra/qcow2 behaves in another way now' >&2; exit 1; }
