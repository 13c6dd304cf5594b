#!/usr/bin/env bash
# memfs 4.80.1: a file that was opened for reading can be written, cut and all, through that descriptor, and one that was
# opened for writing can be read; on Linux both are EBADF or EINVAL, and nothing changes. An image that a program opens with
# 'r' so that it stays as it is, is changed by a slip that every test on memfs passes. And rename() from one name of a file
# to another of the same file (a hard link) removes the first, where POSIX and Node.js leave both.
#
# Seen: through openSync('/image', 'r') of "base", writeSync() makes it "Xase" and ftruncateSync() leaves 2 bytes; after
# link(a, b) and rename(a, b) there is no a.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund memfs@4.80.1

cat > try.mjs << 'JS'
import * as node from 'node:fs';
import { memfs } from 'memfs';

function attempt(call) {
  try {
    return call();
  } catch (error) {
    return error.code;
  }
}
function tried(fs, folder) {
  const [image, a, b] = ['image', 'a', 'b'].map((name) => `${folder}/${name}`);
  fs.writeFileSync(image, 'base');
  const reader = fs.openSync(image, 'r');
  const seen = [attempt(() => fs.writeSync(reader, Buffer.from('X'), 0, 1, 0)), fs.readFileSync(image, 'utf8')];
  seen.push(attempt(() => fs.ftruncateSync(reader, 2)), fs.statSync(image).size);
  const writer = fs.openSync(image, 'a');
  seen.push(attempt(() => fs.readSync(writer, Buffer.alloc(2), 0, 2, 0)));
  for (const file of [reader, writer]) fs.closeSync(file);
  fs.writeFileSync(a, 'one');
  fs.linkSync(a, b);
  fs.renameSync(a, b);
  return [...seen, fs.existsSync(a), fs.existsSync(b)].join();
}
const seen = { memfs: tried(memfs().fs, ''), node: tried(node, '.') };
console.log(seen);
const expected = { memfs: '1,Xase,,2,2,false,true', node: 'EBADF,base,EINVAL,4,EBADF,true,true' };
process.exitCode = JSON.stringify(seen) === JSON.stringify(expected) ? 0 : 1;
JS
node try.mjs || { echo 'memfs behaves in another way now' >&2; exit 1; }
