// A process of the tests: opens and lets go of one file's backing over and over, and dies in between as far as the lock can tell.
import fs from 'node:fs';

const [, , library, folder, until] = process.argv;
const { FileBacking } = await import(library);
const seen = { held: 0, overlaps: 0, others: [] };
while (Date.now() < Number(until)) {
  const next = fs.openSync('/dev/null'); // the number that the file will have
  fs.closeSync(next);
  let backing;
  try {
    backing = FileBacking.open(`${folder}/swap`);
  } catch (error) {
    if (error.code !== 'EBUSY') seen.others.push(String(error));
    continue;
  }
  try {
    fs.mkdirSync(`${folder}/held`);
    fs.rmdirSync(`${folder}/held`);
  } catch {
    seen.overlaps++;
  }
  seen.held++;
  if (Math.random() < 0.5) {
    backing.destroy();
  } else {
    fs.closeSync(next); // as when a worker thread is ended
    globalThis[Symbol.for('zram-wasm.claims.1')].files.clear();
  }
}
console.log(JSON.stringify(seen));
