/**
 * A process at work, for images of memory that changes: it keeps the text of so many files, with an index of their words, and
 * at each step takes up new ones and lets go of the oldest.
 *
 * usage: fork(changing.mjs, [FILES, STEP, DIRECTORY…]); sends 'done' when it has started and after each step that it is sent
 */
import { readFileSync } from 'node:fs';
import { filesUnder } from '../support/files.mjs';

const [filesKept, filesOfStep, ...directories] = process.argv.slice(2);
const files = [...filesUnder(directories, /\.(?:js|mjs|cjs|ts|json|md)$/)];
const kept = [];
let next = 0;

function takeUp(count) {
  for (let n = 0; n < count; n++) {
    const text = readFileSync(files[next++ % files.length], 'utf8');
    const words = new Map();
    for (const word of text.match(/\w+/g) ?? []) words.set(word, (words.get(word) ?? 0) + 1);
    kept.push({ text, words });
    if (kept.length > Number(filesKept)) kept.shift();
  }
  process.send('done');
}

process.on('message', () => takeUp(Number(filesOfStep)));
takeUp(Number(filesKept));
process.on('disconnect', () => process.exit(0));
