/** What consumers of zram-wasm/fs do, as round-trip.js: files, forks, tars, all that is different. */
export async function fsRoundTrip({ PageFs }) {
  const fs = await PageFs.create();
  fs.mkdirSync('/src/deep', { recursive: true });
  const text = 'a line of text, and another\n'.repeat(300);
  for (let n = 0; n < 12; n++) fs.writeFileSync(`/src/deep/file-${n}.txt`, `${n % 5}${text}`);
  fs.symlinkSync('deep/file-1.txt', '/src/link');
  await fs.promises.appendFile('/src/link', 'the end');

  const fork = fs.fork();
  fork.writeFileSync('/src/deep/file-7.txt', 'another');
  fork.rmSync('/src/link');
  const changes = fs.diff(fork).map(({ path, what, ranges }) => [path, what, ranges.length]);

  const tar = [];
  for await (const part of fork.export()) tar.push(part);
  const copy = await PageFs.create();
  const { files, bytes } = await copy.import(tar);
  let code;
  try {
    copy.readFileSync('/src/link');
  } catch (error) {
    ({ code } = error);
  }
  const read = copy.readFileSync('/src/deep/file-1.txt', 'utf8').slice(-20);
  const same = fork.diff(copy).length === 0;
  const { objectsMerged } = fs.merge();
  for (const each of [fs, fork, copy]) each.destroy();
  return { changes, files, bytes, code, read, same, merged: objectsMerged > 0 };
}
