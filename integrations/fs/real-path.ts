/** The path without links and dots, as Node's own `realpath` finds it: dots first, by the text, then links, by the tree. */
import { on } from './errors.js';
import type { Tree } from './tree.js';
import { find } from './walk.js';

/** @throws FsError with the path of the part that is missing, wrong or leads nowhere */
export function realPath(tree: Tree, path: string): string {
  const rest = partsOf('/', path).reverse();
  let found = '';
  for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
    const here = `${found}/${name}`;
    const inode = find(tree, here, 'slash', on('lstat', here));
    if (!inode.isLink) {
      found = here;
      continue;
    }
    find(tree, here, 'always', on('stat', here)); // it leads somewhere, and not back to itself
    rest.push(...partsOf(found, inode.content as string).reverse());
    found = '';
  }
  return found === '' ? '/' : found;
}

/** The names of a path from a directory, without dots. */
function partsOf(from: string, path: string): string[] {
  const parts: string[] = [];
  for (const part of (path.startsWith('/') ? path : `${from}/${path}`).split('/')) {
    if (part === '..') parts.pop();
    else if (part !== '' && part !== '.') parts.push(part);
  }
  return parts;
}

/** A path from the root without dots, as `path.resolve` makes it: links are not looked at. */
export function resolved(path: string): string {
  return `/${partsOf('', path).join('/')}`;
}
