/**
 * A process whose memory is worth measuring with: source text in lines, parsed JSON and raw file contents of all that
 * is installed here. Started twice, it makes the twins of one program that page merging was made for.
 *
 * usage: fork(heap.mjs, [FILES, DIRECTORY…]); sends 'ready', and lives until it is ended
 */
import { readFileSync } from 'node:fs';
import { filesUnder } from '../support/files.mjs';

const [filesMax, ...directories] = process.argv.slice(2);
const kept = [];
for (const file of filesUnder(directories, /\.(?:js|mjs|cjs|ts|json|md)$/)) {
  if (kept.length >= Number(filesMax)) break;
  const bytes = readFileSync(file);
  const text = bytes.toString();
  const entry = { file, bytes, lines: text.split('\n') };
  if (file.endsWith('.json')) {
    try {
      entry.json = JSON.parse(text);
    } catch {
      // JSON with comments is text enough.
    }
  }
  kept.push(entry);
}
process.send('ready');
// The channel alone would keep it alive; this keeps what was read alive as well.
process.on('disconnect', () => process.exit(kept.length > 0 ? 0 : 1));
