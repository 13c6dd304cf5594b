/** The path without links and dots, as Node's own `realpath` finds it: dots first, by the text, then links, by the tree. */
import { fsError, on } from './errors.js';
import { ROOT, type Tree } from './tree.js';
import { LINKS_MAX } from './constants.js';

export function realPath(tree: Tree, path: string): string {
  const rest = partsOf('/', path).reverse();
  const found: string[] = [];
  const dirs = [ROOT];
  let links = 0;
  while (rest.length > 0) {
    const name = rest.pop() as string;
    const here = `/${[...found, name].join('/')}`;
    const inode = tree.get(dirs[dirs.length - 1]);
    if (!inode.isDirectory) throw fsError('ENOTDIR', on('lstat', here));
    const ino = inode.directory.names.get(name);
    if (ino === undefined) throw fsError('ENOENT', on('lstat', here));
    const next = tree.get(ino);
    if (next.isLink) {
      if (++links > LINKS_MAX) throw fsError('ELOOP', on('stat', here));
      const parts = partsOf(`/${found.join('/')}`, next.content as string);
      found.length = 0;
      dirs.length = 1;
      rest.push(...parts.reverse());
      continue;
    }
    found.push(name);
    dirs.push(ino);
  }
  return `/${found.join('/')}`;
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
