#!/usr/bin/env bash
# filer 1.4.1, "a drop-in replacement for node's fs" in memory or IndexedDB: open() with 'w' leaves the old content, which the
# README, too, has truncated: what is shorter than before keeps the old end. writeFile() with the flag 'a' does the reverse,
# and puts the new content in place of the old. And a file that ftruncate() made longer loses the zeros again with the next
# write in front of them. None of it raises an error; appendFile() and writeFile() without a flag are right.
#
# Seen: "new" written over "old content" is "new content"; "45" appended to "0123" is "45"; of "012" made 8 bytes long and then
# written to at 1 there are 3. Node.js has "new", "012345" and 8.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund filer@1.4.1

cat > try.cjs << 'JS'
const node = require('node:fs');
const { promisify } = require('node:util');
const { FileSystem } = require('filer');

async function run(fs, folder) {
  const call = (method, ...rest) => promisify(fs[method]).call(fs, ...rest);
  const content = async (name) => String(await call('readFile', folder + name));

  await call('writeFile', `${folder}over`, 'old content');
  const over = await call('open', `${folder}over`, 'w');
  await call('write', over, Buffer.from('new'), 0, 3, 0);
  await call('close', over);

  await call('writeFile', `${folder}append`, '0123');
  await call('writeFile', `${folder}append`, '45', { flag: 'a' });

  await call('writeFile', `${folder}longer`, '012');
  const longer = await call('open', `${folder}longer`, 'r+');
  await call('ftruncate', longer, 8);
  await call('write', longer, Buffer.from('x'), 0, 1, 1);
  await call('close', longer);
  return [await content('over'), await content('append'), (await content('longer')).length].join();
}
(async () => {
  const filer = new FileSystem({ provider: new FileSystem.providers.Memory('files') });
  const seen = { node: await run(node, './'), filer: await run(filer, '/') };
  console.log(seen);
  process.exitCode = Object.values(seen).join(' ') === 'new,012345,8 new content,45,3' ? 0 : 1;
})();
JS
node try.cjs || { echo 'filer behaves in another way now' >&2; exit 1; }
