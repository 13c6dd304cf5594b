#!/usr/bin/env bash
# modern-tar 0.8.6: a sparse file in a tar that GNU tar wrote (`tar --sparse`, which backups use) is unpacked as another file,
# without an error, with `strict: true` as well. In GNU's own format the parts come out pasted together, without the holes
# between them; in pax format the map of the parts comes out in front of them, under the name ./GNUSparseFile.<pid>/<name>.
#
# Seen: a file of 1,048,579 bytes comes out with 4,099 (gnu), and as ./GNUSparseFile.<pid>/hole with 4,611 (pax); Python's
# tarfile gives 1,048,579 for both.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund modern-tar@0.8.6

truncate -s 1M hole
printf end >> hole
printf x | dd of=hole bs=1 seek=5000 conv=notrunc status=none
for format in gnu pax; do tar --sparse --format=$format -cf $format.tar hole; done

cat > try.mjs << 'JS'
import { readFileSync } from 'node:fs';
import { unpackTar } from 'modern-tar';

const real = readFileSync('hole');
const same = [];
for (const format of ['gnu', 'pax']) {
  const [{ header, data }] = await unpackTar(readFileSync(`${format}.tar`), { strict: true });
  console.log({ format, name: header.name, type: header.type, bytes: data.length, of: real.length });
  same.push(header.name === 'hole' && real.equals(data));
}
process.exitCode = same.includes(true) ? 1 : 0;
JS
node try.mjs || { echo 'modern-tar behaves in another way now' >&2; exit 1; }
