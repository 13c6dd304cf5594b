/** Another build of the package (`--before`), to measure what has changed on the same machine in the same minute. */
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** What it exports; undefined: none was given. */
export async function buildBefore({ before }) {
  return before && import(pathToFileURL(path.join(before, 'index.js')).href);
}
