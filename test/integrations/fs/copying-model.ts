/**
 * What forks and snapshots have to be: copies of everything. A model of one file system, in plain arrays and maps, which knows
 * a few calls with absolute paths; what paths mean is tested against Node.
 */

export interface ModelFile {
  bytes: Uint8Array;
  mode: number;
}

/** A file by its names, of which it may have several, and directories. */
export class CopyingModel {
  readonly files = new Map<string, ModelFile>();
  readonly directories = new Set<string>(['/']);
  readonly links = new Map<string, string>();

  copy(): CopyingModel {
    const copy = new CopyingModel();
    const copies = new Map<ModelFile, ModelFile>();
    for (const [path, file] of this.files) {
      const there = copies.get(file) ?? { bytes: file.bytes.slice(), mode: file.mode };
      copies.set(file, there);
      copy.files.set(path, there);
    }
    for (const path of this.directories) copy.directories.add(path);
    for (const [path, target] of this.links) copy.links.set(path, target);
    return copy;
  }

  has(path: string): boolean {
    return this.files.has(path) || this.directories.has(path) || this.links.has(path);
  }

  remove(path: string): void {
    const below = (each: string): boolean => each === path || each.startsWith(`${path}/`);
    for (const each of [...this.files.keys()]) if (below(each)) this.files.delete(each);
    for (const each of [...this.directories]) if (below(each)) this.directories.delete(each);
    for (const each of [...this.links.keys()]) if (below(each)) this.links.delete(each);
  }

  rename(from: string, to: string): void {
    const moved = (each: string): string | undefined =>
      each === from || each.startsWith(`${from}/`) ? to + each.slice(from.length) : undefined;
    for (const [each, file] of [...this.files]) {
      const path = moved(each);
      if (path === undefined) continue;
      this.files.delete(each);
      this.files.set(path, file);
    }
    for (const each of [...this.directories]) {
      const path = moved(each);
      if (path === undefined) continue;
      this.directories.delete(each);
      this.directories.add(path);
    }
    for (const [each, target] of [...this.links]) {
      const path = moved(each);
      if (path === undefined) continue;
      this.links.delete(each);
      this.links.set(path, target);
    }
  }
}

export function writeTo(file: ModelFile, bytes: Uint8Array, at: number): void {
  if (bytes.length === 0) return;
  if (at + bytes.length > file.bytes.length) {
    const longer = new Uint8Array(at + bytes.length);
    longer.set(file.bytes);
    file.bytes = longer;
  }
  file.bytes.set(bytes, at);
}

export function truncateTo(file: ModelFile, size: number): void {
  const other = new Uint8Array(size);
  other.set(file.bytes.subarray(0, size));
  file.bytes = other;
}
