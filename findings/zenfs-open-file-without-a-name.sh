#!/usr/bin/env bash
# @zenfs/core 2.7.6: what is written to an open file goes to whatever has the file's old name when the file is closed. If
# the file was unlinked or replaced by a rename meanwhile, that is another file: the usual way to replace a file under a
# reader or writer (write a new one, rename it over the old) damages the new one. On Linux each has its own content.
#
# Seen with the InMemory backend: after "open a, unlink a, write a anew, close the first" a holds what the first wrote, and
# after "open c, rename b over c, write 2 bytes, close" the new c has these 2 bytes in it. Node's fs keeps both whole.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund @zenfs/core@2.7.6

cat > try.mjs << 'JS'
import { mkdtempSync } from 'node:fs';
import * as node from 'node:fs';
import { configure, fs, InMemory } from '@zenfs/core';

function unlinked(fs, folder) {
  const open = fs.openSync(`${folder}/a`, 'w');
  fs.unlinkSync(`${folder}/a`);
  fs.writeFileSync(`${folder}/a`, 'the new file');
  fs.writeSync(open, 'old');
  fs.closeSync(open);
  return fs.readFileSync(`${folder}/a`, 'utf8');
}

function replaced(fs, folder) {
  fs.writeFileSync(`${folder}/b`, 'bbbb');
  fs.writeFileSync(`${folder}/c`, 'cccc');
  const open = fs.openSync(`${folder}/c`, 'r+');
  fs.renameSync(`${folder}/b`, `${folder}/c`);
  fs.writeSync(open, 'XX', 0);
  fs.closeSync(open);
  return fs.readFileSync(`${folder}/c`, 'utf8');
}

await configure({ mounts: { '/': InMemory } });
const real = mkdtempSync('real-');
const seen = { zenfs: [unlinked(fs, ''), replaced(fs, '')], node: [unlinked(node, real), replaced(node, real)] };
console.log(seen);
process.exitCode = JSON.stringify(seen) === '{"zenfs":["old","XXbb"],"node":["the new file","bbbb"]}' ? 0 : 1;
JS
node try.mjs || { echo 'ZenFS behaves in another way now' >&2; exit 1; }
