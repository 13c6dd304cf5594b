#!/usr/bin/env bash
# ext2fs 4.2.5, file systems in images (ext2 to ext4), with "the exact same interface as node's fs": appendFile() destroys the
# file. It has the appended bytes alone afterwards, as it has after writeFile() with the flag 'a' and after a write to what was
# opened with 'a'. write() takes no notice of its offset, and writes the start of the buffer in place of the part. stat() has
# the size of a file without what is above 4 GiB. None raises an error; the image is a valid one, by e2fsck, too.
#
# Seen: of "base" and an appended "+more" there is "+more"; the 4 bytes from 2 on of "..part.." become "..pa"; a file of
# 4,294,967,303 bytes has 7 by stat().
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
PATH=$PATH:/usr/sbin:/sbin
command -v mkfs.ext4 > /dev/null || { apt-get update -qq && apt-get install -qq e2fsprogs > /dev/null; }
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund ext2fs@4.2.5 file-disk@8.0.1
truncate -s 8M image
mkfs.ext4 -q -O ^has_journal image

cat > try.cjs << 'JS'
const node = require('node:fs');
const { promisify } = require('node:util');
const { withMountedDisk } = require('ext2fs');
const { BufferDisk } = require('file-disk');

async function run(fs, folder) {
  const call = (method, ...rest) => promisify(fs[method]).call(fs, ...rest);
  const content = async (name) => String(await call('readFile', folder + name));

  await call('writeFile', `${folder}append`, 'base');
  await call('appendFile', `${folder}append`, '+more');

  const part = await call('open', `${folder}part`, 'w');
  await call('write', part, Buffer.from('..part..'), 2, 4, 0);
  await call('close', part);

  const long = await call('open', `${folder}long`, 'w');
  await call('write', long, Buffer.from('hi'), 0, 2, 2 ** 32 + 5);
  await call('close', long);
  return [await content('append'), await content('part'), (await call('stat', `${folder}long`)).size].join();
}
(async () => {
  const disk = new BufferDisk(node.readFileSync('image'));
  const seen = { node: await run(node, './') };
  await withMountedDisk(disk, 0, async (fs) => {
    seen.ext2fs = await run(fs, '/');
  });
  node.writeFileSync('image', disk.buffer);
  console.log(seen);
  process.exitCode = Object.values(seen).join(' ') === 'base+more,part,4294967303 +more,..pa,7' ? 0 : 1;
})();
JS
node try.cjs || { echo 'ext2fs behaves in another way now' >&2; exit 1; }
e2fsck -fn image > /dev/null 2>&1 || { echo 'ext2fs leaves a damaged image now' >&2; exit 1; }
