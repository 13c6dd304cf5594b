#!/usr/bin/env bash
# @electric-sql/pglite 0.5.17: a custom file system (BaseFilesystem, as OPFS has it) is handed other bytes than copyToFS() and
# Module.FS.writeFile() were given when those are a part of a larger buffer, as most Node.js Buffers are: the start of the
# whole buffer. createEmscriptenFS passes `buffer.buffer` and drops the view's byteOffset. NodeFS and MemoryFS are right.
#
# Seen: of the part 'a note' of '..a note..' the file system is to write '..a no'.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund @electric-sql/pglite@0.5.17 memfs@4.80.1

cat > try.mjs << 'JS'
import { PGlite } from '@electric-sql/pglite';
import { BaseFilesystem } from '@electric-sql/pglite/basefs';
import { memfs } from 'memfs';

const { fs } = memfs();
let written;
class Files extends BaseFilesystem {
  open = (path) => fs.openSync(path, 'r+');
  close = (fd) => fs.closeSync(fd);
  chmod = (path, mode) => fs.chmodSync(path, mode);
  writeFile = (path, data) => fs.writeFileSync(path, data);
  write = (fd, buffer, offset, length) => {
    written = Buffer.from(new Uint8Array(buffer, offset, length)).toString(); // as PGlite's OpfsAhpFS reads it
    return length;
  };
  lstat = (path) => {
    if (!fs.existsSync(path)) throw Object.assign(new Error('ENOENT'), { code: 44 });
    const { mode, size } = fs.lstatSync(path);
    return { mode, size, atime: 0, mtime: 0, ctime: 0 };
  };
}
const db = await PGlite.create({ noInitDb: true, fs: new Files() });
const bytes = new Uint8Array(Buffer.from('..a note..')).subarray(2, 8);
db.copyToFS(`${PGlite.paths.PGDATA}/note`, bytes);
console.log({ given: Buffer.from(bytes).toString(), written });
process.exitCode = written === '..a no' ? 0 : 1;
JS
node try.mjs || { echo 'PGlite behaves in another way now' >&2; exit 1; }
