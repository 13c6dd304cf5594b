#!/usr/bin/env bash
# nanotar 0.3.0: parseTar() of a part of a larger buffer reads from the start of the whole buffer: of two archives, or snapshots,
# in one memory it lists the files of the first when it is given the second, with their names, sizes and content, without an
# error; if something else is in front, that is read as a header. Its types and README allow a Uint8Array, and
# small Buffers of Node.js are parts of a pool. A copy of the part is read rightly; parseTarGzip() is right as well.
#
# Seen: of the part with the archive of "second" the list is "first", with its bytes.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund nanotar@0.3.0

cat > try.mjs << 'JS'
import { createTar, createTarGzip, parseTar, parseTarGzip } from 'nanotar';

const page = (byte) => new Uint8Array(4096).fill(byte);
const archives = { first: createTar([{ name: 'first', data: page(1) }]), second: createTar([{ name: 'second', data: page(2) }]) };
const memory = Buffer.concat([archives.first, archives.second]);
const part = memory.subarray(archives.first.length);
const list = (files) => files.map(({ name, data }) => `${name} ${data.length} ${data[0]}`).join();

const packed = await createTarGzip([{ name: 'second', data: page(2) }]);
const behind = Buffer.concat([Buffer.alloc(100), packed]).subarray(100);
const seen = { part: list(parseTar(part)), copy: list(parseTar(new Uint8Array(part))), gzip: list(await parseTarGzip(behind)) };
console.log(seen);
process.exitCode = Object.values(seen).join() === 'first 4096 1,second 4096 2,second 4096 2' ? 0 : 1;
JS
node try.mjs || { echo 'nanotar behaves in another way now' >&2; exit 1; }
