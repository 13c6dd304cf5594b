#!/usr/bin/env bash
# just-bash 3.4.2 with its InMemoryFs, which is the default: whatever is written to a path that goes through a symbolic link
# to a directory is lost. The command succeeds, and the file is neither in the directory nor behind the link. Removing,
# moving, changing and copying files through such a link fail, while cat finds them.
#
# Seen: after `mkdir d; ln -s d e; echo x > e/f` (exit status 0) neither d nor e has an f; `rm e/g` of a file that `cat e/g`
# prints says "No such file or directory". With just-bash's own ReadWriteFs, and with bash, both work.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init --yes > /dev/null
npm install --silent --no-audit --no-fund just-bash@3.4.2

cat > try.mjs << 'JS'
import { mkdtempSync, realpathSync } from 'node:fs';
import { Bash, InMemoryFs, ReadWriteFs } from 'just-bash';

async function run(fs) {
  const shell = new Bash({ fs, cwd: '/' });
  const written = await shell.exec('mkdir d; ln -s d e; echo x > e/f; echo status $?; ls d; cat e/f');
  const removed = await shell.exec('echo y > d/g; cat e/g; rm e/g; ls d');
  return [written.stdout, written.stderr, removed.stdout, removed.stderr];
}

const memory = await run(new InMemoryFs());
const real = await run(new ReadWriteFs({ root: realpathSync(mkdtempSync('real-')), allowSymlinks: true }));
console.log({ memory, real });
const lost = memory[0] === 'status 0\n' && memory[1].includes('No such file') && memory[2] === 'y\ng\n';
process.exitCode = lost && real[0] === 'status 0\nf\nx\n' && real[2] === 'y\nf\n' ? 0 : 1;
JS
node try.mjs || { echo 'just-bash behaves in another way now' >&2; exit 1; }
