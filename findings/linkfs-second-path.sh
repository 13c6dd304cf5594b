#!/usr/bin/env bash
# linkfs 2.1.0, which redirects paths of a file system: of calls with two paths, rename() and link(), only the first is
# redirected. If a folder of the second path's name exists below as well, the file is moved there, out of what it is redirected
# to, without an error, and is gone for who uses the redirected paths. Writing a new file and renaming it over the old one,
# as programs do that save safely, so keeps the old one.
#
# Seen: with /app redirected to /data, after rename('/app/new', '/app/file') the file lies at /app/file of the file system
# below, and readFile('/app/file') gives the old content, which is still in /data.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund linkfs@2.1.0 memfs@4.80.1

cat > try.cjs << 'JS'
const { link } = require('linkfs');
const { Volume } = require('memfs');

const below = Volume.fromJSON({ '/data/file': 'old', '/app': null });
const fs = link(below, ['/app', '/data']);
fs.writeFileSync('/app/new', 'new');
const written = below.readFileSync('/data/new', 'utf8');
fs.renameSync('/app/new', '/app/file');
const seen = { written, read: fs.readFileSync('/app/file', 'utf8'), files: below.toJSON() };
console.log(seen);
const files = JSON.stringify(seen.files) === '{"/data/file":"old","/app/file":"new"}';
process.exitCode = written === 'new' && seen.read === 'old' && files ? 0 : 1;
JS
node try.cjs || { echo 'linkfs behaves in another way now' >&2; exit 1; }
