#!/usr/bin/env bash
# unionfs 4.6.0, file systems over one another: appendFile() to a file of a lower one makes a new file in the upper one, with
# the appended bytes alone, which hides the rest; on an overlay of Linux the file is copied up first. A file that is opened to
# be changed ("r+") is changed in the lower one, so that a base which is only read by its other users is not safe. Neither
# raises an error. Writing whole files goes to the upper one.
#
# Seen: of "base" in the lower file system and an appended "+" the union reads "+"; after a write of X by "r+" the lower one
# has "Xase".
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund unionfs@4.6.0 memfs@4.80.1

cat > try.cjs << 'JS'
const { memfs } = require('memfs');
const { Union } = require('unionfs');

function layers() {
  const { fs: lower } = memfs({ '/d/file': 'base' });
  const { fs: upper } = memfs({ '/d': null });
  return { lower, upper, union: new Union().use(lower).use(upper) };
}
const read = (fs) => (fs.existsSync('/d/file') ? fs.readFileSync('/d/file', 'utf8') : 'none');
function after(change) {
  const { lower, upper, union } = layers();
  change(union);
  return { union: read(union), upper: read(upper), lower: read(lower) };
}
const seen = {
  append: after((fs) => fs.appendFileSync('/d/file', '+')),
  open: after((fs) => {
    const file = fs.openSync('/d/file', 'r+');
    fs.writeSync(file, 'X', 0);
    fs.closeSync(file);
  }),
  write: after((fs) => fs.writeFileSync('/d/file', 'new')),
};
console.log(seen);
const all = Object.values(seen).map((files) => Object.values(files).join());
process.exitCode = all.join(' ') === '+,+,base Xase,none,Xase new,new,base' ? 0 : 1;
JS
node try.cjs || { echo 'unionfs behaves in another way now' >&2; exit 1; }
