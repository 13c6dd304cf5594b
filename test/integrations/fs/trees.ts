/** Everything about a tree that should survive a copy, in a form that can be compared. */
import { createHash } from 'node:crypto';
import type { ReadableFs } from '../../../integrations/fs.js';

export interface TreeEntry {
  path: string;
  type: 'file' | 'directory' | 'link';
  /** Of a file its bytes in hex, or their hash if there are many; of a link its target. */
  content: string;
  /** Index of the first entry that is the same file. */
  same: number;
}

/** What is below a directory, in the order of names. */
export function treeOf(fs: ReadableFs & { readFileSync(path: string): Uint8Array }, root: string): TreeEntry[] {
  const entries: TreeEntry[] = [];
  const inodes = new Map<string, number>();
  const walk = (path: string): void => {
    for (const name of fs.readdirSync(path).sort()) {
      const full = `${path === '/' ? '' : path}/${name}`;
      const stats = fs.lstatSync(full);
      const id = `${stats.dev}:${stats.ino}`;
      const same = inodes.get(id) ?? entries.length;
      inodes.set(id, same);
      const type = stats.isDirectory() ? 'directory' : stats.isSymbolicLink() ? 'link' : 'file';
      const content = type === 'file' ? contentOf(fs.readFileSync(full)) : type === 'link' ? fs.readlinkSync(full) : '';
      entries.push({ path: full.slice(root === '/' ? 0 : root.length), type, content, same });
      if (type === 'directory') walk(full);
    }
  };
  walk(root);
  return entries;
}

function contentOf(bytes: Uint8Array): string {
  if (bytes.length <= 64) return Buffer.from(bytes).toString('hex');
  return `${bytes.length}:${createHash('sha1').update(bytes).digest('hex')}`;
}
